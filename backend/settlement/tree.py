"""The publishers' tree: entry words in groups of four, a positional Merkle tree, claim and range proofs.

The contract `PublisherPayout` verifies exactly what this file builds. All functions are pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.core.keccak import keccak256

GROUP_SIZE = 4
CUMULATIVE_MAX = 2**64 - 1
ZERO_LEAF = b"\0" * 32


def encode_entry(recipient: str, cumulative_micro_usdc: int) -> int:
    """Entry word `recipient << 96 | cumulative`; bits 64..95 are reserved and zero.

    Raises ValueError when the amount does not fit uint64 or the address is malformed.
    """
    address = bytes.fromhex(recipient.removeprefix("0x"))
    if len(address) != 20:
        raise ValueError(f"not an address: {recipient}")
    if not 0 <= cumulative_micro_usdc <= CUMULATIVE_MAX:
        raise ValueError(f"cumulative amount out of range: {cumulative_micro_usdc}")
    return int.from_bytes(address, "big") << 96 | cumulative_micro_usdc


def decode_entry(word: int) -> tuple[str, int]:
    """(recipient as lowercase 0x-hex, cumulative micro-USDC) of an entry word. Raises ValueError on reserved bits."""
    if (word >> 64) & 0xFFFFFFFF:
        raise ValueError("reserved bits of an entry are set")
    return "0x" + (word >> 96).to_bytes(20, "big").hex(), word & CUMULATIVE_MAX


def leaf(group: Sequence[int]) -> bytes:
    """keccak of the four 32-byte entry words of a group (128 bytes, so never as long as a node's 64)."""
    if len(group) != GROUP_SIZE:
        raise ValueError("a group has four entries")
    return keccak256(b"".join(word.to_bytes(32, "big") for word in group))


def node(left: bytes, right: bytes) -> bytes:
    """keccak of two children in position order (never sorted)."""
    return keccak256(left + right)


@dataclass(frozen=True, slots=True)
class Tree:
    """Padded entry words and all levels, leaves first. Build it with `build_tree`."""

    entries: tuple[int, ...]
    levels: tuple[tuple[bytes, ...], ...]

    @property
    def root(self) -> bytes:
        return self.levels[-1][0]

    @property
    def depth(self) -> int:
        return len(self.levels) - 1

    @property
    def groups(self) -> int:
        return len(self.entries) // GROUP_SIZE

    def group(self, index: int) -> tuple[int, int, int, int]:
        """The four entry words of the group that holds publisher `index`."""
        start = index // GROUP_SIZE * GROUP_SIZE
        a, b, c, d = self.entries[start : start + GROUP_SIZE]
        return a, b, c, d

    def claim_proof(self, index: int) -> list[bytes]:
        """Siblings from the leaf of `index` up to the root."""
        if not 0 <= index < len(self.entries):
            raise ValueError(f"no publisher {index} in this tree")
        position = index // GROUP_SIZE
        proof = []
        for level in self.levels[:-1]:
            proof.append(level[position ^ 1])
            position >>= 1
        return proof

    def range_proof(self, start_group: int, groups: int) -> list[bytes]:
        """Neighbours that fold the contiguous groups [start, start + groups) up to the root, left before right."""
        if groups < 1 or start_group < 0 or start_group + groups > self.groups:
            raise ValueError("range outside the tree")
        low, count, proof = start_group, groups, []
        for level in self.levels[:-1]:
            high = low + count - 1
            if low & 1:
                proof.append(level[low - 1])
            if not high & 1:
                proof.append(level[high + 1])
            low, count = low >> 1, (high >> 1) - (low >> 1) + 1
        return proof


def build_tree(entries: Sequence[int]) -> Tree:
    """Tree over entry words by publisher index: entries padded to fours, leaves padded with zeros to a power of two.

    Raises ValueError for an empty list: an epoch without publishers has no root.
    """
    if not entries:
        raise ValueError("a tree needs at least one entry")
    padded = tuple(entries) + (0,) * (-len(entries) % GROUP_SIZE)
    leaves = [leaf(padded[i : i + GROUP_SIZE]) for i in range(0, len(padded), GROUP_SIZE)]
    width = 1 << (len(leaves) - 1).bit_length()
    level = tuple(leaves) + (ZERO_LEAF,) * (width - len(leaves))
    levels = [level]
    while len(level) > 1:
        level = tuple(node(level[i], level[i + 1]) for i in range(0, len(level), 2))
        levels.append(level)
    return Tree(entries=padded, levels=tuple(levels))


def encode_debits(debits: dict[int, int]) -> list[int]:
    """Debit words `group << 224 | d3 << 168 | d2 << 112 | d1 << 56 | d0`, one per group of four campaigns, by group.

    `debits` maps campaign id to micro-USDC; zero debits are left out. Raises ValueError when one does not fit uint56.
    """
    words: dict[int, int] = {}
    for campaign, amount in debits.items():
        if not 0 <= amount < 1 << 56:
            raise ValueError(f"debit of campaign {campaign} out of range: {amount}")
        if amount:
            group = campaign >> 2
            words[group] = words.get(group, group << 224) | amount << (56 * (campaign & 3))
    return [words[group] for group in sorted(words)]


def decode_debits(words: Sequence[int]) -> dict[int, int]:
    """Campaign id to micro-USDC: the inverse of `encode_debits`."""
    debits = {}
    for word in words:
        for lane in range(4):
            amount = (word >> (56 * lane)) & ((1 << 56) - 1)
            if amount:
                debits[((word >> 224) << 2) + lane] = amount
    return debits


def debits_hash(words: Sequence[int]) -> bytes:
    """Hash chain over the debit words, from 32 zero bytes: `h = keccak(h || word)`."""
    digest = b"\0" * 32
    for word in words:
        digest = keccak256(digest + word.to_bytes(32, "big"))
    return digest
