"""Claims, batches, pauses: publishers get what the active root says, once, and nobody else can have it."""

import boa
import pytest
from escrow_kit.pair import (
    NO_ROOT,
    USDC,
    Pair,
    Settlement,
    claim_arguments,
    range_arguments,
    role,
    settlement,
    source,
    word,
)
from escrow_kit.signing import CLAIM_FIELDS, account, compact, sign

from backend.settlement.tree import ZERO_LEAF, build_tree, encode_entry

ZERO = "0x" + "00" * 20
FAR = 2**40
PUBLISHERS = 9
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def publisher(index: int) -> str:
    """The wallet of publisher `index`; its key is `account(100 + index)`."""
    return role(100 + index)


def earnings(each: int, **changes: tuple[str, int]) -> list[tuple[str, int]]:
    """Everybody has earned `each` micro-USDC; `changes` maps "i3" to another entry of index 3."""
    entries = [(publisher(index), each) for index in range(PUBLISHERS)]
    for name, entry in changes.items():
        entries[int(name[1:])] = entry
    return entries


def epoch_for(pair: Pair, entries: list[tuple[str, int]], debit: int) -> Settlement:
    """A final epoch with these cumulative entries, paid for by campaign 0."""
    what = settlement(entries, {0: debit})
    pair.settle(what)
    return what


@pytest.fixture
def first(pair: Pair) -> Settlement:
    """A final epoch in which nine publishers earned 2 USDC each."""
    pair.open(1_000 * USDC)
    return epoch_for(pair, earnings(2 * USDC), 20 * USDC)


def events(pair: Pair, name: str) -> list[object]:
    return [event for event in pair.payout.get_logs() if type(event).__name__ == name]


# --- set_root -------------------------------------------------------------------------------------------------------


def test_set_root__not_the_escrow__reverts(pair: Pair) -> None:
    """L11"""
    for sender in (pair.owner, pair.operator, pair.guardian, pair.stranger):
        with boa.reverts("auth"):
            pair.payout.set_root(1, bytes([1]) * 32, sender=sender)


def test_set_root__zero__reverts(pair: Pair) -> None:
    """L17"""
    with boa.reverts("zero"):
        pair.payout.set_root(1, NO_ROOT, sender=pair.escrow.address)


def test_set_root__epoch_final__is_logged(pair: Pair, first: Settlement) -> None:
    (event,) = [event for event in pair.escrow.get_logs() if type(event).__name__ == "RootSet"]
    assert (event.epoch, event.root) == (1, first.root)


# --- claim ----------------------------------------------------------------------------------------------------------


def test_claim__by_a_stranger__pays_the_recipient(pair: Pair, first: Settlement) -> None:
    """L2, L21"""
    assert pair.claim(first, 3) == 2 * USDC
    (event,) = events(pair, "Paid")
    assert (event.index, event.recipient, event.amount) == (3, publisher(3), 2 * USDC)
    assert pair.balance(publisher(3)) == 2 * USDC
    assert pair.payout.paid(3) == 2 * USDC
    assert [pair.payout.paid(index) for index in (0, 1, 2, 4)] == [0, 0, 0, 0]
    assert pair.balance(pair.stranger) == 0


def test_claim__twice__reverts(pair: Pair, first: Settlement) -> None:
    """L5"""
    pair.claim(first, 3)
    with boa.reverts("paid"):
        pair.claim(first, 3)


def test_claim__next_epoch__pays_the_difference(pair: Pair, first: Settlement) -> None:
    """L5"""
    pair.claim(first, 3)
    second = epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    assert pair.claim(second, 3) == 3 * USDC
    assert pair.claim(second, 4) == 5 * USDC


def test_claim__proof_of_the_last_epoch__reverts(pair: Pair, first: Settlement) -> None:
    """L18"""
    epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    with boa.reverts("proof"):
        pair.claim(first, 3)


