"""Frequency and recency caps from counters by hour and marks by minute, so that no moment of a view is kept.

Within any `hours` hours there may be at most `impressions` ads. A window of h hours touches h + 1 hours of the clock,
so those are what is summed: never one too many, and a viewer may wait up to an hour longer than the cap says. Between
two ads there are at least `apart_minutes`; only the minute of the last one is kept, so it may be a minute more.
"""

from collections.abc import Mapping

from backend.core.reasons import NoBidReason
from backend.serving.catalogue import MS_PER_DAY, Frequency

MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000
FIELDS_MAX = 512            # of one viewer and day; who has seen so much is shown nothing that is capped


def field_of(line_item: int, hour: int) -> str:
    """Name of the counter of a line item's ads in an hour (hours since 1970)."""
    return f"{line_item}:{hour}"


def mark_of(line_item: int) -> str:
    """Name of the minute (minutes since 1970) of a line item's last ad; kept only where it has a recency cap."""
    return f"{line_item}:m"


def seen_enough(
    counters: Mapping[str, int], capped: Mapping[int, Frequency], now_ms: int
) -> dict[int, NoBidReason]:
    """Which of the capped line items this viewer must not be shown now, and by which cap. `counters` are of his day."""
    if not counters:
        return {}
    if len(counters) >= FIELDS_MAX:
        return dict.fromkeys(capped, NoBidReason.FREQUENCY_CAP)
    seen = {int(name.partition(":")[0]) for name in counters}
    found = ((item, _reached(counters, item, capped[item], now_ms)) for item in seen if item in capped)
    return {item: reason for item, reason in found if reason is not None}


def _reached(counters: Mapping[str, int], item: int, cap: Frequency, now_ms: int) -> NoBidReason | None:
    minute, hour = now_ms // MS_PER_MINUTE, now_ms // MS_PER_HOUR
    last = counters.get(mark_of(item))
    if cap.apart_minutes and last is not None and minute - last <= cap.apart_minutes:
        return NoBidReason.RECENCY_CAP
    if cap.impressions is None:
        return None
    shown = sum(counters.get(field_of(item, hour - back), 0) for back in range(cap.hours + 1))
    return NoBidReason.FREQUENCY_CAP if shown >= cap.impressions else None


def kept_ms(cap: Frequency, now_ms: int) -> int:
    """For how long a view counted now can matter: the cap's window, and never beyond the end of the UTC day.

    Then the viewer has another key, and nothing could be found under this one.
    """
    hours_ms = (cap.hours + 1) * MS_PER_HOUR if cap.impressions is not None else 0
    return min(max(hours_ms, (cap.apart_minutes + 1) * MS_PER_MINUTE), MS_PER_DAY - now_ms % MS_PER_DAY)
