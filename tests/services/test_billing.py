"""Invoices from real tables: everything charged is invoiced once, whatever is repeated (L71); the books are compared
every day, and the first difference is told (L72)."""

import csv
import io
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.billing.profile import BillingProfile
from backend.billing.reconciling.figures import Status
from backend.billing.reconciling.service import SECOND_LOOK_SECONDS, ReconciliationService
from backend.billing.service import BillingService
from backend.core.ids import Address, address
from backend.db import sealed
from bench.market import Market

CHAIN_ID = 31_337
SELLER = BillingProfile("Operator", ("Street 1", "10115 Berlin"), "DE", "DE123456789")
DECEMBER = datetime(2026, 12, 3, 6, 0, tzinfo=UTC)
BUYER = {"name": "Advertiser", "address": ["Street 2"], "country": "DE", "vat_number": "DE987654321"}


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    sealed.unlock(b"\x4d" * 32)
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


def service_at(engine: Engine, moment: datetime) -> BillingService:
    return BillingService(engine, CHAIN_ID, SELLER, clock=lambda: moment.timestamp())


def charge(engine: Engine, line_item: int, day: date, amount: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("""insert into line_item_spend values (:item, :day, :amount) on conflict (line_item_id, day)
                    do update set spent_micro_usdc = line_item_spend.spent_micro_usdc + :amount"""),
            {"item": line_item, "day": day, "amount": amount},
        )


def issue_all(service: BillingService) -> None:
    while service.step():
        pass


def documents(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(
            text("select number, account, gross_micro_usdc from billing_document order by id")
        )]


# --- invoices ---------------------------------------------------------------------------------------------------


def test_step__charges_of_the_month_and_late_ones__are_each_in_one_invoice(
    market: Market, fresh_engine: Engine, wallet: Any
) -> None:
    owner = wallet("advertiser").address
    items = [market.line_item(market.campaign(number, 10**12, owner), 5_000) for number in (1, 2)]
    charge(fresh_engine, items[0], date(2026, 11, 30), 1_000)
    charge(fresh_engine, items[1], date(2026, 11, 2), 500)
    charge(fresh_engine, items[1], date(2026, 12, 1), 7)
    assert not service_at(fresh_engine, datetime(2026, 12, 2, tzinfo=UTC)).step(), "days of grace"
    for _ in range(3):
        issue_all(service_at(fresh_engine, DECEMBER))
    assert documents(fresh_engine) == [("SL-2026-000001", owner, 1_500)]
    charge(fresh_engine, items[0], date(2026, 11, 30), 30)      # a conversion of a click in November
    issue_all(service_at(fresh_engine, datetime(2027, 1, 3, tzinfo=UTC)))
    assert documents(fresh_engine)[1:] == [("SL-2027-000001", owner, 37)]
    assert sum(row[2] for row in documents(fresh_engine)) == 1_537


def test_step__several_workers_at_once__numbers_have_no_gap_and_nobody_is_invoiced_twice(
    market: Market, fresh_engine: Engine
) -> None:
    for number in range(1, 31):
        owner = f"0x{number:040x}"
        charge(fresh_engine, market.line_item(market.campaign(number, 10**12, owner), 5_000), date(2026, 11, 5), number)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: issue_all(service_at(fresh_engine, DECEMBER)), range(4)))
    issue_all(service_at(fresh_engine, DECEMBER))
    issued = documents(fresh_engine)
    assert [row[0] for row in issued] == [f"SL-2026-{serial:06d}" for serial in range(1, 31)]
    assert sorted(row[2] for row in issued) == list(range(1, 31))


def test_step__more_was_given_back_than_charged__waits_for_the_next_invoice(
    market: Market, fresh_engine: Engine, wallet: Any
) -> None:
    item = market.line_item(market.campaign(1, 10**12, wallet("advertiser").address), 5_000)
    charge(fresh_engine, item, date(2026, 11, 5), 100)
    issue_all(service_at(fresh_engine, DECEMBER))
    charge(fresh_engine, item, date(2026, 11, 5), -40)
    issue_all(service_at(fresh_engine, datetime(2027, 1, 3, tzinfo=UTC)))
    assert len(documents(fresh_engine)) == 1
    charge(fresh_engine, item, date(2027, 1, 5), 90)
    issue_all(service_at(fresh_engine, datetime(2027, 2, 3, tzinfo=UTC)))
    assert [row[2] for row in documents(fresh_engine)] == [100, 50]


