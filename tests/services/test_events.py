"""Events on real stores: durable before they are acknowledged, in SQL exactly once, each with a verdict."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis
from sqlalchemy import Engine, text

from backend.conversions.service import Landing
from backend.core.click_id import decision_of, reference
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.errors import NotFound, Unavailable
from backend.core.events import BidKind
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.ingest import store
from backend.ingest.links.service import ClickLinks
from backend.ingest.links.store import Spool, SpooledClick, Targets
from backend.ingest.poison.service import PoisonService
from backend.ingest.quick import Judged
from backend.ingest.reports import DroppedRecord
from backend.ingest.service import IngestConsumer, IngestService, MemoryWatch
from backend.ingest.stream import BYTES, FIELD, POISON_STREAM, STREAM
from backend.main.events import page
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, TOKEN_KEY, Wiring, routes, unwire, wire
from bench.market import Market

BROWSER = {"user-agent": "Mozilla/5.0"}
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_500, 100)]


def now() -> int:
    return time.time_ns() // 1_000_000


def facts(number: int, **changes: Any) -> DecisionToken:
    """A decision of ten seconds ago; each number has its own viewer."""
    decided_ms = changes.pop("decided_ms", now() - 10_000)
    made = DecisionToken(
        decision_id=decision_id(decided_ms, number.to_bytes(10, "big")), chain_id=CHAIN_ID, campaign=1, line_item=2,
        creative=3, placement=4, publisher=5, price_micro_usdc=1_000, bid_kind=BidKind.VCPM,
        expires_ms=decided_ms + 120_000, viewer=number.to_bytes(8, "big"),
    )
    return replace(made, **changes)


def view(of: DecisionToken) -> dict[str, Any]:
    return {"kind": "viewable", "token": sign(of, TOKEN_KEY), "samples": SEEN}


def click(of: DecisionToken) -> dict[str, Any]:
    return {"kind": "click", "token": sign(of, TOKEN_KEY)}


@pytest.fixture
async def wiring(fresh_database_url: str, redis_url: str) -> AsyncIterator[Wiring]:
    wired = wire(fresh_database_url, redis_url)
    yield wired
    await unwire(wired)


@pytest.fixture
async def http(wiring: Wiring) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(routes(wiring))
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=BROWSER) as client:
        yield client


@pytest.fixture
def consumer(fresh_engine: Engine, redis_client: redis.Redis) -> IngestConsumer:
    return IngestConsumer(fresh_engine, redis_client)


async def send(http: httpx.AsyncClient, *events: object) -> list[str]:
    """Verdict per event: `accepted`, or the reason."""
    answer = await http.post("/v1/events", json={"events": events})
    assert answer.status_code == 202, answer.text
    return [result.get("reason", result["status"]) for result in answer.json()["results"]]


def drain(consumer: IngestConsumer) -> None:
    while consumer.consume():
        pass


def stored(engine: Engine) -> tuple[list[tuple[str, str]], Counter[str]]:
    """(decision, kind) of every event, and how often each DropReason."""
    with engine.connect() as connection:
        events = connection.execute(text("select decision_id, kind from event order by seq")).all()
        dropped = connection.execute(text("select reason, count(*) from dropped_event group by reason")).all()
    return [tuple(row) for row in events], Counter(dict([tuple(row) for row in dropped]))


async def test_accept__view_and_click__stored_with_price_and_samples(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L25."""
    one = facts(1)
    assert await send(http, view(one), click(one)) == ["accepted", "accepted"]
    drain(consumer)
    with fresh_engine.connect() as connection:
        rows = connection.execute(text(
            "select event_id, kind, price_micro_usdc, publisher_index, status, samples from event order by seq"
        )).all()
    name = one.decision_id.hex()
    assert [tuple(row) for row in rows] == [
        (name + "01", "viewable", 1_000, 5, "accepted", SEEN), (name + "02", "click", 0, 5, "accepted", []),
    ]
    assert redis_client.xlen(STREAM) == 0