def test_claim__wallet_changed_in_the_next_root__pays_the_new_one(pair: Pair, first: Settlement) -> None:
    pair.claim(first, 3)
    second = epoch_for(pair, earnings(5 * USDC, i3=(pair.stranger, 5 * USDC)), 30 * USDC)
    pair.claim(second, 3)
    assert pair.balance(pair.stranger) == 3 * USDC


def test_claim__cumulative_fell__reverts_and_takes_nothing_back(pair: Pair, first: Settlement) -> None:
    """L5"""
    pair.claim(first, 3)
    second = epoch_for(pair, earnings(3 * USDC, i3=(publisher(3), USDC)), 30 * USDC)
    with boa.reverts("paid"):
        pair.claim(second, 3)
    assert pair.payout.paid(3) == 2 * USDC


def test_claim__no_root_yet__reverts(pair: Pair) -> None:
    """L17: the zero root before the first epoch proves nothing, not even with an empty proof."""
    tree = build_tree([encode_entry(pair.stranger, USDC)])
    with boa.reverts("proof"):
        pair.payout.claim(*claim_arguments(tree, 0))


@pytest.mark.parametrize("index", [0, 1, 2, 4, 7, 8, 11])
def test_claim__group_of_another_place__reverts(pair: Pair, first: Settlement, index: int) -> None:
    """L17: index 3's group and proof are good for indices 0 to 3 only, and each of those pays its own recipient."""
    _, entries, proof = claim_arguments(first.tree, 3)
    if index < 4:
        pair.payout.claim(index, entries, proof)
        assert pair.balance(publisher(index)) == 2 * USDC
    else:
        with boa.reverts("proof"):
            pair.payout.claim(index, entries, proof)


def test_claim__index_beyond_the_tree__reverts(pair: Pair, first: Settlement) -> None:
    """L17: index + 4 * 2**depth would be a second address of the same leaf."""
    index, entries, proof = claim_arguments(first.tree, 3)
    for factor in (1, 2, 2**200):
        with boa.reverts("proof"):
            pair.payout.claim(index + factor * 4 * 2**first.tree.depth, entries, proof)


def test_claim__proof_too_short_or_too_long__reverts(pair: Pair, first: Settlement) -> None:
    """L17"""
    index, entries, proof = claim_arguments(first.tree, 3)
    for wrong in (proof[:-1], [*proof, ZERO_LEAF], [*proof, first.root], []):
        with boa.reverts("proof"):
            pair.payout.claim(index, entries, wrong)


def test_claim__node_as_a_leaf__reverts(pair: Pair, first: Settlement) -> None:
    """L17: a node is made of 64 bytes, a leaf of 128."""
    left, right = (int.from_bytes(node, "big") for node in first.tree.levels[0][:2])
    with boa.reverts("proof"):
        pair.payout.claim(0, (left, right, 0, 0), first.tree.claim_proof(0)[1:])


def test_claim__padding__reverts(pair: Pair, first: Settlement) -> None:
    """L17: entries 9 to 11 are zero words, and group 3 is a zero leaf."""
    with boa.reverts("to"):
        pair.claim(first, 9)
    with boa.reverts("proof"):
        pair.payout.claim(12, (0, 0, 0, 0), first.tree.claim_proof(8))


@pytest.mark.parametrize("who", ["nobody", "payout", "escrow"])
def test_claim__recipient_is_nobody_or_a_contract_of_ours__is_not_paid(pair: Pair, who: str) -> None:
    """L5, L7: what is sent there would be lost, so it stays due; a range skips it."""
    pair.open(1_000 * USDC)
    recipient = {"nobody": ZERO, "payout": str(pair.payout.address), "escrow": str(pair.escrow.address)}[who]
    what = epoch_for(pair, earnings(USDC, i1=(recipient, 2 * USDC)), 20 * USDC)
    with boa.reverts("to"):
        pair.claim(what, 1)
    held = pair.balance(pair.payout)
    paid = pair.pay_range(what)
    failed = [event for event in pair.payout.get_logs() if type(event).__name__ == "PayoutFailed"]
    assert [(event.index, event.recipient, event.amount) for event in failed] == [(1, recipient, 2 * USDC)]
    assert pair.payout.paid(1) == 0
    assert pair.balance(pair.payout) == held - paid


