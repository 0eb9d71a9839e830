"""What both contracts show at one moment, read through their getters, and the logs of one call, decoded.

Everything is an integer, addresses and digests too: what the laws compare needs no other type.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import boa
from boa.vm.py_evm import patch_opcode

from backend.core.keccak import keccak256
from escrow_kit.pair import Pair

Word = tuple[int, int]  # contract, slot
SLOAD = 0x54
M62, M64 = 2**62 - 1, 2**64 - 1
OPENED = 2**62
# Publishers' groups that are read; trees of the fuzzer have no more.
GROUPS = 5
FAR_EPOCH = M64


@dataclass(frozen=True)
class Budget:
    """One campaign: micro-USDC, and the open withdrawal request."""

    remaining: int
    owner: int
    reserved: int = 0
    executable_at: int = 0
    escapes_at: int = 0
    after_epoch: int = 0
    active: bool = True


@dataclass(frozen=True)
class ChainView:
    """Every readable fact that a law speaks of."""

    campaigns: tuple[Budget, ...]
    lanes_beyond: int
    epoch: int
    attempt: int
    pending: int
    last_active_at: int
    fees: int
    fee_bps: int
    fee_bps_later: int
    owner: int
    pending_owner: int
    operator: int
    guardian: int
    treasury: int
    threshold: int
    attestor_count: int
    attestors: frozenset[int]
    window: int
    notice: int
    paused_until: int
    payout_paused_until: int
    root: int
    paid: tuple[int, ...]
    escrow_balance: int
    payout_balance: int


@dataclass(frozen=True)
class Event:
    """A decoded log: where from, and its fields by name."""

    name: str
    fields: dict[str, int]

    def __getitem__(self, field: str) -> int:
        return self.fields[field]


@cache
def event_types(contract: Any) -> dict[int, tuple[str, tuple[tuple[str, bool], ...]]]:
    """topic 0 to (name, (field, indexed)...). All fields of our events are static words."""
    found = {}
    for item in contract.abi:
        if item["type"] == "event":
            signature = f"{item['name']}({','.join(field['type'] for field in item['inputs'])})"
            fields = tuple((field["name"], field["indexed"]) for field in item["inputs"])
            found[int.from_bytes(keccak256(signature.encode()))] = (item["name"], fields)
    return found


def decode_event(contract: Any, topics: list[int], data: bytes) -> Event:
    """Raises KeyError for an event that the contract's ABI does not declare."""
    name, fields = event_types(contract)[topics[0]]
    indexed = iter(topics[1:])
    words = iter(int.from_bytes(data[at : at + 32]) for at in range(0, len(data), 32))
    return Event(name, {field: next(indexed if is_indexed else words) for field, is_indexed in fields})


@cache
def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def to_int(address: Any) -> int:
    return int(str(address), 16)


class LoadTracer:
    """SLOAD that notes which words were read, while somebody listens."""

    mnemonic = "SLOAD"

    def __init__(self, sload: Any) -> None:
        self.sload = sload
        self.words: set[Word] = set()

    def __call__(self, computation: Any) -> None:
        top = computation._stack.values[-1]
        slot = top if isinstance(top, int) else int.from_bytes(top)
        self.words.add((int.from_bytes(computation.msg.storage_address), slot))
        self.sload(computation)


@cache
def load_tracer() -> LoadTracer:
    """Put into titanoboa's machine when first asked for."""
    tracer = LoadTracer(boa.env.evm.vm.state.computation_class.opcodes[SLOAD])
    patch_opcode(SLOAD, tracer)
    return tracer


@dataclass(frozen=True)
class Answer:
    """What a getter said, and the words of storage that it read: the same words give the same answer."""

    output: bytes
    words: frozenset[Word]


