"""Flags over HTTP: evidence for the publisher, one objection, a moderator's decision; and the door (L84, L86).

A flag
├── of the publisher                → shown with evidence; objected to once
├── of somebody else                → unknown
├── decided by its own publisher    → refused
├── upheld                          → stays, final
└── lifted                          → its events are charged again
A report from a data centre
├── nobody is streamed from there   → data_centre
└── the operator allowed it         → counts
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.auth.permissions import PlatformRole
from backend.core.ids import address
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.ingest import pipeline
from backend.ingest.pipeline import Circumstances
from backend.traffic.service import ListFeed

sys.path.insert(0, str(Path(__file__).parent))
from roles_kit import appoint
from test_explanations import placement_of

SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def moderator(accounts_app: FastAPI, sign_in: SignIn, engine: Engine) -> httpx.AsyncClient:
    client = await sign_in(accounts_app, "moderator")
    await grant(client, engine)
    return client


async def grant(client: httpx.AsyncClient, engine: Engine) -> None:
    wallet = (await client.get("/v1/auth/me")).json()["wallet"]
    appoint(engine, address(wallet), PlatformRole.MODERATOR)


@pytest.fixture
async def flag(publisher: httpx.AsyncClient, engine: Engine) -> int:
    """A flag on a placement of the publisher, with two events that the ledger has seen."""
    placement = await placement_of(publisher)
    with engine.begin() as connection:
        made = int(connection.execute(text("""
            insert into traffic_flag (day, placement_id, publisher_index, level, mark, rule, scope, evidence, ruleset)
            select '2026-11-02', p.id, w.publisher_index, 'viewer', 77, 'too_many_views', 'all',
                   '{"views": 1501, "views_max": 1500}', '0xabc'
              from placement p join world w on w.id = p.world_id where p.id = :placement returning id
        """), {"placement": placement}).scalar_one())
        connection.execute(text("""
            insert into flagged_event (event_id, flag_id, state, amount_micro_usdc)
            values (:one, :flag, 'reversed', 1200), (:other, :flag, 'late', 300)
        """), {"flag": made, "one": f"{made}-a", "other": f"{made}-b"})
    return made


async def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_flags__publisher__sees_figures_and_objects_once(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient, flag: int
) -> None:
    (shown,) = (await publisher.get("/v1/publisher/traffic-flags")).json()["items"]
    assert shown["evidence"] == {"views": 1501, "views_max": 1500}
    assert shown["events"] == {"reversed": 1, "late": 1}
    assert shown["amounts_micro_usdc"] == {"reversed": 1200, "late": 300}
    assert "mark" not in shown
    assert (await stranger.get("/v1/publisher/traffic-flags")).json()["items"] == []
    path, words = f"/v1/publisher/traffic-flags/{flag}/objection", {"text": "A class of thirty was here."}
    assert await code(await stranger.post(path, json=words)) == (404, "flag_unknown")
    assert (await publisher.post(path, json=words)).json()["objection"] == words["text"]
    assert await code(await publisher.post(path, json=words)) == (409, "objected_before")


async def test_decide__lifted__events_go_to_the_ledger_and_the_publisher_is_told(
    publisher: httpx.AsyncClient, moderator: httpx.AsyncClient, flag: int, engine: Engine
) -> None:
    """L84."""
    await publisher.post(f"/v1/publisher/traffic-flags/{flag}/objection", json={"text": "A class."})
    waiting = (await moderator.get("/v1/moderation/traffic-flags", params={"objected": True})).json()["items"]
    assert [one["id"] for one in waiting] == [flag]
    path = f"/v1/moderation/traffic-flags/{flag}/decide"
    answer = await moderator.post(path, json={"lifted": True, "note": "Seen."})
    assert (answer.status_code, answer.json()["status"]) == (200, "lifted")
    assert answer.json()["events"] == {"lifting": 1, "late": 1}
    assert await code(await moderator.post(path, json={"lifted": False})) == (409, "flag_final")
    notices = (await publisher.get("/v1/notices")).json()["items"]
    assert any(one["kind"] == "traffic.lifted" and one["content"]["flag"] == flag for one in notices)
    assert (await moderator.get("/v1/moderation/traffic-flags", params={"objected": True})).json()["items"] == []


async def test_decide__ones_own_traffic_or_too_late__refused(
    publisher: httpx.AsyncClient, moderator: httpx.AsyncClient, flag: int, engine: Engine
) -> None:
    path = f"/v1/moderation/traffic-flags/{flag}/decide"
    await grant(publisher, engine)
    assert await code(await publisher.post(path, json={"lifted": True})) == (403, "own_flag")
    with engine.begin() as connection:
        connection.execute(text("update flagged_event set state = 'pending' where event_id like '%-a'"))
    assert await code(await moderator.post(path, json={"lifted": True})) == (409, "flag_not_settled")
    with engine.begin() as connection:
        connection.execute(text("update traffic_flag set created_at = now() - interval '900 days'"))
    assert await code(await moderator.post(path, json={"lifted": False})) == (409, "flag_final")
    objection = await publisher.post(f"/v1/publisher/traffic-flags/{flag}/objection", json={"text": "Late."})
    assert await code(objection) == (409, "flag_final")


async def test_invalid_traffic__of_a_campaign__what_was_filtered(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: Engine
) -> None:
    campaign = (await advertiser.post("/v1/campaigns", json={"name": "Autumn", "category": "games"})).json()["id"]
    path, days = f"/v1/campaigns/{campaign}/invalid-traffic", {"from_day": "2026-11-01", "to_day": "2026-11-02"}
    answer = await advertiser.get(path, params=days)
    assert answer.json() == {
        "from_day": "2026-11-01", "to_day": "2026-11-02", "events": {}, "given_back_micro_usdc": 0,
        "kept_micro_usdc": 0,
    }
    assert await code(await stranger.get(path, params=days)) == (404, "campaign_unknown")
    backwards = await advertiser.get(path, params={"from_day": "2026-11-03", "to_day": "2026-11-02"})
    assert await code(backwards) == (422, "span_not_allowed")


def verdict(feed: ListFeed, ip: str, publisher: int) -> DropReason | None:
    event = pipeline.incoming(b"")  # type: ignore[arg-type]
    event.token = pipeline.UNKNOWN.__class__(b"", 0, 0, 0, 0, 0, publisher, 0, pipeline.UNKNOWN.bid_kind, 0, b"")
    about = Circumstances(0, "Mozilla/5.0", 0, b"", Ruleset(), ip=ip, lists=feed)
    return pipeline.data_centre(event, about)


@pytest.mark.parametrize(("network", "problem"), [
    ("3.5.140.7/22", "network_not_allowed"), ("3.0.0.0/8", "network_not_allowed"), ("cloud", "network_not_allowed"),
])
async def test_allow__no_network_or_half_of_the_internet__refused(
    moderator: httpx.AsyncClient, network: str, problem: str
) -> None:
    answer = await moderator.post("/v1/moderation/traffic-allowances", json={"network": network})
    assert await code(answer) == (422, problem)


async def test_allow__streaming_of_one_publisher__counts_for_that_one_until_it_ends(
    moderator: httpx.AsyncClient, publisher: httpx.AsyncClient, flag: int, engine: Engine
) -> None:
    """L86: people in headsets whose world is drawn in a data centre."""
    with engine.connect() as connection:
        index = int(connection.execute(text("select min(index) from publisher")).scalar_one())
    feed = ListFeed(engine)
    feed.refresh()
    assert verdict(feed, "3.5.140.2", index) is DropReason.DATA_CENTRE
    body: dict[str, Any] = {"network": "3.5.140.0/22", "publisher_index": index, "note": "Streaming"}
    made = await moderator.post("/v1/moderation/traffic-allowances", json=body)
    again = await moderator.post("/v1/moderation/traffic-allowances", json=body)
    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    feed.refresh()
    assert verdict(feed, "3.5.140.2", index) is None
    assert verdict(feed, "3.5.140.2", index + 1) is DropReason.DATA_CENTRE
    assert verdict(feed, "", index + 1) is None
    gone = await moderator.delete(f"/v1/moderation/traffic-allowances/{made.json()['id']}")
    feed.refresh()
    assert (gone.status_code, verdict(feed, "3.5.140.2", index)) == (204, DropReason.DATA_CENTRE)
    unknown = await moderator.post("/v1/moderation/traffic-allowances", json={**body, "publisher_index": 2**40})
    assert await code(unknown) == (404, "publisher_index_unknown")
