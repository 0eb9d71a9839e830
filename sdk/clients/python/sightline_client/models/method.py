from enum import StrEnum


class Method(StrEnum):
    DNS = "dns"
    FILE = "file"
    LAND = "land"
    SCENE = "scene"
    WALLET_FILE = "wallet_file"

    def __str__(self) -> str:
        return str(self.value)
