"""From a node to proven facts: a range of linked blocks, the events in them, and the calldata that some events need."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer import proof
from indexer.answers import Header, LogAnswer, Receipt
from indexer.config import Deployment
from indexer.decode import DecodeError, Decoder, Log
from indexer.events import ESCROW, PAYOUT, Batch, Event, EventType, Finalized
from indexer.handlers import Place
from indexer.reorg import Tip
from indexer.rpc import Client, RpcError, quantity

RECEIPT_BLOCKS = 16  # blocks whose receipts are asked for at once: bounds memory


class NotLinked(RpcError):
    """The next block does not descend from our tip: a reorganisation, seen before or while reading."""


class Block(NamedTuple):
    """What is stored of a block; `proven`: its logs are complete by proof, not by a node's word."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    proven: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event at its place, with the log it came from."""

    place: Place
    kind: EventType
    event: Event
    log: Log


@dataclass(frozen=True, slots=True)
class Range:
    """Consecutive blocks above `after`, everything in them that is ours, and calldata by transaction hash."""

    after: Tip
    blocks: Sequence[Block]
    occurrences: Sequence[Occurrence]
    inputs: dict[str, list[bytes]] = field(default_factory=dict)

    @property
    def tip(self) -> Tip:
        return Tip(self.blocks[-1].number, self.blocks[-1].hash)


class Reader:
    """Reads ranges of one deployment. Nothing is returned that does not hold; everything odd raises RpcError."""

    def __init__(
        self, client: Client, deployment: Deployment, *, prove: bool, range_blocks: int, range_events: int
    ) -> None:
        self.prove = prove
        self._client = client
        self._addresses = (deployment.escrow, deployment.payout)
        self._masks = [proof.bloom_mask(bytes.fromhex(address[2:])) for address in self._addresses]
        self._decoder = Decoder({ESCROW: deployment.escrow, PAYOUT: deployment.payout})
        self._range_blocks = range_blocks
        self._range_events = range_events

    def read(self, after: Tip, last: int) -> Range:
        """The next range above `after`, at most up to block `last`.

        Raises NotLinked on a reorganisation, RpcError on any odd answer, DecodeError when a log is not one of ours.
        """
        numbers = range(after.number + 1, min(last, after.number + self._range_blocks) + 1)
        headers = self._linked(after, numbers)
        headers, logs, unproven = self._with_logs(headers)
        blocks = [_block(header, proven=_number(header) not in unproven) for header in headers]
        occurrences = [self._occurrence(block, log) for block in blocks for log in logs.get(block.number, ())]
        return Range(after, blocks, occurrences, self._inputs(occurrences))

    def _with_logs(self, headers: list[Header]) -> tuple[list[Header], dict[int, list[Log]], set[int]]:
        """As many of the headers as fit the range, our logs by block number, and the blocks whose logs are unproven.

        A block whose bloom lacks both contracts has no logs of ours: that needs no further proof.
        """
        hits = [header for header in headers if proof.may_contain(header, self._masks)]
        logs: dict[int, list[Log]] = {} if self.prove else self._trusted(hits)
        unproven = set(logs)
        hits = [header for header in hits if _number(header) not in logs]
        count = 0
        for start in range(0, len(hits), RECEIPT_BLOCKS):
            part = self._proven(hits[start : start + RECEIPT_BLOCKS])
            logs |= part
            count += sum(map(len, part.values()))
            if count >= self._range_events:
                last = max(part)
                return [header for header in headers if _number(header) <= last], logs, unproven
        return headers, logs, unproven

    def _linked(self, after: Tip, numbers: Sequence[int]) -> list[Header]:
        headers, parent = self._client.headers(numbers), after.hash
        for header in headers:
            try:
                proof.check_header(header)
            except ValueError as error:
                raise RpcError(str(error)) from error
            if header.parent_hash != parent:
                raise NotLinked(f"block {_number(header)} does not follow {parent}")
            parent = header.hash
        return headers

    def _proven(self, headers: Sequence[Header]) -> dict[int, list[Log]]:
        found = self._client.receipts([header.hash for header in headers])
        return {_number(header): self._of_block(header, got) for header, got in zip(headers, found, strict=True)}

    def _of_block(self, header: Header, receipts: Sequence[Receipt]) -> list[Log]:
        """Our logs of a block from receipts that hash to its receipts root."""
        try:
            proof.check_receipts(header, receipts)
        except proof.ProofError as error:
            raise RpcError(str(error)) from error
        if [receipt.transaction_hash for receipt in receipts] != header.transactions:
            raise RpcError(f"receipts of block {_number(header)} name other transactions than the block")
        logs = [(receipt.transaction_hash, log) for receipt in receipts for log in receipt.logs]
        read = (_log(header, index, tx_hash, log) for index, (tx_hash, log) in enumerate(logs))
        return [log for log in read if log.address in self._addresses]

    def _trusted(self, hits: Sequence[Header]) -> dict[int, list[Log]]:
        """Logs as `eth_getLogs` tells them; a block of `hits` that it leaves out is left to be proven."""
        if not hits:
            return {}
        by_hash = {header.hash: header for header in hits}
        logs: dict[int, list[Log]] = {}
        for answer in self._client.logs(_number(hits[0]), _number(hits[-1]), self._addresses):
            header = by_hash.get(answer.block_hash)
            if header is None or answer.removed:
                raise RpcError(f"eth_getLogs told a log of another block: {answer.block_hash}")
            log = _log(header, quantity(answer.log_index), answer.transaction_hash, answer)
            if log.address not in self._addresses:
                raise RpcError(f"eth_getLogs told a log of another contract: {log.address}")
            block = logs.setdefault(log.number, [])
            if block and block[-1].log_index >= log.log_index:
                raise RpcError(f"eth_getLogs told log {log.log_index} of block {log.number} twice or out of order")
            block.append(log)
        return logs

    def _occurrence(self, block: Block, log: Log) -> Occurrence:
        try:
            kind, event = self._decoder.decode(log)
        except DecodeError as error:
            if self.prove:
                raise
            raise RpcError(f"unproven log cannot be read: {error}") from error
        return Occurrence(Place(log.number, log.log_index, log.tx_hash, block.timestamp), kind, event, log)

    def _inputs(self, occurrences: Sequence[Occurrence]) -> dict[str, list[bytes]]:
        """Calldata of the transactions whose events do not say everything."""
        wanted = {occurrence.place.tx_hash: None for occurrence in occurrences if _needs_calldata(occurrence.event)}
        inputs = self._client.inputs(list(wanted))
        return {tx_hash: [data] for tx_hash, data in zip(wanted, inputs, strict=True)}


def _needs_calldata(event: Event) -> bool:
    return isinstance(event, Finalized | Batch) and event.total > 0


def _block(header: Header, *, proven: bool) -> Block:
    return Block(_number(header), header.hash, header.parent_hash, int(header.timestamp, 16), proven)


def _number(header: Header) -> int:
    return int(header.number, 16)


def _log(header: Header, log_index: int, tx_hash: str, answer: LogAnswer) -> Log:
    try:
        return Log(
            number=int(header.number, 16),
            log_index=log_index,
            block_hash=header.hash,
            tx_hash="0x" + bytes.fromhex(tx_hash[2:]).hex(),
            address="0x" + bytes.fromhex(answer.address[2:]).hex(),
            topics=tuple(bytes.fromhex(topic[2:]) for topic in answer.topics),
            data=bytes.fromhex(answer.data[2:]),
        )
    except ValueError as error:
        raise RpcError(f"a log of block {header.number} is not hex") from error
