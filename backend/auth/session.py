"""A session: an opaque random token in the browser, its SHA-256 with us, so a leaked store opens nothing."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.core.ids import Address

TOKEN_BYTES = 32
SESSIONS_MAX = 20            # of one wallet; the oldest gives way
TOUCH_SECONDS = 60           # how exactly the last use is known


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """How long a session lives: in all, and without being used."""

    lifetime: timedelta
    idle: timedelta


@dataclass(frozen=True, slots=True)
class Visitor:
    """From where somebody signs in, as far as we keep it; see visitor.py."""

    ip_prefix: str = ""
    agent: str = "unknown"


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in, from where, and until when. `id` is public, the token is not."""

    id: int
    wallet: Address
    chain_id: int
    visitor: Visitor
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime

    def is_live(self, now: datetime, idle: timedelta) -> bool:
        return self.expires_at > now and self.last_used_at + idle > now


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
