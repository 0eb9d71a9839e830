from enum import StrEnum


class DeviceClass(StrEnum):
    CONSOLE = "console"
    DESKTOP = "desktop"
    MOBILE = "mobile"
    VR = "vr"

    def __str__(self) -> str:
        return str(self.value)
