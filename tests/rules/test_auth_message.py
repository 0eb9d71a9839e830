"""Sign-in messages as pure rules: what parses, what is checked, and that hostile text costs nothing (L45, L46, L50)."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from backend.auth.message import SignInPolicy, check, parse
from backend.auth.session import token_digest, token_text
from backend.auth.signature import EIP6492_SUFFIX, SECP256K1_ORDER, is_by_key, signature_bytes, wallet_signature
from backend.core.errors import BadRequest, NotSignedIn
from backend.core.ids import address

ADVERTISER = Account.from_key(b"\x01" * 32)
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
POLICY = SignInPolicy("https://ads.example", 31_337)


def text_of(**changes: str) -> str:
    fields = {
        "domain": "ads.example", "statement": "Sign in.", "uri": "https://ads.example/", "extra": "",
        "issued": "2026-11-02T10:00:00.000Z", "expires": "2026-11-02T10:05:00+00:00", **changes,
    }
    return (
        "{domain} wants you to sign in with your Ethereum account:\n" + ADVERTISER.address + "\n\n{statement}\n\n"
        "URI: {uri}\nVersion: 1\nChain ID: 31337\nNonce: 0123456789abcdef\nIssued At: {issued}\n"
        "Expiration Time: {expires}{extra}"
    ).format(**fields)


def test_parse__good_message__gives_its_fields() -> None:
    message = parse(text_of(extra="\nNot Before: 2026-11-02T09:00:00Z\nRequest ID: 7\nResources:\n- https://a.example/b"))
    assert message.wallet == ADVERTISER.address.lower()
    assert (message.domain, message.chain_id, message.nonce) == ("ads.example", 31_337, "0123456789abcdef")
    assert message.issued_at == NOW
    assert message.expires_at == NOW + timedelta(minutes=5)
    assert message.not_before == NOW - timedelta(hours=1)
    check(message, POLICY, NOW)


@pytest.mark.parametrize("seconds", [-61, 301])
def test_check__outside_the_window__refused(seconds: int) -> None:
    with pytest.raises(NotSignedIn):
        check(parse(text_of(expires="2026-11-03T00:00:00Z")), POLICY, NOW + timedelta(seconds=seconds))


def test_check__scheme_of_another_kind__refused() -> None:
    with pytest.raises(NotSignedIn, match="siwe_wrong_domain"):
        check(parse(text_of(domain="http://ads.example")), POLICY, NOW)
    check(parse(text_of(domain="https://ads.example")), POLICY, NOW)


@given(st.text(max_size=300))
def test_parse__any_text__is_a_message_or_a_clear_refusal(text: str) -> None:
    with pytest.raises(BadRequest, match="siwe_message_malformed"):
        parse(text)


@given(st.integers(0, len(text_of()) - 1), st.characters(codec="utf-8"))
def test_parse__one_character_changed__parses_to_itself_or_is_refused(place: int, character: str) -> None:
    text = text_of()
    changed = text[:place] + character + text[place + 1:]
    with suppress(BadRequest, NotSignedIn):
        message = parse(changed)
        check(message, POLICY, NOW)
        assert message.text == changed


@pytest.mark.parametrize("changes", [
    {"domain": "a." * 800}, {"uri": "https://" + "a" * 1_700}, {"uri": "https://a?" + "?" * 1_700},
    {"statement": " " * 1_700}, {"extra": "\nResources:" + "\n- a:b" * 250 + "\n!"},
])
def test_parse__hostile_message__takes_milliseconds(changes: dict[str, str]) -> None:
    started = time.process_time()
    with suppress(BadRequest):
        parse(text_of(**changes))
    assert time.process_time() - started < 0.5


@given(st.binary(min_size=65, max_size=65))
def test_signature__any_65_bytes__never_sign_for_the_advertiser(raw: bytes) -> None:
    assert not is_by_key(text_of(), signature_bytes("0x" + raw.hex()), address(ADVERTISER.address))


@given(st.binary(max_size=300))
def test_signature__any_envelope__is_read_or_refused(raw: bytes) -> None:
    with suppress(BadRequest):
        assert wallet_signature(raw + EIP6492_SUFFIX).factory is not None
    if not raw.endswith(EIP6492_SUFFIX):
        assert wallet_signature(raw).signature == raw


@given(st.text(max_size=200))
def test_signature__any_text__is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="siwe_signature_malformed"):
        signature_bytes(text)


@pytest.mark.parametrize("size", [1, 65, 8_192])
def test_signature__up_to_a_sane_size__is_read(size: int) -> None:
    assert signature_bytes("0x" + "ab" * size) == b"\xab" * size
    with pytest.raises(BadRequest, match="siwe_signature_malformed"):
        signature_bytes("0x" + "ab" * 8_193)


def raw_signature() -> bytes:
    return bytes(ADVERTISER.sign_message(encode_defunct(text=text_of())).signature)


@pytest.mark.parametrize("offset", [0, 27])
def test_signature__recovery_byte_from_0_or_27__is_taken(offset: int) -> None:
    raw = raw_signature()
    raw = raw[:64] + bytes([raw[64] - 27 + offset])
    assert is_by_key(text_of(), raw, address(ADVERTISER.address))


def test_signature__the_other_s__is_not_taken() -> None:
    """L50: who sees a signature can compute its twin."""
    raw = raw_signature()
    s = SECP256K1_ORDER - int.from_bytes(raw[32:64], "big")
    twin = raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])
    assert not is_by_key(text_of(), twin, address(ADVERTISER.address))


@pytest.mark.parametrize("raw", [b"", bytes(65), b"\xff" * 65, raw_signature()[:64], raw_signature() + b"\x00"])
def test_signature__of_another_shape__is_not_by_the_key(raw: bytes) -> None:
    assert not is_by_key(text_of(), raw, address(ADVERTISER.address))


def test_session_token__is_long_and_stored_under_its_hash() -> None:
    token = token_text(bytes(range(32)))
    assert len(token) == 43
    assert token not in token_digest(token)
    with pytest.raises(ValueError, match="32 random bytes"):
        token_text(b"short")
