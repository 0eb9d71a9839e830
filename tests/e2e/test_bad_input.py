"""Whatever a stranger sends to the running API gets a clear answer and changes nothing (L45).

Each kind of bad input, and the tests that prove its answer; those of this file ask `sightline serve` over sockets.

| Bad input            | Test |
|----------------------|------|
| malformed            | tests/e2e/test_bad_input.py::test_body__malformed__every_route_says_so_and_nothing_changes |
|                      | tests/e2e/test_bad_input.py::test_bytes__not_even_http__the_server_goes_on |
|                      | tests/services/test_events.py::test_http__no_batch__problem_and_nothing_taken_in |
|                      | tests/rules/test_pipeline.py::test_run__any_json__dropped_and_never_an_exception |
| oversized            | tests/e2e/test_bad_input.py::test_body__oversized__every_route_refuses_before_it_is_read |
|                      | tests/services/test_problems.py::test_body__in_chunks_and_too_large__is_refused |
|                      | tests/rules/test_statement.py::test_decompress__more_than_stated__refused_before_it_is_unpacked |
| wrong chain          | tests/e2e/test_outages.py::test_rpc__of_another_chain__index_ends_worker_waits_and_both_say_which |
|                      | tests/indexer/test_faults.py::test_same_chain_id_other_genesis__refused |
|                      | tests/services/test_auth.py::test_verify__signed_but_wrong_message__is_refused |
|                      | tests/services/test_events.py::test_accept__mixed_batch__each_event_its_verdict_and_one_row |
| wrong signature      | tests/services/test_auth.py::test_verify__signed_by_somebody_else__is_refused_and_burns_the_nonce |
|                      | tests/services/settlement/test_settlements_api.py::test_attest__whatever_is_wrong__a_clear_problem_and_no_row |
|                      | tests/rules/test_decision_token.py::test_token__any_bit_flipped__is_refused |
|                      | tests/contracts/test_mock_usdc.py::test_permit__replayed_or_forged_or_expired__reverts |
| expired              | tests/services/test_auth.py::test_nonce__five_minutes_later__is_gone |
|                      | tests/services/test_auth.py::test_me__session_expired__is_refused |
|                      | tests/services/test_events.py::test_accept__mixed_batch__each_event_its_verdict_and_one_row |
|                      | tests/contracts/test_payout.py::test_claim_to_with_sig__expired__reverts |
| replayed             | tests/services/test_events.py::test_accept__sent_again__charged_once |
|                      | tests/services/test_auth.py::test_verify__same_message_again__is_refused |
|                      | tests/services/test_campaigns.py::test_create__same_key_and_body__answers_the_same_and_creates_once |
|                      | tests/contracts/test_payout.py::test_claim__twice__reverts |
| unknown ids          | tests/e2e/test_bad_input.py::test_path__unknown_or_impossible_id__every_route_says_so |
|                      | tests/services/test_campaigns.py::test_routes__of_somebody_else__look_like_unknown_ids |
| unfunded campaign    | tests/e2e/test_bad_input.py::test_decision__campaign_without_a_deposit__no_ad_and_why |
|                      | tests/services/test_decisions.py::test_decide__unfunded_or_taken_over_meta__not_funded |
| deposit of 0         | tests/e2e/test_outages.py::test_deposit__of_nothing_or_for_nobody__reverts_and_no_table_changes |
|                      | tests/contracts/test_campaigns.py::test_deposit__zero__reverts |
| proof of other epoch | tests/e2e/test_outages.py::test_claim__proof_of_an_earlier_epoch_or_altered__reverts_and_the_right_one_pays |
|                      | tests/contracts/test_payout.py::test_claim__proof_of_the_last_epoch__reverts |
| database down        | tests/e2e/test_outages.py::test_postgres__crashes_under_traffic__ads_go_on_and_all_is_counted_once |
|                      | tests/services/test_decisions.py::test_feed__sql_is_gone__last_catalogue_serves_thirty_seconds |
| Redis down           | tests/e2e/test_outages.py::test_redis__killed_under_traffic__refused_until_it_is_back_and_nothing_acknowledged_is_lost |
| RPC down             | tests/e2e/test_outages.py::test_chain__node_ends_under_traffic__ads_go_on_and_the_settlement_waits_for_it |
|                      | tests/indexer/test_faults.py::test_node_away__waits_until_it_is_back |
| all of them down     | tests/e2e/test_outages.py::test_start__no_server_is_there__says_which_and_goes_on_when_they_come |
"""  # noqa: E501  # names of tests are not wrapped