async def test_accept__mixed_batch__each_event_its_verdict_and_one_row(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine
) -> None:
    """L26."""
    good = facts(1)
    late = facts(2, decided_ms=now() - 200_000)
    verdicts = await send(
        http, view(good), {"kind": "viewable"}, {"kind": "click", "token": "forged"}, view(late),
        view(facts(3, chain_id=1)), view(good), click(facts(4)),
        {"kind": "viewable", "token": sign(facts(5), TOKEN_KEY), "samples": SEEN[:3]},
    )
    assert verdicts == [
        "accepted", "malformed", "bad_token", "expired", "wrong_chain", "replayed", "accepted", "not_viewable",
    ]
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert events == [(good.decision_id.hex(), "viewable")]
    assert dropped == Counter(
        ["malformed", "bad_token", "expired", "wrong_chain", "replayed", "click_before_view", "not_viewable"]
    )


async def test_accept__sent_again__charged_once(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine
) -> None:
    """L24, L28."""
    one = facts(1)
    for _ in range(3):
        await send(http, view(one))
        drain(consumer)
    assert stored(fresh_engine) == ([(one.decision_id.hex(), "viewable")], Counter({"replayed": 2}))


async def test_accept__sent_again__is_told_and_no_samples_are_kept(
    http: httpx.AsyncClient, redis_client: redis.Redis
) -> None:
    """L81: of several requests with the same event at once exactly one takes it in."""
    one, other = facts(1), facts(2)
    answers = await asyncio.gather(*(send(http, view(one), view(other), click(one)) for _ in range(8)))
    assert Counter(verdict for answer in answers for verdict in answer) == {"accepted": 3, "replayed": 21}
    entries = [fields[b"batch"] for _, fields in redis_client.xrange(STREAM)]
    assert sum(b'"accepted"' in entry for entry in entries) == 1
    assert max(len(entry) for entry in entries if b'"accepted"' not in entry) < 400
    assert await send(http, click(other)) == ["accepted"]


