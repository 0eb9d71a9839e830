from enum import StrEnum


class AdsAcceptEventsClickKind(StrEnum):
    CLICK = "click"

    def __str__(self) -> str:
        return str(self.value)