import http.client
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from eth_account import Account
from sqlalchemy import Engine, text

from backend.api.limits import BODY_BYTES_MAX, BODY_BYTES_MAX_BY_PATH
from backend.api.problems import CODES
from backend.core.keccak import keccak256
from backend.demo.client import ApiClient
from backend.demo.waiting import wait_for
from backend.ingest.stream import STREAM
from backend.local import spawn_child
from backend.local.ports import LOOPBACK, free_port
from backend.local.programs import PROJECT_ROOT
from backend.serving.sync.service import BudgetSync
from tests.conftest import Shared, clear

NOBODY = "http://127.0.0.1:9"          # the discard port: no node answers
CHAIN_ID = 31_337
REDIS_DATABASE = 50                    # above those of the other tests' workers
NONE_SUCH = 2**62
TABLES = (
    "campaign", "line_item", "creative", "publisher", "world", "placement", "event", "dropped_event", "ledger_account",
    "ledger_transfer", "epoch", "attestation", "idempotency_key",
)
MALFORMED = {
    "nothing": b"", "cut short": b'{"name": "x"', "no object": b"[]", "null": b"null", "a text": b'"x"',
    "no UTF-8": b"\xff\xfe{}", "unknown field": b'{"surprise": 1}', "not a number": b'{"n": NaN}',
    "half a character": b'{"name": "\\ud800"}', "deep": b"[" * 50_000, "digits": b'{"n": ' + b"9" * 5_000 + b"}",
    "zeros": bytes(1_000), "a form": b"name=x&category=art",
}


