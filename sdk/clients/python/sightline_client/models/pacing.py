from enum import StrEnum


class Pacing(StrEnum):
    ASAP = "asap"
    EVEN = "even"
    FRONT_LOADED = "front_loaded"

    def __str__(self) -> str:
        return str(self.value)
