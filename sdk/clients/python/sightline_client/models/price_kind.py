from enum import StrEnum


class PriceKind(StrEnum):
    FIXED = "fixed"
    FLOOR = "floor"

    def __str__(self) -> str:
        return str(self.value)
