"""How long money from a card is held before it goes on chain, and how much of it an account may bring a day.

What is deposited in the escrow cannot be called back, while a cardholder can dispute for months: who is new waits
longer and brings less.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.core.errors import Conflict


class Tier(StrEnum):
    """trusted: the first payment is long ago, and no payment was ever disputed or warned about."""

    NEW = "new"
    TRUSTED = "trusted"


@dataclass(frozen=True, slots=True)
class TierTerms:
    hold_days: int
    daily_cents_max: int


@dataclass(frozen=True, slots=True)
class CardTerms:
    """The operator's choice; days are 24 hours."""

    new: TierTerms
    trusted: TierTerms
    trusted_after_days: int

    def of(self, tier: Tier) -> TierTerms:
        return self.trusted if tier is Tier.TRUSTED else self.new


@dataclass(frozen=True, slots=True)
class History:
    """What an account did with cards so far; `today_cents` has today's payments (UTC), open checkouts included."""

    first_paid_at: datetime | None = None
    troubles: int = 0
    today_cents: int = 0


def tier_of(history: History, terms: CardTerms, now: datetime) -> Tier:
    """The tier of an account at a moment; it falls back to new for good with its first dispute or warning."""
    if history.first_paid_at is None or history.troubles:
        return Tier.NEW
    old_enough = history.first_paid_at + timedelta(days=terms.trusted_after_days) <= now
    return Tier.TRUSTED if old_enough else Tier.NEW


def check_daily(history: History, cents: int, terms: TierTerms) -> None:
    """Raises Conflict `card_daily_cap` when a payment would bring the day's total beyond the tier's cap."""
    left = max(0, terms.daily_cents_max - history.today_cents)
    if cents > left:
        raise Conflict("card_daily_cap", f"today {left} cents can still be paid by card", left_cents=left)
