"""What the purses of a campaign should contain according to SQL, and when a hold may lapse."""

from collections.abc import Iterable, Mapping

from backend.serving.catalogue import day_of
from backend.serving.purses import day_purse, total_purse


def purse_bases(
    spendable_micro_usdc: int,
    caps: Iterable[tuple[int, int | None, int | None]],
    spend: Mapping[int, Mapping[int, int]],
    now_ms: int,
) -> dict[str, int]:
    """Base of every purse of a campaign. `caps` are (line item, total cap, daily cap); `spend` by line item and day.

    A day's purse exists from the day before, so that midnight finds it there, to the day after, for clocks that lag.
    """
    today = day_of(now_ms)
    bases = {"campaign": spendable_micro_usdc}
    for line_item, total_cap, daily_cap in caps:
        spent = spend.get(line_item, {})
        if total_cap is not None:
            bases[total_purse(line_item)] = total_cap - sum(spent.values())
        if daily_cap is not None:
            for day in (today - 1, today, today + 1):
                bases[day_purse(line_item, day)] = daily_cap - spent.get(day, 0)
    return bases


def settled_until_ms(now_ms: int, oldest_in_stream_ms: int | None, oldest_accepted_ms: int | None) -> int:
    """Every event received before this moment is in the books. A hold lapses by this clock, not by the wall's:

    while the consumer or the ledger is behind, the events of expired tokens may still be on their way to a charge.
    """
    return min(moment for moment in (now_ms, oldest_in_stream_ms, oldest_accepted_ms) if moment is not None)