def final_epoch(engine: Engine, epoch: int, end: datetime, net: int, *, fee: int = 0) -> None:
    """An epoch in which campaign 1 paid publisher 1, final in our tables and on chain."""
    total = net + fee
    values = {"epoch": epoch, "to": int(end.timestamp() * 1000), "net": net, "fee": fee, "total": total,
              "chain": CHAIN_ID, "hash": "0x" + "7" * 64}
    with engine.begin() as connection:
        for statement in (
            "insert into epoch (epoch, attempt, status, from_ms, to_ms, total_micro_usdc, fee_micro_usdc)"
            " values (:epoch, 0, 'finalised', :to - 1, :to, :total, :fee)",
            "insert into epoch_publisher values (:epoch, 1, '0x', :total, :net, :net)",
            "insert into epoch_debit values (:epoch, 1, :total)",
            "insert into chain_epoch values (:chain, :epoch, 0, 'finalized', :hash, :hash, :total, :fee, 2, :hash,"
            " :hash, 100, 10, :hash, null, null, 20, :hash)",
            "update chain_campaign set debited = debited + :total, remaining = remaining - :total where campaign = 1",
        ):
            connection.execute(text(statement), values)


def test_step__final_epochs__are_in_one_self_billing_invoice_of_their_publisher(
    market: Market, fresh_engine: Engine
) -> None:
    market.world(1)
    market.campaign(1, 10**12)
    final_epoch(fresh_engine, 1, datetime(2026, 11, 5, tzinfo=UTC), 900)
    final_epoch(fresh_engine, 2, datetime(2026, 11, 5, 1, tzinfo=UTC), 100)
    final_epoch(fresh_engine, 3, datetime(2026, 12, 1, tzinfo=UTC), 50)
    for _ in range(2):
        issue_all(service_at(fresh_engine, DECEMBER))
    publisher = address(documents(fresh_engine)[0][1])
    assert documents(fresh_engine) == [("SB-2026-000001", publisher, 1_000)]
    found, _ = service_at(fresh_engine, DECEMBER).document(publisher, "SB-2026-000001")
    assert [(line.reference, line.amount_micro_usdc) for line in found.lines] == [("epoch:1-2", 1_000)]
    assert found.buyer == SELLER
    issue_all(service_at(fresh_engine, datetime(2027, 1, 3, tzinfo=UTC)))
    assert [row[2] for row in documents(fresh_engine)] == [1_000, 50]


def test_step__epoch_of_the_month_becomes_final_late__is_in_the_next_invoice_and_nobody_else_waits(
    market: Market, fresh_engine: Engine
) -> None:
    """L71: of an account and a month there is one document."""
    for publisher in (1, 2):
        market.world(publisher)
    market.campaign(1, 10**12)
    final_epoch(fresh_engine, 1, datetime(2026, 11, 5, tzinfo=UTC), 900)
    issue_all(service_at(fresh_engine, DECEMBER))
    final_epoch(fresh_engine, 2, datetime(2026, 11, 30, tzinfo=UTC), 100)
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into epoch_publisher values (2, 2, '0x', 7, 7, 7)"))
    issue_all(service_at(fresh_engine, DECEMBER))
    assert [row[2] for row in documents(fresh_engine)] == [900, 7]
    issue_all(service_at(fresh_engine, datetime(2027, 1, 3, tzinfo=UTC)))
    assert [row[2] for row in documents(fresh_engine)] == [900, 7, 100]


