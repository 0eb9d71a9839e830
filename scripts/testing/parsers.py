"""What strangers send us and we read ourselves: a function of bytes each, which fails only when a parser is wrong.

Used by scripts/testing/fuzz_parser.py (atheris) and by tests/outside/test_parsers.py.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec

from backend.api import decisions
from backend.auth import message as siwe
from backend.conversions import postback
from backend.core import decision_token, tcf
from backend.core.errors import SightlineError
from backend.core.ruleset import Ruleset
from backend.creatives.media.inspection import MEDIA_TYPES, inspect
from backend.ingest import kernel, quick, reports
from backend.ingest.pipeline import Circumstances
from backend.onramp import signature, stripe_event
from backend.openrtb.reading import read_request
from backend.settlement import bundle, statement

KEY = b"\x5a" * 32
KERNEL = kernel.load()
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
REPORTED_MS = 1_792_999_990_000         # just before the token of tests/outside/test_parsers.py ends
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


def ad_request(data: bytes) -> None:
    """The body of POST /v1/decisions; a placement is a positive number of 63 bits, a viewer's key is short."""
    with suppress(SightlineError):
        asked = decisions.read_ad_request(data, gpc=False)
        assert 0 < asked.placement_id < 2**63
        assert 8 <= len(asked.viewer_key) <= 64


def report(data: bytes) -> None:
    """The body of POST /v1/events: each event is judged the same alone as among the others of its batch."""
    request = quick.asked(Circumstances(REPORTED_MS, "Mozilla/5.0", 31_337, KEY, Ruleset()))
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raws = reports.decode_raw_batch(data).events
        alone = [quick.judge_raw(raw, request) for raw in raws]
        together = [quick.judge(event, request) for event in reports.decode_batch(data).events]
        assert alone == together
        whole = quick.judge_whole(data, request, KERNEL)
        assert whole is None or whole.entry == reports.encode_entry(
            reports.Written(REPORTED_MS, [one.record for one in together])
        )


def bid_request(data: bytes) -> None:
    """OpenRTB as the specification says and as exchanges send it; what is strictly one is one leniently too."""
    with suppress(SightlineError):
        read_request(data, strict=False)
    with suppress(SightlineError):
        strict = read_request(data, strict=True)
        assert read_request(data, strict=False).id == strict.id


PARSERS: Mapping[str, Callable[[bytes], None]] = {
    one.__name__: one for one in (
        token, sign_in, webhook, model, media, settlement, consent, ad_request, report, bid_request,
    )
}
