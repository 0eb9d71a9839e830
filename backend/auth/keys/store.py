"""API keys in SQL: hashes, scopes, when they were used. Every list names the account."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from backend.auth.caller import Standing
from backend.auth.keys.key import ApiKey
from backend.auth.standing import STANDING, STANDING_OF, standing_of_row
from backend.core.ids import Address

_KEY_STANDING = f"""
select api_key.*, {STANDING.format(wallet="api_key.created_by")}
  from api_key {STANDING_OF.format(wallet="api_key.created_by", account="api_key.account")}
 where api_key.digest = :digest
"""   # noqa: S608 -- put together from constants


def key_standing(connection: Connection, digest: str) -> tuple[ApiKey, Standing] | None:
    """The key with this digest, and what its creator is to its account now, from one read."""
    row = connection.execute(text(_KEY_STANDING), {"digest": digest}).one_or_none()
    if row is None:
        return None
    key = _key(row)
    return key, standing_of_row(row, key.created_by, key.account)


def insert_key(
    connection: Connection, account: Address, name: str, prefix: str, digest: str, scopes: tuple[str, ...],
    created_by: Address, now: datetime, expires_at: datetime | None,
) -> ApiKey:
    row = connection.execute(
        text("""insert into api_key (account, name, prefix, digest, scopes, created_by, created_at, expires_at)
                values (:account, :name, :prefix, :digest, :scopes, :created_by, :now, :expires_at) returning *"""),
        {"account": account, "name": name, "prefix": prefix, "digest": digest, "scopes": list(scopes),
         "created_by": created_by, "now": now, "expires_at": expires_at},
    ).one()
    return _key(row)


def keys_of(connection: Connection, account: Address, after: int, limit: int) -> list[ApiKey]:
    rows = connection.execute(
        text("select * from api_key where account = :account and id > :after order by id limit :limit"),
        {"account": account, "after": after, "limit": limit},
    )
    return [_key(row) for row in rows]


def lock_account(connection: Connection, account: Address) -> None:
    """Wait until nobody else makes a key for the account; held until we commit."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('api key ' || :account, 0))"), {"account": account}
    )


def live_keys(connection: Connection, account: Address, now: datetime) -> int:
    """How many keys of an account can be used."""
    return int(connection.execute(
        text("""select count(*) from api_key
                 where account = :account and revoked_at is null and (expires_at is null or expires_at > :now)"""),
        {"account": account, "now": now},
    ).scalar_one())


def key_of(connection: Connection, account: Address, key: int) -> ApiKey | None:
    """The account's key, which nobody else changes until we commit; None when the account has no such key."""
    row = connection.execute(
        text("select * from api_key where id = :id and account = :account for update"), {"id": key, "account": account}
    ).one_or_none()
    return _key(row) if row else None


def revoke_key(connection: Connection, key: int, now: datetime) -> None:
    connection.execute(text("update api_key set revoked_at = :now where id = :id"), {"id": key, "now": now})


def revoke_keys_by(connection: Connection, account: Address, creator: Address, now: datetime) -> None:
    """Revoke all that `creator` made for the account."""
    connection.execute(
        text("""update api_key set revoked_at = :now
                 where account = :account and created_by = :creator and revoked_at is null"""),
        {"account": account, "creator": creator, "now": now},
    )


def touch_key(connection: Connection, key: int, now: datetime) -> None:
    connection.execute(text("update api_key set last_used_at = :now where id = :id"), {"id": key, "now": now})


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id, Address(row.account), row.name, row.prefix, tuple(row.scopes), Address(row.created_by),
        row.created_at, row.expires_at, row.last_used_at, row.revoked_at,
    )
