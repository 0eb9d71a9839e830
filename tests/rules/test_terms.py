"""Documents of a campaign's terms form a chain that starts at the hash on chain (L51)."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.campaigns.line_item import DayParts, FrequencyCap, LineItemTerms, Pacing
from backend.campaigns.targeting import Targeting
from backend.campaigns.terms import (
    TermsBroken,
    canonical,
    check_terms,
    described,
    document_hash,
    first_document,
    next_document,
)
from backend.core.categories import CampaignCategory
from backend.core.events import BidKind
from backend.core.ids import address

OWNER = address("0x" + "aa" * 20)
START = datetime(2026, 11, 2, tzinfo=UTC)
TERMS = LineItemTerms(
    name="Boards", bid_kind=BidKind.VCPM, bid_micro_usdc=4_000, daily_cap_micro_usdc=None, total_cap_micro_usdc=None,
    pacing=Pacing.EVEN, starts_at=START, ends_at=START + timedelta(days=30), targeting=Targeting(countries=("DE",)),
    day_parts=DayParts("f" * 42, "Europe/Berlin"), frequency_cap=FrequencyCap(3, 24),
)
FIRST = first_document(OWNER, 31_337, "Herbst – ✿", CampaignCategory.ART, [TERMS], bytes(16))


def chain(changes: int) -> list[str]:
    documents = [FIRST]
    for number in range(changes):
        previous = document_hash(documents[-1])
        documents.append(next_document(number + 2, previous, START, "campaign.changed", campaign={"name": str(number)}))
    return documents


def test_first_document__worked_example__meta_is_sha256_of_its_bytes() -> None:
    """L51."""
    document = first_document(OWNER, 31_337, "Herbst – ✿", CampaignCategory.ART, [], bytes(16))
    assert document == (
        '{"category":"art","chain_id":31337,"line_items":[],"name":"Herbst – ✿","owner":"' + OWNER
        + '","salt":"' + "00" * 16 + '","version":1}'
    )
    assert document_hash(document) == "0x" + hashlib.sha256(document.encode()).hexdigest()


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_first_document__other_salt__is_another_meta(one: bytes, other: bytes) -> None:
    hashes = [document_hash(first_document(OWNER, 1, "x", CampaignCategory.ART, [], salt)) for salt in (one, other)]
    assert (hashes[0] == hashes[1]) == (one == other)


def test_first_document__short_salt__is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        first_document(OWNER, 1, "x", CampaignCategory.ART, [], b"")


def test_described__times_in_any_zone__are_the_same_document() -> None:
    elsewhere = timezone(timedelta(hours=5, minutes=45))
    moved = replace(TERMS, starts_at=TERMS.starts_at.astimezone(elsewhere))
    assert described(moved) == described(TERMS)
    assert described(TERMS)["starts_at"] == "2026-11-02T00:00:00Z"
    assert described(TERMS)["day_parts"] == {"hours": "f" * 42, "time_zone": "Europe/Berlin"}


def test_canonical__number_beyond_a_double__is_a_text() -> None:
    text = canonical({"b": 2**53, "a": [2**53 - 1, True, None]})
    assert text == '{"a":[9007199254740991,true,null],"b":"9007199254740992"}'


@given(st.integers(0, 5))
def test_check_terms__documents_as_written__are_read(changes: int) -> None:
    """L51."""
    read = check_terms(chain(changes), document_hash(FIRST))
    assert [content["version"] for content in read] == list(range(1, changes + 2))
    assert read[0]["line_items"][0]["targeting"]["countries"] == ["DE"]


@given(st.integers(1, 5), st.data())
def test_check_terms__one_byte_changed_or_one_document_missing__is_noticed(changes: int, data: st.DataObject) -> None:
    """L51."""
    documents = chain(changes)
    place = data.draw(st.integers(0, changes))
    if data.draw(st.booleans()) and place < changes:
        del documents[place]
    else:
        text = documents[place]
        spot = data.draw(st.integers(0, len(text) - 1))
        documents[place] = text[:spot] + ("x" if text[spot] != "x" else "y") + text[spot + 1 :]
    if place == changes and _same_but_last(documents, changes):
        return      # the newest document has no hash after it: whoever holds the next one will see
    with pytest.raises(TermsBroken):
        check_terms(documents, document_hash(FIRST))


def _same_but_last(documents: list[str], changes: int) -> bool:
    last = documents[-1]
    try:
        content = json.loads(last)
    except ValueError:
        return False
    known = json.loads(chain(changes)[-1])
    return len(documents) == changes + 1 and canonical(content) == last and all(
        content.get(name) == known[name] for name in ("version", "previous")
    )


@pytest.mark.parametrize(
    "document",
    [
        "", "[]", "null", "{", '{"version": 1}', '{"version":1.0}', '{"version":NaN}', '{"a":1,"a":1,"version":1}',
        '{"version":true}', '{"version":2}', '{"version":"1"}', '{"x":"\ud800","version":1}', "[" * 100_000,
    ],
)
def test_check_terms__not_a_document__is_refused(document: Any) -> None:
    """L45."""
    with pytest.raises(TermsBroken):
        check_terms([document], "0x" + "00" * 32)


def test_check_terms__no_document_or_other_meta__is_refused() -> None:
    """L51."""
    with pytest.raises(TermsBroken, match="no document"):
        check_terms([], document_hash(FIRST))
    with pytest.raises(TermsBroken, match="document 1"):
        check_terms([FIRST], "0x" + "00" * 32)
