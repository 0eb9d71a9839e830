"""What may still be spent (L33): one formula, never negative, monotone in every fact."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.budget import CampaignBudget

AMOUNT = st.integers(0, 2**62)


def budget(**facts: int) -> CampaignBudget:
    base = CampaignBudget(
        campaign=1, owner="0x" + "aa" * 20, meta="0x" + "11" * 32, active=True, deposited=0, withdrawn=0, reserved=0,
        ledger_debits=0, open_charged=0, epoch_cap=0,
    )
    return replace(base, **facts)


budgets = st.builds(
    lambda deposited, withdrawn, reserved, debits, share, cap: budget(
        deposited=deposited, withdrawn=withdrawn, reserved=reserved, ledger_debits=debits,
        open_charged=debits * share // 100, epoch_cap=cap,
    ),
    AMOUNT, AMOUNT, AMOUNT, AMOUNT, st.integers(0, 100), st.one_of(st.just(0), AMOUNT),
)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"deposited": 100}, 100),
        ({"deposited": 100, "withdrawn": 30, "reserved": 20}, 50),
        ({"deposited": 100, "ledger_debits": 60, "open_charged": 25}, 40),
        ({"deposited": 100, "ledger_debits": 60, "open_charged": 25, "epoch_cap": 30}, 5),
        ({"deposited": 100, "ledger_debits": 60, "open_charged": 31, "epoch_cap": 30}, 0),
        ({"deposited": 100, "ledger_debits": 90, "epoch_cap": 30}, 10),
        ({"deposited": 100, "ledger_debits": 101}, 0),
        ({"deposited": 100, "withdrawn": 60, "reserved": 60}, 0),
        ({"deposited": 100, "ledger_debits": 60, "chain_debits": 60}, 40),
        ({"deposited": 100, "ledger_debits": 59, "chain_debits": 60}, 0),     # rows of the ledger are missing
    ],
)
def test_spendable__worked_examples(facts: dict[str, int], expected: int) -> None:
    assert budget(**facts).spendable == expected


@given(budgets)
def test_spendable__any_facts__stays_within_the_deposit_and_the_cap(facts: CampaignBudget) -> None:
    """L33: whatever is charged next still fits what was deposited, and the cap of the epoch."""
    assert 0 <= facts.spendable <= facts.deposited
    if facts.spendable:
        assert facts.spendable + facts.withdrawn + facts.reserved + facts.ledger_debits <= facts.deposited
        assert not facts.epoch_cap or facts.spendable + facts.open_charged <= facts.epoch_cap


@given(budgets, st.data())
def test_spendable__charging_part_of_it__takes_exactly_that_part(facts: CampaignBudget, data: st.DataObject) -> None:
    """L33: a charge within what is spendable leaves the rest spendable, capped or not."""
    charge = data.draw(st.integers(0, facts.spendable))
    after = replace(facts, ledger_debits=facts.ledger_debits + charge, open_charged=facts.open_charged + charge)
    assert after.spendable == facts.spendable - charge


@given(budgets, AMOUNT)
def test_spendable__withdrawal_becomes_final__changes_nothing(facts: CampaignBudget, amount: int) -> None:
    requested = replace(facts, reserved=facts.reserved + amount)
    paid = replace(facts, withdrawn=facts.withdrawn + amount)
    assert requested.spendable == paid.spendable <= facts.spendable
