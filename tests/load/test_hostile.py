"""Hostile bodies and clients on the two routes that everybody may call, and on the one that exchanges ask: clear

answers, and no memory is kept (L45). What every route has in common is in tests/e2e/test_bad_input.py; here is what
only these read.
"""

import gzip
import http.client
import json
import os
import re
import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import httpx
import pytest
from load_kit import BROWSER, SEEN, Site

from backend.api.limits import BODY_SECONDS
from backend.api.problems import CODES
from backend.ingest.store import STREAM
from backend.main.server import KEEP_ALIVE_SECONDS
from backend.openrtb.partners.partner import ExchangeTerms
from backend.openrtb.partners.service import PartnerService
from bench.processes import resident_mb

REQUESTS, WARM_UP = 2_000, 600
GROWTH_MB_MAX = 12.0             # of a process; a leak of ten kilobytes a request would be twenty
SLOW_CLIENTS = 200
BID = "/openrtb2/bid"
PATHS = ("/v1/events", "/v1/decisions", BID)
TABLES = ("event", "ledger_transfer")
VIEW = {"kind": "viewable", "token": "AQ", "samples": SEEN}


def ad(**change: object) -> bytes:
    return json.dumps({"placement_id": 1, "viewer_key": "somebody-else"} | change).encode()


def raw_ad(text: str) -> bytes:
    """An ad request whose placement is this text."""
    return f'{{"placement_id": {text}, "viewer_key": "somebody-else"}}'.encode()


def batch(*events: object) -> bytes:
    return json.dumps({"events": list(events)}).encode()


DECISIONS: dict[str, bytes] = {
    "placement of nothing": ad(placement_id=None), "a text for a number": ad(placement_id="1"),
    "true for a number": ad(placement_id=True), "half a placement": ad(placement_id=1.5), "zero": ad(placement_id=0),
    "negative": ad(placement_id=-1), "beyond 63 bits": ad(placement_id=2**63), "beyond 64 bits": ad(placement_id=2**64),
    "four hundred digits": raw_ad("9" * 400), "a hundred thousand digits": raw_ad("9" * 100_000),
    "not a number": raw_ad("NaN"), "infinity": raw_ad("Infinity"), "less than infinity": raw_ad("-Infinity"),
    "overflow": raw_ad("1e400"), "underflow": raw_ad("1e-400"), "hexadecimal": raw_ad("0x1"), "octal": raw_ad("01"),
    "a list": raw_ad("[1]"), "an object": raw_ad('{"$gt": 0}'), "deep": raw_ad("[" * 40_000 + "]" * 40_000),
    "deep and open": raw_ad('{"a":' * 40_000),
    "key too short": ad(viewer_key="seven77"), "key empty": ad(viewer_key=""),
    "key too long": ad(viewer_key="x" * 65), "key of a megabyte": ad(viewer_key="x" * 200_000),
    "key is a number": ad(viewer_key=12345678), "half a character": raw_ad('1, "country": "\\ud800"'),
    "country in small letters": ad(country="de"), "country of three": ad(country="DEU"),
    "country with a line break": ad(country="DE\n"), "language in capitals": ad(language="DE"),
    "device unknown": ad(device="toaster"), "consent too long": ad(privacy={"tcf": "C" * 8_193}),
    "consent is a list": ad(privacy=["C"]), "privacy is a text": ad(privacy="gpc"),
    "an ad's price": ad(price_micro_usdc=1), "prototype": ad(__proto__={"admin": True}),
    "byte order mark": b"\xef\xbb\xbf" + ad(), "UTF-16": ad().decode().encode("utf-16"),
    "compressed": b"\x1f\x8b\x08\0" * 9,
    "two bodies": ad() + ad(), "no quotes": b"{placement_id: 1}",
    "comment": b"/* */" + ad(), "multipart": b"--x\r\n\r\n",
}
EVENTS: dict[str, bytes] = {
    "one too many": batch(*[VIEW] * 101), "ten thousand": batch(*[{"kind": "click", "token": "A"}] * 5_000),
    "no events": b"{}", "events of nothing": b'{"events": null}', "events are an object": b'{"events": {"0": 1}}',
    "events are a text": b'{"events": "click"}', "more than events": b'{"events": [], "publisher": 1}',
    "not a number": b'{"events": [{"kind": "viewable", "token": "A", "samples": [[NaN, 1, 1, 1, true, true]]}]}',
    "infinity": b'{"events": [{"kind": "click", "token": Infinity}]}', "cut": batch(VIEW)[:-3],
    "deep": b'{"events": ' + b"[" * 40_000 + b"]" * 40_000 + b"}", "no UTF-8": b'{"ev\xffents": []}',
}


