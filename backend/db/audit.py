"""The one way to write down who did what, in the transaction that does it. It joins the chain when that commits."""

import json

from sqlalchemy import Connection, text

from backend.core.acting import acting
from backend.core.audit_chain import plain


def record(connection: Connection, action: str, subject: str, **details: object) -> None:
    """Append an entry such as `record(connection, "campaign.create", "campaign:7", category="games")`.

    `action` is `<thing>.<verb>`, `subject` `<thing>:<id>`. No personal data in `details`: entries are never erased.
    The place in the chain is given at commit (L67), so that entries wait for each other no longer than that takes.
    """
    who = acting()
    connection.execute(
        text("""insert into audit_entry (actor, account, action, subject, details)
                values (:actor, :account, :action, :subject, cast(:details as jsonb))"""),
        {"actor": who.actor, "account": who.account, "action": action, "subject": subject,
         "details": json.dumps(plain(details))},
    )
