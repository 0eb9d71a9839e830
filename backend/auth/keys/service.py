"""API keys of an account: made, listed, revoked."""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from backend.auth.caller import Caller
from backend.auth.keys import store
from backend.auth.keys.key import (
    KEYS_MAX,
    PREFIX_BYTES,
    SECRET_BYTES,
    ApiKey,
    MadeKey,
    check_expiry,
    check_scopes,
    key_digest,
    key_prefix,
    key_text,
)
from backend.auth.permissions import Permission
from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address
from backend.db import audit
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.db.notices import notify


class KeyService:
    """Keys that act for accounts. `clock` gives Unix seconds."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def make(
        self, creator: Caller, name: str, scopes: tuple[Permission, ...], expires_at: datetime | None, *,
        key: str | None = None,
    ) -> MadeKey:
        """A key for the account acted for. `key` is the Idempotency-Key; a repeated request never sees the text again.

        Raises NotAllowed `scope_not_allowed`, Unprocessable `key_expiry_out_of_range`, Conflict `too_many_keys`.
        """
        now = self._now()
        text = key_text(secrets.token_bytes(PREFIX_BYTES), secrets.token_bytes(SECRET_BYTES))
        made: list[MadeKey] = []

        def create() -> MadeKey:
            granted = check_scopes(scopes, creator.permissions)
            check_expiry(expires_at, now)
            found = self._insert(connection, creator, name, granted, expires_at, text, now)
            made.append(MadeKey(found, text))
            return MadeKey(found, None)       # what is kept for repetitions must not hold the secret

        with self._engine.begin() as connection:
            request = ("key", name, sorted(scopes), expires_at)
            repeated = once(connection, creator.account, key, request, MadeKey, create)
        return made[0] if made else repeated

    def keys(self, account: Address, *, after: int = 0, limit: int = 100) -> list[ApiKey]:
        """The account's keys by id, also those that are over."""
        with self._engine.begin() as connection:
            return store.keys_of(connection, account, after, limit)

    def revoke(self, account: Address, key: int) -> ApiKey:
        """The key, which is dead from now on; again: nothing changes. Raises NotFound `key_unknown`."""
        with self._engine.begin() as connection:
            found = store.key_of(connection, account, key)
            if found is None:
                raise NotFound("key_unknown", "this account has no API key with this id")
            if found.revoked_at is not None:
                return found
            now = self._now()
            store.revoke_key(connection, key, now)
            audit.record(connection, "key.revoke", f"key:{found.prefix}")
            notify(connection, account, "key.revoked", prefix=found.prefix, name=found.name)
        return replace(found, revoked_at=now)

    def _insert(
        self, connection: Connection, creator: Caller, name: str, scopes: tuple[str, ...],
        expires_at: datetime | None, text: str, now: datetime,
    ) -> ApiKey:
        store.lock_account(connection, creator.account)
        if store.live_keys(connection, creator.account, now) >= KEYS_MAX:
            raise Conflict("too_many_keys", f"an account has at most {KEYS_MAX} usable keys: revoke one")
        prefix = key_prefix(text) or ""
        found = store.insert_key(
            connection, creator.account, name, prefix, key_digest(text), scopes, creator.member, now, expires_at
        )
        audit.record(connection, "key.make", f"key:{prefix}", scopes=scopes)
        notify(connection, creator.account, "key.made", prefix=prefix, name=name, scopes=scopes)
        return found

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