@dataclass
class Api:
    """The running API with a wallet that has one of everything, but no money."""

    url: str
    engine: Engine
    redis: "redis.Redis"
    http: httpx.Client
    ids: dict[str, int] = field(default_factory=dict)

    def picture(self) -> dict[str, str]:
        """A digest of every table and the length of the event stream."""
        with self.engine.begin() as connection:
            tables = {
                table: str(connection.execute(
                    text(f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {table} t")
                ).scalar_one())
                for table in TABLES
            }
        return tables | {"events waiting": str(self.redis.xlen(STREAM))}

    def routes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Method, path and description of every operation."""
        paths = self.http.get("/openapi.json").json()["paths"]
        return [(name.upper(), path, about) for path, methods in paths.items() for name, about in methods.items()]

    def own(self, path: str) -> str:
        """The path with ids of what the caller owns, so that nothing else is wrong with a request."""
        return re.sub(r"{(\w+)}", lambda name: str(self.ids.get(name[1], 1)), path)


@pytest.fixture(scope="module")
def api(
    shared: Shared, servers: Any, worker: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """`sightline serve` on the worker's database; what it wrote is deleted afterwards."""
    number = REDIS_DATABASE + (int(worker[2:]) if worker.startswith("gw") else 0)
    redis_url = f"{servers.redis_url.rpartition('/')[0]}/{number}"
    folder, port = tmp_path_factory.mktemp("api"), free_port()
    child = spawn_child(
        [sys.executable, "-m", "backend.cli", "serve"], env=settings(shared.engine, redis_url, folder, port),
        log_path=folder / "serve.log", cwd=PROJECT_ROOT, name="serve",
    )
    url = f"http://{LOOPBACK}:{port}"
    with redis.Redis.from_url(redis_url) as client, httpx.Client(base_url=url, timeout=20) as session:
        client.flushdb()
        try:
            wait_for("the API", lambda: ready(session), seconds_max=120, alive=child.raise_if_dead)
            api = Api(url, shared.engine, client, session)
            furnish(api)
            yield api
            child.raise_if_dead()
            assert "Traceback" not in child.log_path.read_text()
        finally:
            child.stop()
            client.flushdb()
            clear(shared)


def settings(engine: Engine, redis_url: str, folder: Path, port: int) -> dict[str, str]:
    """The environment of `sightline serve`; no node and no contracts are needed to refuse."""
    contract = {"address": "0x" + "e5" * 20, "block": 1}
    contracts = dict.fromkeys(("CampaignEscrow", "PublisherPayout", "MockUSDC"), contract)
    deployment = folder / f"{CHAIN_ID}.json"
    deployment.write_text(json.dumps({"schema": 1, "chain_id": CHAIN_ID, "contracts": contracts}))
    return {
        "PATH": os.environ["PATH"], "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "REDIS_URL": redis_url, "RPC_URL": NOBODY, "SIGHTLINE_DEPLOYMENT": str(deployment),
        "SIGHTLINE_DATA_DIR": str(folder), "SIGHTLINE_PORT": str(port), "SIGHTLINE_TOKEN_KEY": "ab" * 32,
        "SIGHTLINE_PUBLIC_URL": f"http://{LOOPBACK}:{port}",
    }


def ready(session: httpx.Client) -> bool:
    try:
        return session.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def furnish(api: Api) -> None:
    """A board and campaigns of two wallets that lack nothing but deposits."""
    somebody, rival = (ApiClient(api.url, Account.from_key(keccak256(role))) for role in (b"somebody", b"rival"))
    try:
        for person in (somebody, rival):
            person.sign_in()
        world = somebody.post(
            "/v1/worlds", {"name": "Square", "engine": "three", "category": "art", "url": "https://square.example/"}
        )["id"]
        placement = somebody.post(f"/v1/worlds/{world}/placements", {
            "name": "Board", "kind": "image", "width": 1024, "height": 512, "floor_micro_usdc": 1_000,
        })["id"]
        api.ids |= {"world": world, "placement": placement} | order(somebody)
        order(rival)
        api.http.headers["Authorization"] = somebody._http.headers["Authorization"]
    finally:
        somebody.close()
        rival.close()


def order(person: ApiClient) -> dict[str, int]:
    campaign = person.post("/v1/campaigns", {"name": "Autumn", "category": "games"})["id"]
    now = datetime.now(UTC)
    item = person.post(f"/v1/campaigns/{campaign}/line-items", {
        "name": "Boards", "bid_kind": "vcpm", "bid_micro_usdc": 5_000, "pacing": "asap",
        "starts_at": (now - timedelta(minutes=1)).isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
    })["id"]
    person.post(f"/v1/line-items/{item}/creatives", {
        "kind": "image", "width": 1024, "height": 512, "asset_url": "https://assets.example/a.png",
        "asset_sha256": "ab" * 32, "click_url": "https://shop.example/",
    })
    return {"campaign": campaign, "line_item": item}


KEY_OF_ITS_OWN = ("/openrtb2/bid",)         # an exchange's, which no session replaces


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a documented problem+json; never a 500."""
    content = answer.json()
    code = content["code"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert CODES[code].status == answer.status_code == content["status"]
    assert content["detail"]
    assert answer.status_code < 500, content
    return answer.status_code, code


@pytest.mark.parametrize("what", MALFORMED)
def test_body__malformed__every_route_says_so_and_nothing_changes(api: Api, what: str) -> None:
    """L45"""
    before = api.picture()
    asked = [(method, path) for method, path, operation in api.routes() if "requestBody" in operation]
    assert len(asked) > 12
    for method, path in asked:
        for kind in ("application/json", "text/plain", ""):
            answer = api.http.request(
                method, api.own(path), content=MALFORMED[what], headers={"Content-Type": kind} if kind else {}
            )
            expected = (401,) if path in KEY_OF_ITS_OWN else (400, 403, 422)         # 403: not one's role
            assert refusal(answer)[0] in expected, (method, path, kind, answer.text)
    assert api.picture() == before


def test_body__oversized__every_route_refuses_before_it_is_read(api: Api) -> None:
    """L45: a body that says how long it is, is not even waited for."""
    before = api.picture()
    port = httpx.URL(api.url).port
    for method, path, _ in api.routes():
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
        connection.putrequest(method, api.own(path))
        connection.putheader("Content-Length", str(BODY_BYTES_MAX_BY_PATH.get(path, BODY_BYTES_MAX) + 1))
        connection.putheader("Authorization", api.http.headers["Authorization"])
        connection.endheaders()
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        assert (answer.status, content["code"]) == (413, "body_too_large"), (method, path)
    assert api.picture() == before


def test_path__unknown_or_impossible_id__every_route_says_so(api: Api) -> None:
    """L45"""
    before = api.picture()
    reads = [path for method, path, _ in api.routes() if method == "GET" and "{" in path]
    assert len(reads) > 8
    for path in reads:
        nobody = path.replace("{sha256}", "0" * 64).replace("{number}", "SL-2026-999999")
        unknown = api.http.get(re.sub(r"{\w+}", str(2**31), nobody))
        signed_link = path.endswith("/download")      # which asks for its signature first
        assert refusal(unknown)[0] in ((422,) if signed_link else (403, 404)), (path, unknown.text)
        for impossible in ("0x1", "-1", str(2**63), "%00", "%F0%9F%92%A9", "..%2f..%2fetc%2fpasswd", "9" * 400):
            assert refusal(api.http.get(re.sub(r"{\w+}", impossible, path)))[0] in (403, 404, 422), (path, impossible)
    for path in ("/v1/campaigns", "/v1/worlds", "/v1/settlements"):
        for query in ("limit=0", "limit=101", "limit=x", "after=-1&before=0", "limit=1e3", f"limit={2**70}"):
            assert refusal(api.http.get(f"{path}?{query}")) == (422, "invalid_request"), (path, query)
    for placement in (NONE_SUCH, 1_000_000):
        body = {"placement_id": placement, "viewer_key": "somebody"}
        assert refusal(api.http.post("/v1/decisions", json=body)) == (404, "placement_unknown")
    assert api.picture() == before


def test_decision__campaign_without_a_deposit__no_ad_and_why(api: Api) -> None:
    """L26: the rival's ad fits, but there is no money behind it."""
    body = {"placement_id": api.ids["placement"], "viewer_key": "somebody"}
    before = api.picture()
    BudgetSync(api.engine, api.redis, CHAIN_ID).sync(time.time_ns() // 1_000_000)         # as the worker does

    def known() -> Any:
        answer = api.http.post("/v1/decisions", json=body)
        reasons = answer.json()["no_bid"] if answer.status_code == 200 else {}
        return len(reasons) == 2 and "budget_unknown" not in reasons and answer.json()

    found = wait_for("the catalogue to have the board", known, seconds_max=60)
    assert found["no_bid"] == {"own_campaign": 1, "not_funded": 1}
    assert api.picture() == before


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"POST /v1/events HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", bytes(4_096),
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
    ],
)
def test_bytes__not_even_http__the_server_goes_on(api: Api, sent: bytes) -> None:
    """L45: it may answer 4xx or hang up, and serves the next one."""
    before = api.picture()
    with socket.create_connection((LOOPBACK, int(httpx.URL(api.url).port or 0)), timeout=20) as connection:
        connection.settimeout(2)
        answer = b""
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4_096)
        except OSError:
            pass
    assert not re.match(rb"HTTP/1\.[01] (2|5)", answer), answer
    assert api.http.get("/healthz").status_code == 200
    assert api.picture() == before


def test_table__every_test_that_it_names__exists() -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", __doc__ or "")
    assert len(named) > 30
    missing = [name for path, name in named if f"def {name}(" not in (PROJECT_ROOT / path).read_text()]
    assert not missing
