"""The branches that only a strange state, a strange wallet or a strange token leads to."""

import boa
import pytest
from escrow_kit.pair import (
    NOTICE_KIND,
    USDC,
    WINDOW_KIND,
    Pair,
    Settlement,
    claim_arguments,
    deploy_escrow,
    deploy_pair,
    role,
    settlement,
    source,
    word,
)
from eth_utils import keccak

from backend.settlement.tree import build_tree, encode_entry

DAY = 86_400
FAR = 2**40
# titanoboa remembers what was stored at an address after the state is rolled back, and cannot read it as another
# contract's: what is deployed here has addresses of its own.
ELSEWHERE = role(300)


def set_word(pair: Pair, module: str, name: str, value: int) -> None:
    """Puts a word into the escrow's storage: what would take centuries to come about."""
    slot = pair.escrow.compiler_data.storage_layout["storage_layout"][module][name]["slot"]
    boa.env.set_storage(pair.escrow.address, slot, value)


def set_entry(pair: Pair, module: str, name: str, key: int, value: int) -> None:
    """As `set_word`, for an entry of a map: Vyper puts it at keccak256(slot, key)."""
    slot = pair.escrow.compiler_data.storage_layout["storage_layout"][module][name]["slot"]
    place = keccak(slot.to_bytes(32, "big") + key.to_bytes(32, "big"))
    boa.env.set_storage(pair.escrow.address, int.from_bytes(place, "big"), value)


def get_word(pair: Pair, module: str, name: str) -> int:
    slot = pair.escrow.compiler_data.storage_layout["storage_layout"][module][name]["slot"]
    return int(boa.env.get_storage(pair.escrow.address, slot))


# --- deployment -----------------------------------------------------------------------------------------------------


def test_deploy__payout_of_another_token__reverts(pair: Pair) -> None:
    # Creation code of a contract that answers every call with its caller: right for escrow(), wrong for token().
    answers_caller = bytes.fromhex("335f5260205ff3")
    code = b"\x66" + answers_caller + bytes.fromhex("5f5260076019f3")
    with boa.reverts("payout"):
        deploy_escrow(pair.token, code=code)


def test_deploy__payout_by_anybody__belongs_to_its_creator(pair: Pair) -> None:
    payout = source("PublisherPayout.vy").deploy(pair.token, sender=pair.stranger)
    assert (payout.escrow(), payout.token()) == (pair.stranger, pair.token.address)
    assert payout.DOMAIN_SEPARATOR() != pair.payout.DOMAIN_SEPARATOR()


# --- states that take centuries -------------------------------------------------------------------------------------


def test_open_campaign__no_group_number_is_left__reverts(pair: Pair) -> None:
    """L22"""
    pair.open()
    set_word(pair, "auto_pause", "_pause", 2**34 - 1)
    assert pair.open() == 2**34 - 1
    with boa.reverts("overflow"):
        pair.open()


def test_finalize__fees_beyond_their_place__reverts(pair: Pair, first_epoch: Settlement) -> None:
    """L3: the word has 64 bits for fees, 18 million million USDC."""
    pair.propose(first_epoch)
    pair.pass_window()
    before = get_word(pair, "settlements", "_state")
    set_word(pair, "settlements", "_state", before | (2**64 - 1 - USDC + 1))
    with boa.reverts("overflow"):
        pair.finalize()
    set_word(pair, "settlements", "_state", before | (2**64 - 1 - USDC))
    pair.finalize()
    assert pair.escrow.fees() == 2**64 - 1
    assert pair.escrow.epoch() == 1


# --- configuration --------------------------------------------------------------------------------------------------


def test_propose_config__window_beyond_a_month__reverts_though_the_notice_is_longer(pair: Pair) -> None:
    """L15"""
    with boa.env.anchor(), boa.env.prank(ELSEWHERE):
        escrow = deploy_escrow(pair.token, terms=(2, 250, 2_000, 3_600, 60 * DAY, 60 * DAY, 60 * DAY))
        with boa.reverts("value"):
            escrow.propose_config(WINDOW_KIND, word(30 * DAY + 1), sender=pair.owner)
        escrow.propose_config(WINDOW_KIND, word(30 * DAY), sender=pair.owner)
        assert escrow.config_active_at(WINDOW_KIND, word(30 * DAY)) == boa.env.timestamp + 60 * DAY


def test_apply_config__changes_that_no_longer_go_together__revert(pair: Pair) -> None:
    """L15: each was possible when it was announced; after the first, the second is not."""
    pair.escrow.propose_config(NOTICE_KIND, word(3_700), sender=pair.owner)
    pair.escrow.propose_config(WINDOW_KIND, word(5_000), sender=pair.owner)
    boa.env.time_travel(seconds=pair.escrow.timelock())
    pair.escrow.apply_config(NOTICE_KIND, word(3_700), sender=pair.owner)
    with boa.reverts("value"):
        pair.escrow.apply_config(WINDOW_KIND, word(5_000), sender=pair.owner)


# --- a token that only seems to obey --------------------------------------------------------------------------------


def test_deposit_with_authorization__nothing_arrives__reverts() -> None:
    """L8"""
    with boa.env.anchor(), boa.env.prank(ELSEWHERE):
        pair = deploy_pair(source("testing/PermitlessToken.vy").deploy())
        pair.open(1)
        with boa.reverts("received"):
            pair.escrow.deposit_with_authorization(0, pair.advertiser, 1, 0, FAR, bytes(32), 27, bytes(32), bytes(32))
        assert pair.escrow.remaining(0) == pair.balance(pair.escrow) == 1


