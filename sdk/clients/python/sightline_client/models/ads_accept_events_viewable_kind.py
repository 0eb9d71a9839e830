from enum import StrEnum


class AdsAcceptEventsViewableKind(StrEnum):
    VIEWABLE = "viewable"

    def __str__(self) -> str:
        return str(self.value)
