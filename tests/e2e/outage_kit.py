"""A whole system whose servers can be taken away and brought back, and viewers who remember every answer they got."""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from eth_account.signers.local import LocalAccount
from sqlalchemy import Engine, text
from web3 import HTTPProvider, Web3
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from backend.db.engine import make_engine
from backend.db.migrate import upgrade
from backend.demo.cast import QUORUM, Cast, cast_from_seed
from backend.demo.chain import Chain
from backend.demo.client import ApiClient
from backend.demo.system import GAS_WEI, System, Terms
from backend.demo.waiting import TooLate, wait_for
from backend.local import Child, Guard, ServerDied, Stack, fund, rpc, spawn_child, start_stack
from backend.local import remove_data as remove_stack_data
from backend.local.anvil import answers as chain_answers
from backend.local.child import wait_until
from backend.local.ports import free_port
from backend.local.postgres import psycopg_url, server_account
from scripts.deploying.deployment import Parameters, contract_record, deployment, write_deployment
from scripts.export_abi import ABI_FOLDER, compile_contract

TERMS = Terms(
    epoch_seconds=3, window_seconds=2, notice_seconds=6, timelock_seconds=600, escape_seconds=600, token_seconds=600,
    confirmations=1,
)
USDC = 10**6
DEPOSIT = 100 * USDC
FLOOR = 1_000                   # what one bidder pays
ATTESTORS = ("attestor-1", "attestor-2")
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_200, 100)]
BROWSER = {"User-Agent": "Mozilla/5.0"}
SECONDS_MAX = 120.0              # of any wait; two busy cores take a fraction of it


@dataclass
class Server:
    """A server of the stack. `away` is the signal that takes it away; it comes back on its port with its data."""

    child: Child
    answers: Callable[[], bool]
    away: int
    guard: Guard

    def take_away(self) -> None:
        self.child.send(self.away)
        self.child.wait(SECONDS_MAX)

    def bring_back(self) -> None:
        """Start the same command again. A client that tries to connect may itself hold the port for a moment."""
        deadline = time.monotonic() + SECONDS_MAX
        while True:
            try:
                self.child = self._spawn()
                wait_until(self.child, self.answers, seconds_max=SECONDS_MAX)
                return
            except ServerDied as error:
                if "in use" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _spawn(self) -> Child:
        return spawn_child(
            list(self.child._process.args),
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.child.log_path.parent)},
            log_path=self.child.log_path, cwd=Path("/"), name=self.child.name, guard=self.guard,
            account=server_account() if self.child.name == "postgres" else None,
        )


def servers_of(stack: Stack, guard: Guard) -> dict[str, Server]:
    """PostgreSQL crashes (SIGQUIT: no checkpoint), Redis is killed, the node ends in order: else it forgets blocks."""

    def database() -> bool:
        try:
            psycopg.connect(psycopg_url(stack.database_url), connect_timeout=3).close()
        except psycopg.OperationalError:
            return False
        return True

    def queue() -> bool:
        try:
            with redis.Redis.from_url(stack.redis_url, socket_connect_timeout=1, socket_timeout=3) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    children = stack.children
    return {
        "postgres": Server(children["postgres"], database, signal.SIGQUIT, guard),
        "redis": Server(children["redis-server"], queue, signal.SIGKILL, guard),
        "anvil": Server(
            children["anvil"], lambda: chain_answers(port_of(stack.rpc_url), stack.chain_id), signal.SIGTERM, guard
        ),
    }


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@dataclass
class Arrival:
    """What our processes answered and wrote while no server was there, then with more and more of them."""

    answers: dict[str, httpx.Response] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)


