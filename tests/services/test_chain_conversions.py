"""Conversions that a contract logs: attributed by the reference of a click, each confirmed log once (L24, L53)."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conversions_kit import PRICE, TOKEN_KEY, Shop, World, bill, decided, name_of, open_shop, prepare, rows
from redis import Redis
from shop_contract import EVENT, TOPIC0, ShopContract
from sqlalchemy import Engine

from backend.conversions.client import LogReader
from backend.conversions.goal import Goal, GoalKind, GoalStatus, GoalTerms
from backend.conversions.service import ChainConversions, GoalService
from backend.core.click_id import reference
from backend.core.decision_token import DecisionToken
from backend.core.errors import Unavailable
from backend.core.ids import Address, CampaignId
from backend.local import rpc

CONFIRMATIONS = 3
OWNER, OTHER = Address("0x" + "ad" * 20), Address("0x" + "ae" * 20)
NOISE = "0x" + "77" * 32


class Stand:
    """An advertiser with a contract, and the worker's job that reads its logs."""

    def __init__(self, engine: Engine, redis: Redis, redis_url: str, rpc_url: str) -> None:
        with engine.begin() as connection:
            self.shop = open_shop(connection, OWNER)
            self.other_shop = open_shop(connection, OTHER, 1)
        self.engine, self.redis, self.rpc_url = engine, redis, rpc_url
        self.contract = ShopContract(rpc_url)
        self.world = World(engine, redis_url)
        self._readers: list[LogReader] = []
        self.goals = GoalService(engine, TOKEN_KEY, self._reader(rpc_url), CONFIRMATIONS)
        self.job = self.reading(rpc_url)

    def reading(self, rpc_url: str) -> ChainConversions:
        return ChainConversions(self.engine, self.redis, self._reader(rpc_url), CONFIRMATIONS)

    def _reader(self, rpc_url: str) -> LogReader:
        self._readers.append(LogReader(rpc_url))
        return self._readers[-1]

    def close(self) -> None:
        self.world.close()
        for reader in self._readers:
            reader.close()

    def goal(self, owner: Address = OWNER, shop: Shop | None = None, **terms: Any) -> Goal:
        wanted = {"name": "Bought", "kind": GoalKind.ON_CHAIN, "click_days": 7, "contract": self.contract.address,
                  "event": EVENT} | terms
        return self.goals.create(owner, CampaignId((shop or self.shop).campaign), GoalTerms(**wanted)).goal

    def token(self, number: int, shop: Shop | None = None) -> DecisionToken:
        return decided(shop or self.shop, number, now_ms() - 5_000)

    def click(self, number: int, shop: Shop | None = None) -> str:
        """An ad is seen and clicked; gives the reference that the page hands to the contract."""
        token = self.token(number, shop)
        self.world.show(token, at_ms=now_ms())
        return reference(name_of(token))

    def confirm(self, blocks: int = CONFIRMATIONS) -> None:
        rpc(self.rpc_url, "anvil_mine", hex(blocks))

    def read(self, job: ChainConversions | None = None) -> None:
        while (job or self.job).step():
            pass
        bill(self.engine)

    def verdicts(self) -> list[tuple[str, str | None]]:
        return rows(self.engine, "select state, reason from conversion order by id")

    def paid(self) -> int:
        found = rows(self.engine, "select debits from ledger_account where account = 'campaign:0'")
        return int(found[0][0]) if found else 0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def stand(
    fresh_database_url: str, fresh_engine: Engine, redis_client: Redis, redis_url: str, rpc_url: str
) -> Iterator[Stand]:
    prepare(fresh_database_url)
    stand = Stand(fresh_engine, redis_client, redis_url, rpc_url)
    yield stand
    stand.close()


def test_read__reference_of_a_click_is_logged__charged_once(stand: Stand) -> None:
    """L53, L24: read again and again, by a second worker too."""
    stand.goal()
    mine = stand.click(1)
    stand.contract.log(NOISE, mine)
    stand.contract.log(NOISE)
    stand.contract.log(mine, topic0=NOISE)
    stand.read()
    assert stand.verdicts() == []                    # not deep enough
    stand.confirm()
    stand.read()
    stand.read(stand.reading(stand.rpc_url))
    assert stand.verdicts() == [("counted", None)]
    assert stand.paid() == PRICE
    assert rows(stand.engine, "select kind, status from event where price_micro_usdc > 0") == [("conversion", "billed")]


def test_read__others_references_and_repetitions__refused_for_a_reason(stand: Stand) -> None:
    """L26, L53: who copies a reference from the chain takes nothing from anybody."""
    stand.goal()
    stand.goal(OTHER, stand.other_shop)
    mine = stand.click(1)
    stand.contract.log(mine)
    stand.contract.log(mine)
    stand.confirm()
    stand.read()
    found = rows(stand.engine, "select goal_id, state, reason from conversion order by goal_id, id")
    assert [(state, reason) for _, state, reason in found] == [
        ("counted", None), ("refused", "converted_before"), *[("refused", "not_attributed")] * 2,
    ]
    assert stand.paid() == PRICE
    assert rows(stand.engine, "select debits from ledger_account where account = 'campaign:1'") == []


def test_read__before_the_goal_was_made_or_while_archived__not_read(stand: Stand) -> None:
    mine = stand.click(1)
    stand.contract.log(mine)
    stand.confirm()
    goal = stand.goal()
    stand.goals.change(OWNER, goal.id, name=None, status=GoalStatus.ARCHIVED)
    stand.contract.log(mine)
    stand.confirm()
    stand.read()
    taken_up = stand.goals.change(OWNER, goal.id, name=None, status=GoalStatus.ACTIVE)
    assert taken_up.read_number == stand.goals.goal(OWNER, goal.id).read_number
    stand.read()
    assert stand.verdicts() == []
    stand.contract.log(mine)
    stand.confirm()
    stand.read()
    assert stand.verdicts() == [("counted", None)]


