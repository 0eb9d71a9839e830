"""The Python builder, the contracts and a third computation from the specification agree on every tree and debit."""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import boa
import pytest
from escrow_kit import recompute
from escrow_kit.pair import Pair, Settlement, claim_arguments, deploy_pair, range_arguments, role
from escrow_kit.recompute import SparseTree, proves_claim, proves_range
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.money import split
from backend.settlement.tree import Tree, build_tree, debits_hash, decode_debits, encode_debits, encode_entry

M64 = 2**64 - 1
REFUSED = "proof"
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
QUICK = settings(
    max_examples=settings.default.max_examples if LONG else 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FEW = settings(QUICK, max_examples=settings.default.max_examples if LONG else 8)
# Groups, and so leaves: one, and 2**k - 1, 2**k and 2**k + 1 of them.
GROUPS = sorted({1} | {2**k + aside for k in range(1, 8) for aside in (-1, 0, 1)})
RECIPIENT = st.binary(min_size=20, max_size=20).filter(any)
EARNED = st.integers(1, 2**40)
INDEX = st.integers(0, 300)
Earnings = Mapping[int, tuple[bytes, int]]
Claim = tuple[int, Sequence[int], Sequence[bytes]]
Range = tuple[int, int, Sequence[int], Sequence[bytes]]


def trees_of(earned: Earnings, publishers: int) -> tuple[Tree, SparseTree]:
    """The same epoch by the builder and by the specification; they must agree before anything else is asked."""
    words = [0] * publishers
    for index, (recipient, cumulative) in earned.items():
        words[index] = encode_entry("0x" + recipient.hex(), cumulative)
    tree = build_tree(words)
    sparse = SparseTree({index: recompute.entry(*what) for index, what in earned.items()}, publishers)
    assert (tree.root, tree.depth, tree.groups) == (sparse.root, sparse.depth, sparse.groups)
    return tree, sparse


def settle(pair: Pair, tree: Tree, budget: int) -> None:
    """Makes the tree's root final and hands at least half of `budget` to the payout contract."""
    words = tuple(encode_debits({pair.open(budget): budget}))
    pair.settle(Settlement(tree, words, budget, len(tree.entries)))


def as_words(entries: Sequence[int]) -> list[bytes]:
    return [entry.to_bytes(32, "big") for entry in entries]


def as_groups(entries: Sequence[int]) -> list[list[bytes]]:
    words = as_words(entries)
    return [words[at : at + 4] for at in range(0, len(words), 4)]


def refusal(pair: Pair, function: str, *arguments: object) -> str:
    """The reason with which the payout contract refuses; nothing when it does not."""
    data = getattr(pair.payout, function).prepare_calldata(*arguments)
    with boa.env.anchor():
        answer = boa.env.execute_code(to_address=pair.payout.address, sender=pair.stranger, data=data)
    if not answer.is_error:
        return ""
    length = int.from_bytes(answer.output[36:68], "big")
    return bytes(answer.output[68 : 68 + length]).decode()


def check_claim(pair: Pair, tree: Tree, sparse: SparseTree, index: int, due: int) -> None:
    """All three hold the same proof of `index` for good."""
    number, entries, proof = claim_arguments(tree, index)
    assert as_words(entries) == sparse.group(index >> 2)
    assert proof == sparse.claim_proof(index)
    assert proves_claim(sparse.root, number, as_words(entries), proof)
    assert pair.payout.leaf(entries) == tree.levels[0][index >> 2] == sparse.node(0, index >> 2)
    assert pair.payout.claimable(number, entries, proof) == due


def pay_range(pair: Pair, tree: Tree, sparse: SparseTree, start: int, groups: int) -> int:
    """Pays a range of which all three hold the same proof; what the contract says it paid."""
    number, depth, entries, proof = range_arguments(tree, start, groups)
    assert proof == sparse.range_proof(start, groups)
    assert proves_range(sparse.root, number, depth, as_groups(entries), proof)
    paid: int = pair.payout.pay_range(number, depth, entries, proof, sender=pair.stranger)
    return paid


# --- trees of every shape -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", GROUPS)
def test_tree__at_and_beside_powers_of_two__all_agree_at_every_edge(pair: Pair, groups: int) -> None:
    """L17, L19"""
    publishers = 4 * groups - groups % 3
    earned = {index: (bytes.fromhex(role(200 + index)[2:]), index + 1) for index in range(publishers)}
    tree, sparse = trees_of(earned, publishers)
    settle(pair, tree, publishers * (publishers + 1))
    middle = 1 << (groups - 1).bit_length() >> 1
    edges = {0, 1, middle - 1, middle, groups - 2, groups - 1} & set(range(groups))
    for index in sorted({4 * group + group % 4 for group in edges} & earned.keys() | {publishers - 1}):
        check_claim(pair, tree, sparse, index, index + 1)
    paid = sum(pay_range(pair, tree, sparse, start, min(100, groups - start)) for start in range(0, groups, 100))
    assert paid == publishers * (publishers + 1) // 2
    assert all(pay_range(pair, tree, sparse, group, 1) == 0 for group in edges)


@QUICK
@given(earned=st.dictionaries(INDEX, st.tuples(RECIPIENT, EARNED), min_size=1, max_size=12), data=st.data())
def test_tree__sparse__property_all_agree(pair: Pair, earned: Earnings, data: st.DataObject) -> None:
    """L17, L19: most indices have no entry, as after publishers that never sold."""
    publishers = max(earned) + 1 + data.draw(st.integers(0, 40), label="publishers without an entry at the end")
    tree, sparse = trees_of(earned, publishers)
    start = data.draw(st.integers(0, tree.groups - 1), label="start")
    groups = data.draw(st.integers(1, min(100, tree.groups - start)), label="groups")
    total = sum(cumulative for _, cumulative in earned.values())
    with boa.env.anchor():
        settle(pair, tree, 2 * total)
        for index, (_, cumulative) in earned.items():
            check_claim(pair, tree, sparse, index, cumulative)
        empty = data.draw(st.integers(0, publishers - 1).filter(lambda index: index not in earned), label="a gap")
        check_claim(pair, tree, sparse, empty, 0)
        first = min(earned)
        assert pair.claim(Settlement(tree, (), 0, publishers), first) == earned[first][1]
        unpaid = {index: cumulative for index, (_, cumulative) in earned.items() if index != first}
        due = sum(amount for index, amount in unpaid.items() if start <= index >> 2 < start + groups)
        assert pay_range(pair, tree, sparse, start, groups) == due
        assert pay_range(pair, tree, sparse, 0, tree.groups) == sum(unpaid.values()) - due


@pytest.fixture(scope="module")
def crowd() -> tuple[Tree, SparseTree, Earnings]:
    """100,000 publishers, every seventh without an entry."""
    earned = {
        index: (recompute.keccak(index.to_bytes(4, "big"))[:20], 1 + index * 7919 % 1_000_003)
        for index in range(100_000)
        if index % 7 != 6
    }
    tree, sparse = trees_of(earned, 100_000)
    return tree, sparse, earned


@pytest.fixture
def crowded(pair: Pair, crowd: tuple[Tree, SparseTree, Earnings]) -> Pair:
    """The pair after the epoch of the crowd."""
    settle(pair, crowd[0], 2 * sum(cumulative for _, cumulative in crowd[2].values()))
    return pair


def test_tree__100k_publishers__claims_at_edges_and_at_random(
    crowded: Pair, crowd: tuple[Tree, SparseTree, Earnings]
) -> None:
    """L17, L19"""
    tree, sparse, earned = crowd
    edges = {place for k in range(2, 17) for place in (2**k - 1, 2**k, 2**k + 1)}
    for index in sorted(edges | set(random.Random(19).sample(range(100_000), 60)) | {0, 1, 2, 3, 99_995, 99_999}):
        _, due = earned.get(index, (b"", 0))
        check_claim(crowded, tree, sparse, index, due)
        if due and index % 5 == 0:
            assert crowded.claim(Settlement(tree, (), 0, 100_000), index) == due
            assert crowded.payout.paid(index) == due


def test_tree__100k_publishers__ranges_everywhere(crowded: Pair, crowd: tuple[Tree, SparseTree, Earnings]) -> None:
    """L5, L17, L19: the longest range pays 343 publishers; the last range ends beside padding."""
    tree, sparse, earned = crowd
    starts = {(2**k - 1, 2) for k in range(1, 15)} | {(2**k, 1) for k in range(15)}
    places = [(0, 1), (12_345, 100), (24_999, 1), (24_900, 100), (16_383, 9), *sorted(starts)]
    paid: set[int] = set()
    for start, groups in places:
        owed = set(range(4 * start, 4 * (start + groups))) & earned.keys() - paid
        assert pay_range(crowded, tree, sparse, start, groups) == sum(earned[index][1] for index in owed)
        paid |= owed
    assert {crowded.payout.paid(index) for index in (99_999, 49_380)} == {earned[99_999][1], earned[49_380][1]}


# --- what is not a proof --------------------------------------------------------------------------------------------


def altered_claims(claim: Claim) -> Iterator[Claim]:
    """Every claim that differs in one bit, but for the two bits of the index that name the lane in its group."""
    index, entries, proof = claim
    yield from ((index ^ 1 << bit, entries, proof) for bit in range(2, 256))
    for lane in range(4):
        for bit in range(256):
            yield index, [entry ^ (1 << bit if k == lane else 0) for k, entry in enumerate(entries)], proof
    for at in range(len(proof)):
        for bit in range(256):
            yield index, entries, flipped(proof, at, bit)
        yield index, entries, [*proof[:at], *proof[at + 1 :]]
        yield index, entries, [*proof[:at], proof[at], *proof[at:]]


def flipped(proof: Sequence[bytes], at: int, bit: int) -> list[bytes]:
    wrong = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    return [*proof[:at], wrong, *proof[at + 1 :]]


def altered_ranges(given: Range) -> Iterator[Range]:
    """Every range that differs in one bit of its place, depth, first or last group or proof, or by one neighbour."""
    start, depth, entries, proof = given
    for bit in range(256):
        yield start ^ 1 << bit, depth, entries, proof
        yield start, depth ^ 1 << bit, entries, proof
        for at in (0, len(entries) - 1):
            yield start, depth, [*entries[:at], entries[at] ^ 1 << bit, *entries[at + 1 :]], proof
        for at in range(len(proof)):
            yield start, depth, entries, flipped(proof, at, bit)
    for at in range(len(proof)):
        yield start, depth, entries, [*proof[:at], *proof[at + 1 :]]
        yield start, depth, entries, [*proof[:at], proof[at], *proof[at:]]
    yield start, depth, entries[4:], proof
    yield start, depth, entries[:-4], proof


def is_built(tree: Tree, index: int, entries: Sequence[int], proof: Sequence[bytes]) -> bool:
    """Whether the builder would hand out exactly this for `index`."""
    inside = 0 <= index < len(tree.entries)
    return inside and tree.group(index) == tuple(entries) and tree.claim_proof(index) == list(proof)


def is_built_range(tree: Tree, start: int, depth: int, entries: Sequence[int], proof: Sequence[bytes]) -> bool:
    groups = len(entries) // 4
    inside = depth == tree.depth and groups > 0 and start + groups <= tree.groups
    mine = tree.entries[4 * start : 4 * (start + groups)]
    return inside and mine == tuple(entries) and tree.range_proof(start, groups) == list(proof)


def check_refused_claim(pair: Pair, tree: Tree, wrong: Claim) -> None:
    assert refusal(pair, "claim", *wrong) == REFUSED, wrong
    assert not proves_claim(tree.root, wrong[0], as_words(wrong[1]), wrong[2]), wrong
    assert not is_built(tree, *wrong), wrong


def check_refused_range(pair: Pair, tree: Tree, wrong: Range) -> None:
    assert refusal(pair, "pay_range", *wrong) == (REFUSED if wrong[2] else "entries"), wrong
    assert not proves_range(tree.root, wrong[0], wrong[1], as_groups(wrong[2]), wrong[3]), wrong
    assert not is_built_range(tree, *wrong), wrong


def some(everything: Iterator[Any], count: int = 100) -> list[Any]:
    """Of thousands a few by a fixed seed, all of them in long runs: the chain takes milliseconds for each."""
    found = list(everything)
    return found if LONG else random.Random(17).sample(found, min(count, len(found)))


def small_epoch(pair: Pair, publishers: int) -> Tree:
    """A final epoch of a few publishers."""
    tree = build_tree([encode_entry(role(200 + index), 5 + index) for index in range(publishers)])
    settle(pair, tree, 1_000)
    return tree


@pytest.fixture
def five_groups(pair: Pair) -> Tree:
    """20 publishers: three levels, padding on the right."""
    return small_epoch(pair, 20)


def test_claim__any_bit_altered__all_three_refuse(pair: Pair) -> None:
    """L17, L19: bits of the smallest claim that has a sibling; long runs take every single one."""
    tree = small_epoch(pair, 8)
    right = claim_arguments(tree, 5)
    assert is_built(tree, *right)
    assert not refusal(pair, "claim", *right)
    for wrong in some(altered_claims(right), 500):
        check_refused_claim(pair, tree, wrong)


@pytest.mark.parametrize("index", [9, 19])
def test_claim__deeper_and_altered__all_three_refuse(pair: Pair, five_groups: Tree, index: int) -> None:
    """L17, L19: in the middle, and beside padding."""
    right = claim_arguments(five_groups, index)
    assert not refusal(pair, "claim", *right)
    for wrong in some(altered_claims(right)):
        check_refused_claim(pair, five_groups, wrong)


def test_entries__any_bit_altered__builds_another_root(five_groups: Tree) -> None:
    """L19: what the contract refuses, the builder does not make under the same root."""
    for at in (0, 9, 19):
        for bit in range(256):
            words = [*five_groups.entries[:at], five_groups.entries[at] ^ 1 << bit, *five_groups.entries[at + 1 :]]
            assert build_tree(words).root != five_groups.root


def test_pay_range__any_bit_altered__all_three_refuse(pair: Pair) -> None:
    """L17, L19: bits of the smallest range that has a neighbour; long runs take every single one."""
    tree = small_epoch(pair, 8)
    right = range_arguments(tree, 1, 1)
    assert is_built_range(tree, *right)
    assert not refusal(pair, "pay_range", *right)
    for wrong in some(altered_ranges(right), 500):
        check_refused_range(pair, tree, wrong)


@pytest.mark.parametrize(("start", "groups"), [(1, 2), (4, 1), (0, 5)])
def test_pay_range__longer_and_altered__all_three_refuse(
    pair: Pair, five_groups: Tree, start: int, groups: int
) -> None:
    """L17, L19: between neighbours, beside padding, everything."""
    right = range_arguments(five_groups, start, groups)
    assert not refusal(pair, "pay_range", *right)
    for wrong in some(altered_ranges(right)):
        check_refused_range(pair, five_groups, wrong)


@QUICK
@given(publishers=st.integers(2, 70), data=st.data())
def test_claim__altered_in_any_tree__property_all_three_refuse(
    pair: Pair, publishers: int, data: st.DataObject
) -> None:
    """L17, L19"""
    tree = build_tree([encode_entry(role(200 + index), 5) for index in range(publishers)])
    claim = claim_arguments(tree, data.draw(st.integers(0, publishers - 1), label="index"))
    whole = range_arguments(tree, claim[0] >> 2, 1)
    wrong_claims, wrong_ranges = list(altered_claims(claim)), list(altered_ranges(whole))
    with boa.env.anchor():
        settle(pair, tree, publishers * 10)
        for at in data.draw(st.lists(st.integers(0, len(wrong_claims) - 1), min_size=5, max_size=5), label="claims"):
            check_refused_claim(pair, tree, wrong_claims[at])
            assert refusal(pair, "claimable", *wrong_claims[at]) in ("", REFUSED)
        for at in data.draw(st.lists(st.integers(0, len(wrong_ranges) - 1), min_size=5, max_size=5), label="ranges"):
            check_refused_range(pair, tree, wrong_ranges[at])


def test_claim__padding_and_gaps__pay_nobody(pair: Pair, five_groups: Tree) -> None:
    """L17: a leaf of padding is no digest of entries, and the zero words that fill a group are worth nothing."""
    for group in (5, 6, 7):
        proof = [five_groups.levels[level][group >> level ^ 1] for level in range(3)]
        assert refusal(pair, "claim", 4 * group, [0, 0, 0, 0], proof) == REFUSED
        assert not proves_claim(five_groups.root, 4 * group, [bytes(32)] * 4, proof)
    tree, sparse = trees_of({0: (bytes(19) + b"\1", 1)}, 9)
    settle(pair, tree, 10)
    for index in (1, 2, 3, 4, 8, 11):
        check_claim(pair, tree, sparse, index, 0)
        assert refusal(pair, "claim", *claim_arguments(tree, index)) == "to"


# --- entries and debit words ----------------------------------------------------------------------------------------


@QUICK
@given(recipient=st.binary(min_size=20, max_size=20), cumulative=st.integers(0, 2**65))
def test_entry__any__property_all_encode_or_refuse_it_alike(pair: Pair, recipient: bytes, cumulative: int) -> None:
    """L17, L19"""
    address = "0x" + recipient.hex()
    if cumulative > M64:
        with pytest.raises(ValueError, match="out of range"):
            encode_entry(address, cumulative)
        with pytest.raises(recompute.Refused):
            recompute.entry(recipient, cumulative)
        assert refusal(pair, "encode_entry", address, cumulative) == "overflow"
    else:
        word = encode_entry(address, cumulative)
        assert word.to_bytes(32, "big") == recompute.entry(recipient, cumulative)
        assert pair.payout.encode_entry(address, cumulative) == word


@QUICK
@given(st.lists(st.integers(0, 2**256 - 1), min_size=4, max_size=4))
def test_leaf__any_words__property_all_agree(pair: Pair, words: list[int]) -> None:
    """L19"""
    assert build_tree(words).root == recompute.keccak(*as_words(words)) == pair.payout.leaf(words)


@QUICK
@given(st.dictionaries(st.integers(0, 2**34 - 1), st.integers(0, 2**56 - 1), max_size=40))
def test_debit_words__any__property_all_agree(pair: Pair, debits: dict[int, int]) -> None:
    """L19"""
    words = encode_debits(debits)
    assert decode_debits(words) == {campaign: amount for campaign, amount in debits.items() if amount}
    assert as_words(words) == recompute.debit_words(debits)
    assert debits_hash(words) == recompute.debits_hash(as_words(words))
    for word in words:
        lanes = [word >> 56 * lane & (2**56 - 1) for lane in range(4)]
        assert pair.escrow.encode_debit(word >> 224, lanes) == word


@pytest.mark.parametrize(("campaign", "amount"), [(0, 2**56), (3, -1), (2**34 - 1, 2**200)])
def test_debit_words__amount_does_not_fit__all_refuse(pair: Pair, campaign: int, amount: int) -> None:
    """L4, L19"""
    with pytest.raises(ValueError, match="out of range"):
        encode_debits({campaign: amount})
    with pytest.raises(OverflowError):
        recompute.debit_words({campaign: amount})
    lanes = [max(amount, 2**256 + amount) % 2**256 if lane == campaign & 3 else 0 for lane in range(4)]
    data = pair.escrow.encode_debit.prepare_calldata(campaign >> 2, lanes)
    assert boa.env.execute_code(to_address=pair.escrow.address, data=data).is_error


@QUICK
@given(
    debits=st.dictionaries(st.integers(0, 11), st.integers(1, 2**40), min_size=1),
    at=st.integers(0, 11),
    bit=st.integers(0, 255),
)
def test_debit_words__one_bit_altered__property_all_refuse(
    pair: Pair, debits: dict[int, int], at: int, bit: int
) -> None:
    """L3, L4, L19: the chain of hashes changes, and the escrow does not finalise with such words."""
    words = encode_debits(debits)
    wrong = [word ^ (1 << bit if place == at % len(words) else 0) for place, word in enumerate(words)]
    assert debits_hash(wrong) == recompute.debits_hash(as_words(wrong)) != debits_hash(words)
    what = Settlement(build_tree([encode_entry(pair.publisher, 1)]), tuple(words), sum(debits.values()), 1)
    with boa.env.anchor():
        for _ in range(12):
            pair.open(2**41)
        pair.propose(what)
        pair.pass_window()
        with boa.reverts():
            pair.escrow.finalize(what.root, what.total, pair.active_at, wrong)
        pair.finalize()


# --- what an epoch moves --------------------------------------------------------------------------------------------


@QUICK
@given(st.lists(st.tuples(st.integers(0, 2**40), st.integers(0, 100)), min_size=1, max_size=9))
def test_debits__within_budgets__property_lanes_lose_exactly_that(pair: Pair, campaigns: list[tuple[int, int]]) -> None:
    """L3, L4, L19"""
    deposits = [budget + 1 for budget, _ in campaigns]
    debits = {campaign: deposits[campaign] * percent // 100 for campaign, (_, percent) in enumerate(campaigns)}
    with boa.env.anchor():
        for deposit in deposits:
            pair.open(deposit)
        tree = build_tree([encode_entry(pair.publisher, 1)])
        pair.settle(Settlement(tree, tuple(encode_debits(debits)), sum(debits.values()), 1))
        left = [pair.escrow.remaining(campaign) for campaign in range(len(deposits))]
        assert left == [deposit - debits[campaign] for campaign, deposit in enumerate(deposits)]
        assert pair.balance(pair.escrow) == sum(left) + pair.escrow.fees()


@FEW
@given(
    gross=st.dictionaries(st.integers(1, 9), st.integers(1, 2**40), min_size=1),
    fee_bps=st.sampled_from([0, 1, 250, 999, 1_999, 2_000]),
)
def test_split__any_charges__property_books_specification_and_chain_agree(gross: dict[int, int], fee_bps: int) -> None:
    """L3, L19, L35: publishers' nets and the dust are what the escrow hands over, to the last micro-USDC."""
    fee, net, dust = recompute.split(gross, fee_bps)
    parts = split(gross, fee_bps)
    assert (parts.fee_micro_usdc, parts.net_micro_usdc, parts.dust_micro_usdc) == (fee, net, dust)
    with boa.env.anchor():
        pair = deploy_pair(terms=(2, fee_bps, 2_000, 3_600, 7_200, 30_000, 20_000))
        earned = {0: (bytes.fromhex(pair.treasury[2:]), dust)}
        earned |= {index: (bytes.fromhex(role(200 + index)[2:]), amount) for index, amount in net.items()}
        tree, sparse = trees_of(earned, max(earned) + 1)
        settle(pair, tree, sum(gross.values()))
        assert (pair.escrow.fees(), pair.balance(pair.payout)) == (fee, sum(net.values()) + dust)
        assert pay_range(pair, tree, sparse, 0, tree.groups) == sum(net.values()) + dust
        assert pair.balance(pair.payout) == 0
