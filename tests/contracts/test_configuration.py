"""Deployment, ownership, the timelock and the pauses."""

import boa
import pytest
from escrow_kit.pair import (
    ATTESTOR_ADD,
    ATTESTOR_REMOVE,
    ESCAPE,
    FEE,
    FEE_BPS,
    FEE_BPS_MAX,
    GUARDIAN,
    NOTICE,
    NOTICE_KIND,
    OPERATOR,
    TERMS,
    THRESHOLD,
    THRESHOLD_KIND,
    TIMELOCK,
    TREASURY,
    USDC,
    WINDOW,
    WINDOW_KIND,
    Pair,
    deploy_escrow,
    role,
    settlement,
    source,
    word,
)

ZERO = "0x" + "00" * 20
DAY = 86_400
ATTESTORS = [role(number) for number in (11, 12, 13)]


def terms(**changes: int) -> tuple[int, ...]:
    names = ("threshold", "fee_bps", "fee_bps_max", "window", "notice", "timelock", "escape")
    return tuple((dict(zip(names, TERMS, strict=True)) | changes).values())


# --- deployment -----------------------------------------------------------------------------------------------------


def test_deploy__pair__is_bound_both_ways(pair: Pair) -> None:
    assert pair.payout.escrow() == pair.escrow.address
    assert pair.escrow.payout() == pair.payout.address
    assert pair.escrow.token() == pair.payout.token() == pair.token.address


def test_deploy__roles_and_terms__are_what_was_asked(pair: Pair) -> None:
    escrow = pair.escrow
    roles = (escrow.owner(), escrow.operator(), escrow.guardian(), escrow.treasury())
    assert roles == (pair.owner, pair.operator, pair.guardian, pair.treasury)
    assert all(escrow.is_attestor(attestor) for attestor in ATTESTORS)
    assert (escrow.threshold(), escrow.attestor_count(), escrow.fee_bps()) == (THRESHOLD, 3, FEE_BPS)
    assert (escrow.window(), escrow.notice(), escrow.timelock()) == (WINDOW, NOTICE, TIMELOCK)
    assert (escrow.escape(), escrow.fee_bps_max()) == (ESCAPE, FEE_BPS_MAX)
    assert (escrow.epoch(), escrow.attempt(), escrow.fees(), escrow.campaign_count()) == (0, 0, 0, 0)
    assert not escrow.paused()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 4}, "threshold"),
        ({"fee_bps": FEE_BPS_MAX + 1}, "fee"),
        ({"fee_bps_max": 10_000}, "fee"),
        ({"window": 0}, "window"),
        ({"window": 31 * DAY, "notice": 32 * DAY, "timelock": 32 * DAY}, "window"),
        ({"notice": WINDOW}, "notice"),
        ({"timelock": NOTICE - 1}, "timelock"),
        ({"timelock": 91 * DAY}, "timelock"),
        ({"escape": NOTICE - 1}, "escape"),
        ({"escape": TIMELOCK + 1}, "timelock"),
    ],
    ids=str,
)
def test_deploy__bad_term__reverts(pair: Pair, changes: dict[str, int], reason: str) -> None:
    """L11"""
    with boa.reverts(reason):
        deploy_escrow(pair.token, terms=terms(**changes))


@pytest.mark.parametrize("missing", range(4))
def test_deploy__a_role_is_zero__reverts(pair: Pair, missing: int) -> None:
    roles = [role(1), role(2), role(3), role(4)]
    roles[missing] = ZERO
    with boa.reverts("zero"):
        deploy_escrow(pair.token, roles=(roles[0], roles[1], roles[2], roles[3]))


@pytest.mark.parametrize("attestors", [[role(11), role(11)], [role(11), ZERO]], ids=["twice", "zero"])
def test_deploy__bad_attestor__reverts(pair: Pair, attestors: list[str]) -> None:
    """L11"""
    with boa.reverts("attestor"):
        deploy_escrow(pair.token, attestors=attestors)


def test_deploy__token_of_another_scale__reverts() -> None:
    """L8"""
    with boa.env.anchor(), boa.reverts("scale"):
        deploy_escrow(source("testing/HostileToken.vy").deploy(18))


def test_deploy__code_that_is_not_the_payout__reverts(pair: Pair) -> None:
    # Creation code of a contract that answers zero to every call.
    answers_zero = bytes.fromhex("5f5f5260205ff3")
    code = b"\x66" + answers_zero + bytes.fromhex("5f5260076019f3")
    with boa.reverts("payout"):
        deploy_escrow(pair.token, code=code)
    wallet = source("testing/ContractWallet.vy").compiler_data.bytecode
    with boa.reverts():
        deploy_escrow(pair.token, code=wallet)


# --- ownership ------------------------------------------------------------------------------------------------------


