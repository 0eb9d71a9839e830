from enum import StrEnum


class CampaignCategory(StrEnum):
    ART = "art"
    AUTOMOTIVE = "automotive"
    EDUCATION = "education"
    ENTERTAINMENT = "entertainment"
    FASHION = "fashion"
    FINANCE = "finance"
    FOOD_AND_DRINK = "food_and_drink"
    GAMES = "games"
    HEALTH = "health"
    MUSIC = "music"
    NONPROFIT = "nonprofit"
    OTHER = "other"
    RETAIL = "retail"
    SPORTS = "sports"
    TECHNOLOGY = "technology"
    TRAVEL = "travel"

    def __str__(self) -> str:
        return str(self.value)