def test_claim__reserved_bits_set__reverts(pair: Pair) -> None:
    """L17"""
    pair.open(1_000 * USDC)
    words = [encode_entry(publisher(index), USDC) for index in range(4)]
    words[1] |= 1 << 64
    tree = build_tree(words)
    pair.settle(Settlement(tree, (20 * USDC,), 20 * USDC, 4))
    with boa.reverts("reserved"):
        pair.payout.claim(*claim_arguments(tree, 1))
    assert pair.payout.claimable(*claim_arguments(tree, 1)) == 0
    pair.payout.claim(*claim_arguments(tree, 2))


def test_claim__root_promises_more_than_was_moved_in__reverts(pair: Pair) -> None:
    """L2: a bad root can never reach the budgets."""
    pair.open(1_000 * USDC)
    what = epoch_for(pair, earnings(0, i1=(pair.stranger, 900 * USDC)), 20 * USDC)
    with boa.reverts("balance"):
        pair.claim(what, 1)
    assert pair.balance(pair.escrow) == 980 * USDC + pair.escrow.fees()


# --- claim_to -------------------------------------------------------------------------------------------------------


def test_claim_to__by_the_recipient__pays_another_account(pair: Pair, first: Settlement) -> None:
    """L21"""
    pair.payout.claim_to(*claim_arguments(first.tree, 3), pair.stranger, sender=publisher(3))
    (event,) = events(pair, "Paid")
    assert (event.index, event.recipient, event.amount) == (3, pair.stranger, 2 * USDC)
    assert pair.balance(pair.stranger) == 2 * USDC
    assert pair.payout.paid(3) == 2 * USDC


@pytest.mark.parametrize("sender", [100, 7, 2])
def test_claim_to__by_anybody_else__reverts(pair: Pair, first: Settlement, sender: int) -> None:
    """L21"""
    with boa.reverts("auth"):
        pair.payout.claim_to(*claim_arguments(first.tree, 3), role(sender), sender=role(sender))


def test_claim_to__nowhere_or_twice_or_bad_proof__reverts(pair: Pair, first: Settlement) -> None:
    arguments = claim_arguments(first.tree, 3)
    for to in (ZERO, pair.payout.address, pair.escrow.address):
        with boa.reverts("to"):
            pair.payout.claim_to(*arguments, to, sender=publisher(3))
    with boa.reverts("proof"):
        pair.payout.claim_to(3, arguments[1], [], pair.stranger, sender=publisher(3))
    pair.payout.claim_to(*arguments, pair.stranger, sender=publisher(3))
    with boa.reverts("paid"):
        pair.payout.claim_to(*arguments, pair.stranger, sender=publisher(3))


# --- claim_to_with_sig ----------------------------------------------------------------------------------------------


def claim_signature(
    pair: Pair, index: int, to: str, signer: int, nonce: int = 0, deadline: int = FAR
) -> tuple[int, bytes, bytes]:
    message = {"index": index, "to": to, "nonce": nonce, "deadline": deadline}
    return sign(account(signer), pair.payout_domain, "ClaimTo", CLAIM_FIELDS, message)


def long_form(v: int, r: bytes, s: bytes) -> bytes:
    return r + s + bytes([v])


def claim_with(pair: Pair, what: Settlement, index: int, to: str, signature: bytes, deadline: int = FAR) -> None:
    arguments = (*claim_arguments(what.tree, index), to, deadline, signature)
    pair.payout.claim_to_with_sig(*arguments, sender=role(8))


