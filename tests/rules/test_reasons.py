"""Every reason is explained, to whoever it concerns, in the API and in docs/reasons.md."""

from pathlib import Path

import pytest

from backend.core.reasons import DropReason, NoBidReason
from backend.placements.explanations.reasons import NO_AD_HEADING, NO_BID, UNPAID, UNPAID_KIND, tables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reasons.md"


def test_reasons__each_one__has_words_and_none_has_words_too_many() -> None:
    assert set(NO_BID) == set(NoBidReason)
    assert set(UNPAID) == {*DropReason, UNPAID_KIND}
    assert all(words.meaning and words.publisher and words.advertiser for words in (*NO_BID.values(), *UNPAID.values()))


@pytest.mark.parametrize("reason", [*NoBidReason, *DropReason])
def test_reasons_page__each_reason__has_a_row(reason: str) -> None:
    assert tables().count(f"| `{reason}` |") == 1


def test_reasons_page__tables__are_those_of_the_code() -> None:
    page = PAGE.read_text()
    assert page[page.index(NO_AD_HEADING):] == tables()
