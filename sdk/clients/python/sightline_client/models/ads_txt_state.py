from enum import StrEnum


class AdsTxtState(StrEnum):
    LISTED = "listed"
    MISSING = "missing"
    WRONG = "wrong"

    def __str__(self) -> str:
        return str(self.value)