@pytest.mark.parametrize("form", ["65 bytes", "64 bytes"])
def test_claim_to_with_sig__signed_by_the_recipient__pays_whom_it_names(
    pair: Pair, first: Settlement, form: str
) -> None:
    """L21"""
    parts = claim_signature(pair, 3, pair.stranger, 103)
    claim_with(pair, first, 3, pair.stranger, long_form(*parts) if form == "65 bytes" else b"".join(compact(*parts)))
    assert pair.balance(pair.stranger) == 2 * USDC
    assert pair.payout.nonces(3) == 1


def test_claim_to_with_sig__again_in_the_next_epoch__reverts(pair: Pair, first: Settlement) -> None:
    """L12, L21"""
    signature = long_form(*claim_signature(pair, 3, pair.stranger, 103))
    claim_with(pair, first, 3, pair.stranger, signature)
    second = epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    with boa.reverts("signer"):
        claim_with(pair, second, 3, pair.stranger, signature)
    claim_with(pair, second, 3, pair.stranger, long_form(*claim_signature(pair, 3, pair.stranger, 103, nonce=1)))


def test_claim_to_with_sig__expired__reverts(pair: Pair, first: Settlement) -> None:
    deadline = boa.env.timestamp
    signature = long_form(*claim_signature(pair, 3, pair.stranger, 103, deadline=deadline))
    boa.env.time_travel(seconds=1)
    with boa.reverts("expired"):
        claim_with(pair, first, 3, pair.stranger, signature, deadline)


def test_claim_to_with_sig__anything_else_than_signed__reverts(pair: Pair, first: Settlement) -> None:
    """L12, L21"""
    signature = long_form(*claim_signature(pair, 3, pair.stranger, 103))
    with boa.reverts("signer"):
        claim_with(pair, first, 3, pair.operator, signature)
    with boa.reverts("signer"):
        claim_with(pair, first, 2, pair.stranger, signature)
    with boa.reverts("signer"):
        claim_with(pair, first, 3, pair.stranger, signature, FAR + 1)
    with boa.reverts("signer"):
        claim_with(pair, first, 3, pair.stranger, long_form(*claim_signature(pair, 3, pair.stranger, 104)))


def test_claim_to_with_sig__malformed__reverts(pair: Pair, first: Settlement) -> None:
    """L12"""
    v, r, s = claim_signature(pair, 3, pair.stranger, 103)
    high_s = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    wrong = (b"", b"\0" * 65, long_form(v, r, s)[:64] + b"\0", long_form(v ^ 7, r, high_s), long_form(v, r, s) + b"\0")
    for signature in wrong:
        with boa.reverts("signer"):
            claim_with(pair, first, 3, pair.stranger, signature)


def test_claim_to_with_sig__zero_recipient__reverts(pair: Pair) -> None:
    """L11: a signature that recovers nobody does not speak for the zero address."""
    pair.open(1_000 * USDC)
    what = epoch_for(pair, earnings(USDC, i1=(ZERO, USDC)), 20 * USDC)
    with boa.reverts("signer"):
        claim_with(pair, what, 1, pair.stranger, b"\0" * 64)


def test_claim_to_with_sig__contract_wallet__answers_for_itself(pair: Pair) -> None:
    """L21"""
    pair.open(1_000 * USDC)
    wallet = source("testing/ContractWallet.vy").deploy(role(9))
    what = epoch_for(pair, earnings(USDC, i1=(str(wallet.address), USDC)), 20 * USDC)
    with boa.reverts("signer"):
        claim_with(pair, what, 1, pair.stranger, long_form(*claim_signature(pair, 1, pair.stranger, 101)))
    with boa.reverts("signer"):
        claim_with(pair, what, 1, pair.stranger, b"too short")
    claim_with(pair, what, 1, pair.stranger, long_form(*claim_signature(pair, 1, pair.stranger, 9)))
    assert pair.balance(pair.stranger) == USDC