class Running:
    """The system and everybody in it: an advertiser with a funded campaign, a publisher with a board, a stranger."""

    def __init__(self, stack: Stack, cast: Cast, guard: Guard) -> None:
        self.stack, self.cast, self.guard = stack, cast, guard
        self.system = System(stack, cast, TERMS, free_port())
        self.system.more_settings = {"SIGHTLINE_CATALOGUE_STALE_SECONDS": "600"}    # a server may be away for long
        self.servers = servers_of(stack, guard)
        self.engine: Engine = make_engine(stack.database_url, pool_size=2)
        self.http = httpx.Client(base_url=self.system.url, timeout=20)
        self.people: list[ApiClient] = []
        self.arrival = Arrival()
        self.placement = self.campaign = 0

    @property
    def chain(self) -> Chain:
        return Chain.of_deployment(self.stack.rpc_url, self.system.deployment_path)

    def log(self, name: str) -> str:
        """All that a process of ours has written."""
        return self.system.children[name].log_path.read_text()

    def wait_for(self, what: str, probe: Callable[[], Any], seconds_max: float = SECONDS_MAX) -> Any:
        try:
            return wait_for(what, probe, seconds_max=seconds_max, alive=self.raise_if_dead, poll_seconds=0.1)
        except TooLate as late:
            logs = [f"--- {name}\n{child.log_tail()}" for name, child in self.system.children.items()]
            raise TooLate("\n".join([str(late), *logs])) from late

    def raise_if_dead(self) -> None:
        """None of our processes may end because a server did."""
        for child in self.system.children.values():
            child.raise_if_dead()

    def same_processes(self) -> bool:
        return {name: child.pid for name, child in self.system.children.items() if child.alive} == self.arrival.pids

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement), values)]

    def decide(self, viewer: str = "a viewer who asks once") -> httpx.Response:
        return self.http.post(
            "/v1/decisions", json={"placement_id": self.placement or 1, "viewer_key": viewer}, headers=BROWSER
        )

    def sign_in(self, account: LocalAccount) -> ApiClient:
        self.people.append(person := ApiClient(self.system.url, account))
        person.sign_in()
        return person

    def stop(self) -> None:
        for person in self.people:
            person.close()
        self.http.close()
        self.engine.dispose()
        try:
            self.system.stop()
        finally:
            self.guard.close()
            for server in self.servers.values():
                server.child.wait(SECONDS_MAX)


@contextmanager
def running_system() -> Iterator[Running]:
    """Deployed and migrated once; then everything of ours starts with no server there, and servers come one by one."""
    base = Path(tempfile.mkdtemp(prefix="sightline-outages-"))
    base.chmod(0o755)       # PostgreSQL may run as another user than ours
    try:
        stack = start_stack(base, env={"PATH": os.environ["PATH"]})
        running = Running(stack, cast_from_seed(2026), Guard())
        try:
            deploy(running)
            upgrade(stack.database_url)
            arrive(running)
            furnish(running)
            yield running
        finally:
            running.stop()
            remove_stack_data(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def deploy(running: Running) -> None:
    """The pair of contracts and a token, with the file that tells of them; the advertiser gets money to deposit."""
    cast, url = running.cast, running.stack.rpc_url
    for account in cast.everybody:
        fund(url, account.address, GAS_WEI)
    attestors = tuple(attestor.address for attestor in cast.attestors)
    times = (TERMS.window_seconds, TERMS.notice_seconds, TERMS.timelock_seconds, TERMS.escape_seconds)
    parameters = Parameters(
        cast.deployer.address, cast.operator.address, cast.guardian.address, cast.treasury.address, attestors, QUORUM,
        TERMS.fee_bps, 2_000, *times,
    )
    token = create(running, "MockUSDC")
    code = bytes.fromhex(str(compile_contract("PublisherPayout")["bytecode"])[2:])
    escrow = create(running, "CampaignEscrow", token["address"], code, parameters.roles, attestors, parameters.terms)
    found = Web3(HTTPProvider(url)).eth.contract(escrow["address"], abi=compile_contract("CampaignEscrow")["abi"])
    payout = escrow | {"address": found.functions.payout().call()}
    records = {
        name: contract_record(name, at["address"], at["block"], at["transaction"], cast.deployer.address, ABI_FOLDER)
        for name, at in (("MockUSDC", token), ("CampaignEscrow", escrow), ("PublisherPayout", payout))
    }
    content = deployment(running.stack.chain_id, "local", records, parameters)
    write_deployment(running.system.deployment_path.parent, content)
    chain, advertiser = running.chain, cast.advertisers[0]
    chain.submit(cast.deployer, chain.token.functions.mint(advertiser.address, 2 * DEPOSIT))
    chain.submit(advertiser, chain.token.functions.approve(chain.escrow.address, 2 * DEPOSIT))
    rpc(url, "evm_mine")


def create(running: Running, name: str, *arguments: object) -> dict[str, Any]:
    """Deploy a contract and mine it: address, block, transaction."""
    web3 = Web3(HTTPProvider(running.stack.rpc_url))
    artifact, deployer = compile_contract(name), running.cast.deployer
    call = web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]).constructor(*arguments)
    transaction = call.build_transaction({
        "from": deployer.address, "nonce": web3.eth.get_transaction_count(deployer.address), "gas": 15_000_000,
    })
    sent = web3.eth.send_raw_transaction(deployer.sign_transaction(transaction).raw_transaction)
    rpc(running.stack.rpc_url, "evm_mine")
    receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)
    assert receipt["status"] == 1
    return {"address": receipt["contractAddress"], "block": receipt["blockNumber"], "transaction": Web3.to_hex(sent)}


