from enum import StrEnum


class PlacementKind(StrEnum):
    AUDIO = "audio"
    IMAGE = "image"
    MODEL = "model"
    VIDEO = "video"

    def __str__(self) -> str:
        return str(self.value)
