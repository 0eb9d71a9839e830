"""Consent strings are read as the specification says, by two readers alike; without consent nothing is counted (L64).

decode
├── what another encoder wrote          → the same content, also by iab-tcf
├── longer than the limit               → error
├── not base64url, an empty segment     → error
├── another version                     → error
├── cut short                           → error
├── something behind the end            → error
├── a range that runs backwards         → error
├── a segment twice, of unknown type    → error
└── any text                            → content or error, never a crash
allows
├── no consent needed                   → yes, whatever the signals
└── consent needed
    ├── Sec-GPC, no string, malformed   → no
    ├── we are no vendor                → what the publisher was allowed
    └── we are a vendor                 → purposes, vendor, disclosed, no restriction
"""

import contextlib
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import iab_tcf
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.core import tcf
from backend.core.consent import NEEDS, Basis, Processing, Purpose, allows, allows_frequency_capping
from backend.core.tcf import ConsentStringError, Restriction, contains, decode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from consent_kit import COUNTING_ALLOWED, COUNTING_REFUSED, EPOCH, Choices, Ids, bits, core, encode, text

VENDOR = 811
COUNTING: Ids = frozenset({1, 2})
GRANTED = Choices(purposes=COUNTING, vendors=frozenset({VENDOR}))
# examples of the specification and of the IAB's own library
PUBLISHED = (
    "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBA"
    "AgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw",
    "COw4XqLOw4XqLAAAAAENAXCf-v-gAAAfwIAAACngAI8AEFABgACAA4A.IAPPwAPrwA.QAPPwAPrwA.cAAAAAAAITg",
    "COsbk4AOSbk4AnWAAAENAwCgAAAAAAAAAAYgACPAAAAA.YAAAAAAAAAA",
)

purposes = st.frozensets(st.integers(1, 24))
ids = st.one_of(st.frozensets(st.integers(1, 60), max_size=20), st.frozensets(st.integers(1, 1_500), max_size=8))
moments = st.integers(0, 2**36 - 1).map(lambda deciseconds: EPOCH + timedelta(milliseconds=100 * deciseconds))
pairs = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
choices = st.builds(
    Choices,
    purposes=purposes, interests=purposes, vendors=ids, vendor_interests=ids,
    features=st.frozensets(st.integers(1, 12)),
    restrictions=st.lists(st.tuples(st.integers(1, 24), st.integers(0, 2), ids), max_size=3).map(tuple),
    disclosed=st.none() | ids, allowed=st.none() | ids, publisher=st.none() | purposes, publisher_interests=purposes,
    custom=st.frozensets(st.integers(1, 9)), custom_count=st.just(9), created=moments, updated=moments,
    cmp=st.integers(0, 4_095), language=pairs, country=pairs, ranged=st.booleans(),
)


def numbers(mask: int) -> Ids:
    return frozenset(number for number in range(mask.bit_length()) if contains(mask, number))


def reason(string: str) -> str:
    with pytest.raises(ConsentStringError) as caught:
        decode(string)
    return caught.value.reason


# --- reading ----------------------------------------------------------------------------------------------------


@given(choices)
def test_decode__what_another_encoder_wrote__is_read_back(said: Choices) -> None:
    read = decode(encode(said))
    assert (read.version, read.cmp_id) == (2, said.cmp)
    assert (read.language, read.publisher_country) == (said.language, said.country)
    assert (read.created, read.updated) == (said.created, said.updated)
    assert (read.consent_screen, read.vendor_list_version, read.policy_version) == (3, 48, 4)
    assert (read.service_specific, read.non_standard_texts, read.purpose_one_treatment) == (True, False, False)
    assert numbers(read.purposes_consent) == said.purposes
    assert numbers(read.purposes_legitimate_interest) == said.interests
    assert numbers(read.special_features) == said.features
    assert numbers(read.vendors_consent) == said.vendors
    assert numbers(read.vendors_legitimate_interest) == said.vendor_interests
    found = [(one.purpose, int(one.kind), numbers(one.vendors)) for one in read.restrictions]
    assert found == list(said.restrictions)
    assert (None if read.disclosed_vendors is None else numbers(read.disclosed_vendors)) == said.disclosed
    assert (None if read.allowed_vendors is None else numbers(read.allowed_vendors)) == said.allowed
    assert (read.publisher is None) == (said.publisher is None)
    if read.publisher is not None:
        assert numbers(read.publisher.purposes_consent) == said.publisher
        assert numbers(read.publisher.purposes_legitimate_interest) == said.publisher_interests
        assert numbers(read.publisher.custom_consent) == said.custom
        assert numbers(read.publisher.custom_legitimate_interest) == said.custom