def arrive(running: Running) -> None:
    """Start our processes with nothing there, look, and bring the servers one by one, looking again."""
    arrival, system, servers = running.arrival, running.system, running.servers
    for server in servers.values():
        server.take_away()
    system.start("serve")
    system.start("index")
    system.start("worker", SIGHTLINE_OPERATOR_KEY=running.cast.operator.key.hex())
    for name, attestor in zip(ATTESTORS, running.cast.attestors, strict=False):
        keys = {"SIGHTLINE_ATTESTOR_KEY": attestor.key.hex(), "SIGHTLINE_SETTLEMENT_URL": system.url}
        system.start("attest", name, **keys)
    arrival.pids = {name: child.pid for name, child in system.children.items()}
    running.people.append(visitor := ApiClient(system.url))
    running.wait_for("the API to listen", lambda: visitor.status_of("/healthz") == 200)
    told = ("ingest: redis_unavailable", "ledger: database_unavailable", "epochs: database_unavailable")
    running.wait_for("the worker to say so", lambda: all(words in running.log("worker") for words in told))
    running.wait_for("the indexer to say so", lambda: "retrying" in running.log("index"))
    running.wait_for(
        "the attestors to say so",
        lambda: all("settlement_unavailable" in running.log(name) for name in ATTESTORS),
    )
    look(running, "nothing")
    servers["postgres"].bring_back()
    running.wait_for("the catalogue to miss Redis", lambda: running.decide().json()["code"] != "database_unavailable")
    running.wait_for("the worker to miss the chain", lambda: "epochs: chain_unavailable" in running.log("worker"))
    look(running, "only PostgreSQL")
    servers["redis"].bring_back()
    running.wait_for("a decision about nothing", lambda: running.decide().status_code == 404)
    running.wait_for("reports to be taken", lambda: report(running).is_success)
    look(running, "no chain")
    servers["anvil"].bring_back()
    running.wait_for("the mirror", lambda: visitor.get("/v1/status")["chain"])
    look(running, "everything")
    arrival.logs = {name: running.log(name) for name in system.children}


def report(running: Running) -> httpx.Response:
    return running.http.post("/v1/events", json={"events": [{"kind": "click", "token": "x"}]})


