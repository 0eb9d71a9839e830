"""No route of a dashboard and no job that runs all the time reads a big table from end to end: PostgreSQL is asked how
it would answer each of their statements.

The tables are small here, so sequential scans, and joins that begin with one, are forbidden to the planner: where it
still plans one, or reads a whole index, there is no index for the question.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, event, text

from backend.api.openapi import operations
from backend.ledger.service import LedgerService
from backend.serving.sync.service import BudgetSync
from bench.big_accounts import MASTER_KEY
from bench.big_database import CHAIN_ID, fill, filled, samples_of

# line_item_spend is not: all its rows, one a day of a line item, belong to the account that asks for them here
BIG = frozenset({
    "event", "dropped_event", "ledger_transfer", "serving_tally", "audit_entry", "notice", "conversion",
    "webhook_delivery", "webhook_attempt", "audit_link", "card_payment", "treasury_order",
    "serving_landscape", "serving_audience", "epoch_publisher", "chain_payout",
})
ENTRIES = 4_000
# what needs a file, a link or a node, which are not here: their statements are looked at all the same
WITHOUT_FILES = frozenset({
    "/v1/assets/{sha256}/content", "/v1/assets/{sha256}/thumbnail", "/v1/moderation/creatives/{creative}/content",
    "/v1/moderation/creatives/{creative}/thumbnail", "/v1/privacy/exports/{export_id}/download",
    "/v1/settlements/{epoch}/proof/{publisher_index}",
})
STREAMS = {"Limit", "Nested Loop", "Merge Join", "Subquery Scan", "LockRows"}    # read no more than is asked of them
READS_FEW = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


def scans(plan: Mapping[str, Any], limited: bool = False) -> Iterator[str]:
    """Nodes of a plan that read all of a big table. Under a Limit an index without a condition gives the first rows."""
    limited = limited or plan["Node Type"] == "Limit"
    table = plan.get("Relation Name", "")
    if table in BIG:
        whole_index = plan["Node Type"] in READS_FEW and "Index Cond" not in plan and not _partial(plan)
        if plan["Node Type"] == "Seq Scan" or (whole_index and not limited):
            yield f"{plan['Node Type']} of {table}"
    for below in plan.get("Plans", ()):
        yield from scans(below, limited and plan["Node Type"] in STREAMS)


def _partial(plan: Mapping[str, Any]) -> bool:
    """An index of the few rows that wait for something may be read whole."""
    return plan.get("Index Name") in ("ledger_transfer_open", "event_accepted")


def problems_of(engine: Engine, statement: str, parameters: Any) -> list[str]:
    with engine.connect() as connection:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"set local enable_{way} = off"))
        answer = connection.exec_driver_sql("explain (format json) " + statement, parameters).scalar_one()
    plans = answer if isinstance(answer, list) else json.loads(answer)
    return [problem for plan in plans for problem in scans(plan["Plan"])]


@pytest.fixture
def statements(fresh_engine: Engine) -> list[tuple[str, Any]]:
    """What is asked of the database from now on."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, parameters))

    event.listen(fresh_engine, "before_cursor_execute", hear)
    return heard


async def test_every_read__of_a_dashboard__finds_its_rows_by_an_index(
    fresh_engine: Engine, fresh_database_url: str, redis_client: Redis, clock: Any, make_app: Any, sign_in: Any,
    wallet: Any, statements: list[tuple[str, Any]],
) -> None:
    owner = wallet("advertiser").address
    app: FastAPI = make_app(
        fresh_engine, redis_client, clock, master_key=MASTER_KEY.hex(), admin_wallets=owner
    )
    client: httpx.AsyncClient = await sign_in(app, "advertiser")
    fill(fresh_engine, fresh_database_url, owner, ENTRIES)
    samples = samples_of(fresh_engine, owner)
    asked: dict[str, int] = {}
    wrong: list[str] = []

    def look(asker: str) -> None:
        """How PostgreSQL would answer what has been asked, and forget it."""
        for statement, parameters in list(statements):
            if statement.lstrip().lower().startswith(("select", "with")) and any(name in statement for name in BIG):
                asked[asker] = asked.get(asker, 0) + 1
                wrong.extend(
                    f"{asker}: {problem}\n{statement}" for problem in problems_of(fresh_engine, statement, parameters)
                )
        statements.clear()

    statements.clear()
    for path, method, _ in operations(app.openapi()):
        if method == "get" and path.startswith("/v1/"):
            answer = await client.get(filled(path, samples))
            assert answer.is_success or path in WITHOUT_FILES, f"{path}: {answer.text}"
            look(path)
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(int(clock() * 1000))
    look("budgets")
    LedgerService(fresh_engine, CHAIN_ID).bill(100)
    look("ledger")
    assert len(asked) > 15, asked
    assert not wrong, "\n\n".join(wrong)


def test_scans__plan_without_an_index__is_seen(fresh_engine: Engine) -> None:
    assert problems_of(fresh_engine, "select count(*) from event where price_micro_usdc = 1", None)
    assert not problems_of(fresh_engine, "select * from event where event_id = 'x'", None)
