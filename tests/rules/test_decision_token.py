"""The decision token carries what was decided and nothing else can be made of it (L27)."""

import base64
import struct
from dataclasses import replace
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.decision_token import DecisionToken, TokenError, decision_id, sign, verify
from backend.core.events import BidKind

KEY = bytes(range(32))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
U64 = st.integers(0, 2**64 - 1)

tokens = st.builds(
    DecisionToken,
    decision_id=st.binary(min_size=16, max_size=16), chain_id=U64, campaign=U64, line_item=U64, creative=U64,
    placement=U64, publisher=st.integers(0, 2**32 - 1), price_micro_usdc=U64, bid_kind=st.sampled_from(BidKind),
    expires_ms=U64, viewer=st.binary(min_size=8, max_size=8), video=st.booleans(),
)
TOKEN = DecisionToken(
    decision_id=decision_id(1_790_000_000_000, bytes(10)), chain_id=31_337, campaign=1, line_item=2, creative=3,
    placement=4, publisher=5, price_micro_usdc=4_000, bid_kind=BidKind.CPC, expires_ms=1_790_000_120_000,
    viewer=b"viewer01",
)


@given(tokens, st.binary(min_size=16, max_size=80))
def test_token__any_facts_and_key__come_back_as_signed(token: DecisionToken, key: bytes) -> None:
    assert verify(sign(token, key), key) == token


@given(tokens, st.data())
def test_token__any_bit_flipped__is_refused(token: DecisionToken, data: st.DataObject) -> None:
    """L27: price, campaign and publisher cannot be changed."""
    text = sign(token, KEY)
    raw = bytearray(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TokenError):
        verify(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), KEY)


def test_token__every_byte_flipped__is_refused() -> None:
    text = sign(TOKEN, KEY)
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1:]
        with pytest.raises(TokenError):
            verify(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), KEY)


@given(st.data())
def test_token__any_other_character_of_the_text__is_refused(data: st.DataObject) -> None:
    """L27: also where base64 has unused bits at the end."""
    text = sign(TOKEN, KEY)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != text[place]]))
    with pytest.raises(TokenError):
        verify(text[:place] + other + text[place + 1:], KEY)


def test_token__last_character__has_one_form_only() -> None:
    text = sign(TOKEN, KEY)
    accepted = []
    for letter in ALPHABET:
        try:
            verify(text[:-1] + letter, KEY)
        except TokenError:
            continue
        accepted.append(letter)
    assert accepted == [text[-1]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "", lambda text: text[:-1], lambda text: text[4:], lambda text: text + "A",
        lambda text: text + "AAAA",
        lambda text: text + "=", lambda text: text + "==", lambda text: " " + text, lambda text: text + "\n",
        lambda text: text[:40] + "\n" + text[40:], lambda text: text.upper(), lambda text: text + "é",
        lambda text: text[:-1] + "\ud800",
    ],
)
def test_token__truncated_extended_or_not_canonical__is_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(TokenError):
        verify(spoil(sign(TOKEN, KEY)), KEY)


@given(st.text(max_size=300))
def test_token__any_text__is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        verify(text, KEY)


def test_token__other_key__is_refused() -> None:
    with pytest.raises(TokenError, match="signature"):
        verify(sign(TOKEN, KEY), KEY[::-1])


def test_token__standard_base64_alphabet__is_refused() -> None:
    token = replace(TOKEN, viewer=b"\xff" * 8)
    standard = sign(token, KEY).replace("-", "+").replace("_", "/")
    assert standard != sign(token, KEY)
    with pytest.raises(TokenError):
        verify(standard, KEY)


def test_sign__short_key__is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        sign(TOKEN, b"15 bytes of key")


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_decision_id__carries_its_time(now_ms: int, random: bytes) -> None:
    assert replace(TOKEN, decision_id=decision_id(now_ms, random)).decided_ms == now_ms


def test_decision_id__later_one__sorts_after() -> None:
    assert decision_id(1_000, b"\xff" * 10) < decision_id(1_001, bytes(10))


def test_decision_id__wrong_amount_of_randomness__is_refused() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        decision_id(1, b"short")


def of_version_1(token: DecisionToken) -> str:
    """As it was signed before the client and the origin were part of it."""
    body = struct.pack(
        ">B16sQQQQQIQBQ8s?", 1, token.decision_id, token.chain_id, token.campaign, token.line_item, token.creative,
        token.placement, token.publisher, token.price_micro_usdc, list(BidKind).index(token.bid_kind),
        token.expires_ms, token.viewer, token.video,
    )
    mac = blake2b(body, digest_size=16, key=KEY, person=b"sightline-tok").digest()
    return base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()


def test_token__version_1__is_read_and_has_one_form_too() -> None:
    """L27: links of before an upgrade still lead somewhere."""
    text = of_version_1(TOKEN)
    assert verify(text, KEY) == TOKEN
    accepted = [letter for letter in ALPHABET + "=+/" if _is_token(text[:-1] + letter)]
    assert accepted == [text[-1]]
    for spoilt in (text + "==", text + "=", text[:-1], text + "AAAAAA", text[:-2] + "=="):
        assert not _is_token(spoilt)


def test_token__padding_instead_of_letters__is_refused() -> None:
    text = sign(TOKEN, KEY)
    assert not any(_is_token(spoilt) for spoilt in (text[:-1] + "=", text[:-2] + "==", text[:-4] + "===="))


def _is_token(text: str) -> bool:
    try:
        verify(text, KEY)
    except TokenError:
        return False
    return True
