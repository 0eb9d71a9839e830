"""Double entry: the record of what is charged."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from backend.db.tables.columns import big, created, row_id

# kinds that begin with card_ are in no epoch: nothing about them is settled with publishers
LEDGER_KINDS = (
    "'charge', 'earn', 'fee', 'dust', 'card_in', 'card_deposit', 'card_return', 'card_refund', 'card_dispute', "
    "'card_fee', 'reversal', 'reinstatement'"
)


class LedgerAccount(SQLModel, table=True):
    """Totals of an account, kept in the same transaction as its transfers.

    Accounts: `campaign:<chain id of campaign>`, `earned:<publisher index>`, `payable:<publisher index>`, `fee`, `dust`;
    money from cards: `stripe:balance`, `card:<campaign>`, `treasury`, `card_fee` (core/transfers.py).
    """

    __tablename__ = "ledger_account"
    __table_args__ = (CheckConstraint("debits >= 0 and credits >= 0", name="ledger_account_positive"),)

    account: str = Field(primary_key=True, sa_type=Text)
    debits: int = big(server_default=text("0"))
    credits: int = big(server_default=text("0"))


class LedgerTransfer(SQLModel, table=True):
    """One balanced double entry: `amount` leaves one account and arrives in another. Append-only but for `epoch`.

    Epoch 0 is none on chain: there stand charges that were given back, each beside its reversal.
    """

    __tablename__ = "ledger_transfer"
    __table_args__ = (
        CheckConstraint("amount_micro_usdc > 0", name="ledger_transfer_positive"),
        CheckConstraint("debit_account <> credit_account", name="ledger_transfer_two_accounts"),
        CheckConstraint(f"kind in ({LEDGER_KINDS})", name="ledger_transfer_kind"),
        UniqueConstraint("event_id", "kind", name="ledger_transfer_event_once"),
        Index("ledger_transfer_open", "id", postgresql_where=text("epoch is null and kind = 'charge'")),
        Index("ledger_transfer_open_charges", "debit_account", postgresql_include=["amount_micro_usdc"],
              postgresql_where=text("epoch is null and kind = 'charge'")),
        Index("ledger_transfer_epoch", "epoch", "kind"),
    )

    id: int | None = row_id()
    kind: str = Field(sa_type=Text)
    debit_account: str = Field(sa_type=Text)
    credit_account: str = Field(sa_type=Text)
    amount_micro_usdc: int = big()
    event_id: str | None = Field(default=None, sa_type=Text)
    epoch: int | None = big(nullable=True)
    created_at: datetime | None = created()


class LineItemSpend(SQLModel, table=True):
    """What a line item was charged on a UTC day, for caps and pacing; kept with the transfers."""

    __tablename__ = "line_item_spend"

    line_item_id: int = Field(primary_key=True, sa_type=BigInteger)
    day: date = Field(primary_key=True)
    spent_micro_usdc: int = big(server_default=text("0"))
