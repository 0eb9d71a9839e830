"""The two facts that no log carries: found in calldata, believed only when they hash to what the chain committed to.

Debits of a campaign: debit words whose hash chain is `Proposed.debits_hash`. Amounts of a batch payout: entry words
that fold, with the proof beside them, to the active root. Both are looked for as length-prefixed arrays at any offset,
so it does not matter which function carried them or whether another contract made the call.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import sha3

GROUP_SIZE = 4
DEBIT_WORDS_MAX = 256
DEPTH_MAX = 32
_WORD = 32
_UINT64_MAX = 2**64 - 1
_UINT56_MAX = 2**56 - 1
# A length of 0..511 as a 32-byte word, at every offset (a lookahead, so that matches may overlap).
_LENGTH = re.compile(rb"(?=\x00{30}[\x00\x01][\x00-\xff])", re.DOTALL)


class Entry(NamedTuple):
    """One lane of a payout group: who, and how much in all epochs together, in micro-USDC."""

    publisher_index: int
    recipient: str
    cumulative: int


def _keccak(data: bytes) -> bytes:
    digest: bytes = sha3.keccak_256(data).digest()
    return digest


# --- debits -----------------------------------------------------------------------------------------------------


def find_debit_words(inputs: Iterable[bytes], debits_hash: bytes, total: int) -> tuple[int, ...] | None:
    """The debit words behind `debits_hash` (32 bytes), or None when no input holds them. `total` is in micro-USDC."""
    if total == 0:
        return ()
    for data in inputs:
        for words in _arrays(data):
            if sum(amount for _, amount in debits_of(words)) == total and hash_chain(words) == debits_hash:
                return words
    return None


def hash_chain(words: Sequence[int]) -> bytes:
    """`h = keccak(h || word)` over the words, from 32 zero bytes."""
    digest = bytes(_WORD)
    for word in words:
        digest = _keccak(digest + word.to_bytes(_WORD, "big"))
    return digest


def debits_of(words: Sequence[int]) -> list[tuple[int, int]]:
    """(campaign, micro-USDC) of each non-zero lane; word = `group << 224 | d3 << 168 | d2 << 112 | d1 << 56 | d0`."""
    lanes = ((word >> 224, lane, (word >> (56 * lane)) & _UINT56_MAX) for word in words for lane in range(GROUP_SIZE))
    return [(group * GROUP_SIZE + lane, amount) for group, lane, amount in lanes if amount]


def _arrays(data: bytes) -> Iterator[tuple[int, ...]]:
    """Every length-prefixed array of 1 to DEBIT_WORDS_MAX words in `data`."""
    for match in _LENGTH.finditer(data):
        start = match.start() + _WORD
        count = int.from_bytes(data[start - 2 : start], "big")
        if 1 <= count <= DEBIT_WORDS_MAX and start + count * _WORD <= len(data):
            yield _words(data, start, count)


def _words(data: bytes, start: int, count: int) -> tuple[int, ...]:
    ends = range(start, start + count * _WORD, _WORD)
    return tuple(int.from_bytes(data[at : at + _WORD], "big") for at in ends)


# --- payouts ----------------------------------------------------------------------------------------------------


def find_entries(inputs: Iterable[bytes], root: bytes, start_group: int, groups: int) -> list[Entry] | None:
    """The entries of the groups [start_group, start_group + groups) under `root`, or None when no input proves them."""
    for data in inputs:
        for words in _arrays_of(data, groups * GROUP_SIZE):
            if _proves(data, words, root, start_group):
                return [_entry(start_group * GROUP_SIZE + i, int.from_bytes(w, "big")) for i, w in enumerate(words)]
    return None


def _entry(publisher_index: int, word: int) -> Entry:
    """A word is `recipient << 96 | cumulative`; bits 64 to 95 are reserved."""
    return Entry(publisher_index, "0x" + (word >> 96).to_bytes(20, "big").hex(), word & _UINT64_MAX)


def _arrays_of(data: bytes, count: int) -> Iterator[list[bytes]]:
    """Every length-prefixed array of exactly `count` words in `data`."""
    prefix = count.to_bytes(_WORD, "big")
    at = data.find(prefix)
    while at >= 0:
        start = at + _WORD
        if start + count * _WORD <= len(data):
            yield [data[i : i + _WORD] for i in range(start, start + count * _WORD, _WORD)]
        at = data.find(prefix, at + 1)


def _proves(data: bytes, words: Sequence[bytes], root: bytes, start_group: int) -> bool:
    """Whether some proof in `data` folds the groups in `words` to `root`, at whatever depth the tree has."""
    leaves = [_keccak(b"".join(words[i : i + GROUP_SIZE])) for i in range(0, len(words), GROUP_SIZE)]
    for depth in range(DEPTH_MAX + 1):
        if start_group + len(leaves) > 1 << depth:
            continue
        proofs = _arrays_of(data, proof_length(start_group, len(leaves), depth))
        if any(fold_range(leaves, start_group, depth, proof) == root for proof in proofs):
            return True
    return False


def proof_length(start_group: int, groups: int, depth: int) -> int:
    """How many neighbours a range proof of these groups has in a tree of this depth."""
    low, high, length = start_group, start_group + groups - 1, 0
    for _ in range(depth):
        length += (low & 1) + (not high & 1)
        low, high = low >> 1, high >> 1
    return length


def fold_range(leaves: Sequence[bytes], start_group: int, depth: int, proof: Sequence[bytes]) -> bytes:
    """Root over contiguous leaves and their neighbours; `proof` runs upwards, left first, `proof_length` long."""
    nodes, low, neighbours = list(leaves), start_group, iter(proof)
    for _ in range(depth):
        if low & 1:
            nodes.insert(0, next(neighbours))
        if len(nodes) & 1:
            nodes.append(next(neighbours))
        nodes = [_keccak(nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
        low >>= 1
    return nodes[0]
