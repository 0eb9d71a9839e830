"""Whoever decides what a decision has led to, or may change what is known of it, does so one after the other."""

from collections.abc import Collection

from sqlalchemy import Connection, text

DECISION_LOCK = 0x5167_4203
"""First half of the advisory lock; the second is the decision."""

_LOCK = text("""
select pg_advisory_xact_lock(:lock, key)
  from (select distinct hashtext(decision) as key from unnest(cast(:decisions as text[])) decision order by key) keys
""")


def lock_decisions(connection: Connection, decision_ids: Collection[str]) -> None:
    """Nobody else decides about conversions of these until we commit.

    Once in a transaction, in one order, and before anything is counted: then nobody waits for us whom we wait for.
    """
    connection.execute(_LOCK, {"lock": DECISION_LOCK, "decisions": list(decision_ids)})
