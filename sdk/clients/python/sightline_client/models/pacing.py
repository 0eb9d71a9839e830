from enum import StrEnum


class Pacing(StrEnum):
    ASAP = "asap"
    EVEN = "even"

    def __str__(self) -> str:
        return str(self.value)
