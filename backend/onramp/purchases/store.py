"""SQL of onramp sessions."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.onramp.onramp_session import OnrampSession, OnrampStatus


def insert_onramp(
    connection: Connection, account: Address, reference: str, network: str, asked_micro_usdc: int | None
) -> OnrampSession:
    row = connection.execute(
        text("""insert into onramp_session (account, reference, network, asked_micro_usdc, status)
                values (:account, :reference, :network, :asked, 'initialized') returning *"""),
        {"account": account, "reference": reference, "network": network, "asked": asked_micro_usdc},
    ).one()
    return _onramp(row)


def onramp_of(connection: Connection, account: Address, session: int) -> OnrampSession | None:
    row = connection.execute(
        text("select * from onramp_session where id = :id and account = :account"),
        {"id": session, "account": account},
    ).one_or_none()
    return _onramp(row) if row else None


def onramps_of(connection: Connection, account: Address, after: int, limit: int) -> list[OnrampSession]:
    rows = connection.execute(
        text("select * from onramp_session where account = :account and id > :after order by id limit :limit"),
        {"account": account, "after": after, "limit": limit},
    )
    return [_onramp(row) for row in rows]


def lock_onramp(connection: Connection, stripe_id: str, reference: str | None) -> OnrampSession | None:
    row = connection.execute(
        text("select * from onramp_session where stripe_id = :stripe_id or reference = :reference for update"),
        {"stripe_id": stripe_id, "reference": reference},
    ).first()
    return _onramp(row) if row else None


def update_onramp(
    connection: Connection, session: int, stripe_id: str, status: OnrampStatus, details: Mapping[str, str]
) -> None:
    connection.execute(
        text("update onramp_session set stripe_id = :stripe_id, status = :status, details = cast(:details as jsonb) "
             "where id = :id"),
        {"id": session, "stripe_id": stripe_id, "status": status.value, "details": json.dumps(dict(details))},
    )


def _onramp(row: Any) -> OnrampSession:
    return OnrampSession(
        id=row.id, account=Address(row.account), reference=row.reference, network=row.network,
        created_at=row.created_at, asked_micro_usdc=row.asked_micro_usdc, stripe_id=row.stripe_id,
        status=OnrampStatus(row.status), details=row.details,
    )
