from enum import StrEnum


class FlagStatus(StrEnum):
    LIFTED = "lifted"
    STANDING = "standing"
    UPHELD = "upheld"

    def __str__(self) -> str:
        return str(self.value)
