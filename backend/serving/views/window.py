"""Frequency caps in whole hours: counters by hour, so that no moment of a view is kept.

Within any `hours` hours there may be at most `impressions` ads. A window of h hours touches h + 1 hours of the clock,
so those are what is summed: never one too many, and a viewer may wait up to an hour longer than the cap says.
"""

from collections.abc import Mapping

from backend.serving.catalogue import MS_PER_DAY, Frequency

MS_PER_HOUR = 3_600_000
FIELDS_MAX = 512            # of one viewer and day; who has seen so much is shown nothing that is capped


def field_of(line_item: int, hour: int) -> str:
    """Name of the counter of a line item's ads in an hour (hours since 1970)."""
    return f"{line_item}:{hour}"


def seen_enough(counters: Mapping[str, int], capped: Mapping[int, Frequency], now_ms: int) -> frozenset[int]:
    """Which of the capped line items this viewer must not be shown now. `counters` are those of the viewer's day."""
    if not counters:
        return frozenset()
    if len(counters) >= FIELDS_MAX:
        return frozenset(capped)
    hour = now_ms // MS_PER_HOUR
    seen = {name.partition(":")[0] for name in counters}
    return frozenset(
        item for item, cap in capped.items()
        if str(item) in seen
        and sum(counters.get(field_of(item, hour - back), 0) for back in range(cap.hours + 1)) >= cap.impressions
    )


def kept_until_ms(now_ms: int) -> int:
    """The end of the UTC day: then the viewer has another key, and nothing could be found under this one."""
    return (now_ms // MS_PER_DAY + 1) * MS_PER_DAY
