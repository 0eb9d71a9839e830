"""A chain of the test's own with our real contracts on it, steered by roles, and an indexer configuration for it.

What `Market` knows of proposals and trees is keyed by what the chain commits to: it stays right when blocks are undone.
"""

import json
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eth_abi import decode, encode, grammar
from eth_account import Account
from psycopg import sql
from sha3 import keccak_256
from sqlalchemy.engine import make_url

from backend.local import Stack, rpc, start_stack
from backend.settlement.tree import Tree, build_tree, debits_hash, encode_debits, encode_entry
from indexer.config import Config, Deployment
from indexer.digest import digest
from indexer.events import EVENT_TYPES, CampaignOpened, Proposed
from indexer.main import run
from indexer.store import plain_url
from scripts.export_abi import compile_contract

ROOT = Path(__file__).parents[2]
CHAIN_ID = 31337
WINDOW_SECONDS, NOTICE_SECONDS = 10, 20
OWNER, OPERATOR, GUARDIAN, TREASURY, STRANGER = ("0x" + byte * 20 for byte in ("01", "02", "03", "04", "05"))
ADVERTISER, OTHER_ADVERTISER = "0x" + "a1" * 20, "0x" + "a2" * 20
PUBLISHERS = [TREASURY, *("0x" + f"b{i}" * 20 for i in range(1, 7))]  # index 0 is the dust account
ATTESTOR_KEYS = sorted((bytes([i]) * 32 for i in (1, 2, 3)), key=lambda key: int(Account.from_key(key).address, 16))
USDC = 1_000_000
TOPICS = {kind.event: "0x" + kind.topic.hex() for kind in EVENT_TYPES}


class Reverted(Exception):
    """A transaction that the contract refused."""


class Node:
    """A chain's node: anvil, which mines a block per transaction and lets every address send."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.call_rpc("anvil_autoImpersonateAccount", True)
        for address in (OWNER, OPERATOR, GUARDIAN, TREASURY, STRANGER, ADVERTISER, OTHER_ADVERTISER):
            self.call_rpc("anvil_setBalance", address, hex(10**21))

    def call_rpc(self, method: str, *params: Any) -> Any:
        return rpc(self.url, method, *params)

    def send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        """Send and mine; gives the receipt. Raises Reverted."""
        fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(16_000_000)} | ({"to": to} if to else {})
        receipt = self.receipt(self.call_rpc("eth_sendTransaction", fields))
        if receipt["status"] != "0x1":
            raise Reverted(receipt["transactionHash"])
        return receipt

    def receipt(self, tx_hash: str) -> dict[str, Any]:
        """The receipt, once the node has mined the transaction."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            receipt: dict[str, Any] | None = self.call_rpc("eth_getTransactionReceipt", tx_hash)
            if receipt is not None:
                return receipt
            time.sleep(0.002)
        raise TimeoutError(tx_hash)

    def call(self, to: str, data: bytes) -> bytes:
        return bytes.fromhex(self.call_rpc("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")[2:])

    def mine(self, blocks: int = 1) -> None:
        self.call_rpc("anvil_mine", hex(blocks))

    def wait(self, seconds: int) -> None:
        self.call_rpc("evm_increaseTime", seconds)
        self.mine()

    def reorg(self, depth: int) -> None:
        """The last `depth` blocks are replaced by empty ones; their transactions are gone."""
        self.call_rpc("anvil_reorg", depth, [])

    def head(self) -> int:
        return int(self.call_rpc("eth_blockNumber"), 16)


class Contract:
    """One contract by its ABI."""

    def __init__(self, node: Node, name: str, address: str) -> None:
        self.node, self.address = node, address
        abi = json.loads((ROOT / "contracts" / "abi" / f"{name}.json").read_text())
        self._functions = {entry["name"]: entry for entry in abi if entry["type"] == "function"}

    def data(self, name: str, *args: Any) -> bytes:
        types = [kind["type"] for kind in self._functions[name]["inputs"]]
        return keccak_256(f"{name}({','.join(types)})".encode()).digest()[:4] + encode(types, args)

    def send(self, sender: str, name: str, *args: Any) -> dict[str, Any]:
        return self.node.send(sender, self.address, self.data(name, *args))

    def read(self, name: str, *args: Any) -> Any:
        types = [kind["type"] for kind in self._functions[name]["outputs"]]
        return decode(types, self.node.call(self.address, self.data(name, *args)))[0]