def test_invoice__another_worker_has_issued_it_and_more_was_charged_since__waits_for_the_next(
    market: Market, fresh_engine: Engine, wallet: Any
) -> None:
    """The second worker has read who is due before the first one's invoice."""
    owner = wallet("advertiser").address
    item = market.line_item(market.campaign(1, 10**12, owner), 5_000)
    charge(fresh_engine, item, date(2026, 11, 5), 100)
    issue_all(service_at(fresh_engine, DECEMBER))
    charge(fresh_engine, item, date(2026, 11, 5), 30)
    second = service_at(fresh_engine, DECEMBER)
    assert not second._invoice(owner, (date(2026, 11, 1), date(2026, 11, 30)))
    issue_all(service_at(fresh_engine, datetime(2027, 1, 3, tzinfo=UTC)))
    assert [row[2] for row in documents(fresh_engine)] == [100, 30]


# --- over HTTP --------------------------------------------------------------------------------------------------


@pytest.fixture
async def client(
    market: Market, fresh_engine: Engine, fresh_app: FastAPI, sign_in: Any, wallet: Any
) -> httpx.AsyncClient:
    """The advertiser with an invoice of 119 USDC for November."""
    advertiser: httpx.AsyncClient = await sign_in(fresh_app, "advertiser")
    assert (await advertiser.put("/v1/billing/profile", json=BUYER)).status_code == 200
    item = market.line_item(market.campaign(1, 10**9, wallet("advertiser").address), 5_000)
    charge(fresh_engine, item, date(2026, 11, 1), 119_000_000)
    issue_all(service_at(fresh_engine, DECEMBER))
    return advertiser


async def test_document__of_a_business_of_the_sellers_country__splits_the_vat(client: httpx.AsyncClient) -> None:
    page = (await client.get("/v1/billing/documents")).json()
    assert [item["number"] for item in page["items"]] == ["SL-2026-000001"]
    found = (await client.get("/v1/billing/documents/SL-2026-000001")).json()
    assert (found["net_micro_usdc"], found["vat_micro_usdc"]) == (100_000_000, 19_000_000)
    assert found["buyer"]["vat_number"] == BUYER["vat_number"]
    assert found["sha256"] == page["items"][0]["sha256"]


