"""Reads the state of a deployment from a node: views in batches at one block, logs in pages. Writes nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3
from web3.contract import Contract
from web3.exceptions import Web3RPCError
from web3.types import LogReceipt

from backend.chain.client import BlockId, Chain, Reverted, WrongChain
from backend.chain.proposal import pending_hash
from backend.core.errors import Unavailable
from scripts.deployed.deployment_file import DeploymentFile, Record
from scripts.deployed.deployment_state import (
    ATTESTOR_ADD,
    NO_HASH,
    Change,
    Code,
    Epochs,
    Money,
    Pending,
    Roles,
    State,
    Terms,
    lanes_sum,
)
from scripts.deployed.standard_json import local_build, runtime_difference

LOG_BLOCKS = 10_000  # the widest range that most providers answer
LOG_BLOCKS_MIN = 10
CAMPAIGNS_AT_ONCE = 10_000
# A change of the fee binds four epochs after the last final one at the latest (`_after_epoch` + 1); one to spare.
FEE_EPOCHS_AHEAD = 5
ESCROW_VIEWS = (
    "owner", "pending_owner", "operator", "guardian", "treasury", "threshold", "attestor_count", "fee_bps",
    "fee_bps_max", "window", "notice", "timelock", "escape", "epoch", "attempt", "pending", "last_active_at", "fees",
    "campaign_count", "paused_until", "last_root", "payout", "token",
)  # fmt: skip
PAYOUT_VIEWS = ("active_root", "paused_until", "escrow", "token")
ESCROW_EVENTS = ("ConfigProposed", "Proposed", "Finalized")
PAYOUT_EVENTS = ("Paid", "Batch")

Tell = Callable[[str], None]


@dataclass
class History:
    """What only the logs tell. `proposals` by their hash in the contract."""

    announced: set[tuple[int, str]] = field(default_factory=set)
    proposals: dict[bytes, Pending] = field(default_factory=dict)
    finalized: int = 0
    settled: int = 0
    paid: int = 0


class StateReader:
    """Reads one deployment. Raises what `Chain` raises, and Unavailable when the node's logs are incomplete."""

    def __init__(self, chain: Chain, deployment: DeploymentFile, *, log_blocks: int = LOG_BLOCKS) -> None:
        self._chain = chain
        self._deployment = deployment
        self._log_blocks = log_blocks
        self._escrow = chain.contract("CampaignEscrow", deployment.escrow.address)
        self._payout = chain.contract("PublisherPayout", deployment.payout.address)

    def read(self, tell: Tell = lambda _: None) -> State:
        """The state at the head of the chain; `tell` hears what is being read."""
        head = self._chain.head()
        with self._chain.reading():
            time = int(self._chain.web3.eth.get_block(head.number)["timestamp"])
        escrow = self._views(self._escrow, ESCROW_VIEWS, head)
        payout = self._views(self._payout, PAYOUT_VIEWS, head)
        self._check_pair(escrow, payout)
        history = self._history(head, int(escrow["epoch"]), tell)
        tell(f"reading {escrow['campaign_count']} campaigns")
        return State(
            chain_id=self._chain.chain_id,
            block=head.number,
            time=time,
            token=str(escrow["token"]),
            money=self._money(escrow, history, head),
            epochs=_epochs(escrow, payout, history),
            roles=self._roles(escrow, history, head),
            terms=self._terms(escrow, head),
            escrow_paused_until=int(escrow["paused_until"]),
            payout_paused_until=int(payout["paused_until"]),
            changes=self._changes(history, head),
            code=tuple(self._code(record, head) for record in (self._deployment.escrow, self._deployment.payout)),
        )

    def _views(self, contract: Contract, names: Sequence[str], at: BlockId) -> dict[str, Any]:
        functions = [contract.get_function_by_name(name)() for name in names]
        try:
            return dict(zip(names, self._chain.read_many(functions, at), strict=True))
        except (Reverted, WrongChain) as error:
            where = f"{contract.address} is not the contract of the deployment's file"
            raise WrongChain("wrong_chain", where) from error

    def _check_pair(self, escrow: dict[str, Any], payout: dict[str, Any]) -> None:
        pair = (self._deployment.payout.address, self._deployment.escrow.address)
        if (str(escrow["payout"]).lower(), str(payout["escrow"]).lower()) != tuple(one.lower() for one in pair):
            raise WrongChain("wrong_chain", f"{pair[1]} and {pair[0]} of the deployment's file are not a pair")

    def _money(self, escrow: dict[str, Any], history: History, at: BlockId) -> Money:
        token = self._chain.contract("MockUSDC", escrow["token"]).functions
        holders = (self._escrow.address, self._payout.address)
        balances = self._chain.read_many([token.balanceOf(holder) for holder in holders], at)
        count, remaining, reserved, requests = int(escrow["campaign_count"]), 0, 0, 0
        views = self._escrow.functions
        for start in range(0, count, CAMPAIGNS_AT_ONCE):
            end = min(start + CAMPAIGNS_AT_ONCE, count)
            words = self._chain.read_many([views.lanes(group) for group in range(start >> 2, (end + 3) >> 2)], at)
            requested = self._chain.read_many([views.reservation(campaign) for campaign in range(start, end)], at)
            remaining += lanes_sum([int(word) for word in words])
            reserved += sum(int(amount) for amount, _, _ in requested)
            requests += sum(1 for amount, _, _ in requested if amount)
        return Money(
            campaigns=count,
            requests=requests,
            escrow_balance=int(balances[0]),
            remaining=remaining,
            reserved=reserved,
            fees=int(escrow["fees"]),
            payout_balance=int(balances[1]),
            settled=history.settled,
            paid=history.paid,
        )

    def _roles(self, escrow: dict[str, Any], history: History, at: BlockId) -> Roles:
        """Attestors have no list on the chain: those of the file and those ever announced are asked for one by one."""
        planned = self._deployment.parameters.get("attestors")
        known = {str(address).lower() for address in planned} if isinstance(planned, list) else set()
        known |= {"0x" + value[-40:] for kind, value in history.announced if kind == ATTESTOR_ADD}
        candidates = [Web3.to_checksum_address(address) for address in sorted(known)]
        answers = self._chain.read_many([self._escrow.functions.is_attestor(one) for one in candidates], at)
        present = tuple(one for one, is_one in zip(candidates, answers, strict=True) if is_one)
        names = ("owner", "pending_owner", "operator", "guardian", "treasury")
        owner, pending_owner, operator, guardian, treasury = (str(escrow[name]) for name in names)
        counts = int(escrow["attestor_count"]), int(escrow["threshold"])
        return Roles(owner, pending_owner, operator, guardian, treasury, present, *counts)

    def _terms(self, escrow: dict[str, Any], at: BlockId) -> Terms:
        first = int(escrow["epoch"]) + 1
        ahead = range(first, first + FEE_EPOCHS_AHEAD)
        fees = self._chain.read_many([self._escrow.functions.fee_bps_at(epoch) for epoch in ahead], at)
        next_fee = next(((int(fee), at) for at, fee in zip(ahead, fees, strict=True) if fee != fees[0]), (None, None))
        return Terms(
            fee_bps=int(escrow["fee_bps"]),
            fee_bps_max=int(escrow["fee_bps_max"]),
            next_fee_bps=next_fee[0],
            next_fee_epoch=next_fee[1],
            window=int(escrow["window"]),
            notice=int(escrow["notice"]),
            timelock=int(escrow["timelock"]),
            escape=int(escrow["escape"]),
        )

    def _changes(self, history: History, at: BlockId) -> tuple[Change, ...]:
        """The log says what was announced, the contract what of it still stands."""
        announced = sorted(history.announced)
        views = self._escrow.functions
        times = self._chain.read_many(
            [views.config_active_at(kind, Web3.to_bytes(hexstr=value)) for kind, value in announced],  # type: ignore[arg-type]
            at,
        )
        standing = [
            Change(kind, value, int(active_at))
            for (kind, value), active_at in zip(announced, times, strict=True)
            if active_at
        ]
        return tuple(sorted(standing, key=lambda change: change.active_at))

    def _code(self, record: Record, at: BlockId) -> Code:
        with self._chain.reading():
            address = Web3.to_checksum_address(record.address)
            deployed = bytes(self._chain.web3.eth.get_code(address, at.number))
        difference = runtime_difference(local_build(record.name), deployed)
        return Code(record.name, address, Web3.to_hex(Web3.keccak(deployed)), difference)

    def _history(self, head: BlockId, epoch: int, tell: Tell) -> History:
        first = self._deployment.escrow.block
        assert first is not None
        history = History()
        events = [contract.events[name]() for contract, names in self._wanted() for name in names]
        by_topic = {str(event.topic): event for event in events}
        for log in self._logs(list(by_topic), first, head.number, tell):
            _note(history, by_topic[log["topics"][0].to_0x_hex()].process_log(log))
        if history.finalized != epoch:
            raise Unavailable(
                "chain_unavailable",
                f"the node's logs are incomplete: {epoch} epochs are final, it has {history.finalized} of their logs",
            )
        return history

    def _wanted(self) -> tuple[tuple[Contract, tuple[str, ...]], ...]:
        return (self._escrow, ESCROW_EVENTS), (self._payout, PAYOUT_EVENTS)

    def _logs(self, topics: list[str], first: int, last: int, tell: Tell) -> Iterator[LogReceipt]:
        """Logs of both contracts, oldest first. A page that a node finds too wide is halved, down to a few blocks."""
        width, low = self._log_blocks, first
        addresses = [self._escrow.address, self._payout.address]
        while low <= last:
            high = min(low + width - 1, last)
            tell(f"reading logs of blocks {low} to {high} of {last}")
            try:
                with self._chain.reading():
                    found = self._page(addresses, topics, low, high)
            except Unavailable as error:
                if not isinstance(error.__cause__, Web3RPCError) or width <= LOG_BLOCKS_MIN:
                    raise
                width //= 2
                continue
            yield from found
            low = high + 1

    def _page(self, addresses: list[Any], topics: list[str], low: int, high: int) -> list[LogReceipt]:
        wanted: Any = {"address": addresses, "topics": [topics], "fromBlock": low, "toBlock": high}
        return self._chain.web3.eth.get_logs(wanted)


