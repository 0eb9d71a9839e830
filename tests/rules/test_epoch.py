"""The settlement's state machine, as a table, and the interval of an epoch."""

from dataclasses import replace

import pytest

from backend.settlement.epoch import (
    Action,
    Close,
    Facts,
    Finalise,
    Nothing,
    Pending,
    Propose,
    Publish,
    Reopen,
    Restore,
    Roll,
    Stage,
    interval_start,
    is_due,
    next_action,
)

WAITING = Pending(ours=True, window_passed=False)
PASSED = Pending(ours=True, window_passed=True)
OVERDUE = Pending(ours=True, window_passed=True, grace_over=True)
FOREIGN = Pending(ours=False, window_passed=True, grace_over=True)
BACK = Pending(ours=False, window_passed=False, other_attempt=True)


def facts(pending: Pending | None, stage: Stage | None, *, open_charges: bool = False, due: bool = False) -> Facts:
    return Facts(finalised=4, pending=pending, next_stage=stage, open_charges=open_charges or due, due=due)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (facts(None, None), Nothing),
        (facts(None, None, open_charges=True), Nothing),
        (facts(None, None, due=True), Close(5)),
        (facts(None, Stage.CLOSED), Publish(5)),
        (facts(None, Stage.PUBLISHED), Nothing),
        (facts(None, Stage.ATTESTED), Propose(5)),
        (facts(None, Stage.ATTESTED, due=True), Propose(5)),
        (facts(WAITING, None), Nothing),
        (facts(WAITING, None, due=True), Nothing),
        (facts(WAITING, Stage.CLOSED), Publish(6)),
        (facts(WAITING, Stage.PUBLISHED), Nothing),
        (facts(WAITING, Stage.ATTESTED), Nothing),
        (facts(PASSED, None), Finalise(5)),
        (facts(PASSED, None, open_charges=True), Nothing),
        (facts(OVERDUE, None, open_charges=True), Finalise(5)),
        (facts(PASSED, None, due=True), Close(6)),
        (facts(PASSED, Stage.CLOSED), Publish(6)),
        (facts(PASSED, Stage.PUBLISHED), Nothing),
        (facts(OVERDUE, Stage.PUBLISHED), Finalise(5)),
        (facts(PASSED, Stage.ATTESTED), Roll(6)),
        (facts(FOREIGN, Stage.ATTESTED, due=True), Nothing),
        (facts(BACK, Stage.ATTESTED, due=True), Publish(5)),
    ],
)
def test_next_action__every_state__one_step(given: Facts, expected: Action | type[Nothing]) -> None:
    action = next_action(given)
    assert isinstance(action, Nothing) if expected is Nothing else action == expected


def test_next_action__veto__same_epoch_is_published_again() -> None:
    """A vetoed epoch keeps its entries; its bundle is of an old attempt, which counts as CLOSED."""
    assert next_action(facts(None, Stage.CLOSED)) == Publish(5)


def test_next_action__veto_while_a_second_epoch_was_closed__it_is_opened_again_first() -> None:
    later = Facts(finalised=4, pending=None, next_stage=Stage.CLOSED, open_charges=True, due=True, stranded=6)
    assert next_action(later) == Reopen(6)
    assert isinstance(next_action(replace(later, veto_confirmed=False)), Nothing)


def test_next_action__our_tables_were_lost__what_is_on_chain_is_restored_first() -> None:
    lost = Facts(finalised=4, pending=FOREIGN, next_stage=None, open_charges=True, due=True, missing=2)
    assert next_action(lost) == Restore(2)


def test_is_due__no_open_charge__never() -> None:
    assert not is_due(10**15, 1, None, None)


@pytest.mark.parametrize(
    ("now_ms", "previous_to_ms", "oldest_ms", "due"),
    [
        (159_999, None, 100_000, False),
        (160_000, None, 100_000, True),
        (160_000, 120_000, 110_000, False),
        (180_000, 120_000, 110_000, True),
        (900_000, 120_000, 899_000, False),  # after a quiet time the first charge starts the clock
    ],
)
def test_is_due__sixty_seconds(now_ms: int, previous_to_ms: int | None, oldest_ms: int, due: bool) -> None:
    assert is_due(now_ms, 60, previous_to_ms, oldest_ms) is due


def test_interval_start__late_charge__reaches_back_so_that_it_is_inside() -> None:
    assert interval_start(None, 5_000, 120) == 5_000
    assert interval_start(1_000_000, 990_000, 120) == 1_000_000
    assert interval_start(1_000_000, 500_000, 120) == 620_000
