"""An answer to "why was there no ad?" or "why was this not paid?": counts per reason within a span of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.errors import Unprocessable

SPAN_MAX = timedelta(days=31)
SPAN_DEFAULT = timedelta(days=1)
DECISION, NO_BID = "decision", "no_bid"


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` up to, but not including, `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """How often, and what of it."""

    reason: str
    n: int
    meaning: str
    advice: str


@dataclass(frozen=True, slots=True)
class NoAd:
    """`requests` were answered, `ads` of them with an ad. Each reason counts line items, once for each request.

    `standing` says what keeps all ads away now, whatever is counted.
    """

    span: Span
    requests: int
    ads: int
    reasons: tuple[Reason, ...]
    standing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unpaid:
    """Events that were not paid: in all, and by placement (the most first)."""

    span: Span
    events: int
    reasons: tuple[Reason, ...]
    placements: Mapping[int, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class LineItemFate:
    """What became of a line item in the requests that it was asked in: won, or refused for a reason."""

    span: Span
    asked: int
    won: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a placement at this moment."""

    placement_active: bool
    world_active: bool
    test_mode: bool
    verified: bool


def span_of(since: datetime | None, until: datetime | None, now: datetime) -> Span:
    """The last day unless something else is asked for. Raises Unprocessable `span_not_allowed`."""
    end = until or now
    begin = since or end - SPAN_DEFAULT
    if not timedelta(0) < end - begin <= SPAN_MAX:
        raise Unprocessable("span_not_allowed", f"`to` must be after `from`, by at most {SPAN_MAX.days} days")
    return Span(begin, end)


def standing_words(standing: Standing, *, require_proof: bool) -> tuple[str, ...]:
    """Why no ad that is paid for is shown now, if something stands against all of them."""
    objections = (
        (not standing.world_active, "The world is paused: resume it."),
        (not standing.placement_active, "The placement is paused: resume it."),
        (standing.test_mode, "The placement is in test mode: it shows the house creative for free."),
        (require_proof and not standing.verified,
         "Control of the world is not proved: until then it shows the house creative for free."),
    )
    return tuple(words for holds, words in objections if holds)


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons by how often they were the one; equals by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
