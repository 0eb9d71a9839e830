"""Whether a webhook is Stripe's: HMAC-SHA256 over time and body, at most five minutes old.

Source: https://docs.stripe.com/webhooks#verify-manually; the header is `t=<Unix seconds>,v1=<hex>[,v1=<hex>…]`.
"""

import hashlib
import hmac

from backend.core.errors import BadRequest

TOLERANCE_SECONDS = 300
HEADER_CHARACTERS_MAX = 2_000


def check(body: bytes, header: str, secret: str, now: float) -> None:
    """Raises BadRequest `webhook_unsigned`, `webhook_signature_invalid` or `webhook_too_old`. `now` is Unix seconds.

    The signature is checked before the time, so that only its owner learns anything about our clock. While a secret is
    replaced there are two `v1`; one that fits is enough.
    """
    time, signatures = _parts(header)
    expected = hmac.new(secret.encode(), str(time).encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    matching = [given for given in signatures if hmac.compare_digest(expected, given.encode())]
    if not matching:
        raise BadRequest("webhook_signature_invalid", "the signature does not belong to this body")
    if abs(now - time) > TOLERANCE_SECONDS:
        raise BadRequest("webhook_too_old", f"signed more than {TOLERANCE_SECONDS} seconds from now")


def _parts(header: str) -> tuple[int, list[str]]:
    """Time and signatures of a header."""
    pairs = [part.strip().partition("=") for part in header[:HEADER_CHARACTERS_MAX].split(",")]
    times = [value for name, _, value in pairs if name == "t" and value.isascii() and value.isdigit()]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or len(times[0]) > 12 or not signatures:
        raise BadRequest("webhook_unsigned", "there is no Stripe-Signature of the form t=…,v1=…")
    return int(times[0]), signatures
