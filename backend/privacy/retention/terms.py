"""How long everything is kept, and why; a job deletes what is older, and tests prove it (L66). Money is never here."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kept(StrEnum):
    """What has an end; the table of retention/store.py says how each is deleted."""

    SAMPLES = "exposure samples"
    CLICK_REFERENCES = "click ids"
    DROPPED_EVENTS = "reports that were not charged"
    UNREADABLE_REPORTS = "reports that could not be read"
    REFUSED_CONVERSIONS = "refused conversions"
    TALLIES = "counts of answers"
    LANDSCAPE = "what had to be beaten, by hour"
    AUDIENCE = "what ad requests said, by hour"
    SESSIONS = "sessions"
    INVITATIONS = "invitations"
    IDEMPOTENCY_KEYS = "idempotency keys"
    NOTICES = "notices"
    DELIVERIES = "deliveries to webhooks"
    EXPORTS = "exports"
    LAW_KEYS = "keys of what the law makes us keep"


@dataclass(frozen=True, slots=True)
class Term:
    """`kept` counts from what `since` names."""

    what: Kept
    kept: timedelta
    since: str
    why: str


def _days(what: Kept, days: int, since: str, why: str) -> Term:
    return Term(what, timedelta(days=days), since, why)


TERMS: tuple[Term, ...] = (
    _days(Kept.SAMPLES, 14, "the event's epoch is final on chain",
          "until then anybody may contest what was charged; two weeks more for questions"),
    _days(Kept.CLICK_REFERENCES, 45, "the click", "a conversion may follow a click for 30 days"),
    _days(Kept.DROPPED_EVENTS, 90, "the report", "to answer why something was not paid, and to find fraud"),
    _days(Kept.UNREADABLE_REPORTS, 30, "the report", "to find faults of ours"),
    _days(Kept.REFUSED_CONVERSIONS, 90, "the report", "to answer why a conversion did not count"),
    _days(Kept.TALLIES, 400, "the minute", "to compare with the same season a year ago"),
    _days(Kept.LANDSCAPE, 35, "the hour", "forecasts look back four weeks"),
    _days(Kept.AUDIENCE, 35, "the hour", "forecasts look back four weeks"),
    _days(Kept.SESSIONS, 30, "the session ended", "to see who had access when something went wrong"),
    _days(Kept.INVITATIONS, 30, "the invitation ended", "so that it can be renewed"),
    _days(Kept.IDEMPOTENCY_KEYS, 7, "the request", "nobody repeats a request later than that"),
    _days(Kept.NOTICES, 400, "the notice", "to look up what an account was told"),
    _days(Kept.DELIVERIES, 90, "the delivery ended", "so that it can be replayed"),
    _days(Kept.EXPORTS, 7, "the export was ready", "so that there is time to fetch it"),
    _days(Kept.LAW_KEYS, 0, "the year ended until which the law wants it", "then nothing allows us to keep it"),
)

FOR_EVER = {
    "audit trail": "who did what must stay provable; it holds wallets and ids, no other personal data",
    "ledger, payments, settlements": "they are published, or the law wants them for ten years; what names somebody in "
    "an invoice is sealed with a key that ends then",
    "campaigns, worlds, placements": "as long as the account; an erasure blanks them",
    "viewers": "counters in Redis end by themselves after two minutes (fraud) or within a day (frequency caps, with "
    "consent); against invalid traffic an event has keyed hashes of one day, blanked after two",
}
"""What no job deletes, and why."""
