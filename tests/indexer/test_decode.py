"""Decoding is exact: what an independent encoder wrote comes back, and nothing malformed passes (L45)."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from indexer.decode import DecodeError, Decoder, Log
from indexer.events import ESCROW, EVENT_TYPES, PAYOUT, EventType

ABI = Path(__file__).parents[2] / "contracts" / "abi"
ADDRESSES = {ESCROW: "0x" + "e5" * 20, PAYOUT: "0x" + "fa" * 20}
DECODER = Decoder(ADDRESSES)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "uint256": st.integers(0, 2**256 - 1),
    "uint64": st.integers(0, 2**64 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint8": st.integers(0, 2**8 - 1),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "bytes32": st.binary(min_size=32, max_size=32),
    "bool": st.booleans(),
}
each_event = pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.table)


def log_of(kind: EventType, values: list[Any]) -> Log:
    pairs = list(zip(kind.fields, values, strict=True))
    topics = [encode([field.abi], [value]) for field, value in pairs if field.indexed]
    plain = [(field.abi, value) for field, value in pairs if not field.indexed]
    data = encode([abi for abi, _ in plain], [value for _, value in plain])
    return Log(7, 3, "0xb", "0xt", ADDRESSES[kind.contract], (kind.topic, *topics), data)


def test_declared_events__equal_the_contracts_abi() -> None:
    for contract in (ESCROW, PAYOUT):
        abi = [entry for entry in json.loads((ABI / f"{contract}.json").read_text()) if entry["type"] == "event"]
        compiled = {entry["name"]: [(field["type"], field["indexed"]) for field in entry["inputs"]] for entry in abi}
        declared = {
            kind.event.__name__: [(field.abi, field.indexed) for field in kind.fields]
            for kind in EVENT_TYPES
            if kind.contract == contract
        }
        assert declared == compiled
        names = {entry["name"]: [field["name"] for field in entry["inputs"]] for entry in abi}
        for kind in EVENT_TYPES:
            if kind.contract == contract:
                ours = [field.name.replace("publisher_index", "index") for field in kind.fields]
                assert ours == names[kind.event.__name__]


@each_event
@given(st.data())
def test_decode__of_an_independent_encoding__gives_the_values(kind: EventType, draw: st.DataObject) -> None:
    values = [draw.draw(VALUES[field.abi]) for field in kind.fields]
    found_kind, event = DECODER.decode(log_of(kind, values))
    expected = ["0x" + value.hex() if isinstance(value, bytes) else value for value in values]
    assert found_kind is kind
    assert list(event) == expected


@each_event
@given(st.data())
def test_decode__padding_set__is_rejected(kind: EventType, draw: st.DataObject) -> None:
    """L45."""
    narrow = [field for field in kind.fields if field.abi not in ("uint256", "bytes32")]
    if not narrow:
        return
    log = log_of(kind, [draw.draw(VALUES[field.abi]) for field in kind.fields])
    field = draw.draw(st.sampled_from(narrow))
    peers = [other for other in kind.fields if other.indexed == field.indexed]
    place, byte = peers.index(field), draw.draw(st.integers(0, 11))
    if field.indexed:
        topics = list(log.topics)
        topics[1 + place] = dirty(topics[1 + place], byte)
        log = log._replace(topics=tuple(topics))
    else:
        start = 32 * place
        log = log._replace(data=log.data[:start] + dirty(log.data[start : start + 32], byte) + log.data[start + 32 :])
    with pytest.raises(DecodeError):
        DECODER.decode(log)


def dirty(word: bytes, byte: int) -> bytes:
    return word[:byte] + bytes([word[byte] ^ 1]) + word[byte + 1 :]


@each_event
def test_decode__wrong_length__is_rejected(kind: EventType) -> None:
    """L45."""
    zero: dict[str, Any] = {"address": "0x" + "00" * 20, "bytes32": bytes(32), "bool": False}
    log = log_of(kind, [zero.get(field.abi, 0) for field in kind.fields])
    for broken in (
        log._replace(data=log.data + b"\0"),
        log._replace(data=log.data + bytes(32)),
        log._replace(topics=(*log.topics, bytes(32))),
        log._replace(topics=()),
        log._replace(topics=(bytes(32),)),
        log._replace(address="0x" + "00" * 20),
    ):
        with pytest.raises(DecodeError):
            DECODER.decode(broken)
