"""What each reason means in plain words, and what the person who asks can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backend.core.reasons import DropReason, NoBidReason

NOTHING_TO_DO: Final = "Nothing: this is as it should be."
_THEIRS: Final = "Nothing: the advertiser decides this."
NO_AD_HEADING: Final = "## Why there was no ad"
UNPAID_KIND = "not_billed_by_bid"
"""A stand-in for a DropReason: the event was accepted, but its line item pays for another kind of event."""


@dataclass(frozen=True, slots=True)
class Words:
    """`meaning` completes "because …"; the other two say what a publisher and an advertiser can do."""

    meaning: str
    publisher: str = _THEIRS
    advertiser: str = NOTHING_TO_DO


NO_BID: Mapping[str, Words] = {
    NoBidReason.NOT_FUNDED: Words(
        "the campaign has nothing to spend: no confirmed deposit, all of it spent, or its epoch cap reached",
        advertiser="Deposit into the campaign; a deposit counts after the confirmation depth. "
        "An epoch cap that is reached is free again in the next epoch; you can raise it on chain.",
    ),
    NoBidReason.CAMPAIGN_INACTIVE: Words(
        "the campaign is paused, on chain or here, or a card payment of it is disputed",
        advertiser="Resume the campaign where it is paused; a disputed payment is decided by the card's bank.",
    ),
    NoBidReason.LINE_ITEM_PAUSED: Words("the line item is paused", advertiser="Resume the line item."),
    NoBidReason.NOT_STARTED: Words("the line item has not begun", advertiser="Wait, or move starts_at."),
    NoBidReason.ENDED: Words("the line item is over", advertiser="Move ends_at, or add a line item."),
    NoBidReason.NO_CREATIVE: Words(
        "no approved creative has the kind and the shape (within 2 %) of the surface",
        "Offer a common shape, such as 2:1, 16:9 or 1:1.",
        "Add a creative of this kind and shape, or look whether yours still waits for moderation.",
    ),
    NoBidReason.TARGETING_WORLD: Words("the line item does not want this world", advertiser="Widen its targeting."),
    NoBidReason.TARGETING_CATEGORY: Words(
        "the line item does not want worlds of this category",
        "Look whether your world's category is the right one.", "Widen its targeting.",
    ),
    NoBidReason.TARGETING_PLACEMENT: Words(
        "the line item does not want this placement", advertiser="Widen its targeting."
    ),
    NoBidReason.TARGETING_PUBLISHER: Words(
        "the line item does not want this publisher", advertiser="Widen its targeting."
    ),
    NoBidReason.TARGETING_FORMAT: Words("the line item wants another format", advertiser="Widen its targeting."),
    NoBidReason.TARGETING_SIZE: Words(
        "the line item wants another size in pixels or millimetres, or the size in millimetres is not known",
        "State width_mm and height_mm of the placement.", "Widen its targeting.",
    ),
    NoBidReason.TARGETING_ENGINE: Words("the line item wants another engine", advertiser="Widen its targeting."),
    NoBidReason.TARGETING_COUNTRY: Words(
        "the viewer is in a country that the line item does not want, or the ad request did not say where",
        "Let the SDK send the viewer's country.", "Widen its targeting.",
    ),
    NoBidReason.TARGETING_LANGUAGE: Words(
        "the viewer reads a language that the line item does not want, or the ad request did not say which",
        "Let the SDK send the viewer's language.", "Widen its targeting.",
    ),
    NoBidReason.TARGETING_DEVICE: Words(
        "the viewer uses a device that the line item does not want, or the ad request did not say which",
        "Let the SDK send the class of the device.", "Widen its targeting.",
    ),
    NoBidReason.DAY_PARTS: Words("the line item does not run in this hour", advertiser="Widen its hours."),
    NoBidReason.FREQUENCY_CAP: Words(
        "this viewer has seen it often enough for now", NOTHING_TO_DO,
        "Raise the frequency cap, or widen the targeting.",
    ),
    NoBidReason.RECENCY_CAP: Words(
        "this viewer has seen it a moment ago", NOTHING_TO_DO, "Ask for less time between two views of a viewer."
    ),
    NoBidReason.NO_CONSENT: Words(
        "the line item counts how often a viewer sees it, and this viewer has not agreed to be counted",
        "Ask for consent in your world; without it only line items without a frequency or recency cap can be shown.",
        "Remove these caps, to be shown to viewers who are not counted.",
    ),
    NoBidReason.OWN_CAMPAIGN: Words(
        "the advertiser is paid for this placement, or belongs to an account that is", NOTHING_TO_DO,
        "Nothing: nobody pays himself. Placements of others are not affected.",
    ),
    NoBidReason.BLOCKED_BY_PUBLISHER: Words(
        "the publisher has blocked the advertiser, the category or the creative, or does not accept the category",
        "Remove the block or accept the category, if you want these ads.", "Target other worlds.",
    ),
    NoBidReason.SPONSORED: Words(
        "a sponsorship has the placement now", NOTHING_TO_DO, "Wait until it is over, or target other placements."
    ),
    NoBidReason.EXTERNAL: Words(
        "the line item bids through a server of its own, which was not asked here, or gave no bid that we may take",
        "Let external bidders compete for the placement.",
        "Look at the answers of your bidder; ask publishers to let external bidders compete.",
    ),
    NoBidReason.BELOW_FLOOR: Words(
        "the bid is worth less than the floor, or than the price of its deal",
        "Lower the floor, if you would rather sell for less.",
        "Raise the bid; for cost per click, the expected rate of clicks counts too.",
    ),
    NoBidReason.BELOW_SOFT_FLOOR: Words(
        "the bid is worth less than what this request asked for, between the floor and the soft floor",
        "Lower the soft floor, if you would rather sell more often.",
        "Raise the bid: the nearer to the soft floor, the more requests it can win.",
    ),
    NoBidReason.DEAL_ONLY: Words(
        "the placement is sold by private deals, and the line item has none here",
        "Offer the advertiser a deal, or sell the placement openly as well.",
        "Ask the publisher for a deal, or target other placements.",
    ),
    NoBidReason.PACING: Words(
        "the line item spreads its caps over their time, and is ahead of its plan", NOTHING_TO_DO,
        "Raise the caps, or let it spend as soon as it can (`asap`).",
    ),
    NoBidReason.DAILY_CAP: Words(
        "the line item has spent its daily cap, or holds the rest of it", advertiser="Raise the daily cap."
    ),
    NoBidReason.TOTAL_CAP: Words(
        "the line item has spent its total cap, or holds the rest of it", advertiser="Raise the total cap."
    ),
    NoBidReason.BUDGET: Words(
        "what the campaign can spend now is spent, or held by ads that are being watched", NOTHING_TO_DO,
        "Deposit more; holds that were not used come back within minutes.",
    ),
    NoBidReason.BUDGET_UNKNOWN: Words(
        "our counters of budgets were being rebuilt", "Nothing: it lasts seconds.", "Nothing: it lasts seconds."
    ),
    NoBidReason.OUTBID: Words("another line item paid more", NOTHING_TO_DO, "Raise the bid."),
}

UNPAID: Mapping[str, Words] = {
    UNPAID_KIND: Words(
        "the ad is paid by another kind of event: one sold by views pays for no click, one sold by clicks for no view",
        NOTHING_TO_DO,
    ),
    DropReason.MALFORMED: Words(
        "the report was not in the form that we read: a wrong field, a number out of its unit, times that go backwards",
        "Update the SDK, or compare what you send with the reference at /docs.",
    ),
    DropReason.BAD_TOKEN: Words(
        "the token was not ours or was altered", "Send tokens as they came; do not make or share them."
    ),
    DropReason.WRONG_CHAIN: Words(
        "the ad was decided for another chain", "Send events to the server that decided the ad."
    ),
    DropReason.EXPIRED: Words(
        "the report came after the ad's time was over",
        "Ask for a new ad when `expires_at_ms` has passed, and send events at once.",
    ),
    DropReason.WRONG_WORLD: Words(
        "it was reported by a page of another origin than the one that asked for the ad",
        "Ask for ads and report them from the same page; let nobody else use your placements.",
    ),
    DropReason.WRONG_CLIENT: Words(
        "it was reported from another browser or system than the one that asked for the ad",
        "Ask for ads in the viewer's own program, not through one of yours that calls itself a browser.",
    ),
    DropReason.FROM_THE_FUTURE: Words(
        "more time was reported than has passed", "Look whether the world changes the SDK's clock."
    ),
    DropReason.BOT: Words(
        "the program that reported says it is a robot or a tool (curl, python-requests), or no person moves like this",
        "Do not send automated visitors to your world, and report from the viewer's own program.",
    ),
    DropReason.DATA_CENTRE: Words(
        "it came from a data centre's network, where machines are and people are not",
        "If your world is streamed to viewers from there, tell the operator which networks: they can be allowed.",
    ),
    DropReason.CRAWLER: Words(
        "the viewer's program is on the list of crawlers", "Do not send automated visitors to your world."
    ),
    DropReason.INVALID_TRAFFIC: Words(
        "statistics say that no person made it; the flags of your placements show the figures and the rule",
        "Read the flag's evidence, stop what causes it, or object to the flag with what you know.",
        "Nothing: what it had cost is back in the campaign's budget.",
    ),
    DropReason.INACTIVE_VIEWER: Words(
        "the ad was in view, but the viewer was away, or the world in the background",
        "Place surfaces where people do something.",
    ),
    DropReason.NOT_VIEWABLE: Words(
        "it was not seen well enough: half of it, 1.5 % of the screen, under 55°, for a second (video: two)",
        "Make the surface larger, turn it towards where people stand, keep it clear of objects, and sample every "
        "300 ms at least.",
    ),
    DropReason.RATE: Words(
        "this viewer reported more events in a minute than a person can see", "Look for a world that reports in a loop."
    ),
    DropReason.REPLAYED: Words("the same event came before", "Nothing: it was counted the first time."),
    DropReason.CLICK_BEFORE_VIEW: Words(
        "it was clicked before it was seen", "Let clicks through only on surfaces in view."
    ),
    DropReason.TEST: Words(
        "the placement was in test mode; everything else about the event was right",
        "End the test mode; where proof of control is required, verify the world.",
    ),
    DropReason.BUDGET_GONE: Words(
        "the campaign's money was spent when the event was charged", "Nothing: this is the operator's loss and yours."
    ),
    DropReason.CLICK_UNKNOWN: Words(
        "the click id of the conversion is not one of ours",
        advertiser="Report `sl_click` as it came to the landing page, 43 characters.",
    ),
    DropReason.NOT_ATTRIBUTED: Words(
        "the conversion followed from no ad of this campaign that was seen or clicked",
        advertiser="Use a goal of the campaign that led to the click; give the goal `view_days` if views shall count.",
    ),
    DropReason.BEFORE_THE_AD: Words(
        "the conversion came before the click or view that it names",
        advertiser="Report the click id of the visit that ended in the order.",
    ),
    DropReason.LOOKBACK_OVER: Words(
        "the conversion came too long after the ad", advertiser="Give the goal more `click_days` or `view_days`."
    ),
    DropReason.CONVERTED_BEFORE: Words(
        "the same click has converted before", advertiser="Make the goal `repeatable`, if each order shall be counted."
    ),
    DropReason.GOAL_ARCHIVED: Words(
        "the advertiser no longer pays for this goal", advertiser="Resume the goal, or stop reporting it."
    ),
}

_UNNAMED = Words("of a reason that has no words yet; see the list of reasons in the API's description")


def tables() -> str:
    """The end of docs/reasons.md: every reason with its words, in the order in which they are declared."""
    no_bid = [f"| `{reason}` | {NO_BID[reason].meaning} | {NO_BID[reason].publisher} | {NO_BID[reason].advertiser} |"
              for reason in NoBidReason]
    unpaid = [f"| `{reason}` | {UNPAID[reason].meaning} | {_who(UNPAID[reason])} |"
              for reason in (*DropReason, UNPAID_KIND)]
    return "\n".join([
        NO_AD_HEADING, "", "| Reason | The line item was not shown, because | Publisher | Advertiser |",
        "|---|---|---|---|", *no_bid, "", "## Why an event was not paid", "",
        "| Reason | It was not paid, because | What to do |", "|---|---|---|", *unpaid, "",
    ])


def _who(words: Words) -> str:
    """Advice to the world that reports events; to the advertiser, where conversions are reported."""
    return words.publisher if words.publisher != _THEIRS else f"Advertiser: {words.advertiser}"


def no_bid_words(reason: str) -> Words:
    return NO_BID.get(reason, _UNNAMED)


def unpaid_words(reason: str) -> Words:
    return UNPAID.get(reason, _UNNAMED)
