"""A publisher: a wallet with a place in the settlement tree, kept for life."""

from dataclasses import dataclass
from enum import StrEnum

from backend.core.ids import Address, PublisherIndex


class PayoutMode(StrEnum):
    """auto: the keeper pays after each final epoch; manual: the publisher claims."""

    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Publisher:
    """A wallet that is paid."""

    index: PublisherIndex
    wallet: Address
    payout_mode: PayoutMode


@dataclass(frozen=True, slots=True)
class Earnings:
    """All micro-USDC. `earned` is charged to advertisers but in no epoch yet, before the fee; `settled` is the net of
    all closed epochs; `paid` is what the payout contract has sent."""

    earned_micro_usdc: int
    settled_micro_usdc: int
    paid_micro_usdc: int

    @property
    def payable_micro_usdc(self) -> int:
        """Settled and not sent yet."""
        return max(0, self.settled_micro_usdc - self.paid_micro_usdc)


def next_index(highest_index: int) -> PublisherIndex:
    """The next free index: indexes are never used again, and 0 is the dust account."""
    return PublisherIndex(max(0, highest_index) + 1)
