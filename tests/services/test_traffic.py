"""From accepted events to flags, evidence and money given back, on real stores; and how lists come in (L84, L86)."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from backend.core.ids import Address
from backend.core.ruleset import Ruleset
from backend.ledger.reversal.service import ReversalService
from backend.ledger.service import LedgerService
from backend.net.client import SafeFetcher
from backend.traffic.flags.service import FlagService
from backend.traffic.published import SOURCES, Source
from backend.traffic.service import ListFeed, ListKeeper, TrafficService
from bench.traffic import Watch
from bench.visitors import DAY_MS, Report, Timer, Town
from indexer.schema import create_schema

CHAIN_ID = 31337
RULES = Ruleset()
FLAGGED_KINDS = "select kind, count(*) from flagged_event join event using (event_id) group by 1 order by 1"
LIVELY = [[100 * n, 9_000, 500 + 13 * n, 1_000 + 7 * n, True, True] for n in range(14)]


class Journal:
    """Writes accepted events as ingest does, and reads what came of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.traffic = TrafficService(engine, RULES, clock=lambda: DAY_MS / 1_000, events_per_step=400)
        self._number = 0

    def write(self, reports: list[Report], samples: list[Any] | None = None) -> None:
        rows = []
        for one in reports:
            self._number += 1
            seen = one.seen
            decision = seen.decided_ms.to_bytes(6, "big").hex() + (
                f"{abs(seen.viewer or 0) % 2**40:010x}{seen.placement:010x}"
            )
            rows.append({
                "event_id": decision + ("02" if seen.is_click else "01"), "decision_id": decision,
                "kind": "click" if seen.is_click else "viewable", "placement": seen.placement,
                "publisher": seen.publisher, "price": 0 if seen.is_click else one.price, "received": seen.received_ms,
                "stream": f"{seen.received_ms}-{self._number}", "viewer": seen.viewer, "network": seen.network,
                "samples": json.dumps([] if seen.is_click else samples or _samples(one)),
            })
        with self.engine.begin() as connection:
            connection.execute(text(
                "insert into publisher (index, wallet, payout_mode) values (:publisher, '0x' || :publisher, 'auto')"
                " on conflict do nothing"
            ), rows)
            connection.execute(text("""
                insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                    placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index,
                    status, viewer_mark, network_mark, samples)
                values (:event_id, :decision_id, :kind, 'vcpm', 0, 1, 2, :placement, :publisher, :price, :received,
                    :received, :stream, 0, 'accepted', :viewer, :network, cast(:samples as jsonb))
                    on conflict do nothing"""), rows)

    def count(self) -> None:
        while self.traffic.step():
            pass

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]


GAPS = 14


