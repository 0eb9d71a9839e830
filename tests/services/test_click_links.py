"""Click links when Redis refuses, when nobody has clicked yet, and when another version wrote what waits on disk."""

import asyncio
import contextlib
from dataclasses import replace

import httpx
import msgspec
import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.decision_token import DecisionToken, sign
from backend.ingest.links.service import ClickLinks
from backend.ingest.links.store import Spool, SpooledClick
from backend.ingest.links.store import _signed as signed
from backend.ingest.service import IngestConsumer
from backend.ingest.stream import STREAM
from bench.app import TOKEN_KEY, Wiring, routes, unwire, wire
from tests.services.test_events import (
    BROWSER,
    consumer,
    drain,
    facts,
    http,
    links_of,
    now,
    send,
    shown,
    stored,
    view,
    wiring,
)

__all__ = ["consumer", "http", "shown", "wiring"]


def clicked(wiring: Wiring, of: DecisionToken) -> SpooledClick:
    return SpooledClick(now(), wiring.ingest.judge_click(sign(of, TOKEN_KEY), now(), ""))


@pytest.mark.parametrize(
    "ahead", [{"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}, {"x-moz": "prefetch"}]
)
async def test_follow__browser_looks_ahead__counts_when_somebody_clicks(
    http: httpx.AsyncClient, redis_client: redis.Redis, shown: tuple[DecisionToken, str], ahead: dict[str, str]
) -> None:
    """L82."""
    one, url = shown
    early = await http.get(f"/c/{sign(one, TOKEN_KEY)}", headers=ahead)
    assert (early.status_code, early.json()["code"], redis_client.xlen(STREAM)) == (503, "not_followed", 0)
    assert (await http.head(f"/c/{sign(one, TOKEN_KEY)}")).status_code == 405
    assert redis_client.xlen(STREAM) == 0
    answer = await http.get(f"/c/{sign(one, TOKEN_KEY)}")
    assert (answer.status_code, answer.headers["location"], redis_client.xlen(STREAM)) == (302, url, 1)


@pytest.mark.usefixtures("own_redis_url")
async def test_follow__redis_answers_and_takes_nothing__redirects_and_counts_later(
    wiring: Wiring, redis_client: redis.Redis, shown: tuple[DecisionToken, str]
) -> None:
    """L44, L82: too few replicas follow it."""
    one, url = shown
    app = httpx.ASGITransport(routes(wiring), raise_app_exceptions=False)
    redis_client.config_set("min-replicas-to-write", 1)
    try:
        async with httpx.AsyncClient(transport=app, base_url="http://api", headers=BROWSER) as http:
            link = await http.get(f"/c/{sign(one, TOKEN_KEY)}")
            events = await http.post("/v1/events", json={"events": [view(one)]})
    finally:
        redis_client.config_set("min-replicas-to-write", 0)
    assert (link.status_code, link.headers["location"]) == (302, url)
    assert (events.status_code, events.json()["code"]) == (503, "redis_unavailable")
    assert await links_of(wiring, wiring.ingest, {}).replay() == 1
    assert redis_client.xlen(STREAM) == 1


async def test_replay__click_of_a_newer_version__waits_and_the_others_are_counted(
    wiring: Wiring, redis_client: redis.Redis
) -> None:
    """L82: it is tried again by whoever starts next."""
    spool = Spool(wiring.folder, TOKEN_KEY)
    newer = msgspec.json.encode(clicked(wiring, facts(1))).replace(b'"accepted"', b'"refined"')
    (wiring.folder / "spool.jsonl").write_bytes(signed(newer, TOKEN_KEY, b"sightline-spool"))
    spool.keep([clicked(wiring, facts(2)), clicked(wiring, facts(3))])
    for _ in range(2):
        await links_of(wiring, wiring.ingest, {}).replay()
        assert redis_client.xlen(STREAM) == 2
        assert newer in (wiring.folder / "unread.jsonl").read_bytes()
        assert spool.is_empty()
        spool.take_up()
        assert not spool.is_empty()


async def test_replay__interrupted__only_those_that_are_left_come_again(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, http: httpx.AsyncClient
) -> None:
    """L82: neither a restart nor a Redis that comes and goes makes replays of what is counted."""
    seen = [facts(number) for number in range(1, 6)]
    await send(http, *map(view, seen))
    spool = Spool(wiring.folder, TOKEN_KEY)
    spool.keep([clicked(wiring, one) for one in seen])
    with contextlib.suppress(redis.ConnectionError), spool.claimed() as clicks:
        for counted, click in enumerate(clicks):
            if counted == 3:
                raise redis.ConnectionError
            await wiring.ingest.admit([click.judged], click.received_ms)
    assert await links_of(wiring, wiring.ingest, {}).replay() == 2
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert (sorted(kind for _, kind in events), dropped) == (["click"] * 5 + ["viewable"] * 5, {})


async def test_run__something_unforeseen__is_looked_at_again(
    wiring: Wiring, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """L82: whatever goes wrong once, what waits is counted by the same process."""
    monkeypatch.setattr("backend.ingest.links.service.TIDY_SECONDS", 0.01)
    strange = wiring.folder / "spool-strange.jsonl"
    strange.touch()
    Spool(wiring.folder, TOKEN_KEY).keep([clicked(wiring, facts(1))])
    links = links_of(wiring, wiring.ingest, {})
    await links.start()
    async with asyncio.timeout(60):
        while "is looked at again" not in caplog.text:
            await asyncio.sleep(0.01)
        strange.unlink()
        while not redis_client.xlen(STREAM):
            await asyncio.sleep(0.01)
    await links.stop()


async def test_follow__moderator_took_the_ad_down__leads_nowhere_until_he_is_overruled(
    wiring: Wiring, fresh_engine: Engine, shown: tuple[DecisionToken, str]
) -> None:
    """L82: a link of ours lasts for ever; what is behind it may have become a trap. Also where nothing else answers."""
    one, url = shown
    seconds = iter(range(0, 1_000, 10))

    def links(known: dict[int, str], database: Wiring = wiring) -> ClickLinks:
        made = links_of(database, wiring.ingest, known)
        made._clock = lambda: next(seconds)
        return made

    async def status(word: str) -> None:
        with fresh_engine.begin() as connection:
            change = text("update creative set status = :word where id = :id")
            connection.execute(change, {"word": word, "id": one.creative})
        await running.note()

    running = links({one.creative: url})
    await status("approved")
    assert running.target(one.creative) == url
    await status("taken_down")
    assert running.target(one.creative) is None
    down = wire("postgresql+psycopg://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0")
    new = links({}, replace(down, folder=wiring.folder))
    await new.note()
    assert new.target(one.creative) is None
    await unwire(down)
    await status("approved")
    assert running.target(one.creative) == url
    assert links({}).target(one.creative) == url
