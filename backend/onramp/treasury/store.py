"""SQL of the treasury's outbox: orders, the transactions signed for them, the escrow accounts that they pay into."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from backend.core.ids import Address
from backend.onramp.treasury.sending import Fees, Mined, Transaction

TREASURY_LOCK = 0x5167_4C08
"""Advisory lock of whoever signs with the treasury's key: one transaction is in flight at a time."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A deposit to be made."""

    reference: str
    payment: int
    campaign: int
    meta: str
    amount_micro_usdc: int


_ORDERS = text("""
select o.reference, o.payment_id, p.campaign_id, c.meta, o.amount_micro_usdc
  from treasury_order o join card_payment p on p.id = o.payment_id join campaign c on c.id = p.campaign_id
 where o.status = :status order by o.created_at, o.reference limit :limit
""")


def try_treasury_lock(connection: Connection) -> bool:
    """Take the treasury's lock until the transaction ends; False when another process has it."""
    return bool(connection.execute(
        text("select pg_try_advisory_xact_lock(:lock)"), {"lock": TREASURY_LOCK}
    ).scalar_one())


def read_orders(connection: Connection, status: str, limit: int) -> list[OrderRow]:
    """Orders in a status, the oldest first."""
    return [OrderRow(*row) for row in connection.execute(_ORDERS, {"status": status, "limit": limit})]


def chain_campaign_of(connection: Connection, chain_id: int, treasury: Address, order: OrderRow) -> int | None:
    """The escrow account for an order: the one that we opened, or the first that anybody opened for the treasury with
    this `meta`, for that one is served. None: there is none yet."""
    own: int | None = connection.execute(
        text("select chain_campaign from card_campaign where campaign_id = :campaign"), {"campaign": order.campaign}
    ).scalar()
    if own is not None or connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return own
    found = connection.execute(
        text("select min(campaign) from chain_campaign where chain_id = :chain_id and owner = :owner "
             "and meta = :meta"),
        {"chain_id": chain_id, "owner": treasury, "meta": order.meta},
    ).scalar()
    return None if found is None else int(found)


def insert_transaction(connection: Connection, order: str, transaction: Transaction) -> None:
    connection.execute(
        text("""insert into treasury_transaction (tx_hash, order_reference, nonce, raw, max_fee_wei, tip_wei)
                values (:hash, :order, :nonce, :raw, :max_fee, :tip)"""),
        {"hash": transaction.tx_hash, "order": order, "nonce": transaction.nonce, "raw": transaction.raw,
         "max_fee": transaction.fees.max_fee_wei, "tip": transaction.fees.tip_wei},
    )


def read_transactions(connection: Connection, order: str) -> list[Transaction]:
    """The transactions of an order's newest nonce, the newest last."""
    rows = connection.execute(
        text("""select tx_hash, nonce, raw, max_fee_wei, tip_wei,
                       extract(epoch from clock_timestamp() - signed_at)::float as age
                  from treasury_transaction
                 where order_reference = :order
                   and nonce = (select max(nonce) from treasury_transaction where order_reference = :order)
                 order by max_fee_wei"""),
        {"order": order},
    )
    return [
        Transaction(row.tx_hash, row.nonce, row.raw, Fees(row.max_fee_wei, row.tip_wei), row.age) for row in rows
    ]


def is_mirrored(connection: Connection, chain_id: int, hashes: list[str]) -> bool:
    """Whether the indexer has a deposit by one of these transactions; it proves what it reads."""
    if connection.execute(text("select to_regclass('chain_deposited')")).scalar() is None:
        return False
    return bool(connection.execute(
        text("""select exists (select from chain_campaign_opened where chain_id = :chain and tx_hash = any(:hashes))
                    or exists (select from chain_deposited where chain_id = :chain and tx_hash = any(:hashes))"""),
        {"chain": chain_id, "hashes": hashes},
    ).scalar())


def set_mined(connection: Connection, order: OrderRow, mined: Mined) -> None:
    """Write where an order was carried out, and the escrow account that it opened."""
    connection.execute(
        text("update treasury_order set tx_hash = :hash, block_number = :block, done_at = now() "
             "where reference = :reference"),
        {"hash": mined.tx_hash, "block": mined.block_number, "reference": order.reference},
    )
    connection.execute(
        text("update card_campaign set chain_campaign = :chain_campaign "
             "where campaign_id = :campaign and chain_campaign is null"),
        {"chain_campaign": mined.campaign, "campaign": order.campaign},
    )
