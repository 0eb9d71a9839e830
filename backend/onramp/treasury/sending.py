"""What to do about a deposit that is signed, given what the chain says: it is made exactly once. Pure.

Transactions of one order share a nonce, so at most one of them is ever mined. The order is signed anew under another
nonce only when its nonce is gone for good and none of them was what used it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

BUMP_SECONDS = 60
"""How long a transaction may wait for a block before one with a higher fee replaces it."""
FEE_BUMP_PERCENT = 25                # nodes want 10 % more before they replace a transaction


@dataclass(frozen=True, slots=True)
class Fees:
    """Of EIP-1559, in wei per gas."""

    max_fee_wei: int
    tip_wei: int

    def bumped(self) -> "Fees":
        return Fees(_more(self.max_fee_wei), _more(self.tip_wei))

    def at_least(self, other: "Fees") -> "Fees":
        return Fees(max(self.max_fee_wei, other.max_fee_wei), max(self.tip_wei, other.tip_wei))


def _more(wei: int) -> int:
    return wei * (100 + FEE_BUMP_PERCENT) // 100 + 1


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction; `raw` is 0x text."""

    tx_hash: str
    nonce: int
    raw: str
    fees: Fees
    age_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction of ours is in the chain; `campaign` is the escrow account that it paid into."""

    tx_hash: str
    block_number: int
    is_final: bool
    succeeded: bool
    campaign: int | None = None


class Step(StrEnum):
    """DONE: it is in the chain for good. WAIT: it is in a young block, or the mirror knows more than the receipts.
    AGAIN: it can never have its effect, sign it anew. SEND: send the newest transaction again. BUMP: replace it."""

    DONE = "done"
    WAIT = "wait"
    AGAIN = "again"
    SEND = "send"
    BUMP = "bump"


def next_step(
    transactions: Sequence[Transaction], mined: Mined | None, final_nonce: int, is_mirrored: bool
) -> Step:
    """What to do with an order.

    `transactions` are those of its newest nonce, the newest last; `mined` is the one of them with a receipt, read after
    `final_nonce`, the account's count of transactions in final blocks. `is_mirrored`: the indexer has seen one of them.
    """
    newest = transactions[-1]
    if mined is not None:
        if not mined.is_final:
            return Step.WAIT
        return Step.DONE if mined.succeeded else Step.AGAIN
    if is_mirrored:
        return Step.WAIT
    if final_nonce > newest.nonce:
        return Step.AGAIN
    return Step.BUMP if newest.age_seconds > BUMP_SECONDS else Step.SEND
