"""Why something was not shown (`NoBidReason`) or not charged (`DropReason`). The values are public and stable."""

from enum import StrEnum


class NoBidReason(StrEnum):
    """Why a line item did not compete for an ad request, or lost."""

    NOT_FUNDED = "not_funded"                  # no confirmed campaign on chain, or nothing left to spend
    CAMPAIGN_INACTIVE = "campaign_inactive"    # paused on chain or in the API
    LINE_ITEM_PAUSED = "line_item_paused"
    NOT_STARTED = "not_started"
    ENDED = "ended"
    NO_CREATIVE = "no_creative"                # no approved creative of the placement's kind and shape
    TARGETING_WORLD = "targeting_world"
    TARGETING_CATEGORY = "targeting_category"
    TARGETING_PLACEMENT = "targeting_placement"
    OWN_CAMPAIGN = "own_campaign"              # the advertiser is paid for the placement, or belongs to who is
    BELOW_FLOOR = "below_floor"
    PACING = "pacing"
    DAILY_CAP = "daily_cap"
    TOTAL_CAP = "total_cap"
    BUDGET = "budget"                          # the hold did not fit what is spendable now
    BUDGET_UNKNOWN = "budget_unknown"          # counters are being rebuilt
    OUTBID = "outbid"
    # what line items say about whom and when
    TARGETING_PUBLISHER = "targeting_publisher"
    TARGETING_FORMAT = "targeting_format"
    TARGETING_SIZE = "targeting_size"          # also when a physical size is asked for and not known
    TARGETING_ENGINE = "targeting_engine"
    TARGETING_COUNTRY = "targeting_country"    # also when the ad request does not say it; so for the next two
    TARGETING_LANGUAGE = "targeting_language"
    TARGETING_DEVICE = "targeting_device"
    DAY_PARTS = "day_parts"                    # not in this hour of the week
    FREQUENCY_CAP = "frequency_cap"            # this viewer has seen it often enough for now
    RECENCY_CAP = "recency_cap"                # this viewer has seen it a moment ago
    NO_CONSENT = "no_consent"                  # it has such a cap, and this viewer's views cannot be counted
    BLOCKED_BY_PUBLISHER = "blocked_by_publisher"  # the advertiser, the campaign's category, or every creative
    SPONSORED = "sponsored"                    # a sponsorship has the placement now
    BELOW_SOFT_FLOOR = "below_soft_floor"      # this one request asked for more than the bid, up to the soft floor
    DEAL_ONLY = "deal_only"                    # the placement is sold by private deals, and the line item has none
    EXTERNAL = "external"                      # it bids by a server of its own, which was not asked or did not bid


class DropReason(StrEnum):
    """Why an event is not charged. Each is counted; none is silent."""

    MALFORMED = "malformed"
    BAD_TOKEN = "bad_token"  # noqa: S105 -- a reason, no secret
    WRONG_CHAIN = "wrong_chain"
    EXPIRED = "expired"
    WRONG_WORLD = "wrong_world"                # reported by a page of another origin than the one that asked
    WRONG_CLIENT = "wrong_client"              # reported from another browser or system than the one that asked
    FROM_THE_FUTURE = "from_the_future"
    BOT = "bot"
    DATA_CENTRE = "data_centre"                # from a network of machines, and nobody is streamed to from there
    CRAWLER = "crawler"                        # a program of the list of crawlers
    INACTIVE_VIEWER = "inactive_viewer"
    NOT_VIEWABLE = "not_viewable"
    RATE = "rate"
    REPLAYED = "replayed"
    CLICK_BEFORE_VIEW = "click_before_view"
    TEST = "test"                              # a test with the house creative: everything else about it was right
    INVALID_TRAFFIC = "invalid_traffic"        # flagged by statistics after it was accepted; what was charged goes back
    BUDGET_GONE = "budget_gone"                # the SQL ledger's last word: the advertiser is never charged beyond it
    # conversions
    CLICK_UNKNOWN = "click_unknown"            # not a click id of ours
    NOT_ATTRIBUTED = "not_attributed"          # no accepted click, or view where views count, of the goal's campaign
    BEFORE_THE_AD = "before_the_ad"            # it happened before the click or view that it names
    LOOKBACK_OVER = "lookback_over"
    CONVERTED_BEFORE = "converted_before"      # the goal counts once per click
    GOAL_ARCHIVED = "goal_archived"
