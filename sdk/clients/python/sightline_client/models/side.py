from enum import StrEnum


class Side(StrEnum):
    ADVERTISER = "advertiser"
    PUBLISHER = "publisher"

    def __str__(self) -> str:
        return str(self.value)
