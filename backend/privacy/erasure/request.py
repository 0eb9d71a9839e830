"""When an account may be erased, and what its owner is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.core.errors import Conflict, NotAllowed, Unprocessable
from backend.core.ids import Address
from backend.privacy.holdings import HOLDINGS, Erase

SIGN_IN_AGE_MAX = timedelta(minutes=10)

ON_CHAIN = (
    "The blockchain cannot forget: deposits, withdrawals, payouts and the hashes of campaign terms stay there under "
    "your wallet's address, which is a pseudonym. The terms themselves and the salt in their hashes are deleted, so "
    "nobody can tell any more what a hash stands for. Nothing else that we hold names you beside that address."
)


class Obligation(StrEnum):
    """What stands against an erasure until it is settled. What is unspent in a wallet's own escrow does not."""

    CARD_PAYMENT_OPEN = "card_payment_open"             # neither deposited for good nor given back
    CARD_REFUND_OPEN = "card_refund_open"               # on its way to the card
    CARD_BUDGET_UNSPENT = "card_budget_unspent"         # paid by card and not spent: it goes back to the card first
    CARD_MONEY_NOT_REFUNDED = "card_money_not_refunded"     # the same, once it is back from the chain
    ORGANISATION_WITHOUT_OWNER = "organisation_without_owner"   # somebody else's organisation would have no owner left


@dataclass(frozen=True, slots=True)
class Done:
    """What an erasure did: rows by table, keys that were deleted, and why rows were kept."""

    deleted: Mapping[str, int]
    blanked: Mapping[str, int]
    kept: Mapping[str, int]
    keys: int


def check_request(
    account: Address, member: Address, confirm: Address, signed_in_at: datetime, now: datetime
) -> None:
    """Raises NotAllowed `not_the_wallet` or `sign_in_again`, Unprocessable `confirmation_differs`."""
    if member != account:
        raise NotAllowed("not_the_wallet", "an account is erased by its own wallet only, not by a member")
    if confirm != account:
        raise Unprocessable("confirmation_differs", "`confirm` must be the wallet of the account")
    if now - signed_in_at > SIGN_IN_AGE_MAX:
        raise NotAllowed("sign_in_again", "sign in again: an erasure needs a signature of the last ten minutes")


def check_obligations(found: Mapping[Obligation, int]) -> None:
    """Raises Conflict `erasure_blocked`, which names every obligation and how many there are."""
    open_ones = {obligation.value: count for obligation, count in found.items() if count}
    if open_ones:
        detail = ", ".join(f"{name} ({count})" for name, count in open_ones.items())
        raise Conflict("erasure_blocked", f"settle this first: {detail}", obligations=open_ones)


def reasons(done: Done) -> dict[str, str]:
    """Table to why its rows, or what is left of them, are kept; only for tables in which something is."""
    left = {table for table, count in [*done.blanked.items(), *done.kept.items()] if count}
    return {
        holding.table: holding.why
        for holding in HOLDINGS
        if holding.table in left and holding.erase is not Erase.DELETE
    }
