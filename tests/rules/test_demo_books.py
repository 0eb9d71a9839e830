"""The demo's judge: each law is broken by the one figure that it is about, and by no other."""

from collections import Counter
from dataclasses import replace

import pytest

from backend.core.reasons import DropReason
from backend.demo.books import ChainTotals, Outcome, broken
from backend.demo.traffic import Diary
from backend.demo.visit import EXPECTED_REASON

TOTALS = ChainTotals(
    chain_id=31_337, block=90, epochs_finalised=3, epochs_vetoed=1, deposited=100, withdrawn=10, remaining=60, fee=3,
    fees_withdrawn=1, paid=20, unclaimed=7, escrow_balance=62, debited=30,
)
DROPPED = dict.fromkeys(map(str, EXPECTED_REASON.values()), 2)
DIARY = Diary(decisions=50, acknowledged=12 + sum(DROPPED.values()), verdicts=Counter(), chargeable={"a", "b", "c"})
GOOD = Outcome(
    totals=TOTALS, diary=DIARY, viewable_impressions=10, clicks=2, dropped=DROPPED, charged=34, unsettled=4,
    charged_events=frozenset({"a", "b"}), reorgs_survived=1, claimed=5, verified_epochs=3, rebuild_identical=True,
    seconds=80.0, memory_bytes=900_000_000,
)
KEYS = {
    "chain_id", "epochs_finalised", "epochs_vetoed", "reorgs_survived", "decisions", "viewable_impressions", "clicks",
    "dropped", "deposited_micro_usdc", "withdrawn_micro_usdc", "remaining_micro_usdc", "charged_micro_usdc",
    "fee_micro_usdc", "paid_micro_usdc", "unclaimed_micro_usdc", "conserved", "rebuild_identical", "seconds",
}


def test_broken__everything_right__nothing() -> None:
    """L38"""
    assert broken(GOOD) == []
    assert GOOD.as_json().keys() == KEYS
    assert GOOD.as_json()["conserved"] is True


@pytest.mark.parametrize("part", ["deposited", "withdrawn", "remaining", "fee", "paid", "unclaimed", "escrow_balance"])
def test_broken__one_micro_usdc_elsewhere__not_conserved(part: str) -> None:
    """L38, L1"""
    wrong = replace(GOOD, totals=replace(TOTALS, **{part: getattr(TOTALS, part) + 1}))
    assert [law for law in broken(wrong) if "(L38)" in law]
    assert wrong.as_json()["conserved"] is False


@pytest.mark.parametrize(("change", "word"), [
    ({"charged": 35}, "charged in the ledger"),
    ({"dropped": {**DROPPED, DropReason.BOT.value: 0, DropReason.RATE.value: 4}}, "every kind of misuse"),
    ({"viewable_impressions": 11}, "every event that was acknowledged"),
    ({"charged_events": frozenset({"a", "forged"})}, "only what honest viewers saw"),
    ({"totals": replace(TOTALS, epochs_finalised=2), "verified_epochs": 2}, "at least 3 epochs"),
    ({"verified_epochs": 2}, "recomputed by a stranger"),
    ({"totals": replace(TOTALS, epochs_vetoed=0)}, "a veto"),
    ({"reorgs_survived": 0}, "a reorganisation"),
    ({"claimed": 0}, "a publisher claimed"),
    ({"claimed": 20}, "the keeper paid"),
    ({"rebuild_identical": False}, "thrown away"),
])
def test_broken__one_figure_wrong__just_its_law(change: dict[str, object], word: str) -> None:
    found = broken(replace(GOOD, **change))  # type: ignore[arg-type]
    assert len(found) == 1
    assert word in found[0]


def test_broken__answers_lost_on_the_way__events_may_be_stored_twice_but_not_lost() -> None:
    """L25"""
    unsure = replace(DIARY, unanswered=1)
    assert broken(replace(GOOD, diary=unsure, viewable_impressions=11)) == []
    assert broken(replace(GOOD, diary=unsure, viewable_impressions=9)) != []
