"""Waiting ends with what was waited for, with a deadline, or at once when it has become pointless."""

import pytest

from backend.demo.waiting import TooLate, wait_for


def test_wait_for__becomes_true__its_value() -> None:
    answers = iter([None, False, 0, "here"])
    assert wait_for("an answer", lambda: next(answers), seconds_max=5, poll_seconds=0) == "here"


def test_wait_for__never__says_what_was_waited_for() -> None:
    with pytest.raises(TooLate, match="waited 0 s for the moon"):
        wait_for("the moon", lambda: None, seconds_max=0, poll_seconds=0)


def test_wait_for__pointless__ends_at_once() -> None:
    def alive() -> None:
        raise RuntimeError("the process died")

    with pytest.raises(RuntimeError, match="died"):
        wait_for("its answer", lambda: None, seconds_max=60, alive=alive)
