"""How a delivery proves that it is ours: HMAC-SHA-256 over time and body, with a secret that only both sides have.

    Sightline-Signature: t=1767571200,v1=5257a869…[,v1=…]

Each v1 is the hex HMAC-SHA-256 of "<t>.<body>" with the secret's text as key; there are two while a rotated secret is
still good. A receiver takes the delivery when one v1 is right and t is at most 300 seconds away.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

HEADER = "Sightline-Signature"
TOLERANCE_SECONDS = 300
PREFIX = "whsec_"


def secret_of(key: bytes, webhook: int, nonce: str) -> str:
    """The secret of a webhook, derived from a key that no database holds. Another nonce makes another secret."""
    made = hmac.digest(key, f"{webhook}.{nonce}".encode(), "sha256")
    return PREFIX + urlsafe_b64encode(made).decode().rstrip("=")


def signature(secrets: Sequence[str], at: int, body: bytes) -> str:
    """Value of the header for a body sent at Unix second `at`."""
    return ",".join([f"t={at}", *(f"v1={_mac(secret, at, body)}" for secret in secrets)])


def is_signed(header: str, secret: str, now: int, body: bytes) -> bool:
    """What a receiver does with the header: False for another secret or body, and for what is too old or too new."""
    parts = [part.partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in parts if name == "t"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdigit() or len(times[0]) > 12:
        return False
    at = int(times[0])
    right = _mac(secret, at, body).encode()
    made = [hmac.compare_digest(right, value.encode()) for name, value in parts if name == "v1"]
    return abs(now - at) <= TOLERANCE_SECONDS and any(made)


def _mac(secret: str, at: int, body: bytes) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
