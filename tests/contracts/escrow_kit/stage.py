"""A pair that is called with bare calldata: every call is watched, and judged by the laws when it succeeds."""

from dataclasses import dataclass
from typing import Any

import boa

from backend.core.keccak import keccak256
from escrow_kit.authority import check_authority
from escrow_kit.chain_view import ChainView, Event, Reader, Word, decode_event, selector, to_int
from escrow_kit.encoding import encode
from escrow_kit.laws import GAS_MAX, LAWS, History, Step, highest_final, remember
from escrow_kit.pair import UNLIMITED, Pair, deploy_pair, role, source
from escrow_kit.signing import account

KEYS = range(1, 21)
RICH = 2**44
READS = ("view", "pure")
TRANSFER = int.from_bytes(keccak256(b"Transfer(address,address,uint256)"))


@dataclass(frozen=True)
class Call:
    """Bytes sent to one of the two contracts."""

    contract: str
    data: bytes
    sender: int
    value: int = 0
    gas: int = GAS_MAX


@dataclass(frozen=True)
class Function:
    """An external function as the ABI lists it."""

    contract: str
    name: str
    types: tuple[str, ...]
    reads: bool

    @property
    def selector(self) -> bytes:
        return selector(f"{self.name}({','.join(self.types)})")


def functions_of(name: str, contract: Any) -> list[Function]:
    """Every external function of a contract."""
    return [
        Function(
            name,
            item["name"],
            tuple(argument["type"] for argument in item["inputs"]),
            item["stateMutability"] in READS,
        )
        for item in contract.abi
        if item["type"] == "function"
    ]


@dataclass
class Memory:
    """What a stage knows of the chain it stands on; copied before calls that will be undone."""

    history: History
    view: ChainView
    slots: dict[Word, int]

    def copy(self) -> "Memory":
        return Memory(self.history.copy(), self.view, self.slots.copy())


class Stage:
    """One deployed pair and everybody around it."""

    def __init__(self) -> None:
        traced = boa.env.sstore_trace
        boa.env.sstore_trace = {}
        self.pair: Pair = deploy_pair()
        self.wallet = to_int(source("testing/ContractWallet.vy").deploy(role(6)).address)
        self.contracts = {"escrow": self.pair.escrow, "payout": self.pair.payout}
        self.functions = functions_of("escrow", self.pair.escrow) + functions_of("payout", self.pair.payout)
        self.by_selector = {(function.contract, function.selector): function for function in self.functions}
        self.keys = {to_int(role(number)): account(number) for number in KEYS}
        self.escrow, self.payout = to_int(self.pair.escrow.address), to_int(self.pair.payout.address)
        self.people = [*self.keys, self.wallet, to_int(self.pair.token.address)]
        self.reader = Reader(self.pair, [*self.people, self.escrow, self.payout])
        for who in self.people[:-1]:
            self.pair.token.mint(address(who), RICH)
            self.pair.token.approve(self.pair.escrow, UNLIMITED, sender=address(who))
        self.memory = Memory(History(), self.reader.view(), written_words())
        boa.env.sstore_trace = traced

    @property
    def now(self) -> int:
        return int(boa.env.evm.patch.timestamp)

    def wait_until(self, moment: int) -> None:
        if moment > self.now:
            boa.env.evm.patch.timestamp = moment

    def do(self, contract: str, name: str, *arguments: object, sender: int | str) -> None:
        """A call that must succeed."""
        (function,) = (one for one in self.functions if (one.contract, one.name) == (contract, name))
        who = sender if isinstance(sender, int) else to_int(sender)
        error = self.send(Call(contract, function.selector + encode(function.types, arguments), who))
        assert error is None, f"{name} reverts with {error}"

    def send(self, call: Call) -> str | None:
        """Makes the call and judges it. Returns why it reverted, None when it did not."""
        if call.value:
            boa.env.set_balance(address(call.sender), call.value)
        traced, boa.env.sstore_trace = boa.env.sstore_trace, {}
        try:
            computation = boa.env.execute_code(
                to_address=self.contracts[call.contract].address,
                sender=address(call.sender),
                data=call.data,
                value=call.value,
                gas=call.gas,
            )
            written = written_words()
        finally:
            boa.env.sstore_trace = traced
        changed = {word: value for word, value in written.items() if self.memory.slots.get(word, 0) != value}
        logs = sorted(computation.get_raw_log_entries())
        if computation.is_error:
            assert not changed, "L45: a call that reverted changed something"
            assert not logs, "L45: a call that reverted logged something"
            return revert_reason(computation)
        assert call.value == 0, "L1: a function took ether"
        function = self.by_selector.get((call.contract, call.data[:4]))
        if changed or logs:
            assert function is not None, "L16: calldata of no function wrote to the chain"
            assert not function.reads, f"L16: {function.name} is a getter and wrote to the chain"
            self.reader.forget(set(changed))
            self._judge(call, function.name, logs, computation.get_gas_used())
            self.memory.slots.update(changed)
        return None

    def _judge(self, call: Call, function: str, logs: list[Any], gas_used: int) -> None:
        events, transfers = self._decode(logs)
        after = self.reader.view()
        step = Step(
            call.contract,
            function,
            call.data,
            call.sender,
            self.now,
            self.memory.view,
            after,
            events,
            transfers,
            self.escrow,
            self.payout,
            gas_used,
        )
        check_authority(step)
        for law in LAWS:
            law(step, self.memory.history)
        remember(step, self.memory.history)
        self.memory.view = after

    def _decode(self, logs: list[Any]) -> tuple[tuple[Event, ...], tuple[tuple[int, int, int], ...]]:
        events, transfers = [], []
        for _, where, topics, data in logs:
            source_ = int.from_bytes(where)
            if source_ in (self.escrow, self.payout):
                contract = self.pair.escrow if source_ == self.escrow else self.pair.payout
                events.append(decode_event(contract, list(topics), data))
            elif topics[0] == TRANSFER:
                transfers.append((topics[1], topics[2], int.from_bytes(data)))
            else:
                assert topics[1] not in (self.escrow, self.payout), "L16: the contracts approve nobody"
        return tuple(events), tuple(transfers)

    def check_at_rest(self) -> None:
        """L5, L16: what need not be asked after each call: code, ether, and the bound of every payout."""
        history, view = self.memory.history, self.memory.view
        self.reader.answers.clear()
        assert self.reader.view() == view, "L4: something changed between two calls"
        for contract in self.contracts.values():
            assert boa.env.get_balance(contract.address) == 0, "L1: a contract holds ether"
        for index, paid in enumerate(view.paid):
            assert paid <= highest_final(history, index), "L5: paid more than any final root says"
        for campaign, budget in enumerate(view.campaigns):
            assert self.reader.number(self.pair.escrow.address, "remaining(uint256)", campaign) == budget.remaining


def written_words() -> dict[Word, int]:
    """Present values of the words of storage that titanoboa saw written since its trace was emptied."""
    return {
        (to_int(where), slot): boa.env.get_storage(where, slot)
        for where, slots in boa.env.sstore_trace.items()
        for slot in slots
    }


def address(number: int) -> str:
    return f"0x{number:040x}"


def revert_reason(computation: Any) -> str:
    """The reason string, or the kind of failure."""
    output = bytes(computation.output)
    if output[:4] == bytes.fromhex("08c379a0"):
        return output[68 : 68 + int.from_bytes(output[36:68])].decode(errors="replace")
    return type(computation.error).__name__
