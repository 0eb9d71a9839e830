"""The decision token: all that a later event needs, fixed and signed when the ad was decided.

Layout (big endian): version u8 · decision id 16 B · chain id u64 · campaign u64 · line item u64 · creative u64 ·
placement u64 · publisher u32 · price u64 · bid kind u8 · expires u64 (ms) · viewer 8 B · video u8 · client u8 ·
origin u32, then a 16-byte keyed BLAKE2b (RFC 7693) over it; base64url without padding. Version 1 ends with `video`.
The decision id starts with the decision's time, 6 bytes of ms.
"""

import binascii
import struct
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

from backend.core.events import BidKind

VERSION = 2
MAC_BYTES = 16
KEY_BYTES_MIN = 16
BID_KINDS = (BidKind.VCPM, BidKind.CPC, BidKind.CPA, BidKind.SPONSORSHIP)     # a byte each, for life
_LAYOUT = struct.Struct(">B16sQQQQQIQBQ8s?BI")
_LAYOUT_1 = struct.Struct(">B16sQQQQQIQBQ8s?")
_LETTERS, _LETTERS_1 = 144, 138         # of a token in text
_LAST_1 = (b"A", b"Q", b"g", b"w")     # the last letter of version 1 has four unused bits: they must be 0
_FROM_URL = bytes.maketrans(b"-_+/", b"+/!!")
_TO_URL = bytes.maketrans(b"+/", b"-_")

Facts = tuple[int, bytes, int, int, int, int, int, int, int, int, int, bytes, bool, int, int]
"""What a token says, in the order of the layout, for readers in a hurry: see `read`."""


class TokenError(ValueError):
    """The token was not made by us, or was altered."""


@dataclass(frozen=True, slots=True)
class DecisionToken:
    """The facts of one decision. `price_micro_usdc` is charged once for the event kind that `bid_kind` pays for.

    `video` chooses between the two viewing times of the ruleset. `client` and `origin` say coarsely who asked (see
    core/client_class.py); 0: not known, so any may report.
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
    client: int = 0
    origin: int = 0

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
    return sign_body(body_of((
        VERSION, token.decision_id, token.chain_id, token.campaign, token.line_item, token.creative, token.placement,
        token.publisher, token.price_micro_usdc, BID_KINDS.index(token.bid_kind), token.expires_ms, token.viewer,
        token.video, token.client, token.origin,
    )), key).decode()


def sign_body(body: bytes, key: bytes) -> bytes:
    """As `sign`, in ASCII, for whoever signs many: what `body_of` gives."""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError("the token key is too short")
    return binascii.b2a_base64(body + _mac(body, key), newline=False).translate(_TO_URL)


def body_of(facts: Facts) -> bytes:
    """What is signed of `facts`, of the newest version."""
    return _LAYOUT.pack(*facts)


def facts_of(body: bytes) -> Facts:
    """What a body of the newest version says."""
    facts: Facts = _LAYOUT.unpack(body)
    return facts


def verify(text: str, key: bytes) -> DecisionToken:
    """The token behind `text`. Raises TokenError on anything but the exact text `sign` made. Expiry is not checked."""
    return token_of(read(text, key))


def read(text: str, key: bytes) -> Facts:
    """The facts behind `text`, as `verify`, for a third of its price."""
    raw = _raw(text)
    body = raw[:-MAC_BYTES]
    hasher = _keyed(key).copy()         # the key's block is hashed once for all tokens
    hasher.update(body)
    if not compare_digest(raw[-MAC_BYTES:], hasher.digest()):
        raise TokenError("the signature does not match")
    if raw[0] == VERSION and len(text) == _LETTERS:
        facts: Facts = _LAYOUT.unpack(body)
    elif raw[0] == 1 and len(text) == _LETTERS_1:
        facts = (*_LAYOUT_1.unpack(body), 0, 0)
    else:
        raise TokenError("unknown version")
    if facts[9] >= len(BID_KINDS):
        raise TokenError("unknown version")
    return facts


def token_of(facts: Facts) -> DecisionToken:
    """The facts by name."""
    _, decision, chain_id, campaign, line_item, creative, placement, publisher, price = facts[:9]
    kind, expires, viewer, video, client, origin = facts[9:]
    return DecisionToken(
        decision, chain_id, campaign, line_item, creative, placement, publisher, price, BID_KINDS[kind], expires,
        viewer, video, client, origin,
    )


def _raw(text: str) -> bytes:
    """Body and MAC. Of the texts that base64 has for some bytes only the one that `sign` writes is a token."""
    try:
        letters = text.encode("ascii").translate(_FROM_URL)
        if len(letters) == _LETTERS:
            raw = binascii.a2b_base64(letters, strict_mode=True)
            if len(raw) * 4 == _LETTERS * 3:            # else it has padding of its own
                return raw
        elif len(letters) == _LETTERS_1 and letters.endswith(_LAST_1):
            return binascii.a2b_base64(letters + b"==", strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise TokenError("not base64url") from error
    raise TokenError("not in canonical form")


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> "blake2b":
    return blake2b(digest_size=MAC_BYTES, key=key[:64], person=b"sightline-tok")


def _mac(body: bytes, key: bytes) -> bytes:
    hasher = _keyed(key).copy()         # the key's block is hashed once for all tokens
    hasher.update(body)
    return hasher.digest()
