"""What is due to be invoiced, from facts of the ledger. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from backend.billing.document import Line

DAYS_OF_GRACE = 3
"""An invoice for a month is issued on the third of the next: clicks and reports of the last minutes are in by then.
What is charged later (a conversion up to thirty days after its click) is on the next one."""


@dataclass(frozen=True, slots=True)
class CampaignDue:
    """Charges of a campaign for days up to the end of the period, and what is in earlier invoices, micro-USDC."""

    campaign: int
    name: str
    charged_micro_usdc: int
    billed_micro_usdc: int

    @property
    def due_micro_usdc(self) -> int:
        return self.charged_micro_usdc - self.billed_micro_usdc


@dataclass(frozen=True, slots=True)
class EpochEarned:
    """What a publisher earned in a final epoch, after the fee, micro-USDC. `day` is that of the epoch's end, UTC."""

    epoch: int
    day: date
    net_micro_usdc: int


def last_month(today: date) -> tuple[date, date] | None:
    """First and last day of the month to invoice; None in the days of grace."""
    if today.day < DAYS_OF_GRACE:
        return None
    last = today.replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


def campaign_lines(due: Sequence[CampaignDue]) -> list[Line]:
    """A line per campaign with anything due; a negative one gives back what was reversed."""
    return [
        Line(f"campaign:{one.campaign}", f"Advertising: {one.name}", one.due_micro_usdc)
        for one in due if one.due_micro_usdc
    ]


def epoch_lines(earned: Sequence[EpochEarned]) -> list[Line]:
    """A line per day, which names its epochs."""
    days: dict[date, list[EpochEarned]] = {}
    for one in earned:
        days.setdefault(one.day, []).append(one)
    return [
        Line(_epochs(of_day), f"Advertising space, {day.isoformat()}", sum(one.net_micro_usdc for one in of_day))
        for day, of_day in sorted(days.items())
    ]


def _epochs(of_day: Sequence[EpochEarned]) -> str:
    first, last = min(one.epoch for one in of_day), max(one.epoch for one in of_day)
    return f"epoch:{first}" if first == last else f"epoch:{first}-{last}"