def test_claim_to_with_sig__recipient_without_that_interface__reverts(pair: Pair) -> None:
    pair.open(1_000 * USDC)
    what = epoch_for(pair, earnings(USDC, i1=(str(pair.token.address), USDC)), 20 * USDC)
    with boa.reverts("signer"):
        claim_with(pair, what, 1, pair.stranger, long_form(*claim_signature(pair, 1, pair.stranger, 101)))


def test_claim_to_with_sig__paused_or_bad_proof__reverts(pair: Pair, first: Settlement) -> None:
    """L13"""
    signature = long_form(*claim_signature(pair, 3, pair.stranger, 103))
    with boa.reverts("proof"):
        pair.payout.claim_to_with_sig(3, first.tree.group(3), [], pair.stranger, FAR, signature)
    pair.payout.pause(60, sender=pair.guardian)
    with boa.reverts("paused"):
        claim_with(pair, first, 3, pair.stranger, signature)


# --- pay_range ------------------------------------------------------------------------------------------------------


def test_pay_range__everybody__pays_each_once(pair: Pair, first: Settlement) -> None:
    """L2, L5"""
    assert pair.pay_range(first) == 18 * USDC
    (batch,) = events(pair, "Batch")
    assert (batch.start_group, batch.groups, batch.total) == (0, 3, 18 * USDC)
    assert events(pair, "Paid") == []
    assert all(pair.balance(publisher(index)) == 2 * USDC for index in range(PUBLISHERS))
    assert pair.pay_range(first) == 0


@pytest.mark.parametrize(("start", "groups"), [(0, 1), (1, 1), (2, 1), (0, 2), (1, 2)])
def test_pay_range__a_part__pays_that_part(pair: Pair, first: Settlement, start: int, groups: int) -> None:
    count = len(range(4 * start, min(4 * (start + groups), PUBLISHERS)))
    assert pair.pay_range(first, start, groups) == count * 2 * USDC
    paid = [index for index in range(PUBLISHERS) if pair.payout.paid(index)]
    assert paid == list(range(4 * start, 4 * start + count))


def test_pay_range__mixed_with_claims__ends_the_same(pair: Pair, first: Settlement) -> None:
    """L6"""
    pair.claim(first, 1)
    pair.payout.claim_to(*claim_arguments(first.tree, 2), pair.stranger, sender=publisher(2))
    assert pair.pay_range(first) == 14 * USDC
    assert [pair.payout.paid(index) for index in range(PUBLISHERS)] == [2 * USDC] * PUBLISHERS


def test_pay_range__a_payee_is_blacklisted__is_skipped_and_paid_later(pair: Pair, first: Settlement) -> None:
    """L7"""
    pair.token.blacklist(publisher(5), sender=pair.token.blacklister())
    assert pair.pay_range(first) == 16 * USDC
    (failed,) = events(pair, "PayoutFailed")
    assert (failed.index, failed.recipient, failed.amount) == (5, publisher(5), 2 * USDC)
    assert pair.payout.paid(5) == 0
    second = epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    pair.token.unBlacklist(publisher(5), sender=pair.token.blacklister())
    assert pair.pay_range(second) == 29 * USDC
    assert pair.balance(publisher(5)) == 5 * USDC


def test_pay_range__reserved_bits_or_no_recipient__are_skipped(pair: Pair) -> None:
    """L7, L17"""
    pair.open(1_000 * USDC)
    words = [encode_entry(publisher(0), USDC), encode_entry(ZERO, USDC), encode_entry(publisher(2), USDC) | 1 << 95]
    tree = build_tree([*words, encode_entry(publisher(3), USDC)])
    what = Settlement(tree, (20 * USDC,), 20 * USDC, 4)
    pair.settle(what)
    assert pair.pay_range(what) == 2 * USDC
    assert [event.index for event in events(pair, "PayoutFailed")] == [1, 2]


def test_pay_range__more_promised_than_there_is__pays_while_it_lasts(pair: Pair) -> None:
    """L2, L7"""
    pair.open(1_000 * USDC)
    what = epoch_for(pair, earnings(5 * USDC), 20 * USDC)
    assert pair.pay_range(what) == 15 * USDC
    assert len(events(pair, "PayoutFailed")) == 6
    assert pair.balance(pair.payout) == 4_500_000


