"""The Python builder, the contracts and a third computation written here agree on every tree and every debit."""

import boa
from escrow_kit.pair import Pair, Settlement, claim_arguments, range_arguments, role
from eth_utils import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.settlement.tree import build_tree, debits_hash, decode_debits, encode_debits, encode_entry

AMOUNT = st.integers(min_value=0, max_value=2**40)
SIZES = st.one_of(st.integers(1, 40), st.sampled_from([1, 4, 5, 16, 17, 32, 33, 64, 65]))
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def root_by_recursion(words: list[int]) -> bytes:
    """The root from its definition, with nothing of the builder's."""
    padded = words + [0] * (-len(words) % 4)
    leaves = [
        keccak(b"".join(entry.to_bytes(32, "big") for entry in padded[i : i + 4])) for i in range(0, len(padded), 4)
    ]
    width = 1
    while width < len(leaves):
        width *= 2
    leaves += [bytes(32)] * (width - len(leaves))

    def fold(low: int, high: int) -> bytes:
        if high - low == 1:
            return leaves[low]
        middle = (low + high) // 2
        return keccak(fold(low, middle) + fold(middle, high))

    return fold(0, width)


@QUICK
@given(size=SIZES, seed=st.integers(0, 2**32), data=st.data())
def test_tree__any_size__property_contract_accepts_what_the_builder_proves(
    pair: Pair, size: int, seed: int, data: st.DataObject
) -> None:
    """L17, L19"""
    words = [encode_entry(role(200 + index), (seed * (index + 1)) % 1_000 + 1) for index in range(size)]
    tree = build_tree(words)
    assert tree.root == root_by_recursion(words)
    index = data.draw(st.integers(0, size - 1), label="index")
    start = data.draw(st.integers(0, tree.groups - 1), label="start")
    groups = data.draw(st.integers(1, tree.groups - start), label="groups")
    total = sum(word & (2**64 - 1) for word in words)
    with boa.env.anchor():
        pair.open(2 * total)
        pair.settle(Settlement(tree, tuple(encode_debits({0: 2 * total})), 2 * total, size))
        _, entries, _ = claim_arguments(tree, index)
        assert pair.payout.leaf(entries) == tree.levels[0][index >> 2]
        due = words[index] & (2**64 - 1)
        assert pair.payout.claimable(*claim_arguments(tree, index)) == due
        assert pair.payout.claim(*claim_arguments(tree, index)) == due
        paid_already = due if start <= index >> 2 < start + groups else 0
        in_range = sum(word & (2**64 - 1) for word in tree.entries[4 * start : 4 * (start + groups)])
        assert pair.payout.pay_range(*range_arguments(tree, start, groups)) == in_range - paid_already
        assert pair.payout.pay_range(*range_arguments(tree, 0, tree.groups)) == total - in_range - due + paid_already


@QUICK
@given(size=st.integers(2, 40), data=st.data())
def test_tree__one_bit_changed__property_contract_refuses(pair: Pair, size: int, data: st.DataObject) -> None:
    """L17"""
    tree = build_tree([encode_entry(role(200 + index), 5) for index in range(size)])
    index = data.draw(st.integers(0, size - 1), label="index")
    flipped = data.draw(st.integers(0, 255), label="bit")
    place = data.draw(st.integers(0, 3), label="entry")
    number, entries, proof = claim_arguments(tree, index)
    bad_entries = [entry ^ (1 << flipped if lane == place else 0) for lane, entry in enumerate(entries)]
    start, depth, range_entries, range_proof = range_arguments(tree, index >> 2, 1)
    bad_range = [entry ^ (1 << flipped if lane == place else 0) for lane, entry in enumerate(range_entries)]
    with boa.env.anchor():
        pair.open(size * 10)
        pair.settle(Settlement(tree, (size * 10,), size * 10, size))
        with boa.reverts("proof"):
            pair.payout.claim(number, bad_entries, proof)
        with boa.reverts("proof"):
            pair.payout.pay_range(start, depth, bad_range, range_proof)
        assert pair.payout.claimable(number, bad_entries, proof) == 0


@QUICK
@given(st.dictionaries(st.integers(0, 2**34 - 1), st.integers(1, 2**56 - 1), max_size=40))
def test_debit_words__any__property_builder_and_contract_agree(pair: Pair, debits: dict[int, int]) -> None:
    """L19"""
    words = encode_debits(debits)
    assert decode_debits(words) == debits
    digest = bytes(32)
    for word in words:
        lanes = [word >> 56 * lane & (2**56 - 1) for lane in range(4)]
        assert pair.escrow.encode_debit(word >> 224, lanes) == word
        digest = keccak(digest + word.to_bytes(32, "big"))
    assert debits_hash(words) == digest


@QUICK
@given(st.lists(st.tuples(AMOUNT, AMOUNT), min_size=1, max_size=9), st.data())
def test_debits__within_budgets__property_lanes_lose_exactly_that(
    pair: Pair, budgets: list[tuple[int, int]], data: st.DataObject
) -> None:
    """L3, L4, L19"""
    deposits = [budget + 1 for budget, _ in budgets]
    debits = {
        campaign: data.draw(st.integers(0, deposit), label=f"debit {campaign}")
        for campaign, deposit in enumerate(deposits)
    }
    total = sum(debits.values())
    with boa.env.anchor():
        for deposit in deposits:
            pair.open(deposit)
        tree = build_tree([encode_entry(pair.publisher, 1)])
        pair.settle(Settlement(tree, tuple(encode_debits(debits)), total, 1))
        left = [pair.escrow.remaining(campaign) for campaign in range(len(deposits))]
        assert left == [deposit - debits[campaign] for campaign, deposit in enumerate(deposits)]
        assert pair.balance(pair.escrow) == sum(left) + pair.escrow.fees()
        assert pair.balance(pair.payout) == total - total * 250 // 10_000
