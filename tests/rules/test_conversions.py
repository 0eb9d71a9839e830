"""Conversions: which ad they are due to, who may report them, and what a landing page is told (L45, L53)."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.conversions import postback
from backend.conversions.attribution import CLOCKS_APART_MS, Attributed, Touch, attribute, too_early
from backend.conversions.conversion import verdict_of
from backend.conversions.goal import MS_PER_DAY, Goal, GoalKind, GoalStatus, GoalTerms, checked
from backend.conversions.logs import ConversionLog, next_range, words
from backend.core.click_id import ClickIdError, click_id, decision_of, landing_url, reference
from backend.core.decision_token import decision_id
from backend.core.errors import Unprocessable
from backend.core.events import EventKind
from backend.core.ids import CampaignId
from backend.core.keccak import keccak256
from backend.core.reasons import DropReason

KEY = b"k" * 32
NOW_MS = 1_800_000_000_000
NOW = NOW_MS // 1_000
DECISION = decision_id(NOW_MS - 60_000, b"0123456789")
ORDERS = GoalTerms("Orders", GoalKind.POSTBACK, click_days=7, view_days=1)
CAMPAIGN = 3


def touch(kind: EventKind = EventKind.CLICK, *, ago_ms: int = 1_000, **changes: object) -> Touch:
    fields = {"kind": kind, "decision_id": DECISION.hex(), "campaign_id": CAMPAIGN, "at_ms": NOW_MS - ago_ms,
              "counts": True, "action_price_micro_usdc": 5_000_000}
    return Touch(**(fields | changes))  # type: ignore[arg-type]


def verdict(*touches: Touch, goal: GoalTerms = ORDERS, counted_before: bool = False) -> str:
    found = attribute(goal, CAMPAIGN, touches, NOW_MS, counted_before=counted_before)
    return found.touch.kind.value if isinstance(found, Attributed) else found.value


# --- attribution --------------------------------------------------------------------------------------------------

VIEW = EventKind.VIEWABLE


@pytest.mark.parametrize(
    ("touches", "expected"),
    [
        ([touch()], "click"),
        ([touch(VIEW)], "viewable"),
        ([touch(VIEW), touch()], "click"),                                             # a click says more
        ([touch(VIEW), touch(ago_ms=8 * MS_PER_DAY)], "viewable"),
        ([], "not_attributed"),
        ([touch(counts=False)], "not_attributed"),
        ([touch(campaign_id=4)], "not_attributed"),
        ([touch(ago_ms=7 * MS_PER_DAY)], "click"),
        ([touch(ago_ms=7 * MS_PER_DAY + 1)], "lookback_over"),
        ([touch(VIEW, ago_ms=MS_PER_DAY + 1)], "lookback_over"),
        ([touch(ago_ms=-CLOCKS_APART_MS)], "click"),
        ([touch(ago_ms=-CLOCKS_APART_MS - 1)], "before_the_ad"),
    ],
)
def test_attribute__one_decision__click_before_view_within_the_lookback(touches: list[Touch], expected: str) -> None:
    """L53."""
    assert verdict(*touches) == expected


def test_attribute__views_do_not_count__a_view_alone_is_not_enough() -> None:
    clicks_only = GoalTerms("Orders", GoalKind.POSTBACK, click_days=7)
    assert verdict(touch(VIEW), goal=clicks_only) == "not_attributed"


def test_attribute__counted_before__only_by_a_repeatable_goal() -> None:
    again = GoalTerms("Orders", GoalKind.POSTBACK, click_days=7, repeatable=True)
    assert verdict(touch(), counted_before=True) == "converted_before"
    assert verdict(touch(), counted_before=True, goal=again) == "click"


TOUCHES = st.lists(st.builds(
    touch, st.sampled_from([EventKind.CLICK, EventKind.VIEWABLE]),
    ago_ms=st.integers(-MS_PER_DAY, 40 * MS_PER_DAY), counts=st.booleans(), campaign_id=st.integers(2, 4),
    action_price_micro_usdc=st.integers(0, 10**9),
), max_size=4)
GOALS = st.builds(
    GoalTerms, st.just("any"), st.just(GoalKind.POSTBACK), st.integers(1, 30), st.integers(0, 30), st.booleans()
)


@given(GOALS, TOUCHES, st.booleans())
def test_attribute__anything__due_only_to_what_may_count(
    goal: GoalTerms, touches: list[Touch], counted_before: bool
) -> None:
    """L53: whatever was seen, clicked and counted, the ad that is charged was one of the campaign's own, accepted,
    earlier, and not too long ago; and one that fits is never overlooked."""
    found = attribute(goal, CAMPAIGN, touches, NOW_MS, counted_before=counted_before)

    def fits(one: Touch) -> bool:
        days = goal.click_days if one.kind is EventKind.CLICK else goal.view_days
        age_ms = NOW_MS - one.at_ms
        return (
            one.counts and one.campaign_id == CAMPAIGN and days > 0 and -CLOCKS_APART_MS <= age_ms <= days * MS_PER_DAY
        )

    fitting = [one for one in touches if fits(one)]
    once = counted_before and not goal.repeatable
    if isinstance(found, Attributed):
        assert fits(found.touch)
        assert not once
        assert found.touch.kind is EventKind.CLICK or all(one.kind is not EventKind.CLICK for one in fitting)
    else:
        assert not fitting or found is DropReason.CONVERTED_BEFORE
        assert (found is DropReason.CONVERTED_BEFORE) <= once


def test_too_early__until_the_last_click_is_stored() -> None:
    assert too_early(DECISION, NOW_MS, token_seconds=120)
    assert too_early(DECISION, NOW_MS + 89_999, token_seconds=120)
    assert not too_early(DECISION, NOW_MS + 90_000, token_seconds=120)


@pytest.mark.parametrize(
    ("state", "reason", "status", "expected"),
    [
        ("waiting", None, None, "waiting"), ("refused", "lookback_over", None, "lookback_over"),
        ("counted", None, None, "counted"), ("counted", None, "accepted", "pending"),
        ("counted", None, "billed", "charged"), ("counted", None, "unpaid", "counted"),
        ("counted", None, "dropped", "budget_gone"),
    ],
)
def test_verdict__state_and_ledger__one_word(state: str, reason: str | None, status: str | None, expected: str) -> None:
    assert verdict_of(state, reason, status) == expected


# --- click ids ----------------------------------------------------------------------------------------------------


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=64))
def test_click_id__any_decision__read_back_and_only_under_its_key(decision: bytes, key: bytes) -> None:
    name = click_id(decision, key)
    assert len(name) == 43
    assert decision_of(name, key) == decision
    with pytest.raises(ClickIdError):
        decision_of(name, key + b"x" if len(key) < 64 else key[:-1] + bytes([key[-1] ^ 1]))


@given(st.text(max_size=60) | st.text("AZaz09-_=", min_size=40, max_size=46))
def test_decision_of__any_text__refused(text: str) -> None:
    """L45."""
    with pytest.raises(ClickIdError):
        decision_of(text, KEY)


def test_decision_of__another_text_for_the_same_bytes__refused() -> None:
    name = click_id(DECISION, KEY)
    last = {"A": "B", "E": "F", "I": "J", "M": "N"}.get(name[-1], chr(ord(name[-1]) + 1))
    with pytest.raises(ClickIdError):
        decision_of(name[:-1] + last, KEY)


def test_reference__is_what_a_contract_can_be_given() -> None:
    name = click_id(DECISION, KEY)
    assert reference(name) == "0x" + keccak256(name.encode()).hex()
    assert DECISION.hex() not in reference(name)


@pytest.mark.parametrize(
    ("url", "landing"),
    [
        ("https://shop.example", "https://shop.example?sl_click=ID"),
        ("https://shop.example/a?b=c", "https://shop.example/a?b=c&sl_click=ID"),
        ("https://shop.example/a?b=%20c#top", "https://shop.example/a?b=%20c&sl_click=ID#top"),
        ("http://localhost:8080/#/route?x=1", "http://localhost:8080/?sl_click=ID#/route?x=1"),
    ],
)
def test_landing_url__whatever_it_has_already__keeps_it(url: str, landing: str) -> None:
    assert landing_url(url, "ID") == landing


# --- postbacks ----------------------------------------------------------------------------------------------------

SECRET = postback.secret(KEY, 7, 1)
BODY = b'{"goal_id":7,"click_id":"x","order_id":"1"}'


def goal_of(version: int, until: datetime | None) -> Goal:
    return Goal(7, CampaignId(1), ORDERS, GoalStatus.ACTIVE, version, until, None, datetime(2026, 1, 1, tzinfo=UTC))


def test_sign__as_documented__hmac_of_timestamp_dot_body() -> None:
    expected = hmac.new(SECRET.encode(), f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert postback.sign(BODY, NOW, SECRET) == f"v1={expected}"


def test_secret__goal_and_version__each_its_own() -> None:
    secrets = {postback.secret(KEY, goal, version) for goal in (1, 2, 256) for version in (1, 2)}
    assert len(secrets) == 6
    assert all(len(one) == len("slcs_") + 64 for one in secrets)


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY + b" "}, {"timestamp": str(NOW + 1)}, {"signature": "v1=" + "0" * 64}, {"signature": ""},
        {"signature": postback.sign(BODY, NOW, SECRET).upper()}, {"signature": "v1=\udce4"},
        {"secrets": [postback.secret(KEY, 8, 1)]}, {"secrets": []},
    ],
)
def test_is_signed__anything_changed__no(change: dict[str, object]) -> None:
    given = {"body": BODY, "timestamp": str(NOW), "signature": postback.sign(BODY, NOW, SECRET), "secrets": [SECRET]}
    assert postback.is_signed(**given)  # type: ignore[arg-type]
    assert not postback.is_signed(**(given | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timestamp", "timely"),
    [
        (str(NOW), True), (str(NOW - 300), True), (str(NOW + 300), True), (str(NOW - 301), False),
        (str(NOW + 301), False), ("", False), ("-1", False), ("1e9", False), ("١٨٠٠٠٠٠٠٠٠", False), ("9" * 99, False),
    ],
)
def test_is_timely__five_minutes_either_way(timestamp: str, timely: bool) -> None:
    assert postback.is_timely(timestamp, NOW) is timely


def test_valid_versions__after_a_change__the_one_before_for_a_while_only() -> None:
    until = datetime.fromtimestamp(NOW, UTC)
    assert postback.valid_versions(goal_of(1, None), NOW) == [1]
    assert postback.valid_versions(goal_of(3, until), NOW - 1) == [3, 2]
    assert postback.valid_versions(goal_of(3, until), NOW) == [3]


# --- goals and logs -----------------------------------------------------------------------------------------------

CONTRACT = "0x" + "C3" * 20


def test_checked__on_chain__contract_in_lowercase_and_first_topic() -> None:
    event = "Transfer(address,address,uint256)"
    goal = checked(GoalTerms("Mints", GoalKind.ON_CHAIN, 30, contract=CONTRACT, event=event))
    assert goal.contract == CONTRACT.lower()
    assert goal.topic0 == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"click_days": 0}, "lookback_out_of_range"), ({"click_days": 31}, "lookback_out_of_range"),
        ({"view_days": -1}, "lookback_out_of_range"), ({"contract": CONTRACT}, "goal_contract_unused"),
        ({"kind": GoalKind.ON_CHAIN}, "goal_contract_missing"),
        ({"kind": GoalKind.ON_CHAIN, "contract": CONTRACT, "event": "Bought(address who)"}, "goal_event_malformed"),
        ({"kind": GoalKind.ON_CHAIN, "contract": CONTRACT, "event": "Bought"}, "goal_event_malformed"),
        ({"kind": GoalKind.ON_CHAIN, "contract": "0x12", "event": "Bought()"}, "goal_contract_missing"),
    ],
)
def test_checked__a_rule_is_broken__named(changes: dict[str, object], code: str) -> None:
    """L45."""
    fields = {"name": "Orders", "kind": GoalKind.POSTBACK, "click_days": 7} | changes
    with pytest.raises(Unprocessable) as refused:
        checked(GoalTerms(**fields))  # type: ignore[arg-type]
    assert refused.value.code == code


def test_words__indexed_or_not__every_word_but_the_name_of_the_event() -> None:
    name, indexed, first, second = ("0x" + digit * 64 for digit in "abcd")
    log = ConversionLog("0x01", 2, 3, (name, indexed), "0x" + first[2:] + second[2:] + "ff")
    assert words(log) == [indexed, first, second]
    assert log.order_id == "0x01:2"
    assert words(ConversionLog("0x01", 2, 3, (), "0x")) == []


@given(st.integers(0, 10**6), st.integers(-5, 10**6), st.integers(1, 1_000))
def test_next_range__step_by_step__every_confirmed_block_once(read: int, confirmed: int, most: int) -> None:
    span = next_range(read, confirmed, most)
    if span is None:
        assert read >= confirmed
    else:
        assert span[0] == read + 1
        assert span[0] <= span[1] <= confirmed
        assert span[1] - read <= most