def test_transfer_ownership__accepted__moves(pair: Pair) -> None:
    """L15"""
    pair.escrow.transfer_ownership(pair.stranger, sender=pair.owner)
    (started,) = pair.escrow.get_logs()
    assert (started.previous_owner, started.new_owner) == (pair.owner, pair.stranger)
    assert pair.escrow.owner() == pair.owner
    assert pair.escrow.pending_owner() == pair.stranger
    pair.escrow.accept_ownership(sender=pair.stranger)
    (moved,) = pair.escrow.get_logs()
    assert (moved.previous_owner, moved.new_owner) == (pair.owner, pair.stranger)
    assert pair.escrow.owner() == pair.stranger
    assert pair.escrow.pending_owner() == ZERO


def test_transfer_ownership__to_zero__withdraws_the_offer_and_renounces_nothing(pair: Pair) -> None:
    """L15"""
    pair.escrow.transfer_ownership(pair.stranger, sender=pair.owner)
    pair.escrow.transfer_ownership(ZERO, sender=pair.owner)
    with boa.reverts("auth"):
        pair.escrow.accept_ownership(sender=pair.stranger)
    assert pair.escrow.owner() == pair.owner


def test_transfer_ownership__by_a_stranger__reverts(pair: Pair) -> None:
    """L15"""
    with boa.reverts("auth"):
        pair.escrow.transfer_ownership(pair.stranger, sender=pair.stranger)
    with boa.reverts("auth"):
        pair.escrow.accept_ownership(sender=pair.stranger)


# --- the timelock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "view", "new_value"),
    [
        (OPERATOR, "operator", role(21)),
        (GUARDIAN, "guardian", role(21)),
        (TREASURY, "treasury", role(21)),
        (THRESHOLD_KIND, "threshold", 3),
        (WINDOW_KIND, "window", 60),
        (NOTICE_KIND, "notice", ESCAPE),
    ],
)
def test_apply_config__after_the_timelock__changes_it(pair: Pair, kind: int, view: str, new_value: str | int) -> None:
    """L15"""
    pair.escrow.propose_config(kind, word(new_value), sender=pair.owner)
    (proposed,) = pair.escrow.get_logs()
    active_at = boa.env.timestamp + TIMELOCK
    assert (proposed.kind, proposed.value, proposed.active_at) == (kind, word(new_value), active_at)
    assert pair.escrow.config_active_at(kind, word(new_value)) == active_at
    boa.env.time_travel(seconds=TIMELOCK - 1)
    with boa.reverts("timelock"):
        pair.escrow.apply_config(kind, word(new_value), sender=pair.owner)
    boa.env.time_travel(seconds=1)
    pair.escrow.apply_config(kind, word(new_value), sender=pair.owner)
    (applied,) = pair.escrow.get_logs()
    assert (applied.kind, applied.value) == (kind, word(new_value))
    assert getattr(pair.escrow, view)() == new_value
    with boa.reverts("config"):
        pair.escrow.apply_config(kind, word(new_value), sender=pair.owner)


def test_apply_config__attestors__are_added_and_removed(pair: Pair) -> None:
    """L11, L15"""
    pair.configure(ATTESTOR_ADD, word(role(21)))
    assert pair.escrow.is_attestor(role(21))
    assert pair.escrow.attestor_count() == 4
    pair.configure(ATTESTOR_REMOVE, word(role(11)))
    assert not pair.escrow.is_attestor(role(11))
    assert pair.escrow.attestor_count() == 3
    assert (pair.escrow.threshold(), pair.escrow.fee_bps(), pair.escrow.window()) == (THRESHOLD, FEE_BPS, WINDOW)


def test_apply_config__attestors_would_fall_below_the_threshold__reverts(pair: Pair) -> None:
    """L15"""
    for attestor in ATTESTORS[:2]:
        pair.escrow.propose_config(ATTESTOR_REMOVE, word(attestor), sender=pair.owner)
    boa.env.time_travel(seconds=TIMELOCK)
    pair.escrow.apply_config(ATTESTOR_REMOVE, word(ATTESTORS[0]), sender=pair.owner)
    with boa.reverts("value"):
        pair.escrow.apply_config(ATTESTOR_REMOVE, word(ATTESTORS[1]), sender=pair.owner)


def test_apply_config__fee__binds_from_the_epoch_after_the_running_ones(pair: Pair) -> None:
    """L3"""
    pair.open()
    pair.escrow.propose_config(FEE, word(1_000), sender=pair.owner)
    boa.env.time_travel(seconds=TIMELOCK)
    pair.propose(settlement([(pair.treasury, 1)], {0: 10_000}))
    pair.escrow.apply_config(FEE, word(1_000), sender=pair.owner)
    assert [pair.escrow.fee_bps_at(epoch) for epoch in (1, 2, 3, 4, 5)] == [250, 250, 250, 1_000, 1_000]
    pair.pass_window()
    pair.finalize()
    assert pair.escrow.fees() == 250
    for cumulative in (2, 3):
        pair.settle(settlement([(pair.treasury, cumulative)], {0: 10_000}))
    assert pair.escrow.fees() == 750
    assert pair.escrow.fee_bps() == 1_000
    pair.settle(settlement([(pair.treasury, 4)], {0: 10_000}))
    assert pair.escrow.fees() == 1_750