def _note(history: History, event: Any) -> None:
    facts = event["args"]
    if event["event"] == "ConfigProposed":
        history.announced.add((int(facts["kind"]), Web3.to_hex(facts["value"])))
    elif event["event"] == "Proposed":
        _note_proposal(history, facts)
    elif event["event"] == "Finalized":
        history.finalized += 1
        history.settled += int(facts["total"]) - int(facts["fee"])
    elif event["event"] == "Paid":
        history.paid += int(facts["amount"])
    else:
        history.paid += int(facts["total"])


def _note_proposal(history: History, facts: Any) -> None:
    epoch, total, active_at = (int(facts[name]) for name in ("epoch", "total", "active_at"))
    root = bytes(facts["publishers_root"])
    key = pending_hash(epoch, root, bytes(facts["debits_hash"]), total, active_at)
    known = (Web3.to_hex(key), Web3.to_hex(root), total, int(facts["publishers"]), active_at)
    history.proposals[key] = Pending(epoch, *known)


def _epochs(escrow: dict[str, Any], payout: dict[str, Any], history: History) -> Epochs:
    final, key = int(escrow["epoch"]), bytes(escrow["pending"])
    pending = None
    if Web3.to_hex(key) != NO_HASH:
        unknown = Pending(final + 1, Web3.to_hex(key), None, None, None, None)
        pending = history.proposals.get(key, unknown)
    return Epochs(
        final=final,
        attempt=int(escrow["attempt"]),
        last_root=Web3.to_hex(escrow["last_root"]),
        active_root=Web3.to_hex(payout["active_root"]),
        last_active_at=int(escrow["last_active_at"]),
        pending=pending,
    )
