"""A chain of the test's own with our real contracts on it, steered by roles, and an indexer configuration for it.

What `Market` knows of a proposal or a tree is keyed by what the chain commits to, so it stays right when blocks are undone.
"""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eth_abi import decode, encode
from eth_account import Account
from sha3 import keccak_256

from backend.local import Stack, rpc, start_stack
from backend.settlement.tree import Tree, build_tree, debits_hash, encode_debits, encode_entry
from indexer.config import Config, Deployment

ROOT = Path(__file__).parents[2]
CHAIN_ID = 31337
WINDOW_SECONDS, NOTICE_SECONDS = 10, 20
OWNER, OPERATOR, GUARDIAN, TREASURY, STRANGER = ("0x" + byte * 20 for byte in ("01", "02", "03", "04", "05"))
ADVERTISER, OTHER_ADVERTISER = "0x" + "a1" * 20, "0x" + "a2" * 20
PUBLISHERS = [TREASURY, *("0x" + f"b{i}" * 20 for i in range(1, 7))]  # index 0 is the dust account
ATTESTOR_KEYS = sorted((bytes([i]) * 32 for i in (1, 2, 3)), key=lambda key: int(Account.from_key(key).address, 16))
USDC = 1_000_000


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
        deadline = time.monotonic() + 10
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
        return int(receipt["logs"][-1]["topics"][1], 16)

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
        log = bytes.fromhex(receipt["logs"][-1 if len(receipt["logs"]) == 1 else 1]["data"][2:])
        active_at = int.from_bytes(log[192:224], "big")
        proposal = Proposal(root, sum(debits.values()), active_at, encode_debits(debits))
        self.proposals[self.escrow.read("pending")] = proposal


def signature(digest: bytes, key: bytes) -> tuple[bytes, bytes]:
    """(r, vs) of EIP-2098."""
    signed = Account.unsafe_sign_hash(digest, key)
    return signed.r.to_bytes(32, "big"), (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")


@pytest.fixture(scope="session")
def bytecode() -> dict[str, bytes]:
    """Creation code of our contracts by name."""
    from vyper.cli.vyper_compile import compile_files  # takes a second to import

    files = {"CampaignEscrow": "CampaignEscrow.vy", "PublisherPayout": "PublisherPayout.vy"}
    files |= {"MockUSDC": "testing/MockUSDC.vy", "Emitter": "../tests/indexer/emitter.vy"}
    paths = {name: (ROOT / "contracts" / file).resolve() for name, file in files.items()}
    output = compile_files([str(path) for path in paths.values()], ["bytecode"], paths=[str(ROOT)])
    made = {Path(path).stem: artifact["bytecode"] for path, artifact in output.items()}
    return {name: bytes.fromhex(made[path.stem][2:]) for name, path in paths.items()}


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Starts chains for this test."""
    stacks: list[Stack] = []

    def start(chain_id: int = CHAIN_ID) -> Node:
        base = tmp_path / f"chain{len(stacks)}"
        env = {"PATH": os.environ.get("PATH", "")}
        need = frozenset({"anvil"})
        stacks.append(
            start_stack(base, need=need, chain_id=chain_id, block_time_seconds=None, env=env, fast_unsafe=True)
        )
        return Node(stacks[-1].rpc_url)

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
    terms = (2, 1_000, 2_000, WINDOW_SECONDS, NOTICE_SECONDS, 3600, 7200)
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
    return Config(fresh_database_url, market.node.url, market.deployment, confirmations=2, once=True, retry_seconds_max=0.2)