def test_pay_range__wrong_words_or_proof__reverts(pair: Pair, first: Settlement) -> None:
    """L17"""
    start, depth, entries, proof = range_arguments(first.tree, 1, 1)
    stolen = [encode_entry(pair.stranger, 9 * USDC), *entries[1:]]
    wrong = [
        (start, depth, stolen, proof),
        (start, depth, entries, proof[:-1]),
        (start, depth, entries, [*proof, ZERO_LEAF]),
        (start, depth, entries, proof[::-1]),
        (0, depth, entries, proof),
        (3, depth, entries, proof),
        (start + 2**depth, depth, entries, proof),
        (start, depth - 1, entries, proof),
        (start, depth + 1, entries, proof),
        (start, 33, entries, proof),
        (start, depth, entries, []),
    ]
    for arguments in wrong:
        with boa.reverts("proof"):
            pair.payout.pay_range(*arguments)


def test_pay_range__left_neighbour_missing__reverts(pair: Pair, first: Settlement) -> None:
    """L17"""
    _, depth, entries, _ = range_arguments(first.tree, 1, 1)
    with boa.reverts("proof"):
        pair.payout.pay_range(1, depth, entries, [])
    with boa.reverts("proof"):
        pair.payout.pay_range(0, depth, entries, [])


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_pay_range__not_whole_groups__reverts(pair: Pair, first: Settlement, count: int) -> None:
    with boa.reverts("entries"):
        pair.payout.pay_range(0, first.tree.depth, list(first.tree.entries[:count]), [])


def test_pay_range__zero_leaf_at_the_end__cannot_be_paid(pair: Pair, first: Settlement) -> None:
    """L17: nobody knows four words whose hash is 32 zero bytes."""
    with boa.reverts("proof"):
        pair.payout.pay_range(3, first.tree.depth, [0, 0, 0, 0], first.tree.range_proof(2, 1))


def test_pay_range__gas_for_half_of_it__loses_nothing(pair: Pair, first: Settlement) -> None:
    """L7"""
    for gas in (60_000, 120_000, 200_000, 300_000):
        try:
            pair.pay_range(first, gas=gas)
        except boa.BoaError:
            continue
    pair.pay_range(first)
    assert all(pair.balance(publisher(index)) == 2 * USDC for index in range(PUBLISHERS))
    assert pair.balance(pair.payout) == 1_500_000


def test_pay_range__one_hundred_groups__fits_a_transaction(pair: Pair) -> None:
    """L22: 400 first payments stay below the 2**24 gas that one transaction may use."""
    pair.open(1_000 * USDC)
    what = epoch_for(pair, [(role(1_000 + index), USDC) for index in range(400)], 500 * USDC)
    assert pair.pay_range(what) == 400 * USDC
    assert pair.payout._computation.get_gas_used() < 2**24


# --- pauses ---------------------------------------------------------------------------------------------------------


def test_pause__running__stops_payments_and_keeps_the_root(pair: Pair, first: Settlement) -> None:
    """L13"""
    pair.payout.pause(60, sender=pair.guardian)
    assert pair.payout.active_root() == NO_ROOT
    assert pair.payout.root() == pair.escrow.last_root() == first.root
    assert pair.payout.claimable(*claim_arguments(first.tree, 3)) == 0
    for call in (lambda: pair.claim(first, 3), lambda: pair.pay_range(first)):
        with boa.reverts("paused"):
            call()
    with boa.reverts("paused"):
        pair.payout.claim_to(*claim_arguments(first.tree, 3), pair.stranger, sender=publisher(3))