def look(running: Running, present: str) -> None:
    """Ask everything once."""
    answers = running.arrival.answers
    answers[f"decide, {present}"] = running.decide()
    answers[f"report, {present}"] = report(running)
    for path in ("/healthz", "/readyz", "/v1/status", "/v1/settlements", "/v1/auth/nonce"):
        answers[f"{path}, {present}"] = running.http.get(path)


def furnish(running: Running) -> None:
    """A board, and one campaign with DEPOSIT that pays FLOOR for a viewable impression on it."""
    publisher = running.sign_in(running.cast.publishers[0])
    world = publisher.post(
        "/v1/worlds", {"name": "Square", "engine": "three", "category": "social", "url": "https://square.example/"}
    )
    running.placement = publisher.post(f"/v1/worlds/{world['id']}/placements", {
        "name": "Board", "kind": "image", "width": 1024, "height": 512, "floor_micro_usdc": FLOOR,
    })["id"]
    publisher.patch("/v1/publisher", {"payout_mode": "manual"})
    advertiser = running.sign_in(running.cast.advertisers[0])
    campaign = advertiser.post("/v1/campaigns", {"name": "Autumn", "category": "games"})
    now = datetime.now(UTC)
    item = advertiser.post(f"/v1/campaigns/{campaign['id']}/line-items", {
        "name": "Boards", "bid_kind": "vcpm", "bid_micro_usdc": 5 * FLOOR, "pacing": "asap",
        "starts_at": (now - timedelta(minutes=1)).isoformat(), "ends_at": (now + timedelta(days=1)).isoformat(),
    })
    advertiser.post(f"/v1/line-items/{item['id']}/creatives", {
        "kind": "image", "width": 1024, "height": 512, "asset_url": "https://assets.example/a.png",
        "asset_sha256": "ab" * 32, "click_url": "https://shop.example/",
    })
    chain, account = running.chain, running.cast.advertisers[0]
    meta = bytes.fromhex(campaign["meta"][2:])
    chain.send(account, chain.escrow.functions.open_campaign(account.address, DEPOSIT, meta))
    running.campaign = chain.logs(chain.escrow, "CampaignOpened")[-1]["campaign"]
    running.wait_for("the first ad", lambda: "token" in running.decide().json())


@dataclass(frozen=True)
class Refusal:
    """An answer that was not success."""

    route: str
    status: int
    code: str
    retry_after: str | None


class Viewers:
    """Ask for ads and report what they saw, twenty a second; what is refused they send again until it is taken."""

    def __init__(self, running: Running) -> None:
        self.decided: set[str] = set()
        self.acknowledged: set[str] = set()
        self.dropped: Counter[str] = Counter()
        self.refusals: list[Refusal] = []
        self._running = running
        self._http = httpx.Client(base_url=running.system.url, timeout=20, headers=BROWSER)
        self._waiting: dict[str, str] = {}
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="viewers")

    def refused(self, code: str) -> int:
        return sum(refusal.code == code for refusal in self.refusals)

    def __enter__(self) -> "Viewers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop asking; report the rest while the servers are there."""
        self._stop.set()
        self._thread.join(SECONDS_MAX)
        self._http.close()

    def finish(self) -> None:
        """Ask no more, and send the rest until all of it is taken. Raises what went wrong in the thread."""
        self._stop.set()
        self._thread.join(SECONDS_MAX)
        if self._failure is not None:
            raise self._failure
        self._running.wait_for("the last reports", lambda: not self._report())

    def wait_for(self, what: str, probe: Callable[[], bool]) -> None:
        """As long as nothing is wrong with the viewers themselves."""
        self._running.wait_for(what, lambda: self._failure or probe())
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.05):
                self._decide()
                self._report()
        except Exception as error:
            self._failure = error

    def _decide(self) -> None:
        answer = self._post("/v1/decisions", {
            "placement_id": self._running.placement, "viewer_key": f"viewer {id(self)} {len(self.decided)}",
        })
        if answer is not None and "token" in answer:
            self.decided.add(answer["decision_id"])
            self._waiting[answer["decision_id"]] = answer["token"]

    def _report(self) -> bool:
        """True while something is left to be sent."""
        batch = dict(list(self._waiting.items())[:50])
        if not batch:
            return False
        events = [{"kind": "viewable", "token": token, "samples": SEEN} for token in batch.values()]
        answer = self._post("/v1/events", {"events": events})
        if answer is not None:
            for decision, verdict in zip(batch, answer["results"], strict=True):
                del self._waiting[decision]
                if verdict["status"] == "accepted":
                    self.acknowledged.add(decision)
                else:
                    self.dropped[verdict["reason"]] += 1
        return bool(self._waiting)

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        """The body of a success; None, and a refusal more, for anything else."""
        answer = self._http.post(path, json=body)
        if answer.is_success:
            return answer.json()
        self.refusals.append(
            Refusal(path, answer.status_code, answer.json()["code"], answer.headers.get("Retry-After"))
        )
        return None


