"""A second reading of docs/settlement-spec.md, top down and by bytes, that shares nothing with `backend.settlement`.

The tree is never laid out: a node is what its definition says, asked for by level and position, and a subtree without
entries is known from its level alone. Even keccak comes from another library.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache

from Crypto.Hash import keccak as sponge

Span = tuple[int, int]


class Refused(Exception):
    """What was given proves nothing."""


def keccak(*parts: bytes) -> bytes:
    return sponge.new(digest_bits=256, data=b"".join(parts)).digest()


def entry(recipient: bytes, cumulative: int) -> bytes:
    """The 32 bytes of an entry: address, four zero bytes, amount. Raises Refused when either does not fit."""
    if len(recipient) != 20 or not 0 <= cumulative < 1 << 64:
        raise Refused("entry")
    return recipient + bytes(4) + cumulative.to_bytes(8, "big")


NOBODY = bytes(32)


@cache
def padding(level: int) -> bytes:
    """The node over 2**level leaves that only fill the tree up."""
    return bytes(32) if level == 0 else keccak(padding(level - 1), padding(level - 1))


@cache
def gap(level: int) -> bytes:
    """The node over 2**level groups that nobody belongs to."""
    return keccak(NOBODY * 4) if level == 0 else keccak(gap(level - 1), gap(level - 1))


class SparseTree:
    """The publishers' tree by its definition; `entries` maps a publisher index to its 32 bytes."""

    def __init__(self, entries: Mapping[int, bytes], publishers: int) -> None:
        self.entries = entries
        self.groups = -(-publishers // 4)
        self.depth = (self.groups - 1).bit_length()
        self.settled = sorted({index // 4 for index in entries})
        self._known: dict[Span, bytes] = {}

    @property
    def root(self) -> bytes:
        return self.node(self.depth, 0)

    def group(self, number: int) -> list[bytes]:
        return [self.entries.get(4 * number + lane, NOBODY) for lane in range(4)]

    def node(self, level: int, position: int) -> bytes:
        """The node over groups `position << level` and on."""
        first, end = position << level, position + 1 << level
        if first >= self.groups:
            return padding(level)
        at = bisect_left(self.settled, first)
        if end <= self.groups and (at == len(self.settled) or self.settled[at] >= end):
            return gap(level)
        if (level, position) not in self._known:
            if level == 0:
                digest = keccak(*self.group(position))
            else:
                digest = keccak(self.node(level - 1, 2 * position), self.node(level - 1, 2 * position + 1))
            self._known[level, position] = digest
        return self._known[level, position]

    def claim_proof(self, index: int) -> list[bytes]:
        """A claim is a range of one group."""
        return self.range_proof(index // 4, 1)

    def range_proof(self, start: int, groups: int) -> list[bytes]:
        return [self.node(level, position) for level, position in outside(start, start + groups, self.depth)]


def outside(start: int, end: int, depth: int) -> list[Span]:
    """The largest subtrees (level, position) without a group of [start, end), from the leaves up, left before right."""

    def below(level: int, position: int) -> Iterator[Span]:
        first, last = position << level, (position + 1 << level) - 1
        if end <= first or last < start:
            yield level, position
        elif level and not (start <= first and last < end):
            yield from below(level - 1, 2 * position)
            yield from below(level - 1, 2 * position + 1)

    return sorted(below(depth, 0))


def proven_root(start: int, depth: int, groups: Sequence[Sequence[bytes]], proof: Sequence[bytes]) -> bytes:
    """The root that the proof leads to. Raises Refused when place, depth and length do not belong together."""
    end = start + len(groups)
    if not 0 <= start < end <= 1 << min(depth, 32) or depth > 32:
        raise Refused("place")
    places = outside(start, end, depth)
    if len(places) != len(proof):
        raise Refused("length")
    given = dict(zip(places, proof, strict=True))

    def node(level: int, position: int) -> bytes:
        if (level, position) in given:
            return given[level, position]
        if level == 0:
            return keccak(*groups[position - start])
        return keccak(node(level - 1, 2 * position), node(level - 1, 2 * position + 1))

    return node(depth, 0)


def proves_claim(root: bytes, index: int, group: Sequence[bytes], proof: Sequence[bytes]) -> bool:
    """Whether `group` is where `index` belongs in the tree of `root`."""
    return proves_range(root, index // 4, len(proof), [group], proof)


def proves_range(
    root: bytes, start: int, depth: int, groups: Sequence[Sequence[bytes]], proof: Sequence[bytes]
) -> bool:
    try:
        return proven_root(start, depth, groups, proof) == root != bytes(32)
    except Refused:
        return False


def debit_words(debits: Mapping[int, int]) -> list[bytes]:
    """Four bytes of the group's number, then seven bytes for each of its campaigns, the last campaign first."""
    groups = sorted({campaign // 4 for campaign, amount in debits.items() if amount})
    return [
        group.to_bytes(4, "big") + b"".join(debits.get(4 * group + lane, 0).to_bytes(7, "big") for lane in (3, 2, 1, 0))
        for group in groups
    ]


def debits_hash(words: Sequence[bytes]) -> bytes:
    return keccak(debits_hash(words[:-1]), words[-1]) if words else bytes(32)


def split(gross: Mapping[int, int], fee_bps: int) -> tuple[int, dict[int, int], int]:
    """(fee, net by publisher, dust) of an epoch in micro-USDC; exact shares first, rounded down last."""
    share = Fraction(fee_bps, 10_000)
    total = sum(gross.values())
    fee = (total * share).__floor__()
    net = {index: (amount - amount * share).__floor__() for index, amount in gross.items()}
    return fee, net, total - fee - sum(net.values())
