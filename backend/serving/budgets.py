"""What the purses of a campaign should contain according to SQL, and when a hold may lapse."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backend.core.budget import CampaignBudget
from backend.serving.catalogue import LineItem, Spending, day_of
from backend.serving.eligibility import refusal_of_caps
from backend.serving.pacing.controller import FULL, Pace
from backend.serving.published import Allowance, Funds, Told
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


@dataclass(frozen=True, slots=True)
class Books:
    """What SQL says of some campaigns: budgets, bases of purses, line items with caps and who pays, charges by day.

    Whatever has the same meta is in it together.
    """

    budgets: Mapping[int, CampaignBudget]
    bases: Mapping[int, Mapping[str, int]]
    capped: Iterable[tuple[LineItem, tuple[str, str]]]
    spend: Mapping[int, Mapping[int, int]]

    def told(
        self, held: Mapping[int, Mapping[str, int]], paces: Mapping[int, Pace], now_ms: int
    ) -> dict[str, Told]:
        """What deciders are told, by meta. `held` is what open holds have taken of each campaign's purses."""
        allowances = self._allowances(held, paces, now_ms)
        campaigns: dict[str, list[int]] = defaultdict(list)
        for campaign, one in self.budgets.items():
            campaigns[one.meta].append(campaign)
        return {
            meta: Told([self._funds(one) for one in some], self._spent(some, held), allowances.get(meta, ()))
            for meta, some in campaigns.items()
        }

    def _funds(self, campaign: int) -> Funds:
        one = self.budgets[campaign]
        return Funds(campaign, one.owner, one.meta, one.active, one.spendable > 0)

    def _spent(self, campaigns: Iterable[int], held: Mapping[int, Mapping[str, int]]) -> list[int]:
        """Campaigns in whose purse open holds have left nothing."""
        return [one for one in campaigns if self.bases[one]["campaign"] - held.get(one, {}).get("campaign", 0) <= 0]

    def _allowances(
        self, held: Mapping[int, Mapping[str, int]], paces: Mapping[int, Pace], now_ms: int
    ) -> dict[str, list[Allowance]]:
        """Of line items with caps, as far as they are not simply free to spend."""
        campaigns = {payer: campaign for campaign, payer in sorted(self._payers(), reverse=True)}
        day, nothing = day_of(now_ms), dict[str, int]()
        found: dict[str, list[Allowance]] = defaultdict(list)
        for item, payer in self.capped:
            purses = held.get(campaigns.get(payer, 0), nothing)
            of_total, of_day = purses.get(total_purse(item.id), 0), purses.get(day_purse(item.id, day), 0)
            spent = self.spend.get(item.id, {})
            spending = Spending(1, sum(spent.values()), of_total, {day: spent.get(day, 0)}, {day: of_day})
            pace = paces.get(item.id, FULL)
            one = Allowance(
                item.id, refusal_of_caps(item, spending, now_ms), pace.multiplier_ppm, pace.participation_ppm,
                of_total, of_day,
            )
            if one[1:] != FREE:
                found[payer[1]].append(one)
        return found

    def _payers(self) -> Iterable[tuple[int, tuple[str, str]]]:
        return ((campaign, (one.owner, one.meta)) for campaign, one in self.budgets.items())


FREE = Allowance(0)[1:]
