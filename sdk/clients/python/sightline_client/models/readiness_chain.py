from enum import StrEnum


class ReadinessChain(StrEnum):
    LATE = "late"
    OK = "ok"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