async def test_document__as_pdf_and_csv__is_a_file(client: httpx.AsyncClient) -> None:
    drawing = await client.get("/v1/billing/documents/SL-2026-000001", params={"format": "pdf"})
    assert drawing.headers["content-type"] == "application/pdf"
    assert drawing.headers["content-disposition"] == 'attachment; filename="SL-2026-000001.pdf"'
    assert drawing.content.startswith(b"%PDF-")
    sheet = await client.get("/v1/billing/documents/SL-2026-000001", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [row["micro_usdc"] for row in rows] == ["119000000", "100000000", "19000000", "119000000"]


async def test_statement__advertiser__has_deposits_and_charges(client: httpx.AsyncClient, fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text(
            "insert into chain_campaign_opened values (:chain, 5, 0, '0x', :at, 1, '0x', 1000000000, '0x')"
        ), {"chain": CHAIN_ID, "at": int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())})
    period = {"from_day": "2026-11-01", "to_day": "2026-11-30"}
    found = (await client.get("/v1/billing/statement", params=period)).json()
    assert (found["opening_micro_usdc"], found["closing_micro_usdc"]) == (1_000_000_000, 881_000_000)
    assert [movement["what"] for movement in found["movements"]] == ["charge"]
    assert (await client.get("/v1/billing/statement", params={**period, "format": "pdf"})).content[:5] == b"%PDF-"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/billing/documents/SL-2026-000002", 404, "document_unknown"),
        ("/v1/billing/documents/..%2Fetc", 404, "not_found"),
        ("/v1/billing/documents/SL-2026-1", 422, "invalid_request"),
        ("/v1/billing/statement?from_day=2026-11-02&to_day=2026-11-01", 422, "dates_out_of_range"),
        ("/v1/billing/statement?from_day=2024-11-02&to_day=2026-11-01", 422, "dates_out_of_range"),
        ("/v1/reconciliations", 403, "not_permitted"),
    ],
)
async def test_read__unknown_or_not_allowed__is_refused(
    client: httpx.AsyncClient, path: str, status: int, code: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_document__of_somebody_else__does_not_exist(
    client: httpx.AsyncClient, fresh_app: FastAPI, sign_in: Any
) -> None:
    stranger = await sign_in(fresh_app, "stranger")
    assert (await stranger.get("/v1/billing/documents/SL-2026-000001")).status_code == 404
    assert (await stranger.get("/v1/billing/documents")).json()["items"] == []


async def test_profile__vat_number_of_another_country__is_refused_and_changes_nothing(
    client: httpx.AsyncClient
) -> None:
    answer = await client.put("/v1/billing/profile", json={**BUYER, "vat_number": "FRAB123456789"})
    assert (answer.status_code, answer.json()["code"]) == (422, "vat_number_malformed")
    assert (await client.get("/v1/billing/profile")).json()["vat_number"] == BUYER["vat_number"]


# --- reconciliation ---------------------------------------------------------------------------------------------

ADMIN: Address = address("0x" + "ad" * 20)


def books(engine: Engine, clock: Any) -> ReconciliationService:
    return ReconciliationService(engine, CHAIN_ID, None, frozenset({ADMIN}), clock=clock)


def told(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.execute(text("select content->>'first' from notice where account = :admin"),
                                       {"admin": ADMIN}).scalars())


def test_reconciliation__books_agree__one_report_a_day_and_nobody_is_told(
    market: Market, fresh_engine: Engine, clock: Any
) -> None:
    market.world(1)
    market.campaign(1, 10**12)
    final_epoch(fresh_engine, 1, datetime(2026, 11, 1, tzinfo=UTC), 900, fee=100)
    service = books(fresh_engine, clock)
    for _ in range(3):
        service.step()
    assert [(run.status, run.report["agreed"]) for run in service.runs()] == [(Status.AGREE, 6)]
    clock.advance(86_400)
    service.step()
    assert len(service.runs()) == 2
    assert told(fresh_engine) == []


@pytest.mark.parametrize(
    ("damage", "first"),
    [
        ("update epoch_debit set amount_micro_usdc = amount_micro_usdc + 1", "debits of campaign 1"),
        ("update chain_campaign set debited = debited - 1", "debits of campaign 1"),
        ("update epoch set fee_micro_usdc = fee_micro_usdc + 1, total_micro_usdc = total_micro_usdc + 1",
         "fees of final epochs"),
        ("insert into chain_publisher values (31337, 1, '0x', 901, 3)", "paid beyond what was owed"),
        ("insert into ledger_account (account, debits) values ('dust', 1)", "entries balance"),
        ("insert into ledger_account (account, credits, debits) values ('treasury', 5, 0), ('card:1', 0, 5)",
         "card money in the escrow"),
    ],
)
def test_reconciliation__a_figure_differs__is_looked_at_again_and_then_told(
    market: Market, fresh_engine: Engine, clock: Any, caplog: pytest.LogCaptureFixture, damage: str, first: str
) -> None:
    market.world(1)
    market.campaign(1, 10**12)
    final_epoch(fresh_engine, 1, datetime(2026, 11, 1, tzinfo=UTC), 900, fee=100)
    with fresh_engine.begin() as connection:
        connection.execute(text(damage))
    service = books(fresh_engine, clock)
    service.step()
    service.step()
    assert service.runs() == []
    clock.advance(SECOND_LOOK_SECONDS + 1)
    with caplog.at_level(logging.ERROR):
        service.step()
    run = service.runs()[0]
    assert run.status is Status.DIFFER
    assert run.report["differences"][0]["name"] == first     # type: ignore[index]
    assert told(fresh_engine) == [first]
    assert "differ" in caplog.text


def test_reconciliation__difference_is_gone_at_the_second_look__nobody_is_told(
    market: Market, fresh_engine: Engine, clock: Any
) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into ledger_account (account, debits) values ('dust', 1)"))
    service = books(fresh_engine, clock)
    service.step()
    with fresh_engine.begin() as connection:
        connection.execute(text("delete from ledger_account"))
    clock.advance(SECOND_LOOK_SECONDS + 1)
    service.step()
    assert [run.status for run in service.runs()] == [Status.AGREE]
    assert told(fresh_engine) == []
