"""Logs to typed events: strict about every padding byte, because a sloppy decoder turns a bad answer into bad money."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from indexer.events import EVENT_TYPES, Event, EventType, FieldType

Value = int | str | bool
WORD = 32


class DecodeError(ValueError):
    """A log of our contract that is not one of its events, or is malformed."""


class Log(NamedTuple):
    """One log of one of our contracts, at its place in the chain; hashes and addresses as lowercase 0x-hex."""

    number: int
    log_index: int
    block_hash: str
    tx_hash: str
    address: str
    topics: tuple[bytes, ...]
    data: bytes


def _unsigned(bits: int) -> Callable[[bytes], int]:
    zeros = bytes(WORD - bits // 8)

    def convert(word: bytes) -> int:
        if not word.startswith(zeros):
            raise DecodeError(f"uint{bits} out of range: {word.hex()}")
        return int.from_bytes(word, "big")

    return convert


def _address(word: bytes) -> str:
    if not word.startswith(_ADDRESS_PADDING):
        raise DecodeError(f"address with padding set: {word.hex()}")
    return "0x" + word[12:].hex()


def _boolean(word: bytes) -> bool:
    value = int.from_bytes(word, "big")
    if value > 1:
        raise DecodeError(f"not a bool: {word.hex()}")
    return value == 1


def _bytes32(word: bytes) -> str:
    return "0x" + word.hex()


_ADDRESS_PADDING = bytes(12)
_CONVERTERS: dict[str, Callable[[bytes], Value]] = {
    "uint256": lambda word: int.from_bytes(word, "big"),
    "uint64": _unsigned(64),
    "uint32": _unsigned(32),
    "uint8": _unsigned(8),
    "address": _address,
    "bool": _boolean,
    "bytes32": _bytes32,
}


class Decoder:
    """Decodes the logs of one deployment: `decode(log)` gives the event's type and its value."""

    def __init__(self, addresses: dict[str, str]) -> None:
        """`addresses` maps contract names (`CampaignEscrow`, `PublisherPayout`) to lowercase 0x-addresses."""
        self._plans = {
            (addresses[kind.contract], kind.topic): _Plan(kind) for kind in EVENT_TYPES if kind.contract in addresses
        }

    def decode(self, log: Log) -> tuple[EventType, Event]:
        """The typed event of a log. Raises DecodeError for an unknown topic, a wrong length or non-zero padding."""
        if not log.topics:
            raise DecodeError(f"log {log.log_index} of block {log.number} has no topic")
        plan = self._plans.get((log.address, log.topics[0]))
        if plan is None:
            raise DecodeError(f"{log.address} emitted an unknown event, topic 0x{log.topics[0].hex()}")
        return plan.kind, plan.decode(log.topics, log.data)


class _Plan:
    """Where each field of an event is found, worked out once."""

    __slots__ = ("_converters", "_data_size", "_order", "_topics", "kind")

    def __init__(self, kind: EventType) -> None:
        indexed = [field for field in kind.fields if field.indexed]
        plain = [field for field in kind.fields if not field.indexed]
        self.kind = kind
        self._topics = 1 + len(indexed)
        self._data_size = WORD * len(plain)
        self._converters = tuple(_CONVERTERS[field.abi] for field in indexed + plain)
        self._order = _positions(kind.fields, indexed + plain)

    def decode(self, topics: Sequence[bytes], data: bytes) -> Event:
        if len(topics) != self._topics or len(data) != self._data_size:
            raise DecodeError(f"{self.kind.signature} with {len(topics)} topics and {len(data)} bytes")
        words = [*topics[1:], *(data[i : i + WORD] for i in range(0, len(data), WORD))]
        values = [convert(word) for convert, word in zip(self._converters, words, strict=True)]
        if self._order is not None:
            values = [values[place] for place in self._order]
        event: Event = self.kind.event(*values)  # type: ignore[arg-type]  # the plan pairs converters with fields
        return event


def _positions(declared: Sequence[FieldType], travelling: Sequence[FieldType]) -> tuple[int, ...] | None:
    """Where each declared field travels; None when both orders agree (all our events put indexed fields first)."""
    order = tuple(travelling.index(field) for field in declared)
    return None if order == tuple(range(len(order))) else order
