"""The pure rules: what a head means, where chains fork, what events do to projections, what settings are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer import events as ev
from indexer import handlers
from indexer.config import Config, ConfigError, Deployment, load_deployment
from indexer.handlers import CalldataMissing, Campaigns, Contradiction, Epochs, Place, Publishers
from indexer.reorg import Step, Tip, common_ancestor, confirmed, next_step

OWNER, RECIPIENT = "0x" + "a1" * 20, "0x" + "b1" * 20
DEPLOYMENT = Deployment(1, "0x" + "e5" * 20, "0x" + "fa" * 20, 5)


def place(number: int, tx: str = "0xt") -> Place:
    return Place(number, 0, tx, 1_700_000_000 + number)


# --- reorganisations --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "stored", "step"),
    [
        (Tip(9, "a"), "a", Step.NOTHING),
        (Tip(12, "z"), None, Step.FORWARD),
        (Tip(9, "b"), "a", Step.ROLL_BACK),
        (Tip(7, "b"), "c", Step.ROLL_BACK),
        (Tip(7, "c"), "c", Step.SHORTER),
        (Tip(3, "q"), None, Step.ROLL_BACK),
    ],
)
def test_next_step__by_head(head: Tip, stored: str | None, step: Step) -> None:
    assert next_step(Tip(9, "a"), head, stored) is step


@given(st.integers(0, 40), st.integers(0, 40))
def test_common_ancestor__is_where_two_chains_part(shared: int, own: int) -> None:
    """L41."""
    trunk = {number: f"t{number}" for number in range(shared)}
    stored = trunk | {shared + i: f"s{i}" for i in range(own)}
    canonical = trunk | {shared + i: f"c{i}" for i in range(own + 1)}
    assert common_ancestor(stored, canonical) == (shared - 1 if shared else None)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_confirmed__deep_and_indexed(tip: int, head: int, confirmations: int) -> None:
    """L43."""
    number = confirmed(tip, head, confirmations)
    assert number == 0 or (number <= tip and number <= head - confirmations)


# --- campaigns --------------------------------------------------------------------------------------------------


def campaigns_with(amount: int) -> Campaigns:
    campaigns: Campaigns = {}
    handlers.fold_campaign(campaigns, place(1), ev.CampaignOpened(0, OWNER, amount, "0x" + "07" * 32))
    return campaigns


def test_campaign__debit_beyond_budget_and_reservation__contradiction() -> None:
    """L4."""
    campaigns = campaigns_with(10)
    handlers.fold_campaign(campaigns, place(2), ev.WithdrawalRequested(0, 4, 99, 2))
    with pytest.raises(Contradiction, match="beyond its budget"):
        handlers.fold_campaign(campaigns, place(3), ev.Debited(1, 0, 11))


def test_campaign__debit_of_a_later_epoch__may_not_touch_the_reservation() -> None:
    """L14."""
    campaigns = campaigns_with(10)
    handlers.fold_campaign(campaigns, place(2), ev.WithdrawalRequested(0, 4, 99, 2))
    handlers.fold_campaign(campaigns, place(3), ev.Debited(2, 0, 7))
    assert (campaigns[0].remaining, campaigns[0].reserved) == (0, 3)
    with pytest.raises(Contradiction):
        handlers.fold_campaign(campaigns, place(4), ev.Debited(3, 0, 1))


@pytest.mark.parametrize(
    "fact",
    [
        ev.Deposited(5, OWNER, 1),
        ev.CampaignOpened(0, OWNER, 1, "0x"),
        ev.WithdrawalRequested(0, 11, 1, 1),
        ev.WithdrawalCancelled(0, 1),
        ev.Withdrawn(0, OWNER, 1),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_campaign__what_the_contract_could_not_emit__contradiction(fact: handlers.CampaignFact) -> None:
    with pytest.raises(Contradiction):
        handlers.fold_campaign(campaigns_with(10), place(2), fact)


steps = st.lists(st.tuples(st.sampled_from(["deposit", "request", "cancel", "withdraw", "debit"]), st.integers(1, 20)))


@given(steps)
def test_campaign__any_life__law_holds(life: list[tuple[str, int]]) -> None:
    """L38: remaining + reserved = deposited - withdrawn - debited, whatever happens in whatever order."""
    campaigns = campaigns_with(50)
    for epoch, (step, amount) in enumerate(life):
        before = campaigns[0]
        reserved = before.reserved
        fact: dict[str, Any] = {
            "deposit": ev.Deposited(0, OWNER, amount),
            "request": ev.WithdrawalRequested(0, min(amount, before.remaining), 9, epoch + 2) if not reserved else None,
            "cancel": ev.WithdrawalCancelled(0, reserved) if reserved else None,
            "withdraw": ev.Withdrawn(0, OWNER, reserved) if reserved else None,
            "debit": ev.Debited(epoch, 0, min(amount, before.remaining)),
        }
        if fact[step] is not None:
            handlers.fold_campaign(campaigns, place(2 + epoch), fact[step])
        row = campaigns[0]
        assert row.remaining + row.reserved == row.deposited - row.withdrawn - row.debited


# --- epochs -----------------------------------------------------------------------------------------------------


def proposed(total: int = 0, attempt: int = 0) -> ev.Proposed:
    zero = "0x" + "00" * 32
    return ev.Proposed(1, "0x" + "aa" * 32, zero, total, 3, zero, zero, 99, attempt)


def test_epoch__veto_then_another_attempt__both_are_kept() -> None:
    """L10."""
    epochs: Epochs = {}
    finalized = ev.Finalized(1, "0x" + "aa" * 32, 0, 0)
    facts = [proposed(), ev.Vetoed(1, OWNER, 0), proposed(attempt=1), finalized]
    debits = handlers.fold_epochs(epochs, [(place(i), fact) for i, fact in enumerate(facts)], {})
    assert [epochs[1, 0].status, epochs[1, 1].status] == ["vetoed", "finalized"]
    assert debits == {place(3): []}


@pytest.mark.parametrize(
    "facts",
    [
        [ev.Vetoed(1, OWNER, 0)],
        [ev.Finalized(1, "0x" + "aa" * 32, 0, 0)],
        [proposed(), proposed()],
        [proposed(), ev.Finalized(1, "0x" + "bb" * 32, 0, 0)],
        [proposed(), ev.Finalized(1, "0x" + "aa" * 32, 1, 0)],
    ],
    ids=["veto of nothing", "final without proposal", "proposed twice", "other root", "other total"],
)
def test_epoch__what_the_contract_could_not_emit__contradiction(facts: list[ev.Event]) -> None:
    """L9."""
    with pytest.raises(Contradiction):
        handlers.fold_epochs({}, [(place(i), fact) for i, fact in enumerate(facts)], {})


def test_epoch__debits_in_no_calldata__asks_for_the_calls_inside() -> None:
    facts = [proposed(total=5), ev.Finalized(1, "0x" + "aa" * 32, 5, 0)]
    with pytest.raises(CalldataMissing) as raised:
        handlers.fold_epochs({}, [(place(i, f"0x{i}"), fact) for i, fact in enumerate(facts)], {})
    assert raised.value.tx_hash == "0x1"


# --- publishers -------------------------------------------------------------------------------------------------


def test_publisher__claims_add_up() -> None:
    """L5."""
    publishers: Publishers = {}
    facts = [(place(i), ev.Paid(3, RECIPIENT, 10)) for i in range(2)]
    payouts = handlers.fold_publishers(publishers, None, facts, {})
    assert publishers[3].paid == 20
    assert [payout.amount for _, payout in payouts] == [10, 10]


@pytest.mark.parametrize("root", [None, "0x" + "11" * 32], ids=["no root", "unproved"])
def test_publisher__batch_that_cannot_be_proved__contradiction(root: str | None) -> None:
    """L42."""
    with pytest.raises(Contradiction):
        handlers.fold_publishers({}, root, [(place(1), ev.Batch(0, 1, 5))], {})


# --- configuration ----------------------------------------------------------------------------------------------


def deployment_file(tmp_path: Path, **changes: Any) -> Path:
    contracts = {
        "MockUSDC": {"address": "0x" + "1c" * 20, "block": 1},
        "CampaignEscrow": {"address": "0x" + "E5" * 20, "block": 7, "transaction": "0x", "deployer": "0x"},
        "PublisherPayout": {"address": "0x" + "fa" * 20, "block": 6},
    }
    path = tmp_path / "1.json"
    path.write_text(json.dumps({"schema": 1, "chain_id": 1, "network": "x", "contracts": contracts} | changes))
    return path


def test_deployment_file__read(tmp_path: Path) -> None:
    assert load_deployment(deployment_file(tmp_path)) == Deployment(1, "0x" + "e5" * 20, "0x" + "fa" * 20, 6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "has schema 2"),
        ({"contracts": {}}, "lacks CampaignEscrow, PublisherPayout"),
        ({"chain_id": "one"}, "is not a deployment file"),
        (
            {"contracts": {name: {"address": "0x12", "block": 1} for name in ("CampaignEscrow", "PublisherPayout")}},
            "0x12",
        ),
    ],
)
def test_deployment_file__malformed__says_why(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """L45."""
    with pytest.raises(ConfigError, match=message):
        load_deployment(deployment_file(tmp_path, **changes))


@pytest.mark.parametrize("changes", [{"confirmations": -1}, {"poll_seconds": 0}, {"range_blocks": 0}])
def test_config__nonsense__is_refused(changes: dict[str, Any]) -> None:
    """L45."""
    with pytest.raises(ConfigError):
        Config("postgresql://x", "http://x", DEPLOYMENT, **changes)
