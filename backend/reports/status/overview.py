"""The numbers of the status page and the laws that they must obey. Money is micro-USDC; all of it is public."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChainView:
    """How far the indexer has read. `halted` says why it stopped for good, None while it works."""

    chain_id: int
    escrow: str
    payout: str
    head_number: int
    confirmed_number: int
    age_seconds: float
    reorgs: int
    halted: str | None


@dataclass(frozen=True, slots=True)
class EpochView:
    """One attempt of an epoch: `closed` and `published` are ours, `proposed`, `vetoed` and `finalized` the chain's."""

    epoch: int
    attempt: int
    status: str
    events: int | None
    total_micro_usdc: int
    fee_micro_usdc: int | None
    active_at: int | None
    attestations: int


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A chain campaign. deposited = withdrawn + reserved + remaining + debited; `open_micro_usdc` is not settled."""

    campaign: int
    name: str | None
    owner: str
    active: bool
    deposited_micro_usdc: int
    withdrawn_micro_usdc: int
    reserved_micro_usdc: int
    remaining_micro_usdc: int
    debited_micro_usdc: int
    open_micro_usdc: int


@dataclass(frozen=True, slots=True)
class PublisherView:
    """What a publisher earned in finalised epochs and was paid; index 0 is the account for what rounding leaves."""

    publisher_index: int
    recipient: str
    payout_mode: str
    earned_micro_usdc: int
    paid_micro_usdc: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts since the beginning. `pending` events are accepted and wait for the ledger."""

    decisions: int
    unfilled: int
    viewable_impressions: int
    clicks: int
    billed: int
    pending: int
    charged_micro_usdc: int
    dropped: dict[str, int]
    no_bids: dict[str, int]


@dataclass(frozen=True, slots=True)
class Money:
    """All the money there is, once. `remaining` contains what withdrawals have reserved, `fee` all ever taken."""

    deposited_micro_usdc: int
    withdrawn_micro_usdc: int
    remaining_micro_usdc: int
    fee_micro_usdc: int
    paid_micro_usdc: int
    unclaimed_micro_usdc: int
    conserved: bool


@dataclass(frozen=True, slots=True)
class Solvency:
    """What the contracts hold against what they owe. Balances are None when the chain's node does not answer."""

    escrow_balance_micro_usdc: int | None
    escrow_owes_micro_usdc: int
    payout_balance_micro_usdc: int | None
    payout_owes_micro_usdc: int
    solvent: bool | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the status page shows, from one moment."""

    chain: ChainView | None
    epochs: list[EpochView]
    campaigns: list[CampaignView]
    publishers: list[PublisherView]
    traffic: Traffic
    money: Money
    solvency: Solvency


def money(
    campaigns: Sequence[CampaignView], *, final_fee_micro_usdc: int, final_net_micro_usdc: int, paid_micro_usdc: int
) -> Money:
    """Deposited = withdrawn + remaining + fee + paid + unclaimed (L38).

    Deposited, withdrawn and remaining come from the campaigns' own accounts, the other three from finalised epochs.
    Of 10 USDC deposited 3 were charged at a fee of 10 %, and 2 of the publishers' 2.70 were paid:
    10 = 0 + 7 + 0.30 + 2 + 0.70.
    """
    deposited = sum(campaign.deposited_micro_usdc for campaign in campaigns)
    withdrawn = sum(campaign.withdrawn_micro_usdc for campaign in campaigns)
    remaining = sum(campaign.remaining_micro_usdc + campaign.reserved_micro_usdc for campaign in campaigns)
    unclaimed = final_net_micro_usdc - paid_micro_usdc
    parts = withdrawn + remaining + final_fee_micro_usdc + paid_micro_usdc + unclaimed
    conserved = deposited == parts and unclaimed >= 0
    return Money(deposited, withdrawn, remaining, final_fee_micro_usdc, paid_micro_usdc, unclaimed, conserved)


def solvency(books: Money, fees_withdrawn_micro_usdc: int, escrow: int | None, payout: int | None) -> Solvency:
    """Whether both contracts can pay everybody now (L1, L2); None while a balance is unknown."""
    escrow_owes = books.remaining_micro_usdc + books.fee_micro_usdc - fees_withdrawn_micro_usdc
    payout_owes = books.unclaimed_micro_usdc
    solvent = None if escrow is None or payout is None else escrow >= escrow_owes and payout >= payout_owes
    return Solvency(escrow, escrow_owes, payout, payout_owes, solvent)
