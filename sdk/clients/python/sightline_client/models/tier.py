from enum import StrEnum


class Tier(StrEnum):
    NEW = "new"
    TRUSTED = "trusted"

    def __str__(self) -> str:
        return str(self.value)