def ask(imp: dict[str, object] | None = None, **change: object) -> bytes:
    """A bid request for one banner; `imp` changes it."""
    offered = {"id": "1", "banner": {"w": 1024, "h": 512}, "bidfloor": 0.001} | (imp or {})
    return json.dumps({"id": "r", "imp": [offered], "site": {"page": "https://a.example"}} | change).encode()


BIDS: dict[str, bytes] = {
    "nothing": b"", "null": b"null", "a list": b"[]", "a text": b'"imp"', "a number": b"1", "no id": ask(id=None),
    "no impressions": b'{"id": "r", "imp": []}', "impressions of nothing": b'{"id": "r", "imp": null}',
    "impressions are a text": b'{"id": "r", "imp": "1"}', "impressions of numbers": b'{"id": "r", "imp": [1, 2]}',
    "an impression without an id": b'{"id": "r", "imp": [{"banner": {}}]}',
    "not a number": ask()[:-1] + b', "tmax": NaN}', "infinity": ask()[:-1] + b', "tmax": -Infinity}',
    "a thousand impressions": b'{"id": "r", "imp": [' + b",".join(b'{"id": "%d"}' % n for n in range(1_000)) + b"]}",
    "the same impression twice": b'{"id": "r", "imp": [{"id": "1"}, {"id": "1"}]}',
    "deep": b'{"id": "r", "imp": ' + b"[" * 40_000 + b"]" * 40_000 + b"}", "deep and open": b'{"imp":' * 30_000,
    "deep extension": ask(ext=1)[:-2] + b'{"a":' * 30_000 + b"1" + b"}" * 30_001,
    "no UTF-8": b'{"id": "\xff", "imp": [{"id": "1"}]}', "cut": ask()[:-3],
    "compressed": b"\x1f\x8b\x08\0" * 9, "two bodies": ask() * 2,
    "form": b"id=r&imp=1", "multipart": b"--x\r\n\r\n", "too long": ask(site={"page": "x" * 300_000}),
}
ODD_BIDS: dict[str, bytes] = {       # what exchanges may send: read leniently, and never a mistake of ours
    "byte order mark": b"\xef\xbb\xbf" + ask(), "UTF-16": ask().decode().encode("utf-16"),
    "a floor of 1e308": ask({"bidfloor": 1e308}), "a floor of -1": ask({"bidfloor": -1}),
    "a floor of 2^70": ask({"bidfloor": 2**70}), "a floor of many digits": ask({"bidfloor": 1})[:-1].replace(
        b'"bidfloor": 1', b'"bidfloor": ' + b"9" * 5_000) + b"}",
    "a width of -2^70": ask({"banner": {"w": -(2**70), "h": 250}}), "no time at all": ask(tmax=0),
    "time of 2^70": ask(tmax=2**70), "time of -1": ask(tmax=-1), "a floor in words": ask({"bidfloor": "much"}),
    "a currency of numbers": ask(cur=[1, None, {}]), "blocked by numbers": ask(bcat=[1], badv={"a": 1}),
    "a device of lists": ask(device=[[]]), "a page of numbers": ask(site={"page": 7}),
    "two surfaces": ask(app={}, dooh={}), "fifty kilobytes": ask(site={"page": "x" * 50_000}),
    "a geometry of texts": ask({"ext": {"sightline3d": "wide"}}), "half a character": ask(id="\ud800"),
}
DROPPED: dict[str, object] = {       # the batch is one, and each of these spoils only itself
    "nothing": None, "a number": 5, "a list": [], "no kind": {"token": "A"},
    "unknown kind": {"kind": "install", "token": "A"},
    "no token": {"kind": "click"}, "token is a number": {"kind": "click", "token": 5},
    "token too long": {"kind": "click", "token": "A" * 300}, "no samples": VIEW | {"samples": []},
    "601 samples": VIEW | {"samples": [[t, 9_000, 400, t, True, True] for t in range(601)]},
    "samples are texts": VIEW | {"samples": ["x"] * 12}, "samples too short": VIEW | {"samples": [[0, 1, 2]]},
    "samples too wide": VIEW | {"samples": [[*SEEN[0], 1]]},
    "sample of 2^70": VIEW | {"samples": [[0, 2**70, *SEEN[0][2:]]]},
    "sample of -2^70": VIEW | {"samples": [[-(2**70), *SEEN[0][1:]]]},
    "deep samples": VIEW | {"samples": [[[[[[[0]]]]]]]},
    "a clock of texts": VIEW | {"rendered_at_ms": "now"},
    "own publisher": VIEW | {"publisher": 7}, "own price": VIEW | {"price_micro_usdc": 0},
}


