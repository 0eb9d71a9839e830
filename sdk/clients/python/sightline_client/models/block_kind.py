from enum import StrEnum


class BlockKind(StrEnum):
    ADVERTISER = "advertiser"
    CATEGORY = "category"
    CREATIVE = "creative"

    def __str__(self) -> str:
        return str(self.value)
