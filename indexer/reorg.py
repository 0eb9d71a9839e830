"""When the chain we stored is no longer the chain: find what both still share. Pure; the caller reads and deletes."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Step(Enum):
    """What to do about the head that the node reports."""

    NOTHING = "nothing"  # the head is our tip
    FORWARD = "forward"  # the head is above our tip
    ROLL_BACK = "roll back"  # the node has another block where we have one
    SHORTER = "shorter"  # the head is a block we have, below our tip: the node lags, or the chain was cut


@dataclass(frozen=True, slots=True)
class Tip:
    """A block by number and hash."""

    number: int
    hash: str


def next_step(tip: Tip, head: Tip, stored_hash_at_head: str | None) -> Step:
    """What a head means for a tip. `stored_hash_at_head` is our hash at the head's number, None when we have none."""
    if head == tip:
        return Step.NOTHING
    if head.number > tip.number:
        return Step.FORWARD
    return Step.SHORTER if stored_hash_at_head == head.hash else Step.ROLL_BACK


def common_ancestor(stored: Mapping[int, str], canonical: Mapping[int, str]) -> int | None:
    """The highest number where both agree on the hash, None when they agree nowhere.

    Hashes commit to their parents, so everything at and below that number is shared too.
    """
    shared = [number for number, block_hash in stored.items() if canonical.get(number) == block_hash]
    return max(shared, default=None)


def confirmed(tip_number: int, head_number: int, confirmations: int) -> int:
    """The last block that readers may act on: deep enough below the head, and indexed."""
    return max(0, min(tip_number, head_number - confirmations))