def test_read__reorganisation__what_it_undoes_was_never_read(stand: Stand) -> None:
    """L53: only blocks under the confirmation depth are read."""
    stand.goal()
    mine = stand.click(1)
    stand.contract.log(mine)
    stand.confirm(CONFIRMATIONS - 1)
    stand.read()
    rpc(stand.rpc_url, "anvil_reorg", CONFIRMATIONS, [])
    stand.confirm(2 * CONFIRMATIONS)
    stand.read()
    assert (stand.verdicts(), stand.paid()) == ([], 0)


def test_read__click_is_still_in_the_stream__waits_for_it(stand: Stand) -> None:
    """L53: else the log would be nobody's, for ever."""
    stand.goal()
    token = stand.token(1)
    stand.world.report(token, at_ms=now_ms())
    rpc(stand.rpc_url, "evm_increaseTime", 30)
    stand.contract.log(reference(name_of(token)))
    stand.confirm()
    stand.read()
    assert stand.verdicts() == []
    stand.world.store()
    stand.read()
    assert (stand.verdicts(), stand.paid()) == ([("counted", None)], PRICE)


def test_read__click_waited_on_a_disk_for_redis__logs_since_then_are_read_once_more(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L53, L82: nobody could know the reference when its log was read; what was before the goal is still not read."""
    monkeypatch.setattr("backend.conversions.service.BLOCKS_MAX", 2)
    clicked_ms = now_ms() - 50_000
    token = decided(stand.shop, 1, clicked_ms - 5_000)
    mine = reference(name_of(token))
    stand.contract.log(mine)
    stand.confirm()
    goal = stand.goal()
    stand.contract.log(NOISE, mine)
    stand.confirm(7)
    stand.read()
    before = stand.goals.goal(OWNER, goal.id)
    assert stand.verdicts() == []
    stand.world.show(token, at_ms=clicked_ms)
    stand.read()
    stand.read(stand.reading(stand.rpc_url))
    assert (stand.verdicts(), stand.paid()) == ([("counted", None)], PRICE)
    assert rows(stand.engine, "select count(*) from late_click") == [(0,)]
    assert stand.goals.goal(OWNER, goal.id) == before


def test_read__click_waited_for_its_view__logs_since_then_are_read_once_more(stand: Stand) -> None:
    """L53: the view comes when the log was read, and the click counts from then on."""
    stand.goal()
    token = stand.token(1)
    stand.world.click(token, at_ms=now_ms())
    stand.world.store()
    mine = reference(name_of(token))
    stand.contract.log(mine)
    stand.confirm()
    stand.read()
    assert stand.verdicts() == []
    stand.world.show(token, at_ms=now_ms(), click=False)
    stand.read()
    assert (stand.verdicts(), stand.paid()) == ([("counted", None)], PRICE)


# --- nodes that misbehave -----------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any] | None]


@pytest.fixture
def node(rpc_url: str) -> Iterator[Callable[[Change], str]]:
    """Starts nodes that pass requests on and change the answers."""
    running: list[ThreadingHTTPServer] = []

    def start(change: Change) -> str:
        class Node(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked = urllib.request.Request(rpc_url, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(asked) as response:
                    answer = change(json.loads(body), json.load(response))
                content = b"<html>" if answer is None else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Node)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_read__node_refuses_long_ranges__asked_in_halves(stand: Stand, node: Callable[[Change], str]) -> None:
    def stingy(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs":
            wanted = request["params"][0]
            if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) > 2:
                return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "too many"}}
        return answer

    stand.goal()
    mine = stand.click(1)
    stand.confirm(10)
    stand.contract.log(mine)
    stand.confirm(10)
    stand.read(stand.reading(node(stingy)))
    assert (stand.verdicts(), stand.paid()) == ([("counted", None)], PRICE)


def test_read__node_is_behind_or_broken__nothing_is_skipped(stand: Stand, node: Callable[[Change], str]) -> None:
    """L44: a node that does not know a block yet answers with no logs; the range is read when it does."""
    def behind(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_getLogs":
            return answer | {"result": []}
        return answer | {"result": None} if request["method"] == "eth_getBlockByNumber" else answer

    goal = stand.goal()
    mine = stand.click(1)
    stand.contract.log(mine)
    stand.confirm()
    assert not stand.reading(node(behind)).step()
    with pytest.raises(Unavailable):
        stand.reading(node(lambda _request, _answer: None)).step()
    with pytest.raises(Unavailable):
        stand.reading("http://127.0.0.1:9").step()
    assert stand.goals.goal(OWNER, goal.id) == goal
    stand.read()
    assert stand.verdicts() == [("counted", None)]


def test_read__a_goal_that_cannot_be_read__does_not_keep_others_from_it(
    stand: Stand, node: Callable[[Change], str]
) -> None:
    def refuses(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        refused = request["method"] == "eth_getLogs" and request["params"][0]["topics"] != [TOPIC0]
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no"}} if refused else answer

    stand.goal(event="Unreadable()")
    stand.goal()
    mine = stand.click(1)
    stand.contract.log(mine)
    stand.confirm()
    stand.read(stand.reading(node(refuses)))
    assert stand.verdicts() == [("counted", None)]