@dataclass
class Proposal:
    publishers_root: bytes
    total: int
    active_at: int
    words: list[int]


@dataclass
class Market:
    """Our contracts on a chain, and everybody who uses them."""

    node: Node
    usdc: Contract
    escrow: Contract
    payout: Contract
    start_block: int
    proposals: dict[bytes, Proposal] = field(default_factory=dict)
    trees: dict[bytes, Tree] = field(default_factory=dict)

    @property
    def deployment(self) -> Deployment:
        return Deployment(CHAIN_ID, self.escrow.address, self.payout.address, self.start_block)

    def open(self, amount: int, owner: str = ADVERTISER) -> int:
        receipt = self.escrow.send(owner, "open_campaign", owner, amount, b"\7" * 32)
        return int(_logged(receipt, CampaignOpened)["topics"][1], 16)

    def deposit(self, campaign: int, amount: int) -> None:
        self.escrow.send(ADVERTISER, "deposit", campaign, amount)

    def cumulative(self, *amounts: int) -> Tree:
        """A tree in which publisher i has earned `amounts[i]` in all."""
        entries = [encode_entry(PUBLISHERS[i], amount) for i, amount in enumerate(amounts)]
        tree = build_tree(entries)
        self.trees[tree.root] = tree
        return tree

    def proposal_args(self, debits: dict[int, int], root: bytes, epoch: int, previous: bytes) -> list[Any]:
        """Arguments of `propose`, signed by two attestors."""
        words, total = encode_debits(debits), sum(debits.values())
        terms = (root, debits_hash(words), total, len(PUBLISHERS), b"\1" * 32, b"\2" * 32)
        digest = self.escrow.read("digest", epoch, self.escrow.read("attempt"), previous, *terms)
        return [*terms, [part for key in ATTESTOR_KEYS[:2] for part in signature(digest, key)]]

    def propose(self, debits: dict[int, int], root: bytes) -> None:
        args = self.proposal_args(debits, root, self.escrow.read("epoch") + 1, self.escrow.read("last_root"))
        self._proposed(debits, root, self.escrow.send(OPERATOR, "propose", *args))

    def pending(self) -> Proposal:
        return self.proposals[self.escrow.read("pending")]

    def finalize_args(self) -> list[Any]:
        """Arguments of `finalize` for the pending proposal, whose window is over."""
        self.node.wait(WINDOW_SECONDS)
        pending = self.pending()
        return [pending.publishers_root, pending.total, pending.active_at, pending.words]

    def finalize(self) -> None:
        self.escrow.send(STRANGER, "finalize", *self.finalize_args())

    def roll(self, debits: dict[int, int], root: bytes) -> None:
        final = self.finalize_args()
        args = self.proposal_args(debits, root, self.escrow.read("epoch") + 2, final[0])
        self._proposed(debits, root, self.escrow.send(OPERATOR, "roll", *final, *args))

    def veto(self) -> None:
        self.escrow.send(GUARDIAN, "veto", self.escrow.read("epoch") + 1)

    def refuse_payouts_to(self, recipient: str) -> None:
        """From now on the token refuses transfers to this address."""
        self.usdc.send(OWNER, "blacklist", recipient)

    def range_args(self, start_group: int, groups: int) -> list[Any]:
        tree = self.trees[self.payout.read("root")]
        entries = list(tree.entries[4 * start_group : 4 * (start_group + groups)])
        return [start_group, tree.depth, entries, tree.range_proof(start_group, groups)]

    def pay_range(self, start_group: int, groups: int) -> None:
        self.payout.send(STRANGER, "pay_range", *self.range_args(start_group, groups))

    def claim(self, index: int) -> None:
        tree = self.trees[self.payout.read("root")]
        self.payout.send(STRANGER, "claim", index, list(tree.group(index)), tree.claim_proof(index))

    def _proposed(self, debits: dict[int, int], root: bytes, receipt: dict[str, Any]) -> None:
        active_at = int(_logged(receipt, Proposed)["data"][2 + 6 * 64 : 2 + 7 * 64], 16)
        proposal = Proposal(root, sum(debits.values()), active_at, encode_debits(debits))
        self.proposals[self.escrow.read("pending")] = proposal


