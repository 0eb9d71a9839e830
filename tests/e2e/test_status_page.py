"""The status page and its numbers over real PostgreSQL, with the chain's node there and not there."""

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.api import pages, status
from backend.reports.status.client import BalanceReader
from backend.reports.status.service import StatusService
from indexer.schema import create_schema

CHAIN_ID = 31_337
OWNER, META, TOKEN = "0x" + "1" * 40, "0x" + "2" * 64, "0x" + "3" * 40
ESCROW, PAYOUT, ROOT = "0x" + "5" * 40, "0x" + "6" * 40, "0x" + "7" * 64
NOBODY = "http://127.0.0.1:9"      # the discard port: nothing listens


def application(engine: Engine, rpc_url: str = NOBODY) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(status.router(StatusService(engine, CHAIN_ID, BalanceReader(rpc_url, TOKEN))))
    app.include_router(pages.router())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


def fill(engine: Engine) -> None:
    """A campaign of 10 USDC, an epoch of 3 USDC at 10 % that was vetoed once, and a publisher paid 2 of 2.7 USDC."""
    with engine.begin() as connection:
        for statement in (
            "insert into chain_cursor (chain_id, number, hash, confirmed_number, genesis_hash, escrow, payout,"
            " schema_version) values (:chain, 40, :root, 38, :root, :escrow, :payout, 1)",
            "insert into campaign (owner, name, category, meta, status)"
            " values (:owner, 'Autumn', 'games', :meta, 'active')",
            "insert into chain_campaign values (:chain, 0, :owner, :meta, 10000000, 0, 0, 0, 0, 3000000, 7000000,"
            " true, 0, 0, 5)",
            "insert into chain_epoch values (:chain, 1, 0, 'vetoed', :root, :root, 3000000, null, 2, :root, :root,"
            " 100, 10, :root, 12, :root, null, null)",
            "insert into chain_epoch values (:chain, 1, 1, 'finalized', :root, :root, 3000000, 300000, 2, :root, :root,"
            " 110, 14, :root, null, null, 20, :root)",
            "insert into epoch (epoch, attempt, status, from_ms, to_ms, events, total_micro_usdc)"
            " values (1, 1, 'finalised', 0, 1, 600, 3000000)",
            "insert into epoch_publisher values (1, 1, :owner, 3000000, 2700000, 2700000)",
            "insert into chain_publisher values (:chain, 1, :owner, 2000000, 22)",
            "insert into ledger_account (account, debits) values ('campaign:0', 3400000)",
            "insert into dropped_event (stream_id, stream_index, reason, received_ms)"
            " values ('1-0', 0, 'bot', 1), ('1-0', 1, 'bot', 1), ('2-0', 0, 'replayed', 1)",
        ):
            connection.execute(text(statement), {
                "chain": CHAIN_ID, "owner": OWNER, "meta": META, "root": ROOT, "escrow": ESCROW, "payout": PAYOUT,
            })


async def test_status__before_the_indexer__zeros_that_add_up(fresh_engine: Engine) -> None:
    async with application(fresh_engine) as client:
        answer = (await client.get("/v1/status")).json()
    assert answer["chain"] is None
    assert answer["money"]["deposited_micro_usdc"] == 0
    assert answer["money"]["conserved"] is True


async def test_status__settled_epoch__each_number_in_its_place(fresh_engine: Engine, fresh_database_url: str) -> None:
    """L38"""
    create_schema(fresh_database_url)
    fill(fresh_engine)
    async with application(fresh_engine) as client:
        answer = (await client.get("/v1/status")).json()
    assert answer["money"] == {
        "deposited_micro_usdc": 10_000_000, "withdrawn_micro_usdc": 0, "remaining_micro_usdc": 7_000_000,
        "fee_micro_usdc": 300_000, "paid_micro_usdc": 2_000_000, "unclaimed_micro_usdc": 700_000, "conserved": True,
    }
    assert [(epoch["attempt"], epoch["status"]) for epoch in answer["epochs"]] == [(1, "finalized"), (0, "vetoed")]
    assert answer["campaigns"][0]["name"] == "Autumn"
    assert answer["campaigns"][0]["open_micro_usdc"] == 400_000
    assert answer["publishers"][0]["paid_micro_usdc"] == 2_000_000
    assert answer["traffic"]["dropped"] == {"bot": 2, "replayed": 1}
    assert answer["traffic"]["charged_micro_usdc"] == 3_400_000


async def test_status__node_away__everything_but_the_balances(fresh_engine: Engine, fresh_database_url: str) -> None:
    """L44"""
    create_schema(fresh_database_url)
    fill(fresh_engine)
    async with application(fresh_engine, NOBODY) as client:
        answer = await client.get("/v1/status")
    assert answer.status_code == 200
    assert answer.json()["solvency"] == {
        "escrow_balance_micro_usdc": None, "escrow_owes_micro_usdc": 7_300_000, "payout_balance_micro_usdc": None,
        "payout_owes_micro_usdc": 700_000, "solvent": None,
    }


async def test_status_page__any_browser__one_file_that_trusts_nobody(fresh_engine: Engine) -> None:
    async with application(fresh_engine) as client:
        page = await client.get("/")
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "/v1/status" in page.text
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_status_page__other_methods__refused(fresh_engine: Engine, method: str) -> None:
    async with application(fresh_engine) as client:
        assert (await client.request(method, "/")).status_code == 405
        assert (await client.request(method, "/v1/status")).status_code == 405
