"""What a world is about: publishers choose one, advertisers target it. A closed list, so that both mean the same."""

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
