"""Posting: who is charged, what is free, what is dropped (L24, L33)."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from backend.core.budget import CampaignBudget
from backend.ledger.posting import AcceptedEvent, Dropped, LineItemLimits, Posted, Unpaid, post

MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
DAY_MS = 86_400_000


def budget(campaign: int = 1, deposited: int = 1_000, **more: int) -> CampaignBudget:
    facts = {"withdrawn": 0, "reserved": 0, "ledger_debits": 0, "open_charged": 0, "epoch_cap": 0} | more
    return CampaignBudget(campaign=campaign, owner="0x", meta="0x", active=True, deposited=deposited, **facts)


def event(number: int, price: int, *, campaign: int = 1, line_item: int = 7, at_ms: int = MONDAY_MS) -> AcceptedEvent:
    event_id = at_ms.to_bytes(6, "big").hex() + f"{number:020x}" + "01"
    return AcceptedEvent(event_id, campaign, line_item, publisher=3, price_micro_usdc=price)


def test_post__price_zero__unpaid_even_without_budget() -> None:
    assert post([event(1, 0)], {}, {}) == [Unpaid(event(1, 0))]


def test_post__unknown_campaign__dropped() -> None:
    assert post([event(1, 1)], {2: budget(2)}, {}) == [Dropped(event(1, 1))]


def test_post__budget_ends_within_the_batch__later_cheaper_event_still_fits() -> None:
    events = [event(1, 600), event(2, 600), event(3, 400)]
    assert post(events, {1: budget()}, {}) == [Posted(events[0]), Dropped(events[1]), Posted(events[2])]


def test_post__campaign_switched_off__still_pays() -> None:
    off = replace(budget(), active=False)
    assert post([event(1, 5)], {1: off}, {}) == [Posted(event(1, 5))]


def test_post__withdrawal_requested__only_the_rest_is_charged() -> None:
    events = [event(1, 100), event(2, 1)]
    assert post(events, {1: budget(reserved=900)}, {}) == [Posted(events[0]), Dropped(events[1])]


def test_post__epoch_cap__open_charges_count() -> None:
    events = [event(1, 10), event(2, 1)]
    capped = budget(epoch_cap=30, open_charged=20, ledger_debits=20)
    assert post(events, {1: capped}, {}) == [Posted(events[0]), Dropped(events[1])]


def test_post__daily_cap__the_day_of_the_decision_counts() -> None:
    limits = {7: LineItemLimits(daily_cap=100, spent=95, spent_by_day={date(2026, 1, 5): 95})}
    events = [event(1, 5), event(2, 5), event(3, 5, at_ms=MONDAY_MS + DAY_MS)]
    assert post(events, {1: budget()}, limits) == [Posted(events[0]), Dropped(events[1]), Posted(events[2])]


def test_post__total_cap__binds_across_days() -> None:
    limits = {7: LineItemLimits(total_cap=10, spent=5)}
    events = [event(1, 5), event(2, 1, at_ms=MONDAY_MS + DAY_MS)]
    assert post(events, {1: budget()}, limits) == [Posted(events[0]), Dropped(events[1])]


EVENTS = st.lists(
    st.builds(
        lambda price, campaign, line_item, day: (price, campaign, line_item, day),
        st.integers(0, 50), st.integers(1, 3), st.integers(1, 3), st.integers(0, 2),
    ),
    max_size=60,
)
CAPS = st.one_of(st.none(), st.integers(1, 200))


@given(EVENTS, st.tuples(*[st.integers(0, 300)] * 3), st.tuples(*[st.integers(0, 100)] * 3), CAPS, CAPS)
def test_post__any_batch__stays_within_every_limit_and_loses_no_event(
    drawn: list[tuple[int, int, int, int]],
    deposits: tuple[int, int, int],
    epoch_caps: tuple[int, int, int],
    daily_cap: int | None,
    total_cap: int | None,
) -> None:
    """L33: charges never pass what is spendable; each event has one outcome, in order."""
    events = [
        event(number, price, campaign=campaign, line_item=line_item, at_ms=MONDAY_MS + day * DAY_MS)
        for number, (price, campaign, line_item, day) in enumerate(drawn)
    ]
    budgets = {
        campaign: budget(campaign, deposits[campaign - 1], epoch_cap=epoch_caps[campaign - 1])
        for campaign in (1, 2, 3)
    }
    limits = {line_item: LineItemLimits(daily_cap, total_cap) for line_item in (1, 2, 3)}
    outcomes = post(events, budgets, limits)
    charged = [outcome.event for outcome in outcomes if isinstance(outcome, Posted)]
    assert [outcome.event for outcome in outcomes] == events
    for campaign, facts in budgets.items():
        assert sum(e.price_micro_usdc for e in charged if e.campaign == campaign) <= facts.spendable
    for line_item in (1, 2, 3):
        mine = [e for e in charged if e.line_item == line_item]
        assert total_cap is None or sum(e.price_micro_usdc for e in mine) <= total_cap
        for day in {e.day for e in mine}:
            assert daily_cap is None or sum(e.price_micro_usdc for e in mine if e.day == day) <= daily_cap


@given(EVENTS, st.integers(0, 500), st.integers(0, 60))
def test_post__split_into_two_batches__same_outcomes(
    drawn: list[tuple[int, int, int, int]], deposited: int, cut: int
) -> None:
    """Billing does not depend on where a batch ends, if the facts are read again in between."""
    events = [event(number, price) for number, (price, *_rest) in enumerate(drawn)]
    whole = post(events, {1: budget(deposited=deposited)}, {})
    first = post(events[:cut], {1: budget(deposited=deposited)}, {})
    spent = sum(outcome.event.price_micro_usdc for outcome in first if isinstance(outcome, Posted))
    second = post(events[cut:], {1: budget(deposited=deposited, ledger_debits=spent)}, {})
    assert whole == first + second
