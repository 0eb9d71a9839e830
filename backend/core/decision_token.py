"""The decision token: all that a later event needs, fixed and signed when the ad was decided.

Layout (big endian): version u8 · decision id 16 B · chain id u64 · campaign u64 · line item u64 · creative u64 ·
placement u64 · publisher u32 · price u64 · bid kind u8 · expires u64 (ms) · viewer 8 B · video u8, then
a 16-byte keyed BLAKE2b (RFC 7693) over it; base64url without padding.
The decision id starts with the decision's time, 6 bytes of ms.
"""

import base64
import binascii
import hmac
import struct
from dataclasses import dataclass
from hashlib import blake2b

from backend.core.events import BidKind

VERSION = 1
MAC_BYTES = 16
KEY_BYTES_MIN = 16
_LAYOUT = struct.Struct(">B16sQQQQQIQBQ8s?")
_BID_KINDS = (BidKind.VCPM, BidKind.CPC, BidKind.CPA, BidKind.SPONSORSHIP)     # a byte each, for life


class TokenError(ValueError):
    """The token was not made by us, or was altered."""


@dataclass(frozen=True, slots=True)
class DecisionToken:
    """The facts of one decision. `price_micro_usdc` is charged once for the event kind that `bid_kind` pays for.

    `video` chooses between the two viewing times of the ruleset.
    """

    decision_id: bytes
    chain_id: int
    campaign: int
    line_item: int
    creative: int
    placement: int
    publisher: int
    price_micro_usdc: int
    bid_kind: BidKind
    expires_ms: int
    viewer: bytes
    video: bool = False

    @property
    def test(self) -> bool:
        """Whether this was a test with the house creative: no line item has the number 0."""
        return self.line_item == 0

    @property
    def decided_ms(self) -> int:
        """Unix milliseconds of the decision, from the first six bytes of its id."""
        return int.from_bytes(self.decision_id[:6], "big")


def decision_id(now_ms: int, random: bytes) -> bytes:
    """16 bytes: 6 of Unix milliseconds, then 10 random bytes; sorts by time (the idea of UUIDv7, RFC 9562)."""
    if len(random) != 10:
        raise ValueError("a decision id needs 10 random bytes")
    return now_ms.to_bytes(6, "big") + random


def sign(token: DecisionToken, key: bytes) -> str:
    """Text form of the token under `key` (at least 16 bytes)."""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError("the token key is too short")
    body = _LAYOUT.pack(
        VERSION, token.decision_id, token.chain_id, token.campaign, token.line_item, token.creative, token.placement,
        token.publisher, token.price_micro_usdc, _BID_KINDS.index(token.bid_kind), token.expires_ms, token.viewer,
        token.video,
    )
    return base64.urlsafe_b64encode(body + _mac(body, key)).rstrip(b"=").decode()


def verify(text: str, key: bytes) -> DecisionToken:
    """The token behind `text`. Raises TokenError on anything but the exact text `sign` made. Expiry is not checked."""
    body, mac = _split(text)
    if not hmac.compare_digest(mac, _mac(body, key)):
        raise TokenError("the signature does not match")
    facts = _LAYOUT.unpack(body)
    version, decision, chain_id, campaign, line_item, creative, placement, publisher, price = facts[:9]
    kind, expires, viewer, video = facts[9:]
    if version != VERSION or kind >= len(_BID_KINDS):
        raise TokenError("unknown version")
    return DecisionToken(
        decision, chain_id, campaign, line_item, creative, placement, publisher, price, _BID_KINDS[kind], expires,
        viewer, video,
    )


def _split(text: str) -> tuple[bytes, bytes]:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise TokenError("not base64url") from error
    if len(raw) != _LAYOUT.size + MAC_BYTES:
        raise TokenError("wrong length")
    # base64 has several texts for some bytes; only the one that `sign` writes is a token
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise TokenError("not in canonical form")
    return raw[:-MAC_BYTES], raw[-MAC_BYTES:]


def _mac(body: bytes, key: bytes) -> bytes:
    return blake2b(body, digest_size=MAC_BYTES, key=key[:64], person=b"sightline-tok").digest()