class Reader:
    """Asks the getters of one pair; answers are kept until a word that they rest on changes."""

    def __init__(self, pair: Pair, accounts: list[int]) -> None:
        self.escrow, self.payout, self.token = pair.escrow.address, pair.payout.address, pair.token.address
        self.accounts = accounts
        self.answers: dict[tuple[str, bytes], Answer] = {}

    def forget(self, changed: set[Word]) -> None:
        """Drops the answers that rest on a changed word."""
        if changed:
            self.answers = {asked: kept for asked, kept in self.answers.items() if changed.isdisjoint(kept.words)}

    def ask(self, contract: Any, signature: str, *arguments: int) -> bytes:
        """Raw answer of a getter; arguments are single words. Not for getters that read the clock."""
        data = selector(signature) + b"".join(argument.to_bytes(32, "big") for argument in arguments)
        kept = self.answers.get((contract, data))
        if kept is None:
            kept = self.answers[contract, data] = self._ask(contract, data)
        return kept.output

    def _ask(self, contract: Any, data: bytes) -> Answer:
        tracer = load_tracer()
        tracer.words.clear()
        computation = boa.env.execute_code(to_address=contract, data=data)
        assert not computation.is_error, f"the getter {data.hex()} reverts"
        return Answer(bytes(computation.output), frozenset(tracer.words))

    def number(self, contract: Any, signature: str, *arguments: int) -> int:
        return int.from_bytes(self.ask(contract, signature, *arguments))

    def budget(self, campaign: int, lane: int) -> Budget:
        answer = self.ask(self.escrow, "reservation(uint256)", campaign)
        reserved, executable_at, after_epoch = (int.from_bytes(answer[at : at + 32]) for at in (0, 32, 64))
        assert lane & OPENED, f"L4: campaign {campaign} was opened and its lane says that it was not"
        return Budget(
            lane & M62,
            self.number(self.escrow, "campaign_owner(uint256)", campaign),
            reserved,
            executable_at,
            self.number(self.escrow, "escapes_at(uint256)", campaign),
            after_epoch,
            self.number(self.escrow, "campaign_active(uint256)", campaign) == 1,
        )

    def view(self) -> ChainView:
        """Everything at once."""

        def escrow(name: str) -> int:
            return self.number(self.escrow, f"{name}()")

        def lanes(contract: Any, groups: int) -> list[int]:
            words = [self.number(contract, "lanes(uint256)", group) for group in range(groups)]
            return [(word >> (64 * k)) & M64 for word in words for k in range(4)]

        count = escrow("campaign_count")
        budgets = lanes(self.escrow, (count >> 2) + 1)
        attestors = {who for who in self.accounts if self.number(self.escrow, "is_attestor(address)", who)}
        return ChainView(
            campaigns=tuple(self.budget(campaign, budgets[campaign]) for campaign in range(count)),
            lanes_beyond=sum(budgets[count:]),
            epoch=escrow("epoch"),
            attempt=escrow("attempt"),
            pending=escrow("pending"),
            last_active_at=escrow("last_active_at"),
            fees=escrow("fees"),
            fee_bps=escrow("fee_bps"),
            fee_bps_later=self.number(self.escrow, "fee_bps_at(uint256)", FAR_EPOCH),
            owner=escrow("owner"),
            pending_owner=escrow("pending_owner"),
            operator=escrow("operator"),
            guardian=escrow("guardian"),
            treasury=escrow("treasury"),
            threshold=escrow("threshold"),
            attestor_count=escrow("attestor_count"),
            attestors=frozenset(attestors),
            window=escrow("window"),
            notice=escrow("notice"),
            paused_until=escrow("paused_until"),
            payout_paused_until=self.number(self.payout, "paused_until()"),
            root=self.number(self.payout, "root()"),
            paid=tuple(lanes(self.payout, GROUPS)),
            escrow_balance=self.number(self.token, "balanceOf(address)", to_int(self.escrow)),
            payout_balance=self.number(self.token, "balanceOf(address)", to_int(self.payout)),
        )
