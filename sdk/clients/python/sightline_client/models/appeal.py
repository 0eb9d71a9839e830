from enum import StrEnum


class Appeal(StrEnum):
    DENIED = "denied"
    GRANTED = "granted"
    OPEN = "open"

    def __str__(self) -> str:
        return str(self.value)
