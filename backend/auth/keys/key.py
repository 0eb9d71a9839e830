"""An API key: `sl_<prefix>_<secret>`. The prefix names it in lists and in the audit trail, the rest is shown once."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.auth.permissions import KEY_SCOPES, Permission
from backend.core.errors import NotAllowed, Unprocessable
from backend.core.ids import Address

PREFIX_BYTES, SECRET_BYTES = 6, 32
KEYS_MAX = 50                # of one account that can still be used
DAYS_MAX = 3_660

_KEY = re.compile(r"sl_([0-9a-f]{12})_[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key; its text is not. `scopes` are names of permissions."""

    id: int
    account: Address
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_by: Address
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key and the only copy of its text; None when the request that made it was repeated."""

    key: ApiKey
    text: str | None


def key_text(prefix: bytes, secret: bytes) -> str:
    """The text of a key. Raises ValueError unless it is made of 6 and 32 random bytes."""
    if len(prefix) != PREFIX_BYTES or len(secret) != SECRET_BYTES:
        raise ValueError("an API key needs 6 and 32 random bytes")
    return f"sl_{prefix.hex()}_{secret.hex()}"


def key_prefix(text: str) -> str | None:
    """The prefix of a key's text; None when it is not one."""
    found = _KEY.fullmatch(text)
    return found[1] if found else None


def key_digest(text: str) -> str:
    """SHA-256 of the key's text, hex. The secret has 256 bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(text.encode()).hexdigest()


def check_scopes(scopes: Iterable[Permission], creator: frozenset[Permission]) -> tuple[str, ...]:
    """The scopes, sorted. Raises NotAllowed `scope_not_allowed` for what no key may do or its creator may not."""
    for scope in scopes:
        if scope not in KEY_SCOPES & creator:
            raise NotAllowed("scope_not_allowed", f"you cannot give a key the scope {scope}")
    return tuple(sorted({scope.value for scope in scopes}))


def check_expiry(expires_at: datetime | None, now: datetime) -> None:
    """Raises Unprocessable `key_expiry_out_of_range` unless the key can be used, and ends within ten years."""
    if expires_at is not None and not now < expires_at <= now + timedelta(days=DAYS_MAX):
        raise Unprocessable("key_expiry_out_of_range", f"expires_at must be in the future, within {DAYS_MAX} days")