def assert_read_alike(string: str) -> None:
    ours, theirs = decode(string), iab_tcf.decode_v2(string)
    assert (ours.cmp_id, ours.policy_version) == (theirs.cmp_id, theirs.tcf_policy_version)
    assert ours.created.replace(microsecond=0, tzinfo=None) == theirs.created
    assert (ours.language.encode(), ours.publisher_country.encode()) == (theirs.consent_language, theirs.publisher_cc)
    for number in range(1, 25):
        assert contains(ours.purposes_consent, number) == theirs.is_purpose_allowed(number)
        assert contains(ours.purposes_legitimate_interest, number) == theirs.has_purpose_legitimate_interest(number)
    for number in [*range(1, 70), *numbers(ours.vendors_consent), *numbers(ours.vendors_legitimate_interest)]:
        assert contains(ours.vendors_consent, number) == theirs.is_vendor_allowed(number)
        assert contains(ours.vendors_legitimate_interest, number) == theirs.is_interest_allowed(number)
    if ours.disclosed_vendors is not None:
        told = {number for number, yes in theirs.oob_disclosed_vendors.items() if yes}
        assert numbers(ours.disclosed_vendors) == told
    if ours.publisher is not None:
        allowed = {number for number, yes in theirs.publisher_tc.purposes_consent.items() if yes}
        assert numbers(ours.publisher.purposes_consent) == allowed


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")
@given(choices)
@example(Choices(vendors=frozenset({1, 2, 3, 700}), ranged=True))
def test_decode__any_string__is_what_iab_tcf_reads(said: Choices) -> None:
    assert_read_alike(encode(said))


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")
@pytest.mark.parametrize("string", PUBLISHED)
def test_decode__published_examples__are_what_iab_tcf_reads(string: str) -> None:
    assert_read_alike(string)


