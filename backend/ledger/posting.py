"""Decides what each accepted event costs: charged, free, or dropped because its budget is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from backend.core.budget import CampaignBudget

_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AcceptedEvent:
    """What the ledger needs of an event. `price_micro_usdc` is 0 when this kind of event is free."""

    event_id: str
    campaign: int
    line_item: int
    publisher: int
    price_micro_usdc: int

    @property
    def day(self) -> date:
        """UTC day of the decision (the id starts with its milliseconds): the day whose cap the hold was placed on."""
        return (_UNIX_EPOCH + timedelta(milliseconds=int(self.event_id[:12], 16))).date()


@dataclass(frozen=True, slots=True)
class LineItemLimits:
    """Caps of a line item and what it was charged so far, micro-USDC. A cap of None does not bind."""

    daily_cap: int | None = None
    total_cap: int | None = None
    spent: int = 0
    spent_by_day: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posted:
    """Charge the event: `campaign:<id>` pays `earned:<publisher>`."""

    event: AcceptedEvent


@dataclass(frozen=True, slots=True)
class Unpaid:
    """Nothing to charge."""

    event: AcceptedEvent


@dataclass(frozen=True, slots=True)
class Dropped:
    """Delivered beyond the budget, the epoch cap or a line item's cap: ours, never the advertiser's."""

    event: AcceptedEvent


Outcome = Posted | Unpaid | Dropped


class _Left:
    """What may still be spent while a batch is posted."""

    def __init__(self, budgets: Mapping[int, CampaignBudget], line_items: Mapping[int, LineItemLimits]) -> None:
        self._campaigns = {campaign: budget.spendable for campaign, budget in budgets.items()}
        self._line_items = line_items
        self._charged: dict[int, int] = {}
        self._charged_by_day: dict[tuple[int, date], int] = {}

    def take(self, event: AcceptedEvent) -> bool:
        """Take the price from every limit that binds, or from none."""
        if not self._fits(event):
            return False
        day = (event.line_item, event.day)
        self._campaigns[event.campaign] -= event.price_micro_usdc
        self._charged[event.line_item] = self._charged.get(event.line_item, 0) + event.price_micro_usdc
        self._charged_by_day[day] = self._charged_by_day.get(day, 0) + event.price_micro_usdc
        return True

    def _fits(self, event: AcceptedEvent) -> bool:
        limits = self._line_items.get(event.line_item, LineItemLimits())
        total = limits.spent + self._charged.get(event.line_item, 0) + event.price_micro_usdc
        today = (
            limits.spent_by_day.get(event.day, 0)
            + self._charged_by_day.get((event.line_item, event.day), 0)
            + event.price_micro_usdc
        )
        return (
            event.price_micro_usdc <= self._campaigns.get(event.campaign, 0)
            and (limits.total_cap is None or total <= limits.total_cap)
            and (limits.daily_cap is None or today <= limits.daily_cap)
        )


def post(
    events: Sequence[AcceptedEvent],
    budgets: Mapping[int, CampaignBudget],
    line_items: Mapping[int, LineItemLimits],
) -> list[Outcome]:
    """One outcome per event, in the order given (first come, first served).

    `budgets` is by chain campaign, an unknown campaign has nothing to spend; `line_items` by line item id.
    A campaign that was switched off still pays for what was decided while it was on.
    """
    left = _Left(budgets, line_items)
    outcomes: list[Outcome] = []
    for event in events:
        if event.price_micro_usdc == 0:
            outcomes.append(Unpaid(event))
        elif left.take(event):
            outcomes.append(Posted(event))
        else:
            outcomes.append(Dropped(event))
    return outcomes