def _samples(one: Report) -> list[list[Any]]:
    """Samples of which the store computes what the report says of itself, but for its trace: too little moves."""
    seen = one.seen
    gaps = [seen.watched_ms // GAPS] * GAPS
    if not seen.is_steady:
        gaps[2], gaps[3] = gaps[2] + 1, gaps[3] - 1
    times = [sum(gaps[:place]) for place in range(GAPS + 1)]
    moves = 0 if seen.is_still else 1
    return [[t_ms, 10_000, 500 + place % 2 * moves, 900, True, True] for place, t_ms in enumerate(times)]


def whole(reports: list[Report]) -> list[Report]:
    """In the order in which they are received, watched for times that can be divided into gaps."""
    ordered = sorted(reports, key=lambda one: one.seen.received_ms)
    return [
        replace(one, seen=replace(one.seen, seq=place, watched_ms=one.seen.watched_ms // GAPS * GAPS, trace=None))
        for place, one in enumerate(ordered, 1)
    ]


@pytest.fixture
def journal(fresh_database_url: str, fresh_engine: Engine) -> Journal:
    create_schema(fresh_database_url)
    with fresh_engine.begin() as connection:
        connection.execute(text("""
            insert into chain_campaign (chain_id, campaign, owner, meta, deposited, withdrawn, reserved,
                reserved_executable_at, reserved_after_epoch, debited, remaining, active, epoch_cap, epoch_cap_from,
                opened_number)
            values (31337, 0, '0x01', '0x02', 1000000000, 0, 0, 0, 0, 0, 1000000000, true, 0, 0, 1)"""))
    return Journal(fresh_engine)


def speeders() -> list[Report]:
    """One kind of bot."""
    return list(Town(3, 0, 0.0, RULES, [])._speeder())


def test_step__impossible_viewer__flagged_with_evidence_and_given_back(journal: Journal) -> None:
    """L84: from the first event to the last micro-USDC, whatever is counted when."""
    bots, town = speeders(), Town(5, 0, 0.0, RULES, [])
    people = [one for _ in range(20) for one in town._visit("honest")]
    journal.write(whole(bots + people))
    LedgerService(journal.engine, CHAIN_ID).bill(10_000)
    journal.count()
    ((rule, level, evidence, ruleset, status),) = journal.rows(
        "select rule, level, evidence, ruleset, status from traffic_flag"
    )
    assert (rule, level, status) == ("more_seen_than_time", "viewer", "standing")
    assert evidence["watched_ms"] > evidence["passed_ms_max"]
    assert ruleset == "0x" + RULES.digest().hex()
    assert not {"mark", "viewer", "ip"} & set(evidence)
    ReversalService(journal.engine, CHAIN_ID).step()
    ReversalService(journal.engine, CHAIN_ID).step()
    ((given, charged),) = journal.rows(
        "select (select sum(amount_micro_usdc)::bigint from ledger_transfer where kind = 'reversal'),"
        " (select sum(price_micro_usdc)::bigint from event join flagged_event using (event_id))"
    )
    assert given == charged > 0
    assert journal.rows("select distinct reason from dropped_event") == [("invalid_traffic",)]
    assert journal.rows("select count(*) from event where status = 'billed'")[0][0] > 100      # people are paid for
    ((notices,),) = journal.rows("select count(*) from notice where kind = 'traffic.flagged'")
    assert notices == 1


def test_step__in_any_batches_or_again__the_same_sums_and_flags(journal: Journal) -> None:
    """Sums in SQL are those of the rules in memory, and an event is counted once."""
    town = Town(11, 0, 0.0, RULES, [])
    reports = whole([one for _ in range(40) for one in town._visit("honest")] + speeders())
    journal.write(reports)
    journal.count()
    assert not journal.traffic.step()
    watch = Watch(RULES)
    watch.step([one.seen for one in reports])
    expected = {
        (key.placement, key.level.value, key.mark): (cell.views, cell.clicks, cell.watched_ms, cell.viewers)
        for key, cell in watch.totals.items() if key.level.value != "trace"
    }
    found = {
        (placement, level, mark): (views, clicks, watched, viewers)
        for placement, level, mark, views, clicks, watched, viewers in journal.rows(
            "select placement_id, level, mark, views, clicks, watched_ms, viewers from traffic_cell"
            " where level <> 'trace'"
        )
    }
    assert found == expected
    assert {mark for (mark,) in journal.rows("select mark from traffic_flag")} == {key.mark for key in watch.flags}


def test_step__recording_sent_by_many_viewers__every_copy_is_flagged(journal: Journal) -> None:
    town = Town(2, 0, 0.0, RULES, [])
    copies = [one for one in town._replayer() if not one.seen.is_click]
    journal.write(copies[:10], LIVELY)
    journal.count()
    journal.write(copies[10:20], LIVELY)
    journal.count()
    flagged = journal.rows("select rule, count(*) from flagged_event join traffic_flag f on f.id = flag_id group by 1")
    assert flagged == [("replayed_trace", 20)]


def test_step__click_on_a_replayed_view__flagged_though_it_comes_later(journal: Journal) -> None:
    """L84: a click has no trace of its own; it goes with the view of its decision."""
    copies = [one for one in Town(2, 0, 0.0, RULES, [])._replayer() if not one.seen.is_click][:10]
    click = replace(copies[-1], seen=replace(copies[-1].seen, is_click=True, received_ms=DAY_MS + 86_000_000))
    journal.write(copies, LIVELY)
    journal.count()
    journal.write([click])
    journal.count()
    assert journal.rows(FLAGGED_KINDS) == [("click", 1), ("viewable", 10)]


def test_step__clicks_on_a_timer_among_others__they_and_their_views_whatever_is_flagged_first(journal: Journal) -> None:
    """L84: a placement whose clicks are flagged keeps its views; a click on a timer takes its view along."""
    town = Town(9, 0, 0.0, RULES, [])
    bots = sorted(town._clickers_on_a_timer(Timer(9_000, 40, 60, 1.0, 90), 60), key=lambda one: one.seen.received_ms)
    journal.write(bots[:60])
    journal.count()
    journal.write(bots[60:])
    journal.count()
    assert journal.rows("select distinct level, scope, rule from traffic_flag order by 1") == [
        ("placement", "clicks", "too_many_clicks"), ("trace", "all", "clicks_on_a_timer"),
    ]
    assert journal.rows(FLAGGED_KINDS) == [("click", 60), ("viewable", 60)]


def test_lift__another_flag_takes_the_events_too__it_keeps_them(journal: Journal) -> None:
    """L84: one who objects to one of his flags is not paid for what another says of the same events."""
    bots = [one for one in speeders() if not one.seen.is_click]
    journal.write(bots, LIVELY)
    journal.count()
    LedgerService(journal.engine, CHAIN_ID).bill(10_000)
    ReversalService(journal.engine, CHAIN_ID).step()
    assert journal.rows("select level from traffic_flag order by 1") == [("trace",), ("viewer",)]
    under = "select flag_id, state, count(*) from flagged_event group by 1, 2"
    ((first, state, n),) = journal.rows(under)
    assert state == "reversed"
    moderator = Address("0x" + "9" * 40)
    flags = FlagService(journal.engine, RULES)
    flags.decide(moderator, first, lifted=True, note=None)
    ((second, state, m),) = journal.rows(under)
    assert (second != first, state, m) == (True, "reversed", n)
    flags.decide(moderator, second, lifted=True, note=None)
    assert journal.rows(under) == [(second, "lifting", n)]


def test_step__flag_is_lifted_meanwhile__nothing_more_is_put_under_it(journal: Journal) -> None:
    """L84: else the ledger would reverse what nobody can lift any more."""
    bots = speeders()
    journal.write(bots[:40])
    journal.count()
    journal.write(bots[40:])
    counting = threading.Thread(target=journal.count)
    with journal.engine.begin() as moderator:
        moderator.execute(text("select 1 from traffic_flag for update"))
        counting.start()
        waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while not journal.rows(waits):
            threading.Event().wait(0.01)
        moderator.execute(text("update traffic_flag set status = 'lifted'"))
    counting.join(180)
    assert journal.rows("select count(*) from flagged_event") == [(40,)]


def test_forget__after_two_days__no_mark_is_left(journal: Journal) -> None:
    """L64: what viewers and networks were told apart by is gone; the flags stay, without it."""
    journal.write(speeders())
    journal.count()
    later = TrafficService(journal.engine, RULES, clock=lambda: DAY_MS / 1_000 + 4 * 86_400, events_per_step=50)
    while later.forget():
        pass
    marked = "select count(*) from event where viewer_mark is not null or network_mark is not null"
    assert journal.rows(marked) == [(0,)]
    assert journal.rows("select count(*) from traffic_cell") == [(0,)]
    assert journal.rows("select count(*), count(mark) from traffic_flag") == [(1, 0)]


def test_step__two_at_once__each_event_counted_once(journal: Journal) -> None:
    town = Town(4, 0, 0.0, RULES, [])
    reports = [one for _ in range(60) for one in town._visit("honest")]
    journal.write(reports)
    threads = [threading.Thread(target=journal.count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    journal.count()
    assert journal.rows("select views + clicks from traffic_cell where level = 'market'") == [(len(reports),)]


# ---- lists ----------------------------------------------------------------------------------------------------------


class Publisher:
    """Somebody who publishes lists; `body` may be changed."""

    def __init__(self) -> None:
        self.body, self.status = b"", 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/moved":
                    self.send_response(301)
                    self.send_header("Location", outer.url)
                    self.end_headers()
                    return
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/list.json"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def publish(self, *networks: str) -> None:
        self.body = json.dumps({"prefixes": [{"ipv4Prefix": one} for one in networks]}).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def cloud() -> Iterator[Publisher]:
    cloud = Publisher()
    yield cloud
    cloud.close()


class Day:
    """A clock that a test moves by days."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def test_lists__fetched_shrunk_and_broken__the_last_good_one_is_in_force(
    fresh_engine: Engine, cloud: Publisher
) -> None:
    """L86."""
    day = Day()
    moved = cloud.url.replace("/list.json", "/moved")
    source = Source("new-cloud", (moved, cloud.url), next(one.read for one in SOURCES if one.name == "gcp"))
    keeper = ListKeeper(fresh_engine, SafeFetcher(allow_local=True), sources=[source], clock=day)
    feed = ListFeed(fresh_engine)
    cloud.publish("203.0.113.0/24", "198.51.100.0/25", "192.0.2.0/26", "192.0.2.128/26")
    assert keeper.step()
    feed.refresh()
    assert (feed.data_centre("203.0.113.9"), feed.data_centre("3.5.140.2")) == (True, True)

    def again(status: int = 200) -> None:
        with fresh_engine.begin() as connection:
            connection.execute(text("update traffic_list set fetched_at = now() - interval '25 hours'"))
        day.now += 90_000
        cloud.status = status
        assert keeper.step()
        feed.refresh()

    cloud.publish("203.0.113.0/24")
    again()
    cloud.body = b"<html>maintenance</html>"
    again()
    again(500)
    assert feed.data_centre("192.0.2.1")
    cloud.publish("203.0.113.0/24", "198.51.100.0/25", "192.0.2.0/26")
    again()
    assert (feed.data_centre("192.0.2.1"), feed.data_centre("192.0.2.129")) == (True, False)
    with fresh_engine.connect() as connection:
        assert connection.execute(text(
            "select entries, content is null from traffic_list order by entries"
        )).all() == [(3, False), (4, True)]
    assert not keeper.step()


def test_feed__without_a_database__the_shipped_lists(tmp_path: Path) -> None:
    """L86."""
    from backend.db.engine import make_engine

    feed = ListFeed(make_engine(f"postgresql://nobody@/none?host={tmp_path}"))
    with pytest.raises(Exception, match="connection"):
        feed.refresh()
    assert feed.data_centre("3.5.140.2")
    assert feed.crawler("Googlebot/2.1")
