"""The one way to write ledger transfers: rows and account totals in the caller's transaction, checked afterwards."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from backend.core.transfers import Transfer, changes

LEDGER_LOCK = 0x5167_4C01
"""Advisory lock of whoever writes transfers: the biller and the closing of an epoch never overlap."""

_INSERT = text("""
insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, event_id, epoch)
select kind, debit_account, credit_account, amount, event_id, cast(:epoch as bigint)
  from unnest(cast(:kinds as text[]), cast(:debits as text[]), cast(:credits as text[]),
              cast(:amounts as bigint[]), cast(:event_ids as text[]))
    as t(kind, debit_account, credit_account, amount, event_id)
""")

_ADD = text("""
insert into ledger_account (account, debits, credits)
select account, debits, credits
  from unnest(cast(:accounts as text[]), cast(:debits as bigint[]), cast(:credits as bigint[]))
    as t(account, debits, credits)
    on conflict (account) do update
   set debits = ledger_account.debits + excluded.debits, credits = ledger_account.credits + excluded.credits
""")


class LedgerUnbalanced(AssertionError):
    """Debits and credits differ. The transaction must not be committed."""


def try_lock(connection: Connection) -> bool:
    """Take the ledger's lock until the transaction ends; False when somebody else has it."""
    return bool(connection.execute(text("select pg_try_advisory_xact_lock(:lock)"), {"lock": LEDGER_LOCK}).scalar_one())


def wait_for_lock(connection: Connection) -> None:
    """Take the ledger's lock until the transaction ends, waiting for whoever has it."""
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LEDGER_LOCK})


def write_transfers(connection: Connection, transfers: Sequence[Transfer], *, epoch: int | None = None) -> None:
    """Append transfers and add them to their accounts. Raises LedgerUnbalanced unless all accounts still balance.

    An event that was charged before breaks a unique constraint: nobody is ever charged twice.
    """
    if not transfers:
        return
    connection.execute(_INSERT, {
        "kinds": [transfer.kind for transfer in transfers],
        "debits": [transfer.debit_account for transfer in transfers],
        "credits": [transfer.credit_account for transfer in transfers],
        "amounts": [transfer.amount_micro_usdc for transfer in transfers],
        "event_ids": [transfer.event_id for transfer in transfers],
        "epoch": epoch,
    })
    added = changes(transfers)
    connection.execute(_ADD, {
        "accounts": [change.account for change in added],
        "debits": [change.debits for change in added],
        "credits": [change.credits for change in added],
    })
    check_balanced(connection)


def check_balanced(connection: Connection) -> None:
    """Raise LedgerUnbalanced unless the debits of all accounts are the credits of all accounts."""
    row = connection.execute(text(
        "select coalesce(sum(debits), 0) as debits, coalesce(sum(credits), 0) as credits from ledger_account"
    )).one()
    if row.debits != row.credits:
        raise LedgerUnbalanced(f"debits {row.debits} and credits {row.credits} differ")