def test_apply_config__second_fee_before_the_first_is_in_force__reverts(pair: Pair) -> None:
    """L3"""
    pair.open()
    pair.configure(FEE, word(1_000))
    pair.escrow.propose_config(FEE, word(0), sender=pair.owner)
    boa.env.time_travel(seconds=TIMELOCK)
    for cumulative in (1, 2):
        with boa.reverts("pending"):
            pair.escrow.apply_config(FEE, word(0), sender=pair.owner)
        pair.settle(settlement([(pair.treasury, cumulative)], {0: 1}))
    pair.escrow.apply_config(FEE, word(0), sender=pair.owner)
    assert [pair.escrow.fee_bps_at(epoch) for epoch in (3, 4, 5)] == [1_000, 1_000, 0]


def test_apply_config__forgotten_for_a_month__reverts(pair: Pair) -> None:
    """L15"""
    pair.escrow.propose_config(OPERATOR, word(role(21)), sender=pair.owner)
    boa.env.time_travel(seconds=TIMELOCK + 30 * DAY + 1)
    with boa.reverts("expired"):
        pair.escrow.apply_config(OPERATOR, word(role(21)), sender=pair.owner)


def test_cancel_config__proposed__cannot_be_applied(pair: Pair) -> None:
    """L15"""
    pair.escrow.propose_config(OPERATOR, word(role(21)), sender=pair.owner)
    pair.escrow.cancel_config(OPERATOR, word(role(21)), sender=pair.owner)
    (event,) = pair.escrow.get_logs()
    assert (event.kind, event.value) == (OPERATOR, word(role(21)))
    boa.env.time_travel(seconds=TIMELOCK)
    with boa.reverts("config"):
        pair.escrow.apply_config(OPERATOR, word(role(21)), sender=pair.owner)
    with boa.reverts("config"):
        pair.escrow.cancel_config(OPERATOR, word(role(21)), sender=pair.owner)


def test_config__not_the_owner__reverts(pair: Pair) -> None:
    """L10, L15: not even the guardian, which could keep itself in office."""
    pair.escrow.propose_config(GUARDIAN, word(role(21)), sender=pair.owner)
    for sender in (pair.operator, pair.guardian, pair.stranger):
        with boa.reverts("auth"):
            pair.escrow.propose_config(OPERATOR, word(role(21)), sender=sender)
        with boa.reverts("auth"):
            pair.escrow.cancel_config(GUARDIAN, word(role(21)), sender=sender)
        with boa.reverts("auth"):
            pair.escrow.apply_config(GUARDIAN, word(role(21)), sender=sender)


def test_propose_config__twice__reverts(pair: Pair) -> None:
    pair.escrow.propose_config(OPERATOR, word(role(21)), sender=pair.owner)
    with boa.reverts("pending"):
        pair.escrow.propose_config(OPERATOR, word(role(21)), sender=pair.owner)


@pytest.mark.parametrize(
    ("kind", "new_value", "reason"),
    [
        (0, 1, "kind"),
        (10, 1, "kind"),
        (OPERATOR, 0, "value"),
        (OPERATOR, 2**160, "value"),
        (ATTESTOR_ADD, role(11), "value"),
        (ATTESTOR_REMOVE, role(21), "value"),
        (THRESHOLD_KIND, 0, "value"),
        (THRESHOLD_KIND, 4, "value"),
        (FEE, FEE_BPS_MAX + 1, "value"),
        (WINDOW_KIND, 0, "value"),
        (WINDOW_KIND, NOTICE, "value"),
        (NOTICE_KIND, WINDOW, "value"),
        (NOTICE_KIND, TIMELOCK + 1, "value"),
        (NOTICE_KIND, 2**256 - 1, "value"),
    ],
)
def test_propose_config__bad_value__reverts(pair: Pair, kind: int, new_value: int | str, reason: str) -> None:
    """L3, L11"""
    with boa.reverts(reason):
        pair.escrow.propose_config(kind, word(new_value), sender=pair.owner)


def test_propose_config__seventeenth_attestor__reverts(pair: Pair) -> None:
    """L22"""
    escrow = deploy_escrow(pair.token, attestors=[role(30 + number) for number in range(16)])
    with boa.reverts("value"):
        escrow.propose_config(ATTESTOR_ADD, word(role(60)), sender=pair.owner)


