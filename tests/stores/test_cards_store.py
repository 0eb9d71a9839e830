"""SQL of card money: what is saved is what was decided, serving sees a freeze, epochs know nothing of cards.

Laws L59, L62.
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from backend.core.ids import Address
from backend.core.transfers import Transfer
from backend.db.budgets import read_budgets
from backend.db.ledger import LedgerUnbalanced, write_transfers
from backend.onramp import store
from backend.onramp.book import cleared, deposited, heard, refund_asked, returned, signed
from backend.onramp.payment import (
    Dispute,
    DisputeHeard,
    DisputeOutcome,
    FeeHeard,
    Paid,
    Refund,
    RefundHeard,
    RefundStatus,
    Warned,
)
from backend.serving.feed.described import store as described
from backend.settlement import store as settlement

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
ADVERTISER, TREASURY = Address("0x" + "ad" * 20), Address("0x" + "7e" * 20)
CHAIN_ID = 31_337
CENT = 10_000


@pytest.fixture
def campaign(connection: Connection) -> Iterator[int]:
    found = connection.execute(
        text("insert into campaign (owner, funder, name, category, meta, status) "
             "values (:owner, :funder, 'Autumn', 'games', :meta, 'active') returning id"),
        {"owner": ADVERTISER, "funder": TREASURY, "meta": "0x" + secrets.token_hex(32)},
    ).scalar_one()
    return int(found)


def pay(connection: Connection, campaign: int, cents: int = 100_00) -> int:
    row = store.lock_campaign(connection, campaign)
    payment = store.insert_payment(connection, row, secrets.token_hex(16), cents, "new", 0, NOW).id
    store.change_book(connection, campaign, partial(heard, payment=payment, fact=Paid(cents, NOW)))
    return payment


def balance(connection: Connection, account: str) -> int:
    return int(connection.execute(
        text("select credits - debits from ledger_account where account = :account"), {"account": account}
    ).scalar() or 0)


def is_frozen(connection: Connection, campaign: int) -> bool:
    return bool(connection.execute(text("select frozen from campaign where id = :id"), {"id": campaign}).scalar())


def test_book__saved__is_read_the_same(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    dispute = Dispute(30_00, 30_00, 15_00, 15_00, DisputeOutcome.WON)
    for fact in (FeeHeard(3_20), Warned("issfr"), DisputeHeard("du", dispute),
                 RefundHeard("re_1", Refund(5_00, RefundStatus.SUCCEEDED, "re_1"))):
        after = store.change_book(connection, campaign, partial(heard, payment=payment, fact=fact))
        assert store.read_book(connection, campaign) == after
    assert is_frozen(connection, campaign)
    assert balance(connection, f"card:{campaign}") == 95_00 * CENT


def test_book__whole_way__moves_every_cent(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    for change in (
        partial(cleared, payment=payment, order="order", now=NOW),
        partial(signed, payment=payment, order="order"),
        partial(deposited, payment=payment, order="order"),
        partial(returned, total_micro_usdc=40_00 * CENT),
        partial(refund_asked, payment=payment, refund="refund", cents=None),
    ):
        after = store.change_book(connection, campaign, change)
        assert store.read_book(connection, campaign) == after
    assert balance(connection, f"card:{campaign}") == 0
    assert balance(connection, "treasury") == 60_00 * CENT
    assert balance(connection, "stripe:balance") == -60_00 * CENT


def test_book__ledger_says_otherwise__is_not_saved(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    write_transfers(connection, [Transfer("card_fee", f"card:{campaign}", "card_fee", 1)])
    with pytest.raises(LedgerUnbalanced):
        store.change_book(
            connection, campaign, partial(refund_asked, payment=payment, refund="refund", cents=1)
        )


def test_order__two_open_for_one_payment__are_impossible(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    store.change_book(connection, campaign, partial(cleared, payment=payment, order="order", now=NOW))
    with pytest.raises(IntegrityError, match="treasury_order_one_open"):
        connection.execute(
            text("insert into treasury_order (reference, payment_id, amount_micro_usdc, status) "
                 "values ('another', :payment, 1, 'waiting')"), {"payment": payment},
        )


def test_freeze__serving__has_no_active_campaign(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    connection.execute(
        text("""insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, status)
                values (:campaign, 'Boards', 'vcpm', 1, 'asap', :starts, :ends, 'active')"""),
        {"campaign": campaign, "starts": NOW, "ends": NOW + timedelta(days=9)},
    )

    def is_active() -> bool:
        found = described.read_line_items(connection, int(NOW.timestamp() * 1_000))
        return next(one.item.campaign_active for one in found if one.item.campaign == campaign)

    assert is_active()
    store.change_book(connection, campaign, partial(heard, payment=payment, fact=Warned("issfr")))
    assert not is_active()


def test_card_money__is_in_no_epoch_and_no_budget(connection: Connection, campaign: int) -> None:
    pay(connection, campaign)
    assert settlement.first_open_charge(connection) is None
    assert settlement.read_open(connection, int(NOW.timestamp() * 1_000) + 10**9) == []
    settlement.assign_charges(connection, 1, int(NOW.timestamp() * 1_000) + 10**9, {campaign: 10**12})
    assert connection.execute(text("select count(*) from ledger_transfer where epoch is not null")).scalar() == 0
    assert read_budgets(connection, CHAIN_ID) == {}


def test_due__frozen_or_held_or_owing__is_not(connection: Connection, campaign: int) -> None:
    payment = pay(connection, campaign)
    assert store.due_payments(connection, NOW - timedelta(seconds=1), 9) == []
    assert store.due_payments(connection, NOW, 9) == [(payment, campaign)]
    store.change_book(connection, campaign, partial(heard, payment=payment, fact=Warned("issfr")))
    assert store.due_payments(connection, NOW, 9) == []


def test_event__taken_twice__is_news_once(connection: Connection) -> None:
    assert store.take_event(connection, "evt_1", "customer.created", 1)
    assert not store.take_event(connection, "evt_1", "customer.created", 1)


@pytest.fixture
def mirrored(fresh_database_url: str) -> str:
    from indexer.schema import create_schema

    create_schema(fresh_database_url)
    return fresh_database_url


def test_returns__confirmed_and_to_the_treasury__are_booked(mirrored: str) -> None:
    """L62: only what is back in the treasury can go back to the card."""
    from backend.db.engine import make_engine

    engine = make_engine(mirrored)
    with engine.begin() as connection:
        connection.execute(text("""
            insert into chain_cursor (chain_id, number, hash, confirmed_number, genesis_hash, escrow, payout,
                                      schema_version)
            values (:chain, 30, '0x', 20, '0x', '0x', '0x', 1)"""), {"chain": CHAIN_ID})
        connection.execute(text("insert into card_campaign (campaign_id, chain_campaign) values (7, 3)"))
        for place, (number, to, campaign) in enumerate(
            [(10, TREASURY, 3), (20, TREASURY, 3), (21, TREASURY, 3), (10, ADVERTISER, 3), (10, TREASURY, 4)]
        ):
            connection.execute(text("""
                insert into chain_withdrawn (chain_id, number, log_index, tx_hash, block_timestamp, campaign, "to",
                                             amount)
                values (:chain, :number, :place, '0x', 1, :campaign, :to, 5)"""),
                {"chain": CHAIN_ID, "number": number, "place": place, "campaign": campaign, "to": to})
        assert store.withdrawn_by_treasury(connection, CHAIN_ID, TREASURY) == [(7, 10)]
        connection.execute(text("update card_campaign set returned_micro_usdc = 10"))
        assert store.withdrawn_by_treasury(connection, CHAIN_ID, TREASURY) == []
    engine.dispose()