@pytest.mark.parametrize("compiled", [True, False])
async def test_accept__some_came_before_and_expire_in_two_minutes__exactly_those_are_told(
    http: httpx.AsyncClient, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    """L25: with the kernel's entry and without it."""
    if not compiled:
        monkeypatch.setattr("backend.ingest.service.KERNEL", None)
    decided_ms = now() - 10_000
    views = [
        view(facts(number, viewer=b"viewer-1", decided_ms=decided_ms, expires_ms=decided_ms + minutes * 60_000))
        for number, minutes in enumerate((2, 3, 2, 3, 2))
    ]
    assert await send(http, *views[1:4]) == ["accepted"] * 3
    assert await send(http, *views) == ["accepted", "replayed", "replayed", "replayed", "accepted"]
    assert redis_client.xlen(STREAM) == 2


async def test_accept__redis_has_forgotten__sql_knows(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L24, L81: without Redis's memory the sender is told something else, and nothing is counted twice."""
    one, two, three = facts(1), facts(2), facts(3)
    assert await send(http, view(one), click(one), view(two)) == ["accepted"] * 3
    drain(consumer)
    redis_client.flushdb()
    assert await send(http, view(one), click(one), view(two), view(three)) == ["accepted"] * 4
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert sorted(events) == sorted([
        (one.decision_id.hex(), "viewable"), (one.decision_id.hex(), "click"), (two.decision_id.hex(), "viewable"),
        (three.decision_id.hex(), "viewable"),
    ])
    assert dropped == Counter({"replayed": 3})


async def test_accept__click_before_its_view__counts_when_the_view_comes(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine
) -> None:
    """L82: until then it is dropped, and told so; afterwards nothing says that it ever was."""
    one, two = facts(1), facts(2)
    assert await send(http, click(one), click(two)) == ["accepted"] * 2
    drain(consumer)
    assert stored(fresh_engine) == ([], Counter({"click_before_view": 2}))
    assert await send(http, click(one)) == ["replayed"]
    assert await send(http, view(one)) == ["accepted"]
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert [kind for _, kind in events] == ["viewable", "click"]
    assert dropped == Counter({"click_before_view": 1, "replayed": 1})
    with fresh_engine.connect() as connection:
        counts = connection.execute(text("select what || ' ' || name, n from traffic_count order by 1")).all()
        early = connection.execute(text("select event_id from early_click")).scalars().all()
    assert dict([tuple(row) for row in counts]) == {
        "dropped click_before_view": 1, "dropped replayed": 1, "received click": 1, "received viewable": 1,
    }
    assert early == [two.decision_id.hex() + "02"]


async def test_accept__sixty_first_event_of_a_viewer__rate(wiring: Wiring) -> None:
    events = [view(facts(number, viewer=b"one-view")) for number in range(70)]
    moment_ms = now()
    verdicts: list[DropReason | None] = []
    for part in (events[:40], events[40:]):
        verdicts += await wiring.ingest.accept(msgspec.json.encode({"events": part}), moment_ms, "Mozilla/5.0")
    assert verdicts == [None] * 60 + [DropReason.RATE] * 10
    later = await wiring.ingest.accept(msgspec.json.encode({"events": events[60:]}), moment_ms + 60_000, "Mozilla/5.0")
    assert later == [None] * 10


async def test_decision__reported_from_another_page_or_program__wrong_world_wrong_client(
    wiring: Wiring, http: httpx.AsyncClient, fresh_engine: Engine, fresh_database_url: str
) -> None:
    """L83: what asked for the ad is in its token, coarsely; stolen tokens buy nothing elsewhere."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    market.line_item(market.campaign(1, 1_000_000), 5_000)
    placement = market.placement(market.world(1), floor_micro_usdc=500)
    BudgetSync(fresh_engine, wiring.client, CHAIN_ID).sync(now())
    wiring.feed.refresh(now())
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
    home = {"user-agent": firefox, "origin": "https://world.example"}
    asked = await http.post("/v1/decisions", json={"placement_id": placement, "viewer_key": "v" * 8}, headers=home)
    seen = {"kind": "viewable", "token": asked.json()["token"], "samples": SEEN}
    verdicts = []
    for changes in ({"origin": "https://farm.example"}, {"user-agent": firefox.replace("Linux", "Windows")}, {}, {}):
        http.headers.update(home | changes)
        verdicts += await send(http, seen)
    assert verdicts == ["wrong_world", "wrong_client", "accepted", "replayed"]


async def test_http__crawler__bot(http: httpx.AsyncClient) -> None:
    http.headers["user-agent"] = "ExampleBot/1.0 (+https://example.com/bot)"
    assert await send(http, view(facts(1))) == ["bot"]


async def test_http__send_beacon__text_plain_is_read(http: httpx.AsyncClient) -> None:
    body = msgspec.json.encode({"events": [view(facts(1))]})
    answer = await http.post("/v1/events", content=body, headers={"content-type": "text/plain;charset=UTF-8"})
    assert answer.json() == {"results": [{"status": "accepted"}]}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"), (b"{", 400, "malformed_json"), (b"[]", 422, "invalid_request"),
        (b'{"events": []}', 422, "invalid_request"), (b'{"events": [], "x": 1}', 422, "invalid_request"),
        (b'{"events": [' + b",".join([b"1"] * 101) + b"]}", 413, "batch_too_large"),
        (b'{"events": ["' + b"x" * 300_000 + b'"]}', 413, "body_too_large"),
    ],
)
async def test_http__no_batch__problem_and_nothing_taken_in(
    http: httpx.AsyncClient, redis_client: redis.Redis, body: bytes, status: int, code: str
) -> None:
    """L45."""
    answer = await http.post("/v1/events", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert redis_client.xlen(STREAM) == 0


async def test_http__redis_is_down__503_and_retry_after(fresh_database_url: str) -> None:
    """L44."""
    down = wire(fresh_database_url, "redis://127.0.0.1:1/0")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(routes(down)), base_url="http://api") as http:
        answer = await http.post("/v1/events", json={"events": [view(facts(1))]}, headers=BROWSER)
    assert (answer.status_code, answer.json()["code"]) == (503, "redis_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    await unwire(down)


async def test_accept__queue_is_full__refused_until_it_is_drained(
    wiring: Wiring, consumer: IngestConsumer, redis_client: redis.Redis
) -> None:
    """L44: nothing is taken in that the consumer cannot keep up with."""
    service = IngestService(wiring.hot, CHAIN_ID, TOKEN_KEY, Ruleset(), queue_length_max=2)
    bodies = [msgspec.json.encode({"events": [view(facts(number))]}) for number in range(4)]
    for body in bodies[:2]:
        await service.accept(body, now(), "")
    with pytest.raises(Unavailable, match="queue_full") as refusal:
        await service.accept(bodies[2], now(), "")
    assert refusal.value.retry_after_seconds
    assert redis_client.xlen(STREAM) == 2
    drain(consumer)
    assert await service.accept(bodies[3], now(), "") == [None]


async def test_accept__bytes_wait_or_memory_is_short__refused_until_it_is_better(
    wiring: Wiring, consumer: IngestConsumer, redis_client: redis.Redis
) -> None:
    """L44: by bytes, so that large batches fill no more memory than small ones; and by what Redis has left."""
    bodies = [msgspec.json.encode({"events": [view(facts(number))]}) for number in range(4)]
    service = IngestService(wiring.resp, CHAIN_ID, TOKEN_KEY, Ruleset(), queue_bytes_max=1_500)
    for body in bodies[:2]:
        await service.accept(body, now(), "")
    with pytest.raises(Unavailable, match="queue_full"):
        await service.accept(bodies[2], now(), "")
    assert int(redis_client.get(BYTES) or 0) == sum(len(entry[b"batch"]) for _, entry in redis_client.xrange(STREAM))
    drain(consumer)
    assert redis_client.get(BYTES) is None
    assert await service.accept(bodies[2], now(), "") == [None]
    watch = MemoryWatch(wiring.resp, percent_max=0)
    await watch.look()
    with pytest.raises(Unavailable, match="queue_full") as refusal:
        watch.check()
    assert refusal.value.retry_after_seconds
    roomy = MemoryWatch(wiring.hot)
    await roomy.look()
    roomy.check()


async def test_consume__killed_between_commit_and_acknowledgement__nothing_twice(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L24, L25: the entry is delivered again and recognised, also the click that would now have a view."""
    one = facts(1)
    await send(http, click(one), view(one))
    await send(http, view(one))
    before = redis_client.xrange(STREAM)
    drain(consumer)
    first = stored(fresh_engine)
    for stream_id, fields in before:                    # as if XACK and XDEL had never happened
        redis_client.xadd(STREAM + ":again", fields, id=stream_id)
    redis_client.rename(STREAM + ":again", STREAM)
    redis_client.xgroup_create(STREAM, store.GROUP, id="0")
    drain(consumer)
    assert stored(fresh_engine) == first == (
        [(one.decision_id.hex(), "viewable"), (one.decision_id.hex(), "click")], Counter({"replayed": 1})
    )


async def test_consume__delivered_to_a_dead_consumer__read_first_and_in_order(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L25: the view that a dead consumer held comes before the click that followed it."""
    one = facts(1)
    await send(http, view(one))
    assert len(store.Deliveries(redis_client).read(10, 1_000)) == 1      # delivered, then killed
    await send(http, click(one))
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert [kind for _, kind in events] == ["viewable", "click"]
    assert not dropped


async def test_consume__two_workers__one_works_at_a_time(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine
) -> None:
    await send(http, view(facts(1)))
    with fresh_engine.begin() as connection:
        assert store.lock_ingest(connection)
        assert not consumer.consume()
    assert consumer.consume()


def test_lock_ingest__table_that_was_never_counted__is_asked_by_keys(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        assert store.lock_ingest(connection)
        for question in (store._STORED_ENTRIES, store._STORED_EVENTS):
            plan = connection.execute(text(f"explain {question.text}"), {"ids": ["1-0", "2-0"]}).scalars().all()
            assert not any("Seq Scan" in line for line in plan), plan


async def test_consume__undecodable_entry__moved_aside_and_the_rest_stored(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L25."""
    redis_client.xadd(STREAM, {FIELD: b"\xff not ours"})
    redis_client.xadd(STREAM, {"other": b"field"})
    await send(http, view(facts(1)))
    drain(consumer)
    assert len(stored(fresh_engine)[0]) == 1
    poison = [fields for _, fields in redis_client.xrange(POISON_STREAM)]
    assert [fields[b"batch"] for fields in poison] == [b"\xff not ours", b""]
    assert all(fields[b"reason"] for fields in poison)
    assert redis_client.xlen(STREAM) == 0


async def test_consume__what_no_table_can_hold__set_aside_alone_told_and_put_back(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    """L81: one bad entry neither stops the stream nor takes its neighbours with it; a repair brings it back once."""
    good, bad, third = facts(1), facts(2), facts(3)
    for one in (good, bad, third):
        await wiring.ingest.accept(msgspec.json.encode({"events": [view(one)]}), now(), "")
    entries = redis_client.xrange(STREAM)
    redis_client.delete(STREAM)
    for stream_id, fields in entries:
        is_bad = bad.decision_id.hex().encode() in fields[b"batch"]
        changed = fields[b"batch"].replace(b",1000,", b",-1,", 1) if is_bad else fields[b"batch"]
        redis_client.xadd(STREAM, {FIELD: changed}, id=stream_id)
    with fresh_engine.begin() as connection:
        admin = "insert into platform_role (wallet, role, granted_by) values ('0xadmin', 'admin', '0xother')"
        connection.execute(text(admin))
    drain(consumer)
    assert [decision for decision, _ in stored(fresh_engine)[0]] == [good.decision_id.hex(), third.decision_id.hex()]
    desk = PoisonService(redis_client)
    [aside] = list(desk.waiting())
    assert "event_price" in aside.reason
    assert "event_price" in page(desk.show(aside.id))
    with fresh_engine.connect() as connection:
        notices = connection.execute(text("select account, kind, content from notice")).all()
    assert [tuple(row) for row in notices] == [("0xadmin", "events.set_aside", {"entries": 1})]
    desk.put_back(aside.id)                             # nothing was repaired: it is set aside again
    drain(consumer)
    [again] = list(desk.waiting())
    redis_client.xdel(POISON_STREAM, again.id)
    name = redis_client.xadd(POISON_STREAM, {"id": "1-1", "reason": "", FIELD: entries[1][1][b"batch"]})
    desk.put_back(name.decode())
    drain(consumer)
    assert len(stored(fresh_engine)[0]) == 3
    assert desk.count() == 0
    with pytest.raises(NotFound):
        desk.discard(name.decode())


async def test_consume__redis_was_emptied__goes_on(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, redis_client: redis.Redis
) -> None:
    await send(http, view(facts(1)))
    drain(consumer)
    redis_client.flushdb()
    await send(http, view(facts(2)))
    drain(consumer)
    assert len(stored(fresh_engine)[0]) == 2


# --- a click as a link --------------------------------------------------------------------------------------------


@pytest.fixture
def shown(fresh_engine: Engine, fresh_database_url: str, wiring: Wiring) -> tuple[DecisionToken, str]:
    """A decision whose creative is in the catalogue, and where it leads."""
    market = Market(fresh_engine, fresh_database_url, CHAIN_ID)
    item = market.line_item(market.campaign(1, 1_000_000), 5_000)
    wiring.feed.refresh(now())
    creative, url = next(iter(wiring.feed.click_urls.items()))
    return facts(1, creative=creative, line_item=item), url


async def test_follow__our_link__redirects_and_counts(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, shown: tuple[DecisionToken, str]
) -> None:
    one, url = shown
    await send(http, view(one))
    answer = await http.get(f"/c/{sign(one, TOKEN_KEY)}")
    assert (answer.status_code, answer.headers["location"]) == (302, url)
    drain(consumer)
    assert [kind for _, kind in stored(fresh_engine)[0]] == ["viewable", "click"]


async def test_follow__line_item_has_a_goal__page_is_told_a_click_id_that_converts(
    http: httpx.AsyncClient, consumer: IngestConsumer, fresh_engine: Engine, shown: tuple[DecisionToken, str]
) -> None:
    """L53: the page learns a name of the ad, which its contract may log, and nothing of the viewer."""
    one, url = shown
    with fresh_engine.begin() as connection:
        connection.execute(text(
            "insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status, "
            "secret_version) select campaign_id, 'Orders', 'postback', 7, 0, false, 'active', 1 from line_item"
        ))
    await send(http, view(one))
    location = (await http.get(f"/c/{sign(one, TOKEN_KEY)}")).headers["location"]
    landing, _, name = location.partition("?sl_click=")
    assert (landing, decision_of(name, TOKEN_KEY)) == (url, one.decision_id)
    drain(consumer)
    with fresh_engine.connect() as connection:
        found = text("select decision_id from event where click_ref = :ref")
        assert connection.execute(found, {"ref": reference(name)}).scalars().all() == [one.decision_id.hex()]


async def test_follow__sql_does_not_answer__redirects_by_the_last_list(fresh_engine: Engine) -> None:
    """L44: the list is asked for once at a time, and nobody waits for it longer than a second."""
    now_seconds = 0.0
    landing = Landing(fresh_engine, TOKEN_KEY, clock=lambda: now_seconds)
    one = facts(1)
    with fresh_engine.begin() as hanging:
        hanging.execute(text("lock table conversion_goal in access exclusive mode"))
        async with asyncio.timeout(60):             # the lock is held for as long as they wait
            urls = await asyncio.gather(*(landing.url("https://shop.example/", 2, one.decision_id) for _ in range(20)))
        assert set(urls) == {"https://shop.example/"}
        now_seconds = 6.0
        assert await landing.url("https://shop.example/", 2, one.decision_id) == "https://shop.example/"
        with fresh_engine.connect() as other:
            asking = text("select count(*) from pg_locks join pg_database d on d.oid = database"
                          " where not granted and datname = current_database()")
            while not (waiting := other.execute(asking).scalar_one()):
                await asyncio.sleep(0.01)       # the thread that asks is slow
        assert waiting == 1
    assert landing._asking is not None
    await landing._asking


async def test_follow__forged_link__404_and_no_redirect(
    http: httpx.AsyncClient, shown: tuple[DecisionToken, str]
) -> None:
    answer = await http.get(f"/c/{sign(shown[0], b'x' * 32)}")
    assert (answer.status_code, answer.json()["code"]) == (404, "token_unknown")


def links_of(wiring: Wiring, ingest: IngestService, known: dict[int, str]) -> ClickLinks:
    """As a worker has them that has just begun."""
    targets, spool = Targets(wiring.folder / "targets", TOKEN_KEY), Spool(wiring.folder, TOKEN_KEY)
    return ClickLinks(ingest, lambda: known, targets, spool, wiring.engine)


async def test_follow__everything_is_down_and_the_process_is_new__redirects_and_counts_later_once(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, shown: tuple[DecisionToken, str],
    http: httpx.AsyncClient,
) -> None:
    """L44, L82: neither SQL nor Redis has ever been seen by this process."""
    one, url = shown
    await links_of(wiring, wiring.ingest, dict(wiring.feed.click_urls)).note()
    await send(http, view(one))
    down = wire("postgresql+psycopg://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0")
    app = routes(replace(down, folder=wiring.folder))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http_down:
        for _ in range(3):
            answer = await http_down.get(f"/c/{sign(one, TOKEN_KEY)}", headers=BROWSER)
            assert (answer.status_code, answer.headers["location"]) == (302, url)
        late = facts(2, creative=one.creative, decided_ms=now() - 200_000)
        assert (await http_down.get(f"/c/{sign(late, TOKEN_KEY)}", headers=BROWSER)).status_code == 302
    with pytest.raises(redis.ConnectionError):
        await links_of(wiring, down.ingest, {}).replay()
    await unwire(down)
    assert await links_of(wiring, wiring.ingest, {}).replay() == 4
    assert await links_of(wiring, wiring.ingest, {}).replay() == 0
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert [kind for _, kind in events] == ["viewable", "click"]
    assert dropped == Counter({"replayed": 2, "expired": 1})


async def test_replay__killed_on_the_way__counts_once(
    wiring: Wiring, consumer: IngestConsumer, fresh_engine: Engine, http: httpx.AsyncClient
) -> None:
    """L24, L82: what was counted before the crash is a replay after it."""
    shown = [facts(number) for number in range(1, 4)]
    await send(http, *(view(one) for one in shown))
    spool = Spool(wiring.folder, TOKEN_KEY)
    clicks = [SpooledClick(now(), wiring.ingest.judge_click(sign(one, TOKEN_KEY), now(), "")) for one in shown]
    spool.keep(clicks)
    with (wiring.folder / "spool.jsonl").open("ab") as file:
        file.write((wiring.folder / "spool.jsonl").read_bytes().replace(b"vcpm", b"vcpx"))      # forged
        file.write(b'{"received_ms": 1')                        # a crash in the middle of a line
    with contextlib.suppress(KeyboardInterrupt), spool.claimed() as found:
        first = next(iter(found))
        await wiring.ingest.admit([first.judged], first.received_ms)
        raise KeyboardInterrupt
    spool.keep(clicks[:1])
    assert await links_of(wiring, wiring.ingest, {}).replay() == 4
    drain(consumer)
    events, dropped = stored(fresh_engine)
    assert Counter(kind for _, kind in events) == {"viewable": 3, "click": 3}
    assert dropped == Counter({"replayed": 2})
    assert spool.is_empty()


def test_targets__what_others_write__leads_nowhere(tmp_path: Path) -> None:
    """No open redirect: a line that we have not signed is not read, nor half of one."""
    file = tmp_path / "targets"
    assert Targets(file, TOKEN_KEY).keep({7: "https://shop.example/a", 8: "https://shop.example/b"}) == 2
    assert Targets(file, TOKEN_KEY).keep({7: "https://shop.example/a", 8: "https://shop.example/c"}) == 1
    line = file.read_bytes().splitlines()[0]
    file.write_bytes(
        b"\n".join([
            *file.read_bytes().splitlines(), line.replace(b"shop", b"evil"), b"9" + line[1:], b"\xff",
            b"10 https://shop.example/half",
        ])
    )
    found = Targets(file, TOKEN_KEY)
    assert [found.of(creative) for creative in (7, 8, 9, 10)] == [
        "https://shop.example/a", "https://shop.example/c", None, None,
    ]
    assert Targets(file, b"x" * 32).of(7) is None
    assert found.keep({10: "https://shop.example/whole"}) == 1
    assert Targets(file, TOKEN_KEY).of(10) == "https://shop.example/whole"


def test_spool__is_full__says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path, TOKEN_KEY, bytes_max=1_000)
    judged = Judged(DroppedRecord(DropReason.EXPIRED, "click", None, None), DropReason.EXPIRED)
    spool.keep([SpooledClick(1, judged)])
    with pytest.raises(OSError, match="full"):
        spool.keep([SpooledClick(1, judged)] * 50)
    with spool.claimed() as clicks:
        assert len(list(clicks)) == 1
        with spool.claimed() as others:
            assert list(others) == []


async def test_follow__redis_is_down__still_redirects(
    shown: tuple[DecisionToken, str], wiring: Wiring, fresh_database_url: str
) -> None:
    """L44."""
    one, url = shown
    down = wire(fresh_database_url, "redis://127.0.0.1:1/0")
    app = routes(replace(down, feed=wiring.feed))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http:
        answer = await http.get(f"/c/{sign(one, TOKEN_KEY)}", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (302, url)
    await unwire(down)
