"""Words by which publishers describe worlds and advertisers find them. Closed lists, so that both mean the same."""

from enum import StrEnum


class WorldCategory(StrEnum):
    """Main content of a world. The values are public and stable."""

    GAMES = "games"
    SOCIAL = "social"
    ART = "art"
    MUSIC = "music"
    SPORTS = "sports"
    SHOPPING = "shopping"
    EDUCATION = "education"
    EVENTS = "events"
    BUSINESS = "business"
    OTHER = "other"


class CampaignCategory(StrEnum):
    """What is advertised. The values are public and stable."""

    GAMES = "games"
    ENTERTAINMENT = "entertainment"
    MUSIC = "music"
    SPORTS = "sports"
    ART = "art"
    FASHION = "fashion"
    FOOD_AND_DRINK = "food_and_drink"
    TECHNOLOGY = "technology"
    FINANCE = "finance"
    TRAVEL = "travel"
    EDUCATION = "education"
    RETAIL = "retail"
    AUTOMOTIVE = "automotive"
    HEALTH = "health"
    NONPROFIT = "nonprofit"
    OTHER = "other"


class WorldEngine(StrEnum):
    """What renders the world. The values are public and stable."""

    THREE = "three"
    AFRAME = "aframe"
    BABYLON = "babylon"
    PLAYCANVAS = "playcanvas"
    DECENTRALAND = "decentraland"
    UNITY = "unity"
    UNREAL = "unreal"
    GODOT = "godot"
    OTHER = "other"


class DeviceClass(StrEnum):
    """What the viewer looks through, as far as the SDK can tell. The values are public and stable."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    VR = "vr"
    CONSOLE = "console"
