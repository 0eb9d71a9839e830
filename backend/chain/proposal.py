"""What the escrow keeps of a proposal, and what it still lets an epoch take from a campaign. Pure."""

from dataclasses import dataclass

from backend.core.keccak import keccak256

NO_PROPOSAL = bytes(32)
_BUDGET_MAX = (1 << 62) - 1
_DEBIT_MAX = (1 << 56) - 1      # a campaign's share of a debit word


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed settlement as logged: hashes are 32 bytes, the total micro-USDC, `active_at` Unix seconds."""

    epoch: int
    attempt: int
    publishers_root: bytes
    debits_hash: bytes
    total: int
    publishers: int
    ruleset: bytes
    data_hash: bytes
    active_at: int


@dataclass(frozen=True, slots=True)
class Final:
    """A final settlement as logged; amounts in micro-USDC."""

    epoch: int
    publishers_root: bytes
    total: int
    fee: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A campaign's share of a word of the escrow: micro-USDC that epochs may debit, and whether a cap may bind."""

    remaining: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Reservation:
    """An open withdrawal request: micro-USDC, the last epoch that may still be paid from it, and the Unix time from
    which it can be withdrawn whatever became of that epoch."""

    amount: int
    after_epoch: int
    escapes_at: int


def pending_hash(epoch: int, publishers_root: bytes, debits_hash: bytes, total: int, active_at: int) -> bytes:
    """The escrow's `pending()`: keccak256 of the ABI encoding of the five facts that `finalize` must repeat."""
    words = (epoch.to_bytes(32, "big"), publishers_root, debits_hash, total.to_bytes(32, "big"))
    return keccak256(b"".join(words) + active_at.to_bytes(32, "big"))


def lane_of(word: int, campaign: int) -> Lane:
    """The lane of `campaign` in its group's storage word: capped (1 bit), opened (1), remaining (62)."""
    lane = word >> (64 * (campaign & 3))
    return Lane(lane & _BUDGET_MAX, bool(lane >> 63 & 1))


def debit_limit(
    epoch: int, remaining: int, reservation: Reservation, cap: int, pending_debit: int, needed_until: int
) -> int:
    """The most that `epoch` may debit so that its finalisation cannot revert, in micro-USDC.

    `pending_debit` is what a proposal that becomes final before takes, from the remaining budget first. A reservation
    counts only up to its epoch, and only if it cannot leave before `needed_until`, the Unix time by which the epoch is
    final; a `cap` of 0 does not bind.
    """
    stays = epoch <= reservation.after_epoch and reservation.escapes_at > needed_until
    reserved = reservation.amount if stays else 0
    available = min(_DEBIT_MAX, max(0, remaining + reserved - pending_debit))
    return min(available, cap) if cap else available
