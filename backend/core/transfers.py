"""Names of ledger accounts, and what a list of balanced transfers adds to each of them."""

from collections.abc import Iterable
from dataclasses import dataclass

FEE_ACCOUNT = "fee"
DUST_ACCOUNT = "dust"
STRIPE_ACCOUNT = "stripe:balance"
"""Debits less credits: what Stripe holds for us of card money."""
TREASURY_ACCOUNT = "treasury"
"""Credits less debits: what the treasury has in the escrow for campaigns that are paid by card, spent or not."""
CARD_FEE_ACCOUNT = "card_fee"
"""Debits less credits: what Stripe kept for payments and disputes; ours, never the advertiser's."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount_micro_usdc` leaves `debit_account` and arrives in `credit_account`."""

    kind: str
    debit_account: str
    credit_account: str
    amount_micro_usdc: int
    event_id: str | None = None


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What a set of transfers adds to the totals of one account, micro-USDC."""

    account: str
    debits: int
    credits: int


def campaign_account(chain_campaign: int) -> str:
    """Account of a campaign by its number on chain."""
    return f"campaign:{chain_campaign}"


def card_account(campaign: int) -> str:
    """Money from cards for a campaign (by our id) that is not on chain: in by payments, out by deposits and refunds.

    Below zero when a bank took back what is already on chain.
    """
    return f"card:{campaign}"


def earned_account(publisher: int) -> str:
    """What a publisher earned before the fee, in no epoch yet."""
    return f"earned:{publisher}"


def payable_account(publisher: int) -> str:
    """What a publisher is owed by closed epochs, after the fee."""
    return f"payable:{publisher}"


def changes(transfers: Iterable[Transfer]) -> list[AccountChange]:
    """Changes of the accounts touched, by name (one order of locks for everybody). Σ debits = Σ credits."""
    debits: dict[str, int] = {}
    credits: dict[str, int] = {}
    for transfer in transfers:
        debits[transfer.debit_account] = debits.get(transfer.debit_account, 0) + transfer.amount_micro_usdc
        credits[transfer.credit_account] = credits.get(transfer.credit_account, 0) + transfer.amount_micro_usdc
    return [
        AccountChange(account, debits.get(account, 0), credits.get(account, 0))
        for account in sorted(debits.keys() | credits.keys())
    ]
