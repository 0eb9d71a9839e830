"""The publishers' tree and the debit words, checked with a second, naive implementation (L17, L19)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.keccak import keccak256
from backend.settlement.tree import (
    ZERO_LEAF,
    build_tree,
    debits_hash,
    decode_debits,
    decode_entry,
    encode_debits,
    encode_entry,
)

WORDS = st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=90)


def naive_root(words: list[int]) -> bytes:
    """The root straight from the definition, recursively."""
    padded = words + [0] * (-len(words) % 4)
    leaves = [
        keccak256(b"".join(word.to_bytes(32, "big") for word in padded[i : i + 4])) for i in range(0, len(padded), 4)
    ]
    width = 1
    while width < len(leaves):
        width *= 2
    leaves += [ZERO_LEAF] * (width - len(leaves))

    def fold(low: int, high: int) -> bytes:
        if high - low == 1:
            return leaves[low]
        middle = (low + high) // 2
        return keccak256(fold(low, middle) + fold(middle, high))

    return fold(0, width)


def fold_range(leaves: list[bytes], start: int, proof: list[bytes], depth: int) -> bytes:
    """Fold a range to the root as the payout contract does; every neighbour must be used."""
    left, nodes = list(proof), list(leaves)
    for _ in range(depth):
        if start & 1:
            nodes.insert(0, left.pop(0))
        if len(nodes) & 1:
            nodes.append(left.pop(0))
        nodes = [keccak256(nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)]
        start >>= 1
    assert not left
    (root,) = nodes
    return root


def leaf_of(words: tuple[int, ...]) -> bytes:
    return keccak256(b"".join(word.to_bytes(32, "big") for word in words))


@given(WORDS)
def test_build_tree__any_words__root_of_the_definition(words: list[int]) -> None:
    """L19: two builders agree, with one leaf, full and ragged trees."""
    assert build_tree(words).root == naive_root(words)


@given(WORDS, st.data())
def test_claim_proof__any_index__folds_to_the_root(words: list[int], data: st.DataObject) -> None:
    tree = build_tree(words)
    index = data.draw(st.integers(0, len(tree.entries) - 1))
    node, position = leaf_of(tree.group(index)), index // 4
    for sibling in tree.claim_proof(index):
        node = keccak256(sibling + node) if position & 1 else keccak256(node + sibling)
        position >>= 1
    assert (node, position) == (tree.root, 0)


@given(WORDS, st.data())
def test_range_proof__any_range__folds_to_the_root(words: list[int], data: st.DataObject) -> None:
    tree = build_tree(words)
    start = data.draw(st.integers(0, tree.groups - 1))
    count = data.draw(st.integers(1, tree.groups - start))
    leaves = [leaf_of(tree.group(4 * group)) for group in range(start, start + count)]
    assert fold_range(leaves, start, tree.range_proof(start, count), tree.depth) == tree.root


def test_build_tree__no_entry__refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        build_tree([])


@pytest.mark.parametrize(("start", "count"), [(0, 0), (-1, 1), (0, 3), (2, 1)])
def test_range_proof__outside__refused(start: int, count: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        build_tree([1] * 8).range_proof(start, count)


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**64 - 1))
def test_encode_entry__any__decodes_to_itself(recipient: bytes, cumulative: int) -> None:
    assert decode_entry(encode_entry("0x" + recipient.hex(), cumulative)) == ("0x" + recipient.hex(), cumulative)


TOO_MUCH = [("0x" + "1" * 38, 1), ("0x" + "1" * 40, -1), ("0x" + "1" * 40, 2**64)]


@pytest.mark.parametrize(("recipient", "cumulative"), TOO_MUCH)
def test_encode_entry__does_not_fit__refused(recipient: str, cumulative: int) -> None:
    with pytest.raises(ValueError, match=r"address|range"):
        encode_entry(recipient, cumulative)


def test_decode_entry__reserved_bits__refused() -> None:
    with pytest.raises(ValueError, match="reserved"):
        decode_entry(1 << 64)


@given(st.dictionaries(st.integers(0, 2**34 - 1), st.integers(1, 2**56 - 1), max_size=20))
def test_encode_debits__any__decodes_to_itself_with_ascending_groups(debits: dict[int, int]) -> None:
    words = encode_debits(debits)
    groups = [word >> 224 for word in words]
    assert decode_debits(words) == debits
    assert groups == sorted(set(groups))


def test_debits_hash__order_and_content__matter() -> None:
    assert debits_hash([1, 2]) != debits_hash([2, 1])
    assert debits_hash([]) == b"\0" * 32
    assert debits_hash([7]) == keccak256(b"\0" * 32 + (7).to_bytes(32, "big"))
