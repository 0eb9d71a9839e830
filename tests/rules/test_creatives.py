"""Rules of creatives and of their moderation: what is refused, and why (L45); only the approved is shown (L56)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.byte_range import byte_range
from backend.core.errors import Conflict, NotAllowed, SightlineError, Unprocessable
from backend.core.ids import address
from backend.creatives import creative
from backend.creatives.creative import CreativeKind, CreativeTerms, CreativeWish, changed, terms_of
from backend.creatives.media.facts import AssetKind, MediaFacts
from backend.creatives.review import (
    CLAIM_MINUTES,
    FINAL,
    Appeal,
    CreativeStatus,
    RejectionReason,
    Standing,
    appeal_decided,
    appealed,
    approved,
    check_may_judge,
    claimed,
    first_standing,
    rejected,
    released,
    taken_down,
    withdrawn,
)

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
ONE, OTHER = address("0x" + "aa" * 20), address("0x" + "bb" * 20)
SHA256, CLICK = "9f" * 32, "https://shop.example/"
CREATIVE = CreativeTerms(CreativeKind.IMAGE, 1_024, 512, "https://assets.example/a.png", SHA256, CLICK)
FACTS = MediaFacts(AssetKind.VIDEO, "video/mp4", 640, 360, 5_000)
WHY = (RejectionReason.MISLEADING,)


# --- terms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"asset_url": "http://assets.example/a.png"}, {"click_url": "javascript:alert(1)"}, {"asset_sha256": "9F" * 32},
        {"asset_sha256": "9f" * 31}, {"width": 0}, {"height": 8_193}, {"kind": CreativeKind.AUDIO},
        {"kind": CreativeKind.MODEL, "width": 9_000},
    ],
)
def test_creative__breaks_a_rule__is_refused(changes: dict[str, object]) -> None:
    creative.check(CREATIVE)
    with pytest.raises(Unprocessable):
        creative.check(replace(CREATIVE, **changes))  # type: ignore[arg-type]


def test_creative__large_model_that_we_measured__is_taken() -> None:
    creative.check(replace(CREATIVE, kind=CreativeKind.MODEL, width=9_000, hosted=True))


def test_terms__of_an_upload__are_its_facts() -> None:
    terms = terms_of(CreativeWish(click_url=CLICK, asset=SHA256), FACTS, "http://assets.example/a/x")
    assert (terms.kind, terms.width, terms.height, terms.duration_ms) == (CreativeKind.VIDEO, 640, 360, 5_000)
    assert (terms.asset_url, terms.asset_sha256, terms.hosted) == ("http://assets.example/a/x", SHA256, True)


def test_changed__asset_replaced__keeps_the_rest() -> None:
    before = replace(CREATIVE, alt_text="Sale")
    after = changed(before, CreativeWish(asset="ab" * 32), FACTS, "https://assets.example/a/x")
    assert (after.kind, after.alt_text, after.click_url) == (CreativeKind.VIDEO, "Sale", CLICK)
    assert changed(before, CreativeWish(alt_text=""), None, "").alt_text == ""


# --- moderation -------------------------------------------------------------------------------------------------


def test_first_standing__needs_a_moderator__unless_the_setting_says_otherwise() -> None:
    assert first_standing(False, NOW) == Standing(CreativeStatus.PENDING)
    assert first_standing(True, NOW).status is CreativeStatus.APPROVED


def test_claim__by_another__refuses_until_its_end() -> None:
    held = claimed(Standing(CreativeStatus.PENDING), ONE, NOW)
    end = NOW + timedelta(minutes=CLAIM_MINUTES)
    check_may_judge(ONE, held, involved=False, now=NOW)
    check_may_judge(OTHER, held, involved=False, now=end)
    with pytest.raises(Conflict, match="creative_claimed"):
        check_may_judge(OTHER, held, involved=False, now=end - timedelta(microseconds=1))
    assert released(held, OTHER) == held
    assert released(held, ONE) == Standing(CreativeStatus.PENDING)


def test_judge__own_or_appeal_against_oneself__is_not_allowed() -> None:
    refused = appealed(rejected(Standing(CreativeStatus.PENDING), WHY, None, ONE, NOW), "No.", NOW)
    check_may_judge(OTHER, refused, involved=False, now=NOW)
    with pytest.raises(NotAllowed, match="appeal_needs_another"):
        check_may_judge(ONE, refused, involved=False, now=NOW)
    with pytest.raises(NotAllowed, match="own_creative"):
        check_may_judge(OTHER, refused, involved=True, now=NOW)


ACTS: dict[str, Callable[[Standing], Standing]] = {
    "claim": lambda standing: claimed(standing, ONE, NOW),
    "release": lambda standing: released(standing, ONE),
    "approve": lambda standing: approved(standing, ONE, NOW),
    "reject": lambda standing: rejected(standing, WHY, None, ONE, NOW),
    "take down": lambda standing: taken_down(standing, WHY, None, ONE, NOW),
    "appeal": lambda standing: appealed(standing, "Look again.", NOW),
    "grant": lambda standing: appeal_decided(standing, True, None, OTHER, NOW),
    "deny": lambda standing: appeal_decided(standing, False, None, OTHER, NOW),
    "withdraw": withdrawn,
    "replace": lambda standing: replace(standing, status=CreativeStatus.REPLACED)
    if standing.status in (CreativeStatus.PENDING, CreativeStatus.APPROVED) else standing,
}
MAY_APPROVE = {"approve", "grant"}


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=12))
def test_standing__whatever_happens__is_approved_by_a_decision_only_and_final_ends_stay(acts: list[str]) -> None:
    standing, appeals = first_standing(False, NOW), 0
    for act in acts:
        before = standing
        try:
            standing = ACTS[act](before)
        except SightlineError:
            assert standing == before
            continue
        if standing.status is CreativeStatus.APPROVED and before.status is not CreativeStatus.APPROVED:
            assert act in MAY_APPROVE
            assert not standing.reasons
        if before.status in FINAL:
            assert standing.status is before.status
        if standing.status in (CreativeStatus.REJECTED, CreativeStatus.TAKEN_DOWN):
            assert standing.reasons
        appeals += act == "appeal"
        assert appeals <= 1
        if before.appeal is Appeal.DENIED:
            assert standing.status is before.status


# --- ranges -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 10_000), st.integers(0, 20_000), st.integers(0, 20_000))
def test_byte_range__any__lies_within_the_file(size: int, first: int, last: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        found = byte_range(header, size)
        if found is not None:
            assert 0 <= found[0] < found[1] <= size


@given(st.text(max_size=30), st.integers(1, 1_000))
def test_byte_range__any_text__is_everything_or_within(text: str, size: int) -> None:
    found = byte_range(text, size)
    assert found is None or 0 <= found[0] < found[1] <= size


@pytest.mark.parametrize(
    ("header", "found"),
    [(None, (0, 100)), ("bytes=0-", (0, 100)), ("bytes=0-0", (0, 1)), ("bytes=99-200", (99, 100)),
     ("bytes=100-", None), ("bytes=-1", (99, 100)), ("bytes=-0", None), ("bytes=7-3", (0, 100)), ("", (0, 100))],
)
def test_byte_range__example__is_as_the_rfc_says(header: str | None, found: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == found