def test_pause__over__payments_resume_by_themselves(pair: Pair, first: Settlement) -> None:
    """L13"""
    pair.payout.pause(60, sender=pair.guardian)
    boa.env.time_travel(seconds=60)
    assert pair.payout.active_root() == first.root
    assert pair.payout.claimable(*claim_arguments(first.tree, 3)) == 2 * USDC
    with boa.reverts("proof"):
        pair.payout.claim(3, first.tree.group(3), [])
    pair.claim(first, 3)
    assert pair.pay_range(first) == 16 * USDC


def test_unpause__early__restores_the_root(pair: Pair, first: Settlement) -> None:
    pair.payout.pause(60, sender=pair.guardian)
    pair.payout.unpause(sender=pair.guardian)
    assert pair.payout.active_root() == first.root
    pair.claim(first, 3)


def test_pause__epoch_final_meanwhile__its_root_waits(pair: Pair, first: Settlement) -> None:
    """L13"""
    second = settlement(earnings(5 * USDC), {0: 30 * USDC})
    pair.propose(second)
    pair.pass_window()
    pair.payout.pause(60, sender=pair.guardian)
    pair.finalize()
    assert pair.payout.root() == second.root
    assert pair.payout.active_root() == NO_ROOT
    with boa.reverts("paused"):
        pair.claim(second, 3)
    boa.env.time_travel(seconds=60)
    assert pair.claim(second, 3) == 5 * USDC


def test_pause__before_the_first_root__the_first_root_waits(pair: Pair) -> None:
    pair.open(1_000 * USDC)
    what = settlement(earnings(2 * USDC), {0: 20 * USDC})
    pair.propose(what)
    pair.pass_window()
    pair.payout.pause(60, sender=pair.guardian)
    pair.finalize()
    with boa.reverts("paused"):
        pair.claim(what, 3)
    pair.payout.unpause(sender=pair.guardian)
    pair.claim(what, 3)


def test_pause__twice_without_a_claim_between__root_is_not_lost(pair: Pair, first: Settlement) -> None:
    for _ in range(2):
        pair.payout.pause(60, sender=pair.guardian)
        boa.env.time_travel(seconds=120)
    assert pair.payout.root() == first.root
    pair.claim(first, 3)


def test_pause__over_and_a_new_root_before_any_claim__the_new_root_counts(pair: Pair, first: Settlement) -> None:
    """L18"""
    pair.payout.pause(60, sender=pair.guardian)
    boa.env.time_travel(seconds=60)
    second = epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    assert pair.payout.root() == pair.payout.active_root() == second.root
    with boa.reverts("proof"):
        pair.claim(first, 3)
    pair.claim(second, 3)


# --- views ----------------------------------------------------------------------------------------------------------


def test_claimable__says_what_claim_pays(pair: Pair, first: Settlement) -> None:
    arguments = claim_arguments(first.tree, 3)
    assert pair.payout.claimable(*arguments) == 2 * USDC
    pair.claim(first, 3)
    assert pair.payout.claimable(*arguments) == 0
    epoch_for(pair, earnings(5 * USDC), 30 * USDC)
    assert pair.payout.claimable(*claim_arguments(first.tree, 4)) == 0


def test_claimable__no_root_or_index_outside__is_refused(pair: Pair, first: Settlement) -> None:
    _, entries, proof = claim_arguments(first.tree, 3)
    with boa.reverts("proof"):
        pair.payout.claimable(3 + 4 * 2**first.tree.depth, entries, proof)


def test_encode_entry__as_the_builder_does(pair: Pair) -> None:
    """L19"""
    assert pair.payout.encode_entry(pair.publisher, 2**64 - 1) == encode_entry(pair.publisher, 2**64 - 1)
    with boa.reverts("overflow"):
        pair.payout.encode_entry(pair.publisher, 2**64)


def test_lanes__four_publishers__share_a_word(pair: Pair, first: Settlement) -> None:
    pair.pay_range(first)
    assert word(pair.payout.lanes(0)) == word(sum(2 * USDC << 64 * lane for lane in range(4)))
    assert pair.payout.lanes(2) == 2 * USDC
