"""A session: an opaque random token in the browser, its SHA-256 with us, so a leaked store opens nothing."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime

from backend.core.ids import Address

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, and until when."""

    wallet: Address
    chain_id: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session and the only copy of its token."""

    token: str
    session: Session


def token_text(random: bytes) -> str:
    """base64url without padding of 32 random bytes."""
    if len(random) != TOKEN_BYTES:
        raise ValueError("a session token needs 32 random bytes")
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode()


def token_digest(token: str) -> str:
    """SHA-256 of the token, hex: the name under which the session is stored."""
    return hashlib.sha256(token.encode()).hexdigest()
