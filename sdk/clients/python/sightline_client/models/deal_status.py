from enum import StrEnum


class DealStatus(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ENDED = "ended"
    OFFERED = "offered"
    WITHDRAWN = "withdrawn"

    def __str__(self) -> str:
        return str(self.value)
