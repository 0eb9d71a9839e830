"""What strangers send us and we read ourselves: a function of bytes each, which fails only when a parser is wrong.

Used by scripts/testing/fuzz_parser.py (atheris) and by tests/outside/test_parsers.py.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from backend.auth import message as siwe
from backend.conversions import postback
from backend.core import decision_token, tcf
from backend.core.errors import SightlineError
from backend.creatives.media.inspection import MEDIA_TYPES, inspect
from backend.onramp import signature, stripe_event
from backend.settlement import bundle, statement

KEY = b"\x5a" * 32
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
POLICY = siwe.SignInPolicy(origin="https://ads.example", chain_id=31_337)


def token(data: bytes) -> None:
    """A decision token has one text: whatever is read is written the same."""
    text = data.decode("utf-8", "replace")
    with suppress(decision_token.TokenError):
        assert decision_token.sign(decision_token.verify(text, KEY), KEY) == text


def sign_in(data: bytes) -> None:
    """EIP-4361 messages; what is read is canonical."""
    text = data.decode("utf-8", "replace")
    with suppress(SightlineError):
        read = siwe.parse(text)
        assert read.text == text
        siwe.check(read, POLICY, NOW)


def webhook(data: bytes) -> None:
    """A header, a line break, and the body of a webhook."""
    header, _, body = data.partition(b"\n")
    with suppress(SightlineError):
        signature.check(body, header.decode("utf-8", "replace"), "whsec_test", NOW.timestamp())
    with suppress(SightlineError):
        stripe_event.read(body)
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        postback.decode(body)


def model(data: bytes) -> None:
    """glTF binaries."""
    with suppress(SightlineError):
        inspect(data, "model/gltf-binary")


def media(data: bytes) -> None:
    """Images, films and sounds; the first byte chooses what it claims to be."""
    with suppress(SightlineError):
        inspect(data[1:], MEDIA_TYPES[data[0] % len(MEDIA_TYPES)] if data else "image/png")


def settlement(data: bytes) -> None:
    """Statements and events of a bundle, packed or not."""
    with suppress(statement.StatementError):
        assert statement.encode(statement.decode(data)) == data
    with suppress(bundle.BundleError):
        bundle.decode_events(data)
    with suppress(bundle.BundleError):
        bundle.decompress(data, 10_000)


def consent(data: bytes) -> None:
    """TCF strings."""
    with suppress(tcf.ConsentStringError):
        tcf.decode(data.decode("utf-8", "replace"))


PARSERS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (token, sign_in, webhook, model, media, settlement, consent)
}
