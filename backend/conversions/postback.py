"""Signed server-to-server reports: who may say that a conversion happened.

The signature is HMAC-SHA-256 (RFC 2104) over `<timestamp>.<raw body>`, as 64 hex digits after `v1=`. Each goal has a
secret of its own; it is derived from the token key, so nothing in the tables can forge a conversion.
"""

import hmac
from datetime import UTC, datetime
from hashlib import blake2b, sha256
from typing import Annotated

import msgspec

from backend.conversions.goal import Goal

TOLERANCE_SECONDS = 300
SECRET_BYTES = 32
SECRET_PREFIX = "slcs_"  # noqa: S105 -- so that leaked secrets can be searched for
SCHEME = "v1="
OVERLAP_HOURS_MAX = 72


class Postback(msgspec.Struct, forbid_unknown_fields=True):
    """The body. `order_id` is the advertiser's name of the conversion: sent again, it is counted once."""

    goal_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    click_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+\Z")]


decode = msgspec.json.Decoder(Postback).decode


def secret(token_key: bytes, goal_id: int, version: int) -> str:
    """The secret of a goal; another version is another secret."""
    named = goal_id.to_bytes(8, "big") + version.to_bytes(4, "big")
    derived = blake2b(named, digest_size=SECRET_BYTES, key=token_key[:64], person=b"sightline-goal-s")
    return SECRET_PREFIX + derived.hexdigest()


def sign(body: bytes, timestamp: int, with_secret: str) -> str:
    """The signature header of a body sent at `timestamp` (Unix seconds)."""
    signed = f"{timestamp}.".encode() + body
    return SCHEME + hmac.new(with_secret.encode(), signed, sha256).hexdigest()


def is_timely(timestamp: str, now_seconds: int) -> bool:
    """Whether the timestamp header is a number of Unix seconds within the tolerance."""
    plain = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
    return plain and abs(int(timestamp) - now_seconds) <= TOLERANCE_SECONDS


def is_signed(body: bytes, timestamp: str, signature: str, secrets: list[str]) -> bool:
    """Whether the signature is that of one of `secrets`; each is tried in constant time."""
    given = signature.encode("utf-8", "replace")
    good = [hmac.compare_digest(given, sign(body, int(timestamp), one).encode()) for one in secrets]
    return any(good)


def valid_versions(goal: Goal, now_seconds: float) -> list[int]:
    """Versions of the goal's secret that are good now: the newest, and the one before while both are in use."""
    until = goal.previous_until
    overlaps = until is not None and datetime.fromtimestamp(now_seconds, UTC) < until
    return [goal.secret_version, *([goal.secret_version - 1] if overlaps else [])]
