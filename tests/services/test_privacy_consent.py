"""Without consent nothing is stored under a viewer's key, but the two minutes of the rate limit (L64).

An ad request with a frequency cap in the market
├── no signal, refused, malformed       → no counter, and the capped line item is not shown
├── Sec-GPC, whatever the string says   → no counter
└── consent for purposes 1 and 2        → one counter, gone at midnight
A report of a view
└── with or without consent             → a rate counter for two minutes; nothing of the viewer in SQL
A click
└── Sec-GPC                             → no click id in the advertiser's address
"""

import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, inspect, text

from backend.core.decision_token import verify
from backend.ingest.service import IngestConsumer
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, TOKEN_KEY, Wiring, routes, unwire, wire
from bench.market import Market

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from consent_kit import COUNTING_ALLOWED, COUNTING_REFUSED, Choices, encode

VIEWER = "viewer-key-1"
SEEN = [[t, 9_000, 500, 1_000, True, True] for t in range(0, 1_601, 200)]
VENDOR_ONLY = encode(Choices(purposes=frozenset({1, 2}), vendors=frozenset({7})))


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def market(fresh_engine: Engine, fresh_database_url: str) -> Market:
    return Market(fresh_engine, fresh_database_url, CHAIN_ID)


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


@pytest.fixture
async def http(wiring: Wiring) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes(wiring)), base_url="http://api") as client:
        yield client


@pytest.fixture
def capped(market: Market, wiring: Wiring, fresh_engine: Engine, redis_client: redis.Redis) -> tuple[int, int]:
    """A placement and a line item that no viewer may see more than twice an hour, the highest bidder; another one."""
    item = market.line_item(market.campaign(1, 1_000_000), 9_000, frequency_impressions=2, frequency_hours=1)
    market.line_item(market.campaign(2, 1_000_000), 2_000)
    placement = market.placement(market.world(1), floor_micro_usdc=1_000)
    BudgetSync(fresh_engine, redis_client, CHAIN_ID).sync(now())
    wiring.feed.refresh(now())
    return placement, item


async def ask(http: httpx.AsyncClient, placement: int, privacy: dict[str, Any] | None = None, **headers: str) -> str:
    """The token of the answer to an ad request."""
    body = {"placement_id": placement, "viewer_key": VIEWER, "privacy": privacy}
    answer = await http.post("/v1/decisions", content=json.dumps(body), headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def viewers_keys(client: redis.Redis, viewer: bytes) -> set[str]:
    """Everything in Redis that names the viewer, in its name or in what it holds."""
    wanted = (viewer.hex().encode(), viewer, VIEWER.encode())
    found = set()
    for key in client.keys("*"):
        content = client.dump(key) or b""
        if any(part in key or part in content for part in wanted):
            found.add(key.decode())
    return found


@pytest.mark.parametrize(("privacy", "headers"), [
    (None, {}),
    ({}, {}),
    ({"tcf": COUNTING_REFUSED}, {}),
    ({"tcf": VENDOR_ONLY}, {}),
    ({"tcf": COUNTING_ALLOWED[:-2]}, {}),
    ({"tcf": ""}, {}),
    ({"tcf": "x" * 8_192}, {}),
    ({"tcf": COUNTING_ALLOWED}, {"Sec-GPC": "1"}),
    ({"tcf": COUNTING_ALLOWED, "gpc": True}, {}),
])
async def test_decide__no_consent__leaves_nothing_of_the_viewer(
    http: httpx.AsyncClient, capped: tuple[int, int], redis_client: redis.Redis, privacy: dict[str, Any] | None,
    headers: dict[str, str],
) -> None:
    """L64: and whoever pays for a cap that cannot be kept is not shown."""
    placement, item = capped
    token = verify(await ask(http, placement, privacy, **headers), TOKEN_KEY)
    assert token.line_item != item
    assert viewers_keys(redis_client, token.viewer) == set()


async def test_decide__consent__counts_until_midnight_and_keeps_the_cap(
    http: httpx.AsyncClient, capped: tuple[int, int], redis_client: redis.Redis
) -> None:
    placement, item = capped
    tokens = [verify(await ask(http, placement, {"tcf": COUNTING_ALLOWED}), TOKEN_KEY) for _ in range(3)]
    assert [token.line_item == item for token in tokens] == [True, True, False]
    (key,) = viewers_keys(redis_client, tokens[0].viewer)
    assert 0 < redis_client.ttl(key) <= 86_400


async def test_decide__operator_is_a_vendor__its_own_consent_counts(
    wiring: Wiring, http: httpx.AsyncClient, capped: tuple[int, int], redis_client: redis.Redis
) -> None:
    placement, item = capped
    wiring.decisions._tcf_vendor = 7
    assert verify(await ask(http, placement, {"tcf": VENDOR_ONLY}), TOKEN_KEY).line_item == item
    assert verify(await ask(http, placement, {"tcf": COUNTING_ALLOWED}), TOKEN_KEY).line_item != item


@pytest.mark.parametrize("headers", [{}, {"Sec-GPC": "1"}])
async def test_events__no_consent__only_the_rate_limit_and_two_minutes(
    http: httpx.AsyncClient, capped: tuple[int, int], redis_client: redis.Redis, fresh_engine: Engine,
    headers: dict[str, str],
) -> None:
    """L64: measuring an ad needs no viewer, and stores none."""
    token = await ask(http, capped[0])
    viewer = verify(token, TOKEN_KEY).viewer
    events = {"events": [{"kind": "viewable", "token": token, "samples": SEEN}, {"kind": "click", "token": token}]}
    answer = await http.post("/v1/events", content=json.dumps(events), headers=headers)
    assert answer.status_code == 202
    (key,) = viewers_keys(redis_client, viewer)
    assert key.startswith("sl:rate:")
    assert 0 < redis_client.ttl(key) <= 120
    IngestConsumer(fresh_engine, redis_client).consume()
    assert mentions(fresh_engine, viewer) == set()


async def test_click__global_privacy_control__no_click_id_for_the_advertiser(
    http: httpx.AsyncClient, capped: tuple[int, int], fresh_engine: Engine
) -> None:
    """L64: the click leads where it should, and stands for nobody."""
    token = await ask(http, capped[0])
    with fresh_engine.begin() as connection:
        connection.execute(text(
            "insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status,"
            " secret_version) select id, 'Sale', 'postback', 7, 0, false, 'active', 1 from campaign"
        ))
    led = [
        (await http.get(f"/c/{token}", headers=headers)).headers["location"]
        for headers in ({}, {"Sec-GPC": "1"}, {"Sec-GPC": "0"})
    ]
    assert [("sl_click=" in location) for location in led] == [True, False, True]
    assert led[0].startswith(led[1])


def mentions(engine: Engine, viewer: bytes) -> set[str]:
    """Tables with a row that names the viewer in any column."""
    wanted = (viewer.hex(), VIEWER)
    found = set()
    with engine.begin() as connection:
        for table in inspect(connection).get_table_names():
            for row in connection.execute(text(f'select "{table}"::text from "{table}"')).scalars():
                if any(part in row for part in wanted):
                    found.add(table)
    return found