# --- pauses ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["escrow", "payout"])
def pausable(request: pytest.FixtureRequest, pair: Pair) -> object:
    return getattr(pair, request.param)


def test_pause__by_the_guardian__ends_by_itself(pair: Pair, pausable: object) -> None:
    """L13"""
    pausable.pause(60, sender=pair.guardian)
    (event,) = pausable.get_logs()
    assert event.until == pausable.paused_until() == boa.env.timestamp + 60
    assert pausable.paused()
    boa.env.time_travel(seconds=60)
    assert not pausable.paused()


def test_pause__anybody_else__reverts(pair: Pair, pausable: object) -> None:
    for sender in (pair.owner, pair.operator, pair.stranger):
        with boa.reverts("auth"):
            pausable.pause(60, sender=sender)


@pytest.mark.parametrize(("duration", "reason"), [(0, "zero"), (7 * DAY + 1, "duration")])
def test_pause__bad_duration__reverts(pair: Pair, pausable: object, duration: int, reason: str) -> None:
    """L13"""
    with boa.reverts(reason):
        pausable.pause(duration, sender=pair.guardian)


def test_pause__again_and_again__leaves_as_much_time_between(pair: Pair, pausable: object) -> None:
    """L13"""
    pausable.pause(7 * DAY, sender=pair.guardian)
    with boa.reverts("paused"):
        pausable.pause(1, sender=pair.guardian)
    boa.env.time_travel(seconds=7 * DAY)
    with boa.reverts("rest"):
        pausable.pause(1, sender=pair.guardian)
    boa.env.time_travel(seconds=7 * DAY)
    pausable.pause(1, sender=pair.guardian)


def test_pause__of_a_second_in_every_block__must_rest_a_minute(pair: Pair, pausable: object) -> None:
    """L13: a rest of a second would end before the next block, and nobody would ever get in between."""
    pausable.pause(1, sender=pair.guardian)
    for seconds in (2, 58):
        boa.env.time_travel(seconds=seconds)
        with boa.reverts("rest"):
            pausable.pause(1, sender=pair.guardian)
    boa.env.time_travel(seconds=1)
    pausable.pause(1, sender=pair.guardian)


def test_unpause__early__shortens_the_rest_too(pair: Pair, pausable: object) -> None:
    pausable.pause(7 * DAY, sender=pair.guardian)
    boa.env.time_travel(seconds=60)
    pausable.unpause(sender=pair.owner)
    assert [type(event).__name__ for event in pausable.get_logs()] == ["Unpaused"]
    assert not pausable.paused()
    with boa.reverts("rest"):
        pausable.pause(1, sender=pair.guardian)
    boa.env.time_travel(seconds=60)
    pausable.pause(1, sender=pair.guardian)


def test_unpause__stranger_or_not_paused__reverts(pair: Pair, pausable: object) -> None:
    with boa.reverts("running"):
        pausable.unpause(sender=pair.guardian)
    pausable.pause(60, sender=pair.guardian)
    for sender in (pair.operator, pair.stranger):
        with boa.reverts("auth"):
            pausable.unpause(sender=sender)


def test_guardian__all_it_can_do__moves_no_token(pair: Pair) -> None:
    """L10"""
    pair.open()
    pair.settle(settlement([(pair.treasury, 0), (pair.publisher, 9 * USDC)], {0: 10 * USDC}))
    pair.propose(settlement([(pair.treasury, 0), (pair.publisher, 18 * USDC)], {0: 10 * USDC}))
    before = [pair.balance(who) for who in (pair.escrow, pair.payout, pair.guardian, pair.treasury)]
    pair.escrow.veto(2, sender=pair.guardian)
    pair.escrow.pause(60, sender=pair.guardian)
    pair.payout.pause(60, sender=pair.guardian)
    pair.escrow.unpause(sender=pair.guardian)
    pair.payout.unpause(sender=pair.guardian)
    assert [pair.balance(who) for who in (pair.escrow, pair.payout, pair.guardian, pair.treasury)] == before


def test_interface__no_way_to_upgrade_recover_or_sweep(pair: Pair) -> None:
    """L16"""
    moving = {"withdraw", "withdraw_fees", "finalize", "roll", "claim", "claim_to", "claim_to_with_sig", "pay_range"}
    writes = set()
    for contract in (pair.escrow, pair.payout):
        writes |= {entry.get("name") for entry in contract.abi if entry.get("stateMutability") == "nonpayable"}
    quiet = {
        *("open_campaign", "open_campaign_with_permit", "deposit", "deposit_with_permit"),
        *("deposit_with_authorization", "set_campaign_active", "set_epoch_cap", "request_withdrawal"),
        *("cancel_withdrawal", "propose", "veto", "pause", "unpause", "propose_config", "apply_config"),
        *("cancel_config", "transfer_ownership", "accept_ownership", "set_root"),
    }
    assert writes - {None} == moving | quiet