def _logged(receipt: dict[str, Any], event: type) -> dict[str, Any]:
    """The one log of this event in a receipt."""
    (log,) = (log for log in receipt["logs"] if log["topics"][0] == TOPICS[event])
    return dict(log)


def signature(digest: bytes, key: bytes) -> tuple[bytes, bytes]:
    """(r, vs) of EIP-2098."""
    signed = Account.unsafe_sign_hash(digest, key)
    return signed.r.to_bytes(32, "big"), (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")


def _encode_call(signature: str, *args: Any) -> bytes:
    """Calldata of `name(types)`."""
    types = grammar.parse(signature[signature.index("(") :]).components
    return keccak_256(signature.encode()).digest()[:4] + encode([kind.to_type_str() for kind in types], args)


@pytest.fixture
def encode_call() -> Callable[..., bytes]:
    return _encode_call


@pytest.fixture(scope="session")
def bytecode() -> dict[str, bytes]:
    """Creation code of our contracts by name."""
    made = {name: str(compile_contract(name)["bytecode"]) for name in ("CampaignEscrow", "PublisherPayout", "MockUSDC")}
    return {name: bytes.fromhex(code.removeprefix("0x")) for name, code in made.items()}


@pytest.fixture(scope="session")
def emitter_code() -> bytes:
    """Creation code of a contract that logs what it is told."""
    from vyper.cli.vyper_compile import compile_files  # takes a second to import

    (artifact,) = compile_files([str(ROOT / "tests" / "indexer" / "emitter.vy")], ["bytecode"]).values()
    return bytes.fromhex(artifact["bytecode"][2:])


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Starts chains for this test."""
    stacks: list[Stack] = []

    def start(chain_id: int = CHAIN_ID, *anvil_args: str) -> Node:
        base = tmp_path / f"chain{len(stacks)}"
        env = {"PATH": os.environ.get("PATH", "")}
        stack = start_stack(
            base,
            need=frozenset({"anvil"}),
            anvil_args=anvil_args,
            chain_id=chain_id,
            block_time_seconds=None,
            env=env,
            fast_unsafe=True,
        )
        stacks.append(stack)
        return Node(stack.rpc_url)

    yield start
    for stack in stacks:
        stack.stop()


@pytest.fixture
def node(start_node: Callable[..., Node]) -> Node:
    return start_node()


@pytest.fixture
def market(node: Node, bytecode: dict[str, bytes]) -> Market:
    """Our contracts on this test's chain; both advertisers have 1,000 USDC and have approved the escrow."""
    node.mine(2)
    usdc = Contract(node, "MockUSDC", node.send(OWNER, None, bytecode["MockUSDC"])["contractAddress"])
    attestors = [Account.from_key(key).address for key in ATTESTOR_KEYS]
    terms = (2, 1_000, 2_000, WINDOW_SECONDS, NOTICE_SECONDS, 7200, 7200)
    types = ["address", "bytes", "(address,address,address,address)", "address[]", f"({','.join(['uint256'] * 7)})"]
    roles = (OWNER, OPERATOR, GUARDIAN, TREASURY)
    args = encode(types, [usdc.address, bytecode["PublisherPayout"], roles, attestors, terms])
    receipt = node.send(OWNER, None, bytecode["CampaignEscrow"] + args)
    escrow = Contract(node, "CampaignEscrow", receipt["contractAddress"])
    payout = Contract(node, "PublisherPayout", escrow.read("payout"))
    for advertiser in (ADVERTISER, OTHER_ADVERTISER):
        usdc.send(OWNER, "mint", advertiser, 1_000 * USDC)
        usdc.send(advertiser, "approve", escrow.address, 2**256 - 1)
    return Market(node, usdc, escrow, payout, int(receipt["blockNumber"], 16))


@pytest.fixture
def config(market: Market, fresh_database_url: str, caplog: pytest.LogCaptureFixture) -> Config:
    """Index this test's market to the head and stop."""
    caplog.set_level(logging.INFO, "indexer")
    return Config(
        fresh_database_url, market.node.url, market.deployment, confirmations=2, once=True, retry_seconds_max=0.2
    )


class Mirror:
    """The tables of one configuration, and the indexer that fills them."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def catch_up(self, seconds_max: float = 60.0, stop: threading.Event | None = None) -> None:
        """Index to the head. Raises TimeoutError when it does not get there, or is told to stop on the way."""
        stop = stop or threading.Event()
        timer = threading.Timer(seconds_max, stop.set)
        timer.start()
        try:
            run(replace(self.config, once=True), stop)
        finally:
            timer.cancel()
        if stop.is_set():
            raise TimeoutError(f"no end after {seconds_max} seconds")

    def select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows; amounts as int."""
        with psycopg.connect(plain_url(self.config.database_url)) as connection:
            rows = connection.execute(query, values).fetchall()
        return [tuple(int(value) if isinstance(value, Decimal) else value for value in row) for row in rows]

    def value(self, query: str, *values: object) -> Any:
        ((value,),) = self.select(query, *values)
        return value

    def await_value(self, query: str, expected: object, seconds_max: float = 60.0) -> None:
        """Waits until a query gives this one value."""
        deadline = time.monotonic() + seconds_max
        while self._value_or_none(query) != expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{query} is {self._value_or_none(query)}, not {expected}")
            time.sleep(0.005)

    def _value_or_none(self, query: str) -> Any:
        try:
            rows = self.select(query)
        except psycopg.errors.UndefinedTable:
            return None
        return rows[0][0] if rows else None

    def digest(self) -> str:
        return digest(self.config.database_url)


@pytest.fixture
def mirror(config: Config) -> Mirror:
    return Mirror(config)


@pytest.fixture
def fresh_mirror(servers: Any, worker: str) -> Iterator[Callable[[Config], Mirror]]:
    """Another index of the same chain, in a database of its own."""
    names: list[str] = []

    def make(config: Config) -> Mirror:
        names.append(f"indexer_again_{worker}_{len(names)}")
        url = make_url(servers.database_url).set(database=names[-1])
        with psycopg.connect(plain_url(servers.database_url), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(names[-1])))
        return Mirror(replace(config, database_url=url.render_as_string(hide_password=False)))

    yield make
    with psycopg.connect(plain_url(servers.database_url), autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class FaultProxy:
    """Stands between indexer and node. `fault` gets the calls and the answers and gives what the indexer is told.

    None means: hang up without an answer. An int is an HTTP status without a body.
    """

    def __init__(self, node_url: str) -> None:
        self.fault: Callable[[list[Any], list[Any]], list[Any] | int | None] = lambda calls, answers: answers
        self.requests = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.requests += 1
                try:
                    request = urllib.request.Request(node_url, body, {"Content-Type": "application/json"})
                    with urllib.request.urlopen(request, timeout=20) as response:
                        told = proxy.fault(json.loads(body), json.load(response))
                except OSError:
                    told = None
                if told is None:
                    self.close_connection = True
                    return
                content = b"" if isinstance(told, int) else json.dumps(told).encode()
                self.send_response(told if isinstance(told, int) else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """An indexer that was killed hangs up in the middle: no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def proxy(node: Node) -> Iterator[FaultProxy]:
    proxy = FaultProxy(node.url)
    yield proxy
    proxy.close()
