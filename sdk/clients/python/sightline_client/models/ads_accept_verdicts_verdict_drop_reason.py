from enum import StrEnum


class AdsAcceptVerdictsVerdictDropReason(StrEnum):
    BAD_TOKEN = "bad_token"
    BEFORE_THE_AD = "before_the_ad"
    BOT = "bot"
    BUDGET_GONE = "budget_gone"
    CLICK_BEFORE_VIEW = "click_before_view"
    CLICK_UNKNOWN = "click_unknown"
    CONVERTED_BEFORE = "converted_before"
    CRAWLER = "crawler"
    DATA_CENTRE = "data_centre"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    GOAL_ARCHIVED = "goal_archived"
    INACTIVE_VIEWER = "inactive_viewer"
    INVALID_TRAFFIC = "invalid_traffic"
    LOOKBACK_OVER = "lookback_over"
    MALFORMED = "malformed"
    NOT_ATTRIBUTED = "not_attributed"
    NOT_VIEWABLE = "not_viewable"
    RATE = "rate"
    REPLAYED = "replayed"
    TEST = "test"
    WRONG_CHAIN = "wrong_chain"
    WRONG_CLIENT = "wrong_client"
    WRONG_WORLD = "wrong_world"

    def __str__(self) -> str:
        return str(self.value)