def test_decode__padding_of_other_encoders__is_not_content() -> None:
    """Whole characters, whole bytes, whole groups of four characters."""
    content = core(GRANTED)
    whole = text(content + "0" * (-len(content) % 24))
    shortest = whole[: -(-len(content) // 6)]
    assert decode(whole) == decode(shortest) == decode(encode(GRANTED))


# --- refusing ---------------------------------------------------------------------------------------------------


def test_decode__longer_than_the_limit__is_refused() -> None:
    assert "longer" in reason("C" * (tcf.CHARACTERS_MAX + 1))


@pytest.mark.parametrize("string", ["", ".", "C==", "C C", "ÄÄÄÄ", encode(GRANTED) + ".", "\x00", "C\n"])
def test_decode__not_base64url_or_an_empty_segment__is_refused(string: str) -> None:
    assert "base64url" in reason(string) or "early" in reason(string)


def test_decode__version_1__is_refused() -> None:
    assert reason("B" + encode(GRANTED)[1:]) == "version 1 is not 2"


@given(choices, st.data())
def test_decode__cut_short__never_reads_as_more(said: Choices, data: st.DataObject) -> None:
    """A part of a string is an error; only padding may be missing."""
    whole = text(core(said))
    cut = data.draw(st.integers(0, len(whole) - 3))
    with pytest.raises(ConsentStringError):
        decode(whole[:cut])


def test_decode__something_behind_the_end__is_refused() -> None:
    assert reason(text(core(GRANTED) + "1")) == "something follows the end"
    assert reason(text(core(GRANTED)) + "AAAA") == "something follows the end"


def wrong_vendors(content: str) -> str:
    """A string whose disclosed vendors are these bits."""
    return encode(GRANTED) + "." + text(bits(1, 3) + content)


@pytest.mark.parametrize("content", [
    bits(9, 16) + "1" + bits(1, 12) + "1" + bits(7, 16) + bits(6, 16),      # backwards
    bits(9, 16) + "1" + bits(1, 12) + "0" + bits(0, 16),                    # vendor 0
    bits(9, 16) + "1" + bits(1, 12) + "0" + bits(10, 16),                   # beyond the largest
])
def test_decode__a_range_that_cannot_be__is_refused(content: str) -> None:
    assert "range" in reason(wrong_vendors(content))


def test_decode__segment_twice_or_unknown__is_refused() -> None:
    whole = encode(Choices(publisher=COUNTING))
    assert reason(f"{whole}.{whole.split('.')[1]}") == "the segment publisher comes twice"
    for kind in (0, 4, 7):
        assert reason(f"{encode(GRANTED)}.{text(bits(kind, 3) + '0' * 61)}") == f"there is no segment of type {kind}"


@pytest.mark.parametrize(("purpose", "kind"), [(0, 0), (25, 0), (1, 3)])
def test_decode__restriction_of_nothing__is_refused(purpose: int, kind: int) -> None:
    assert "restriction" in reason(encode(Choices(restrictions=((purpose, kind, COUNTING),))))


def test_decode__language_of_other_signs__is_refused() -> None:
    assert "two letters" in reason(encode(Choices(language="A[")))


def test_decode__as_many_ranges_as_fit__is_read_in_time() -> None:
    """The dearest string: every entry covers all vendors."""
    entries = 744
    content = bits(65_535, 16) + "1" + bits(entries, 12) + ("1" + bits(1, 16) + bits(65_535, 16)) * entries
    hostile = wrong_vendors(content)[: tcf.CHARACTERS_MAX + 1]
    started = time.process_time()
    with pytest.raises(ConsentStringError):
        decode(hostile)
    fits = wrong_vendors(bits(65_535, 16) + "1" + bits(700, 12) + ("1" + bits(1, 16) + bits(65_535, 16)) * 700)
    assert numbers(decode(fits).disclosed_vendors or 0) == frozenset(range(1, 65_536))
    assert time.process_time() - started < 1       # 0.06 s of a core


@given(st.text(max_size=300) | st.text("ABCDEFGH-_.abcdef0123", max_size=600) | st.binary(max_size=300).map(
    lambda raw: text(bits(2, 6) + "".join(bits(byte, 8) for byte in raw))))
def test_decode__any_text__is_content_or_an_error(string: str) -> None:
    with contextlib.suppress(ConsentStringError):
        decode(string)
    assert allows_frequency_capping(False, string) in (True, False)


@given(choices, st.data())
def test_decode__any_character_changed__never_crashes(said: Choices, data: st.DataObject) -> None:
    string = encode(said)
    place = data.draw(st.integers(0, len(string) - 1))
    changed = string[:place] + data.draw(st.characters()) + string[place + 1 :]
    allows_frequency_capping(False, changed, vendor=data.draw(st.none() | st.integers(1, 2_000)))


# --- allowing ---------------------------------------------------------------------------------------------------


def capping(said: Choices, vendor: int | None = VENDOR) -> bool:
    return allows_frequency_capping(False, encode(said), vendor=vendor)


def test_allows__no_signal__counts_nobody() -> None:
    """L64"""
    assert not allows_frequency_capping(False, None)
    assert not allows_frequency_capping(False, "")
    assert not allows_frequency_capping(False, "malformed")


def test_allows__global_privacy_control__overrules_every_consent() -> None:
    """L64"""
    assert allows_frequency_capping(False, COUNTING_ALLOWED)
    assert not allows_frequency_capping(True, COUNTING_ALLOWED)
    assert not allows_frequency_capping(True, encode(GRANTED), vendor=VENDOR)


def test_allows__we_are_no_vendor__what_the_publisher_was_allowed_counts() -> None:
    assert not allows_frequency_capping(False, COUNTING_REFUSED)
    assert not capping(GRANTED, vendor=None)
    assert not capping(Choices(publisher=frozenset({2})), vendor=None)


@pytest.mark.parametrize(("said", "allowed"), [
    (GRANTED, True),
    (Choices(purposes=COUNTING), False),
    (Choices(purposes=frozenset({2}), vendors=frozenset({VENDOR})), False),
    (Choices(interests=COUNTING, purposes=frozenset({1}), vendors=frozenset({VENDOR})), False),
    (Choices(purposes=COUNTING, vendors=frozenset({VENDOR}), disclosed=frozenset({VENDOR, 2})), True),
    (Choices(purposes=COUNTING, vendors=frozenset({VENDOR}), disclosed=frozenset({2})), False),
    (Choices(purposes=COUNTING, vendors=frozenset({VENDOR}), publisher=COUNTING), True),
    (Choices(publisher=COUNTING), False),
])
def test_allows__we_are_a_vendor__needs_purposes_vendor_and_disclosure(said: Choices, allowed: bool) -> None:
    assert capping(said) is allowed


@pytest.mark.parametrize(("kind", "purpose", "vendor", "allowed"), [
    (Restriction.NOT_ALLOWED, 2, VENDOR, False),
    (Restriction.REQUIRE_CONSENT, 2, VENDOR, True),
    (Restriction.REQUIRE_LEGITIMATE_INTEREST, 2, VENDOR, False),
    (Restriction.NOT_ALLOWED, 3, VENDOR, True),
    (Restriction.NOT_ALLOWED, 2, VENDOR + 1, True),
])
def test_allows__publisher_restricts__is_obeyed(kind: Restriction, purpose: int, vendor: int, allowed: bool) -> None:
    said = Choices(
        purposes=COUNTING, vendors=frozenset({VENDOR}), restrictions=((purpose, kind, frozenset({vendor})),)
    )
    assert capping(said) is allowed


def test_allows__string_since_march_2026__must_say_who_was_disclosed() -> None:
    late = datetime(2026, 3, 1, tzinfo=UTC)
    assert not capping(Choices(purposes=COUNTING, vendors=frozenset({VENDOR}), updated=late))
    assert capping(
        Choices(purposes=COUNTING, vendors=frozenset({VENDOR}), updated=late, disclosed=frozenset({VENDOR}))
    )


@pytest.mark.parametrize("processing", Processing)
def test_allows__every_processing__has_its_needs(processing: Processing) -> None:
    """What counts under a viewer's key needs consent, or a reason why not; consent means purposes to ask for."""
    need = NEEDS[processing]
    assert bool(need.purposes) == (need.basis is Basis.CONSENT)
    assert not need.keyed or need.basis in (Basis.CONSENT, Basis.LEGITIMATE_INTEREST)
    assert allows(processing, False, None) == (need.basis is not Basis.CONSENT)
    assert allows(processing, True, COUNTING_ALLOWED) == (need.basis is not Basis.CONSENT and not need.objection)


def test_needs__frequency_capping__asks_for_storage_and_limited_data() -> None:
    assert NEEDS[Processing.FREQUENCY_CAPPING].purposes == (Purpose.STORE_ON_DEVICE, Purpose.SELECT_BY_LIMITED_DATA)
