"""Click ids: how a landing page names the ad that led to it, without anything about the viewer.

32 bytes as 43 characters of base64url: the decision id, then a 16-byte keyed BLAKE2b (RFC 7693) over it. Its
*reference* is the Keccak-256 of the text: what a contract may log, since decision ids are published with every
settlement and a wallet must not be found beside the placement that its owner looked at.
"""

import base64
import binascii
import hmac
from hashlib import blake2b
from urllib.parse import urlsplit

from backend.core.keccak import keccak256

PARAMETER = "sl_click"
DECISION_BYTES = 16
MAC_BYTES = 16


class ClickIdError(ValueError):
    """The click id was not made by us, or was altered."""


def click_id(decision_id: bytes, key: bytes) -> str:
    """The click id of a decision under the token key."""
    return base64.urlsafe_b64encode(decision_id + _mac(decision_id, key)).rstrip(b"=").decode()


def decision_of(text: str, key: bytes) -> bytes:
    """The decision id behind `text`. Raises ClickIdError on anything but the exact text `click_id` made."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise ClickIdError("not base64url") from error
    decision_id = raw[:DECISION_BYTES]
    # base64 has several texts for some bytes; only the one that we write is a click id
    if not hmac.compare_digest(text.encode("ascii"), click_id(decision_id, key).encode("ascii")):
        raise ClickIdError("the signature does not match")
    return decision_id


def reference(click: str) -> str:
    """`bytes32 ref` of a click id, 0x hex: Keccak-256 of its 43 ASCII characters."""
    return "0x" + keccak256(click.encode("ascii")).hex()


def landing_url(url: str, click: str) -> str:
    """`url` with the click id as its last query parameter.

    >>> landing_url("https://shop.example/autumn?from=board#sizes", "AAEC")
    'https://shop.example/autumn?from=board&sl_click=AAEC#sizes'
    """
    parts = urlsplit(url)
    query = f"{parts.query}&{PARAMETER}={click}" if parts.query else f"{PARAMETER}={click}"
    return parts._replace(query=query).geturl()


def _mac(decision_id: bytes, key: bytes) -> bytes:
    return blake2b(decision_id, digest_size=MAC_BYTES, key=key[:64], person=b"sightline-click").digest()
