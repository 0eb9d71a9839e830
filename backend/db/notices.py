"""The one way to tell an account something: a row in the transaction that made it true."""

import json

from sqlalchemy import Connection, text

from backend.core.audit_chain import plain
from backend.core.ids import Address


def notify(connection: Connection, account: Address, kind: str, **content: object) -> None:
    """Add a notice such as `notify(connection, owner, "creative.rejected", creative=7, reason="misleading")`.

    `kind` is `<thing>.<past participle>`, one of core/notice_kinds.py; also the event type of the account's webhooks.
    """
    connection.execute(
        text("insert into notice (account, kind, content) values (:account, :kind, cast(:content as jsonb))"),
        {"account": account, "kind": kind, "content": json.dumps(plain(content))},
    )
