"""Nonces in Redis, where they forget themselves; sessions, and what callers may do, in SQL. Tokens are hashes here."""

from datetime import datetime
from typing import Any

from redis import Redis
from sqlalchemy import Connection, Row, text

from backend.auth.caller import Standing
from backend.auth.session import Session, Visitor
from backend.auth.standing import STANDING, STANDING_OF, standing_of_row
from backend.core.ids import Address

NONCE_KEY = "sl:siwe:nonce:"
SWEEP_ROWS = 100

def save_nonce(redis: Redis, nonce: str, seconds: int) -> None:
    redis.set(NONCE_KEY + nonce, "1", ex=seconds)


def burn_nonce(redis: Redis, nonce: str) -> bool:
    """True for the one caller that takes the nonce out; False when it is unknown, used or too old."""
    return redis.getdel(NONCE_KEY + nonce) is not None


def insert_session(
    connection: Connection, digest: str, wallet: Address, chain_id: int, visitor: Visitor, now: datetime,
    expires_at: datetime,
) -> Session:
    row = connection.execute(
        text("""insert into session
                       (digest, wallet, chain_id, ip_prefix, agent, created_at, last_used_at, expires_at)
                values (:digest, :wallet, :chain_id, :ip_prefix, :agent, :now, :now, :expires_at) returning *"""),
        {"digest": digest, "wallet": wallet, "chain_id": chain_id, "ip_prefix": visitor.ip_prefix,
         "agent": visitor.agent, "now": now, "expires_at": expires_at},
    ).one()
    return _session(row)


def session_of_digest(connection: Connection, digest: str) -> Session | None:
    row = connection.execute(text("select * from session where digest = :digest"), {"digest": digest}).one_or_none()
    return _session(row) if row else None


_SESSION_STANDING = f"""
select session.*, {STANDING.format(wallet="session.wallet")}
  from session {STANDING_OF.format(wallet="session.wallet", account="coalesce(:account, session.wallet)")}
 where session.digest = :digest
"""   # noqa: S608 -- put together from constants


def session_standing(
    connection: Connection, digest: str, account: Address | None
) -> tuple[Session, Standing] | None:
    """The session of a token and what its wallet is to `account` (its own by default), from one read."""
    row = connection.execute(text(_SESSION_STANDING), {"digest": digest, "account": account}).one_or_none()
    if row is None:
        return None
    session = _session(row)
    return session, standing_of_row(row, session.wallet, account or session.wallet)


def sessions_of(connection: Connection, wallet: Address) -> list[Session]:
    rows = connection.execute(
        text("select * from session where wallet = :wallet order by last_used_at desc, id desc"), {"wallet": wallet}
    )
    return [_session(row) for row in rows]


def touch_session(connection: Connection, session: int, now: datetime) -> None:
    connection.execute(
        text("update session set last_used_at = :now where id = :id and last_used_at < :now"),
        {"id": session, "now": now},
    )


def replace_digest(connection: Connection, digest: str, new_digest: str, now: datetime) -> Session | None:
    """The session under its new token; None when the old one is not (any more) its token."""
    row = connection.execute(
        text("update session set digest = :new, last_used_at = :now where digest = :old returning *"),
        {"new": new_digest, "old": digest, "now": now},
    ).one_or_none()
    return _session(row) if row else None


def delete_session(connection: Connection, digest: str) -> Session | None:
    row = connection.execute(
        text("delete from session where digest = :digest returning *"), {"digest": digest}
    ).one_or_none()
    return _session(row) if row else None


def delete_session_of(connection: Connection, wallet: Address, session: int) -> bool:
    gone = connection.execute(
        text("delete from session where id = :id and wallet = :wallet"), {"id": session, "wallet": wallet}
    )
    return bool(gone.rowcount)


def delete_other_sessions(connection: Connection, wallet: Address, kept: int) -> int:
    """How many sessions of `wallet` were ended; `kept` lives on."""
    gone = connection.execute(
        text("delete from session where wallet = :wallet and id <> :kept"), {"wallet": wallet, "kept": kept}
    )
    return gone.rowcount


def trim_sessions(connection: Connection, wallet: Address, most: int) -> None:
    """End the oldest sessions of `wallet` beyond `most`; those that somebody else is ending now are left to him."""
    connection.execute(
        text("""delete from session where id in (
                  select id from session where id in (
                    select id from session where wallet = :wallet order by last_used_at desc, id desc offset :most)
                     for update skip locked)"""),
        {"wallet": wallet, "most": most},
    )


def sweep_sessions(connection: Connection, now: datetime, unused_since: datetime) -> None:
    """Delete some sessions that are over, whoever's: as many sign-ins as made them are enough to be rid of them."""
    connection.execute(
        text(f"""delete from session where id in (
                   select id from session where expires_at <= :now or last_used_at <= :unused_since
                    order by expires_at limit {SWEEP_ROWS} for update skip locked)"""),   # noqa: S608 -- a constant
        {"now": now, "unused_since": unused_since},
    )


def has_key(connection: Connection, wallet: Address) -> bool:
    """Whether `wallet` ever signed in with its own key."""
    return bool(connection.execute(
        text("select exists (select from key_wallet where wallet = :wallet)"), {"wallet": wallet}
    ).scalar())


def remember_key(connection: Connection, wallet: Address) -> None:
    connection.execute(
        text("insert into key_wallet (wallet) values (:wallet) on conflict do nothing"), {"wallet": wallet}
    )


def _session(row: Row[Any]) -> Session:
    return Session(
        row.id, Address(row.wallet), row.chain_id, Visitor(row.ip_prefix, row.agent), row.created_at,
        row.last_used_at, row.expires_at,
    )