@pytest.fixture
def untouched(site: Site) -> Iterator[None]:
    """Nothing is charged or taken in by what the test sends."""
    site.wait_for("all events to be decided", site.drained)
    before = [site.rows(f"select count(*) from {table}") for table in TABLES]
    yield
    site.wait_for("all events to be decided", site.drained)
    assert [site.rows(f"select count(*) from {table}") for table in TABLES] == before


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a documented problem."""
    content = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert CODES[content["code"]].status == answer.status_code == content["status"]
    return answer.status_code, content["code"]


@pytest.mark.usefixtures("untouched")
def test_decision__hostile_body__a_problem_that_says_what_is_wrong(site: Site) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        for what, body in DECISIONS.items():
            for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                answer = client.post("/v1/decisions", content=body, headers=BROWSER | {"Content-Type": kind})
                assert refused(answer)[0] in (400, 415, 422), (what, kind, answer.text)


@pytest.mark.usefixtures("untouched")
def test_events__hostile_batch__a_problem_and_nothing_is_taken_in(site: Site) -> None:
    length = site.redis.xlen(STREAM)
    with httpx.Client(base_url=site.url, timeout=20, headers=BROWSER) as client:
        for what, body in EVENTS.items():
            answer = client.post("/v1/events", content=body)
            assert answer.is_error, (what, answer.text)
            assert refused(answer)[0] in (400, 413, 422), (what, answer.text)
    assert site.redis.xlen(STREAM) <= length


@pytest.mark.usefixtures("untouched")
def test_events__hostile_event_in_a_batch__malformed_and_its_neighbours_have_verdicts(site: Site) -> None:
    events = [event for spoilt in DROPPED.values() for event in (spoilt, {"kind": "click", "token": "AAAA"})]
    answer = httpx.post(f"{site.url}/v1/events", content=batch(*events), headers=BROWSER, timeout=20)
    assert answer.status_code == 202, answer.text
    found = [one["reason"] for one in answer.json()["results"]]
    assert dict(zip(DROPPED, found[::2], strict=True)) == dict.fromkeys(DROPPED, "malformed")
    assert set(found[1::2]) == {"bad_token"}


@pytest.fixture(scope="module")
def exchange(site: Site) -> dict[str, str]:
    """What an exchange sends along; the first world is paid for its traffic."""
    world = site.rows("select min(id) from world")[0][0]
    terms = ExchangeTerms(name="Exchange", domain="exchange.example", seat="sightline")
    service = PartnerService(
        site.engine, site.redis, allow_local=True, domain="ads.example", clock=time.time, changed=lambda: None
    )
    _, token = service.add_exchange(world, terms)
    headers = BROWSER | {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=30) as client:
        site.wait_for("the exchange", lambda: client.post(BID, content=ask()).is_success)
    return headers


@pytest.mark.usefixtures("untouched")
def test_bid__hostile_body__a_problem_that_says_what_is_wrong(site: Site, exchange: dict[str, str]) -> None:
    with httpx.Client(base_url=site.url, timeout=20) as client:
        for what, body in BIDS.items():
            for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                answer = client.post(BID, content=body, headers=exchange | {"Content-Type": kind})
                assert answer.is_client_error, (what, kind, answer.text)
                assert refused(answer)[0] in (400, 413, 415, 422), (what, kind, answer.text)
        bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
        assert refused(client.post(BID, content=bomb, headers=exchange | {"Content-Encoding": "gzip"}))[0] == 413


@pytest.mark.usefixtures("untouched")
def test_bid__odd_values__answered_or_refused_and_never_a_5xx(site: Site, exchange: dict[str, str]) -> None:
    with httpx.Client(base_url=site.url, timeout=20, headers=exchange) as client:
        for what, body in ODD_BIDS.items():
            answer = client.post(BID, content=body)
            assert answer.is_success or refused(answer)[0] in (400, 422), (what, answer.text)
        assert client.post(BID, content=ask()).is_success


# --- clients that are slow, or speak nonsense -------------------------------------------------------------------------

def head(path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


HEAD = head("/v1/events")
NONSENSE: dict[str, bytes] = {
    "chunk of 2^64": HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
    "chunk of 2^80": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 20 + b"\r\n{}\r\n0\r\n\r\n",
    "negative chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n0\r\n\r\n",
    "chunk without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}",
    "chunk with a long story": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
    "length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{}",
    "length in words": HEAD + b"Content-Length: two\r\n\r\n{}",
    "length of 2^70": HEAD + b"Content-Length: %d\r\n\r\n{}" % 2**70,
    "shorter than it says": HEAD + b"Content-Length: 500\r\n\r\n{}",
    "unknown coding": HEAD + b"Transfer-Encoding: x\r\n\r\n{}",
    "a header without a colon": HEAD + b"nonsense\r\n\r\n", "a NUL": HEAD + b"X: \0\r\nContent-Length: 2\r\n\r\n{}",
    "a thousand headers": HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(1_000)) + b"Content-Length: 2\r\n\r\n{}",
}


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("what", NONSENSE)
def test_bytes__nonsense_about_a_body__refused_or_hung_up_and_never_a_5xx(site: Site, what: str) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.settimeout(3)
        answer = b""
        with suppress(OSError):
            connection.sendall(NONSENSE[what])
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4_096)
    assert not re.match(rb"HTTP/1\.[01] (2|5)", answer), answer
    assert site.ready()


def test_clients__slow_half_closed_or_silent__the_others_are_answered(site: Site) -> None:
    """Two hundred connections that send a header or a body by drops hold no worker and little memory."""
    starts = [
        start for head in map(head, PATHS) for start in (
            head[:30], head, head + b"Content-Length: 5000\r\n\r\n", head + b"Content-Length: 5000\r\n\r\n{",
            head + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        )
    ]
    assert site.ready()
    before = memory(site)
    with ExitStack() as stack:
        address = ("127.0.0.1", site.port)
        slow = [stack.enter_context(socket.create_connection(address, 20)) for _ in range(SLOW_CLIENTS)]
        for number, connection in enumerate(slow):
            connection.sendall(starts[number % len(starts)])
        for connection in slow[::7]:
            connection.shutdown(socket.SHUT_WR)
        waits = []
        for _ in range(40):
            started = time.perf_counter()
            assert site.ready()
            waits.append(time.perf_counter() - started)
            for connection in slow[3::5]:
                with suppress(OSError):             # it was told that this goes on for too long
                    connection.sendall(b" ")
        grown = growth(before, memory(site))
    assert sorted(waits)[len(waits) // 2] < BODY_SECONDS / 4      # a body that holds a worker takes all of that
    assert grown < GROWTH_MB_MAX


@pytest.mark.skipif("SOAK_SECONDS" not in os.environ, reason="make soak: it waits for more than a minute")
def test_clients__a_head_or_a_body_that_never_ends__is_hung_up_on(site: Site) -> None:
    """A byte a second keeps nobody connected: the head has 75 s in all, a body 20 s and a little for its size."""
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", site.port), 20)) for _ in PATHS * 2]
        for number, connection in enumerate(slow):
            connection.sendall(head(PATHS[number % 3]) + (b"Content-Length: 5000\r\n\r\n" if number % 2 else b"X: "))
        until, answers = time.monotonic() + KEEP_ALIVE_SECONDS + 30, dict.fromkeys(slow, b"")
        waiting = set(slow)
        while waiting and time.monotonic() < until:
            for connection in select.select(list(waiting), [], [], 1)[0]:
                received = b""
                with suppress(OSError):
                    received = connection.recv(4_096)
                answers[connection] += received
                if not received:
                    waiting.discard(connection)
            for connection in list(waiting):
                with suppress(OSError):
                    connection.sendall(b"x")
    assert not waiting
    assert all(b" 408 " in answers[connection] for connection in slow[1::2])


def test_memory__two_thousand_hostile_requests__none_of_it_stays(site: Site, exchange: dict[str, str]) -> None:
    """The same bodies again and again: what a process holds after the first round is all that it ever holds."""
    site.wait_for("all events to be decided", site.drained)
    hostile = [("/v1/decisions", body) for body in DECISIONS.values()]
    hostile += [("/v1/events", body) for body in [*EVENTS.values(), batch(*DROPPED.values())]]
    hostile += [(BID, body) for body in [*BIDS.values(), *ODD_BIDS.values()]]
    send(site, hostile, WARM_UP, exchange)
    before = memory(site)
    send(site, hostile, REQUESTS, exchange)
    assert growth(before, memory(site)) < GROWTH_MB_MAX


def memory(site: Site) -> dict[int, float]:
    return {pid: resident_mb(pid) for pid in site.serving_pids()}


def growth(before: dict[int, float], after: dict[int, float]) -> float:
    """MB, of the process that grew most."""
    assert after.keys() == before.keys(), "no process was started again"
    return max(after[pid] - before[pid] for pid in before)


def send(site: Site, hostile: Sequence[tuple[str, bytes]], requests: int, headers: dict[str, str]) -> None:
    connections: list[Any] = [http.client.HTTPConnection("127.0.0.1", site.port, timeout=30) for _ in range(4)]
    for number in range(requests):
        path, body = hostile[number % len(hostile)]
        connection = connections[number % len(connections)]
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (http.client.HTTPException, OSError):
            connection.close()      # the server hung up on the one before
            continue
        assert answer.status < 500, (path, body[:100], answer.status)
    for connection in connections:
        connection.close()
