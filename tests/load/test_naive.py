"""The baseline that decisions are compared with does the same work: same winner, same price, for the same requests."""

import time
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine

from backend.core.decision_token import DecisionToken, verify
from backend.serving.sync.service import BudgetSync
from bench import big_market
from bench.app import CHAIN_ID, TOKEN_KEY
from bench.server import Running, serving

LINE_ITEMS, REQUESTS = 400, 150



@pytest.fixture
def stores(fresh_engine: Engine, fresh_database_url: str, redis_url: str) -> Running:
    sold = big_market.fill(fresh_engine, fresh_database_url, LINE_ITEMS, CHAIN_ID, paced=False)
    with redis.Redis.from_url(redis_url) as client:
        BudgetSync(fresh_engine, client, CHAIN_ID).sync(time.time_ns() // 1_000_000)
    return Running("", fresh_database_url, redis_url, fresh_engine, sold.placements, {})


def sales(running: Running) -> list[DecisionToken]:
    """What each request was sold for. The first ones may come before the catalogue."""
    bodies = big_market.bodies(big_market.Sold(running.placements), REQUESTS)
    headers = {"Content-Type": "application/json", "User-Agent": "Mozilla/5.0"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=20) as client:
        answers = [client.post("/v1/decisions", content=body) for body in bodies]
    assert {answer.status_code for answer in answers} == {200}
    return [verify(answer.json()["token"], TOKEN_KEY) for answer in answers]


def test_naive__same_requests__same_winner_and_price_as_ours(stores: Running) -> None:
    with serving(stores, "bench.app:create_app") as running:
        ours = sales(running)
    with serving(stores, "bench.naive:create_app") as running:
        naive = sales(running)
    differ = [(facts(one), facts(other)) for one, other in zip(ours, naive, strict=True) if facts(one) != facts(other)]
    ties = [pair for pair in differ if worth(*pair[0][:3]) == worth(*pair[1][:3])]     # drawn by lot, here and there
    assert differ == ties
    assert len(ties) < REQUESTS // 20
    assert len({token.line_item for token in ours}) > 20, "the market is not one line item that wins everything"
    assert {token.bid_kind for token in ours} >= {"vcpm", "cpc"}


def facts(token: DecisionToken) -> tuple[Any, ...]:
    return (
        token.placement, token.price_micro_usdc, token.bid_kind, token.line_item, token.creative, token.publisher,
        token.campaign, token.viewer, token.video,
    )


def worth(placement: int, price_micro_usdc: int, bid_kind: str) -> tuple[int, int]:
    """What an impression there brings: one in a hundred is clicked. Two who bid the same pay the same."""
    return placement, price_micro_usdc * (100 if bid_kind == "vcpm" else 1)
