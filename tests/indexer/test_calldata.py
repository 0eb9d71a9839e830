"""Facts from calldata: found wherever they are, believed only when they hash to the chain's commitment (L42)."""

from eth_abi import encode
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.settlement.tree import build_tree, debits_hash, encode_debits, encode_entry
from indexer.calldata import debits_of, find_debit_words, find_entries, fold_range, hash_chain, proof_length

junk = st.binary(max_size=200)
debits = st.dictionaries(st.integers(0, 2**34 - 1), st.integers(1, 2**56 - 1), min_size=1, max_size=20)
recipients = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
publishers = st.lists(st.tuples(recipients, st.integers(0, 2**64 - 1)), min_size=1, max_size=90)


@given(debits, junk, junk)
def test_debits__inside_any_call__are_found(amounts: dict[int, int], before: bytes, after: bytes) -> None:
    words = encode_debits(amounts)
    call = encode(["bytes32", "uint256", "uint64", "uint256[]"], [b"\1" * 32, sum(amounts.values()), 5, words])
    found = find_debit_words([b"", before + call + after], debits_hash(words), sum(amounts.values()))
    assert found == tuple(words)
    assert dict(debits_of(found)) == amounts


@given(debits, st.data())
def test_debits__one_changed__are_not_believed(amounts: dict[int, int], draw: st.DataObject) -> None:
    """L42: not even when the sum stays the same."""
    words = encode_debits(amounts)
    campaign = draw.draw(st.sampled_from(sorted(amounts)))
    other = draw.draw(st.integers(0, 2**34 - 1))
    assume(other not in amounts)
    moved = {key: value for key, value in amounts.items() if key != campaign} | {other: amounts[campaign]}
    call = encode(["uint256[]"], [encode_debits(moved)])
    assert find_debit_words([call], debits_hash(words), sum(amounts.values())) is None


def test_debits__total_zero__none_and_no_calldata_needed() -> None:
    assert find_debit_words([], bytes(32), 0) == ()


@given(debits)
def test_hash_chain__equals_the_settlements(amounts: dict[int, int]) -> None:
    """L19."""
    words = encode_debits(amounts)
    assert hash_chain(words) == debits_hash(words)


@given(publishers, st.data(), junk)
def test_entries__any_range_of_any_tree__is_found(
    earned: list[tuple[str, int]], draw: st.DataObject, before: bytes
) -> None:
    """L19: the indexer's fold and the builder of the tree agree."""
    tree = build_tree([encode_entry(*entry) for entry in earned])
    start = draw.draw(st.integers(0, tree.groups - 1))
    groups = draw.draw(st.integers(1, tree.groups - start))
    words, proof = list(tree.entries[4 * start : 4 * (start + groups)]), tree.range_proof(start, groups)
    call = before + encode(["uint256", "uint256", "uint256[]", "bytes32[]"], [start, tree.depth, words, proof])
    assert len(proof) == proof_length(start, groups, tree.depth)
    leaves = list(tree.levels[0][start : start + groups])
    assert fold_range(leaves, start, tree.depth, proof) == tree.root
    found = find_entries([call], tree.root, start, groups)
    assert found is not None
    padded = [*earned, *[("0x" + "00" * 20, 0)] * 3]
    for entry in found:
        assert (entry.recipient, entry.cumulative) == padded[entry.publisher_index]


@given(publishers, st.integers(0, 255), st.data())
def test_entries__one_bit_changed__are_not_believed(
    earned: list[tuple[str, int]], bit: int, draw: st.DataObject
) -> None:
    """L42."""
    tree = build_tree([encode_entry(*entry) for entry in earned])
    words = list(tree.entries)
    words[draw.draw(st.integers(0, len(words) - 1))] ^= 1 << bit
    call = encode(
        ["uint256", "uint256", "uint256[]", "bytes32[]"], [0, tree.depth, words, tree.range_proof(0, tree.groups)]
    )
    assert find_entries([call], tree.root, 0, tree.groups) is None
