from enum import StrEnum


class WorldEngine(StrEnum):
    AFRAME = "aframe"
    BABYLON = "babylon"
    DECENTRALAND = "decentraland"
    GODOT = "godot"
    OTHER = "other"
    PLAYCANVAS = "playcanvas"
    THREE = "three"
    UNITY = "unity"
    UNREAL = "unreal"

    def __str__(self) -> str:
        return str(self.value)
