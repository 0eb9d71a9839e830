"""Queries of conversions and sponsorships read few rows of big tables: PostgreSQL's plans are looked at."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.sql.elements import TextClause

from backend.conversions import store
from backend.ledger.sponsorship import store as sponsorship
from indexer.schema import create_schema

ROWS = 60_000
BIG = ("event", "conversion", "serving_tally")

FILL = """
insert into campaign (owner, name, category, meta, status)
select '0x' || n % 50, 'c', 'games', '0x' || n, 'active' from generate_series(1, 300) n;
insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, targeting, status)
select id, 'l', 'cpa', 1, 'asap', '2026-01-01', '2027-01-01', '{}', 'active' from campaign;
insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status, secret_version)
select id, 'g', 'postback', 7, 0, false, 'active', 1 from campaign;
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status,
                   click_ref)
select md5(n::text) || '02', md5(n::text), 'click', 'cpa', n % 300, 1 + n % 300, 1, n % 1000, 1, 0, n, n, 's' || n, 0,
       'unpaid', case when n % 20 = 0 then '0x' || md5(n::text) end
  from generate_series(1, :rows) n;
insert into conversion (goal_id, campaign_id, order_id, decision_id, state, touch, event_id, occurred_ms, received_ms)
select g.id, g.campaign_id, n::text, md5(n::text), 'counted', 'click', md5(n::text) || '02', n, n
  from generate_series(1, :rows) n join conversion_goal g on g.id = 1 + n % 300;
insert into serving_tally (minute, placement_id, line_item_id, outcome, n)
select '2026-11-02Z'::timestamptz + (n / 100) * interval '1 minute', n % 100, 1 + n % 300, 'decision', 1
  from generate_series(1, :rows) n;
analyze event; analyze conversion; analyze serving_tally; analyze conversion_goal; analyze line_item; analyze campaign;
"""

DECISION = "c4ca4238a0b923820dcc509a6f75849b"
QUERIES: dict[str, tuple[str | TextClause, dict[str, Any]]] = {
    "touches": (store._TOUCHES, {"decision": DECISION}),
    "event": (store._INSERT_EVENT, {"decision": DECISION, "touch": "click", "occurred_ms": 1, "received_ms": 1,
                                    "stream_id": "x"}),
    "references": ("select click_ref, decision_id from event where click_ref = any(cast(:refs as text[]))",
                   {"refs": ["0x" + DECISION] * 50}),
    "page": (store._ROWS + " where c.campaign_id = :campaign and c.id > :after order by c.id limit 50",
             {"campaign": 7, "after": 1_000}),
    "order": (store._ROWS + " where c.goal_id = :goal and c.order_id = :order_id", {"goal": 7, "order_id": "1206"}),
    "waiting": (store._ROWS + " where c.state = 'waiting' and c.received_ms < 5 order by c.id limit 9", {}),
    "hours": (sponsorship._DELIVERED, {"chain_id": 1, "first": 1_793_577_600_000, "last": 1_793_836_800_000}),
}


@pytest.fixture
def big(fresh_engine: Engine, fresh_database_url: str) -> Engine:
    create_schema(fresh_database_url)
    with fresh_engine.begin() as connection:
        for statement in FILL.replace(":rows", str(ROWS)).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
    return fresh_engine


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def test_plans__every_query__reads_no_big_table_from_end_to_end(big: Engine) -> None:
    wrong = []
    with big.begin() as connection:
        for name, (query, bound) in QUERIES.items():
            (found,) = connection.execute(text(f"explain (format json) {query}"), bound).one()
            plan = found if isinstance(found, list) else json.loads(found)
            wrong += [
                (name, node["Relation Name"]) for node in nodes(plan[0]["Plan"])
                if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG
            ]
    assert not wrong
