from enum import StrEnum


class DisputeOutcome(StrEnum):
    LOST = "lost"
    PREVENTED = "prevented"
    WARNING_CLOSED = "warning_closed"
    WON = "won"

    def __str__(self) -> str:
        return str(self.value)