# --- payments -------------------------------------------------------------------------------------------------------


def final_epoch(pair: Pair, earned: list[tuple[str, int]]) -> Settlement:
    pair.open(1_000 * USDC)
    what = settlement(earned, {0: 20 * USDC})
    pair.settle(what)
    return what


def test_pay_range__fewer_levels_than_the_range_needs__reverts(pair: Pair) -> None:
    """L17: two groups cannot fold into one node without a level."""
    what = final_epoch(pair, [(role(100 + index), USDC) for index in range(8)])
    with boa.reverts("proof"):
        pair.payout.pay_range(0, 0, list(what.tree.entries), [])
    with boa.reverts("proof"):
        pair.payout.pay_range(1, 0, list(what.tree.entries[4:]), [])
    with boa.reverts("proof"):
        pair.payout.pay_range(0, 1, list(what.tree.entries[:4]), [])


@pytest.mark.parametrize("code", ["00", "5f5ff3", "60015ff3", "5f5ffd"], ids=["stops", "nothing", "a byte", "reverts"])
def test_claim_to_with_sig__wallet_answers_otherwise__reverts(pair: Pair, code: str) -> None:
    """L21: only the 32 bytes of EIP-1271 are a yes."""
    boa.env.set_code(role(200), bytes.fromhex(code))
    what = final_epoch(pair, [(role(200), USDC)])
    with boa.reverts("signer"):
        pair.payout.claim_to_with_sig(*claim_arguments(what.tree, 0), pair.stranger, FAR, b"", sender=pair.stranger)
    assert pair.payout.nonces(0) == pair.payout.paid(0) == 0


def test_claim__one_group_is_the_whole_tree__needs_no_sibling(pair: Pair) -> None:
    """L17"""
    tree = build_tree([encode_entry(role(100), USDC)])
    assert tree.claim_proof(0) == []
    what = final_epoch(pair, [(role(100), USDC)])
    assert pair.claim(what, 0) == USDC
    assert pair.pay_range(what) == 0


def test_claim_to_with_sig__compact_with_a_high_s__reverts(pair: Pair) -> None:
    """L12"""
    what = final_epoch(pair, [(role(100), USDC)])
    signature = bytes(32) + (2**255 - 1).to_bytes(32, "big")
    with boa.reverts("s"):
        pair.payout.claim_to_with_sig(*claim_arguments(what.tree, 0), pair.stranger, FAR, signature)


def test_leaf__of_a_group__is_the_builder_s(pair: Pair) -> None:
    """L19"""
    tree = build_tree([encode_entry(role(100 + index), index) for index in range(4)])
    assert pair.payout.leaf(tree.group(0)) == tree.root


# --- withdrawals ----------------------------------------------------------------------------------------------------


def test_cancel_withdrawal__budget_was_filled_meanwhile__reverts(pair: Pair) -> None:
    """L4: the reservation waits until there is room, or is paid out."""
    pair.open(2**62 - 1)
    pair.escrow.request_withdrawal(0, 10, sender=pair.advertiser)
    pair.token.mint(pair.advertiser, 10)
    pair.escrow.deposit(0, 10, sender=pair.advertiser)
    with boa.reverts("overflow"):
        pair.escrow.cancel_withdrawal(0, sender=pair.advertiser)
    assert pair.escrow.reservation(0)[0] == 10


def test_cancel_withdrawal__request_without_a_campaign__reverts(pair: Pair) -> None:
    """L4: nothing brings this about; if it came about, no lane would be made out of it."""
    set_entry(pair, "campaigns", "_campaigns", 7, int(pair.advertiser, 16) << 96)
    set_entry(pair, "budgets", "_reservations", 7, 1 << 192)
    assert pair.escrow.reservation(7)[0] == 1
    with boa.reverts("campaign"):
        pair.escrow.cancel_withdrawal(7, sender=pair.advertiser)


def test_campaigns__that_do_not_exist__have_nobody_who_could_ask(pair: Pair) -> None:
    """L14: nobody is the zero address, so no call passes for the owner of a campaign that is not there."""
    assert pair.escrow.campaign_owner(7) == "0x" + "00" * 20
    for call in (
        lambda: pair.escrow.request_withdrawal(7, 1, sender=pair.advertiser),
        lambda: pair.escrow.cancel_withdrawal(7, sender=pair.advertiser),
        lambda: pair.escrow.withdraw(7, pair.advertiser, sender=pair.advertiser),
        lambda: pair.escrow.set_epoch_cap(7, 1, sender=pair.advertiser),
    ):
        with boa.reverts("auth"):
            call()


def test_escapes_at__without_a_request__is_zero(pair: Pair) -> None:
    """L14"""
    pair.open()
    assert pair.escrow.escapes_at(0) == pair.escrow.escapes_at(7) == 0
    pair.escrow.request_withdrawal(0, 1, sender=pair.advertiser)
    assert pair.escrow.escapes_at(0) == boa.env.timestamp + pair.escrow.escape()
    pair.escrow.cancel_withdrawal(0, sender=pair.advertiser)
    assert pair.escrow.escapes_at(0) == 0
