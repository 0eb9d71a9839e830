from enum import StrEnum


class Status(StrEnum):
    AGREE = "agree"
    DIFFER = "differ"
    INCOMPLETE = "incomplete"

    def __str__(self) -> str:
        return str(self.value)
