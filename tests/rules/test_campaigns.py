"""Rules of campaigns, line items and targeting: what is refused, and why (L45)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.campaigns import line_item
from backend.campaigns.campaign import Campaign, CampaignStatus, check_editable, money_of
from backend.campaigns.line_item import LineItemTerms, Pacing, bid_per_event
from backend.campaigns.targeting import Targeting
from backend.core.budget import CampaignBudget
from backend.core.categories import CampaignCategory, WorldCategory
from backend.core.errors import Conflict, Unprocessable
from backend.core.events import BidKind
from backend.core.ids import CampaignId, address
from backend.core.web_url import web_url

OWNER = address("0x" + "aa" * 20)
STRANGER = address("0x" + "bb" * 20)
START = datetime(2026, 11, 2, tzinfo=UTC)
CAMPAIGN = Campaign(
    CampaignId(1), OWNER, "Autumn", CampaignCategory.ART, "0x" + "11" * 32, CampaignStatus.ACTIVE, START
)
TERMS = LineItemTerms(
    name="Boards", bid_kind=BidKind.VCPM, bid_micro_usdc=4_000, daily_cap_micro_usdc=None, total_cap_micro_usdc=None,
    pacing=Pacing.EVEN, starts_at=START, ends_at=START + timedelta(days=30), targeting=Targeting(),
)


def budget(campaign: int, **facts: object) -> CampaignBudget:
    base = CampaignBudget(
        campaign=campaign, owner=OWNER, meta=CAMPAIGN.meta, active=True, deposited=100, withdrawn=5, reserved=10,
        ledger_debits=20, open_charged=0, epoch_cap=0,
    )
    return replace(base, **facts)  # type: ignore[arg-type]


# --- money ------------------------------------------------------------------------------------------------------------


def test_money__several_chain_campaigns__first_opened_counts() -> None:
    money = money_of(CAMPAIGN, [budget(9), budget(4), budget(7)])
    assert money.chain_campaign == 4
    assert (money.deposited_micro_usdc, money.withdrawn_micro_usdc, money.reserved_micro_usdc) == (100, 5, 10)
    assert (money.charged_micro_usdc, money.spendable_micro_usdc) == (20, 65)


def test_money__strangers_deposit_under_our_meta__does_not_count() -> None:
    assert money_of(CAMPAIGN, [budget(1, owner=STRANGER)]).chain_campaign is None


def test_money__other_meta__does_not_count() -> None:
    assert money_of(CAMPAIGN, [budget(1, meta="0x" + "22" * 32)]).spendable_micro_usdc == 0


def test_editable__ended__is_refused() -> None:
    check_editable(replace(CAMPAIGN, status=CampaignStatus.PAUSED))
    with pytest.raises(Conflict, match="campaign_ended"):
        check_editable(replace(CAMPAIGN, status=CampaignStatus.ENDED))


# --- bids, caps, dates ------------------------------------------------------------------------------------------


@given(st.integers(1, 10**9))
def test_bid__per_thousand__is_a_thousand_times_per_event(each: int) -> None:
    assert bid_per_event(BidKind.VCPM, None, each * 1_000) == each == bid_per_event(BidKind.VCPM, each, None)


@given(st.integers(1, 10**12).filter(lambda amount: amount % 1_000))
def test_bid__not_whole_per_event__is_refused(per_mille: int) -> None:
    with pytest.raises(Unprocessable, match="bid_not_whole"):
        bid_per_event(BidKind.VCPM, None, per_mille)


@pytest.mark.parametrize(
    ("kind", "per_event", "per_mille", "code"),
    [
        (BidKind.VCPM, None, None, "bid_missing"),
        (BidKind.VCPM, 1, 1_000, "bid_missing"),
        (BidKind.CPC, None, 1_000, "bid_kind_mismatch"),
    ],
)
def test_bid__given_wrongly__is_refused(
    kind: BidKind, per_event: int | None, per_mille: int | None, code: str
) -> None:
    with pytest.raises(Unprocessable, match=code):
        bid_per_event(kind, per_event, per_mille)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"daily_cap_micro_usdc": 3_999}, "cap_below_bid"),
        ({"total_cap_micro_usdc": 3_999}, "cap_below_bid"),
        ({"ends_at": START}, "dates_out_of_range"),
        ({"starts_at": datetime(2019, 12, 31, tzinfo=UTC)}, "dates_out_of_range"),
        ({"ends_at": datetime(2100, 1, 2, tzinfo=UTC)}, "dates_out_of_range"),
        ({"targeting": Targeting(worlds=(1, 2), exclude_worlds=(2,))}, "targeting_contradicts"),
        ({"targeting": Targeting(placements=(5,), exclude_placements=(5,))}, "targeting_contradicts"),
        (
            {"targeting": Targeting(categories=(WorldCategory.ART,), exclude_categories=(WorldCategory.ART,))},
            "targeting_contradicts",
        ),
    ],
)
def test_line_item__breaks_a_rule__is_refused(changes: dict[str, object], code: str) -> None:
    line_item.check(TERMS)
    with pytest.raises(Unprocessable, match=code):
        line_item.check(replace(TERMS, **changes))  # type: ignore[arg-type]


def test_line_item__cap_of_one_event__is_taken() -> None:
    line_item.check(replace(TERMS, daily_cap_micro_usdc=4_000, total_cap_micro_usdc=4_000))


def test_line_item__already_over__is_refused() -> None:
    line_item.check_not_over(TERMS, TERMS.ends_at - timedelta(microseconds=1))
    with pytest.raises(Unprocessable, match="line_item_over"):
        line_item.check_not_over(TERMS, TERMS.ends_at)


def test_targeting__names__every_world_and_placement() -> None:
    targeting = Targeting(worlds=(1,), exclude_worlds=(2,), placements=(3,), exclude_placements=(4,))
    assert targeting.all_worlds == {1, 2}
    assert targeting.all_placements == {3, 4}


# --- URLs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://assets.example/a.png?size=2#top", "https://assets.example:8443/", "http://127.0.0.1:9000/a.png",
        "http://localhost/a.png", "http://[::1]:80/", "HTTPS://ASSETS.EXAMPLE/",
    ],
)
def test_web_url__safe_to_open__is_taken_as_it_is(url: str) -> None:
    assert web_url(url, "asset_url") == url


@pytest.mark.parametrize(
    "url",
    [
        "", "assets.example/a.png", "//assets.example", "https://", "https:///a.png", "http://assets.example/",
        "http://127.0.0.1.evil.example/", "http://localhost@evil.example/", "https://user:pass@assets.example/",
        "https://@assets.example/", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://a.example/",
        "https://a.example/ b", "https://a.example/\n", "https://a.example\\@evil.example/", "https://a.example/<b>",
        "https://[::1", "https://a.example:99999/", "https://a.example:x/", "https://bücher.example/",
        "https://a.example/" + "a" * 2_048, "https://a.example/\x00", "\thttps://a.example/",
    ],
)
def test_web_url__anything_else__is_refused(url: str) -> None:
    with pytest.raises(Unprocessable, match=r"url_not_allowed: asset_url: "):
        web_url(url, "asset_url")


@given(st.text(max_size=100))
def test_web_url__any_text__is_refused_or_starts_safely(text: str) -> None:
    try:
        web_url(text, "url")
    except Unprocessable:
        return
    assert text.lower().startswith(("https://", "http://"))
