"""An account statement: everything that moved money of an account between two days, with the balance before and after.

Deposits and withdrawals are facts of the chain, charges and earnings of the ledger; all sums are micro-USDC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from backend.billing.document import table
from backend.core.money import usdc


@dataclass(frozen=True, slots=True)
class Movement:
    """`what` is deposit, withdrawal, charge, card_payment, card_refund, earned or paid. In: positive; out: negative."""

    day: date
    what: str
    reference: str
    amount_micro_usdc: int


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """`opening` is the balance at the start of `from_day`. closing = opening + all movements."""

    wallet: str
    from_day: date
    to_day: date
    opening_micro_usdc: int
    movements: tuple[Movement, ...]

    @property
    def closing_micro_usdc(self) -> int:
        return self.opening_micro_usdc + sum(movement.amount_micro_usdc for movement in self.movements)


def state(wallet: str, from_day: date, to_day: date, movements: Sequence[Movement]) -> AccountStatement:
    """The statement of a period out of all movements up to its end, in order of day."""
    before = sum(movement.amount_micro_usdc for movement in movements if movement.day < from_day)
    within = sorted(
        (movement for movement in movements if from_day <= movement.day <= to_day),
        key=lambda movement: (movement.day, movement.what, movement.reference),
    )
    return AccountStatement(wallet, from_day, to_day, before, tuple(within))


def as_csv(statement: AccountStatement) -> str:
    """RFC 4180: a row per movement with the balance after it."""
    rows: list[Sequence[object]] = [("day", "what", "reference", "usdc", "micro_usdc", "balance_micro_usdc")]
    balance = statement.opening_micro_usdc
    rows.append((statement.from_day.isoformat(), "opening", "", usdc(balance), balance, balance))
    for movement in statement.movements:
        balance += movement.amount_micro_usdc
        amount = movement.amount_micro_usdc
        rows.append((movement.day.isoformat(), movement.what, movement.reference, usdc(amount), amount, balance))
    rows.append((statement.to_day.isoformat(), "closing", "", usdc(balance), balance, balance))
    return table(rows)