def check_counted_once(running: Running, viewers: Viewers) -> None:
    """L24, L25, L44: all that was acknowledged is in SQL once and charged once, and nothing else is."""
    viewers.finish()
    assert viewers.acknowledged
    assert viewers.acknowledged == viewers.decided
    assert not viewers.dropped
    billed = "select decision_id from event where status = 'billed'"
    running.wait_for(
        "all acknowledged events to be billed", lambda: viewers.acknowledged <= {row[0] for row in running.rows(billed)}
    )
    events = running.rows(
        "select e.decision_id, e.status, e.price_micro_usdc, count(t.id), sum(t.amount_micro_usdc) from event e"
        " left join ledger_transfer t on t.event_id = e.event_id group by e.event_id"
    )
    mine = [event for event in events if event[0] in viewers.decided]
    assert len(mine) == len(viewers.decided)
    assert {event[1:] for event in mine} == {("billed", FLOOR, 1, FLOOR)}
    charged = sum(int(event[4] or 0) for event in events)
    account = running.rows("select debits from ledger_account where account = :a", a=f"campaign:{running.campaign}")
    assert account == [(charged,)]
    reasons = {row[0] for row in running.rows("select distinct reason from dropped_event where kind = 'viewable'")}
    assert reasons <= {"replayed"}      # sent again because the answer to the first time was lost
    assert running.same_processes()


def bearer(person: ApiClient) -> dict[str, str]:
    """The header of a signed-in person, for requests that are to be refused."""
    return {"Authorization": person._http.headers["Authorization"]}


def send_blindly(running: Running, account: LocalAccount, call: ContractFunction) -> TxReceipt:
    """Send a call without asking the node first whether it would revert; its receipt."""
    web3 = Web3(HTTPProvider(running.stack.rpc_url))
    transaction = call.build_transaction({
        "from": account.address, "nonce": web3.eth.get_transaction_count(account.address), "gas": 1_000_000,
        "maxFeePerGas": Web3.to_wei(20, "gwei"), "maxPriorityFeePerGas": Web3.to_wei(1, "gwei"),
    })
    sent = web3.eth.send_raw_transaction(account.sign_transaction(dict(transaction)).raw_transaction)
    rpc(running.stack.rpc_url, "evm_mine")
    return web3.eth.wait_for_transaction_receipt(sent, timeout=SECONDS_MAX, poll_latency=0.05)


def refusal_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem+json; a 503 says when to come back."""
    content = answer.json()
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert content["status"] == answer.status_code
    assert content["detail"]
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
    return answer.status_code, content["code"]


@contextmanager
def another_chain(folder: Path, chain_id: int) -> Iterator[str]:
    """The RPC of a chain that is not ours."""
    with start_stack(
        folder, need=frozenset({"anvil"}), chain_id=chain_id, block_time_seconds=None,
        env={"PATH": os.environ["PATH"]}, fast_unsafe=True,
    ) as stack:
        yield stack.rpc_url
