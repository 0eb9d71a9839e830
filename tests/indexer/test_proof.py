"""Recorded blocks hash to what they claim, and nothing else does (L42)."""

import importlib.util
from pathlib import Path
from typing import Any

import msgspec
import pytest
import rlp
from hypothesis import assume, given
from hypothesis import strategies as st
from trie import HexaryTrie

from indexer import proof
from indexer.answers import Header, LogAnswer, Receipt

BLOCKS = Path(__file__).parent / "blocks"


class RecordedBlock(msgspec.Struct):
    header: Header
    receipts: list[Receipt]


def recorded(name: str) -> list[RecordedBlock]:
    """Blocks that `record.py` wrote; all fork names are blocks of a chain with the rules of that fork."""
    return msgspec.json.decode((BLOCKS / f"{name}.json").read_bytes(), type=list[RecordedBlock])


MIXED = recorded("mixed")[0]  # 20 transactions of three types, some reverted, logs with 0 to 4 topics
words = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
data = st.binary(max_size=100).map(lambda raw: "0x" + raw.hex())
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
logs = st.builds(
    LogAnswer,
    address=addresses,
    topics=st.lists(words, max_size=4),
    data=data,
    log_index=st.just("0x0"),
    transaction_hash=words,
    block_hash=words,
    block_number=st.just("0x1"),
)
receipts = st.builds(
    Receipt,
    transaction_hash=words,
    block_hash=words,
    cumulative_gas_used=st.integers(0, 2**40).map(hex),
    logs_bloom=st.binary(min_size=256, max_size=256).map(lambda raw: "0x" + raw.hex()),
    logs=st.lists(logs, max_size=3),
    type=st.sampled_from(["0x0", "0x1", "0x2", "0x3", "0x4"]),
    status=st.sampled_from(["0x0", "0x1"]),
)


@pytest.mark.parametrize("name", ["london", "shanghai", "cancun", "prague", "mixed"])
def test_recorded_block__headers_and_receipts__are_proven(name: str) -> None:
    for block in recorded(name):
        proof.check_header(block.header)
        proof.check_receipts(block.header, block.receipts)


@pytest.mark.parametrize(
    "field", [field for field in Header.__struct_fields__ if field not in ("hash", "transactions")]
)
def test_header__any_field_changed__is_rejected(field: str) -> None:
    value = getattr(MIXED.header, field)
    changed = value + "01" if value == "0x" else value[:-1] + ("0" if value[-1] != "0" else "1")
    with pytest.raises(proof.ProofError):
        proof.check_header(msgspec.structs.replace(MIXED.header, **{field: changed}))


@given(st.data())
def test_receipts__any_log_dropped_added_or_changed__is_rejected(draw: st.DataObject) -> None:
    """L42."""
    changed = list(MIXED.receipts)
    at = draw.draw(st.sampled_from([i for i, receipt in enumerate(changed) if receipt.logs]))
    kept = list(changed[at].logs)
    place = draw.draw(st.integers(0, len(kept) - 1))
    match draw.draw(st.sampled_from(["drop", "add", "address", "topics", "data", "swap receipts"])):
        case "drop":
            del kept[place]
        case "add":
            kept.insert(place, draw.draw(logs))
        case "swap receipts":
            other = draw.draw(st.integers(0, len(changed) - 1))
            assume(proof.receipt_bytes(changed[other]) != proof.receipt_bytes(changed[at]))
            changed[at], changed[other] = changed[other], changed[at]
            kept = list(changed[at].logs)
        case field:
            value = draw.draw({"address": addresses, "data": data, "topics": st.lists(words, max_size=4)}[field])
            assume(value != getattr(kept[place], field))
            kept[place] = msgspec.structs.replace(kept[place], **{field: value})
    changed[at] = msgspec.structs.replace(changed[at], logs=kept)
    with pytest.raises(proof.ProofError):
        proof.check_receipts(MIXED.header, changed)


@pytest.mark.parametrize("index", range(len(MIXED.receipts)))
def test_receipts__one_left_out__is_rejected(index: int) -> None:
    """L42."""
    with pytest.raises(proof.ProofError):
        proof.check_receipts(MIXED.header, MIXED.receipts[:index] + MIXED.receipts[index + 1 :])


def test_receipts__without_status_or_with_junk__are_rejected() -> None:
    for change in ({"status": None}, {"logs_bloom": "0xzz"}, {"type": "0x100"}, {"cumulative_gas_used": ""}):
        broken = [msgspec.structs.replace(MIXED.receipts[0], **change), *MIXED.receipts[1:]]  # type: ignore[arg-type]
        with pytest.raises(proof.ProofError):
            proof.check_receipts(MIXED.header, broken)


@given(st.lists(receipts, max_size=12), st.sampled_from([1, 20, 130]))
def test_receipts_root__equals_another_implementation(drawn: list[Receipt], repeat: int) -> None:
    """Also beyond 128 receipts, where the keys of the trie grow to two bytes."""
    many = (drawn * repeat)[:300]
    trie = HexaryTrie({})
    for number, receipt in enumerate(many):
        trie[rlp.encode(number)] = proof.receipt_bytes(receipt)
    assert proof.receipts_root(many) == "0x" + trie.root_hash.hex()


@given(receipts)
def test_receipt_bytes__equals_another_implementation(receipt: Receipt) -> None:
    def raw(text: str) -> bytes:
        return bytes.fromhex(text[2:])

    found = [[raw(log.address), [raw(topic) for topic in log.topics], raw(log.data)] for log in receipt.logs]
    fields: list[Any] = [
        int(receipt.status or "", 16),
        int(receipt.cumulative_gas_used, 16),
        raw(receipt.logs_bloom),
        found,
    ]
    prefix = b"" if receipt.type == "0x0" else bytes([int(receipt.type, 16)])
    assert proof.receipt_bytes(receipt) == prefix + rlp.encode(fields)
    deposit = msgspec.structs.replace(receipt, type="0x7e", deposit_nonce="0x1f4", deposit_receipt_version="0x1")
    assert proof.receipt_bytes(deposit) == b"\x7e" + rlp.encode([*fields, 500, 1])


def test_bloom__every_address_and_topic_of_the_block__may_be_contained() -> None:
    for log in (log for receipt in MIXED.receipts for log in receipt.logs):
        for value in (log.address, *log.topics):
            assert proof.may_contain(MIXED.header, [proof.bloom_mask(bytes.fromhex(value[2:]))])
    assert not proof.may_contain(MIXED.header, [proof.bloom_mask(b"\x77" * 20)])


def test_recorder__can_be_loaded() -> None:
    """The script that wrote the blocks still fits the answers' shapes."""
    spec = importlib.util.spec_from_file_location("record", BLOCKS.parent / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.RecordedBlock.__struct_fields__ == RecordedBlock.__struct_fields__
