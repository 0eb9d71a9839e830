from enum import StrEnum


class WorldCategory(StrEnum):
    ART = "art"
    BUSINESS = "business"
    EDUCATION = "education"
    EVENTS = "events"
    GAMES = "games"
    MUSIC = "music"
    OTHER = "other"
    SHOPPING = "shopping"
    SOCIAL = "social"
    SPORTS = "sports"

    def __str__(self) -> str:
        return str(self.value)
