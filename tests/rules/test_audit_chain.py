"""The chain of the audit log: whatever is changed, taken out, put in or moved no longer follows (L67)."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.audit_chain import (
    GENESIS,
    ChainBroken,
    Entry,
    Head,
    canonical,
    entry_hash,
    follow,
    head_of,
    plain,
)

START = Head(0, GENESIS)
AT = datetime(2026, 11, 2, 10, 0, 0, 123_456, tzinfo=UTC)
LENGTH = 6


class Level(IntEnum):
    HIGH = 3


class Colour(StrEnum):
    RED = "red"


def chained(length: int = LENGTH) -> list[Entry]:
    """An honest log."""
    log: list[Entry] = []
    for sequence in range(1, length + 1):
        entry = Entry(
            sequence, "", sequence + 10, "0xaa", "0xbb", "campaign.create", f"campaign:{sequence}",
            {"name": "Autumn", "n": sequence}, AT + timedelta(seconds=sequence),
        )
        log.append(replace(entry, hash=entry_hash(log[-1].hash if log else GENESIS, entry)))
    return log


def broken_at(log: list[Entry]) -> int | None:
    try:
        list(follow(log, START))
    except ChainBroken as error:
        return error.broken.sequence
    return None


def test_follow__honest_log__ends_at_its_head() -> None:
    log = chained()
    assert list(follow(log, START))[-1] == Head(LENGTH, log[-1].hash)
    assert list(follow(log[3:], Head(3, log[2].hash)))[-1] == Head(LENGTH, log[-1].hash)


@pytest.mark.parametrize(
    ("field", "value"),
    [("actor", "0xcc"), ("account", "0xcc"), ("action", "campaign.end"), ("subject", "campaign:9"),
     ("details", {"name": "Winter", "n": 3}), ("created_at", AT), ("id", 99), ("hash", "f" * 64)],
)
def test_follow__any_field_changed__is_found_there(field: str, value: object) -> None:
    """L67."""
    log = chained()
    log[2] = replace(log[2], **{field: value})
    assert broken_at(log) == 3


def test_follow__changed_with_its_hash__is_found_at_the_next() -> None:
    """L67."""
    log = chained()
    forged = replace(log[2], actor="0xcc")
    log[2] = replace(forged, hash=entry_hash(log[1].hash, forged))
    assert broken_at(log) == 4


@given(st.integers(0, LENGTH - 2))
def test_follow__entry_taken_out__is_found(place: int) -> None:
    """L67."""
    log = chained()
    del log[place]
    assert broken_at(log) == place + 1
    renumbered = [replace(entry, sequence=number) for number, entry in enumerate(log, start=1)]
    assert broken_at(renumbered) == place + 1


@given(st.integers(0, LENGTH - 1), st.integers(0, LENGTH - 1))
def test_follow__two_entries_swapped__is_found(one: int, other: int) -> None:
    """L67."""
    log = chained()
    log[one], log[other] = replace(log[other], sequence=one + 1), replace(log[one], sequence=other + 1)
    assert broken_at(log) == (None if one == other else min(one, other) + 1)


def test_follow__row_of_an_entry_gone__is_found() -> None:
    """L67."""
    log = chained()
    log[1] = replace(log[1], id=None)
    assert broken_at(log) == 2


def test_hash__is_what_a_shell_computes() -> None:
    entry = chained(1)[0]
    assert entry.hash == hashlib.sha256((GENESIS + canonical(entry)).encode()).hexdigest()
    assert canonical(entry) == (
        '{"account":"0xbb","action":"campaign.create","actor":"0xaa","at_us":1793613601123456,'
        '"details":{"n":1,"name":"Autumn"},"entry":11,"sequence":1,"subject":"campaign:1"}'
    )


def test_plain__values_with_several_forms__have_one() -> None:
    assert plain({
        "amount": Decimal("1.50"), "share": 0.5, "at": AT, "level": Level.HIGH, "colour": Colour.RED, 7: (1, None),
        "set": {"b", "a"}, "yes": True, "nul": "a\x00b", "surrogate": "\ud800",
    }) == {
        "amount": "1.50", "share": "0.5", "at": "2026-11-02T10:00:00.123456+00:00", "level": 3, "colour": "red",
        "7": [1, None], "set": ["a", "b"], "yes": True, "nul": "a�b", "surrogate": "�",
    }


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20,
))
def test_plain__anything__is_json_that_stays_what_it_is(value: object) -> None:
    made = plain(value)
    assert plain(made) == made == json.loads(json.dumps(made))


def test_head__written_and_read__is_the_same() -> None:
    head = Head(12, "0a" * 32)
    assert head_of(str(head)) == head
    for wrong in ("", "12", "12:", "x:" + "0a" * 32, "12:" + "0A" * 32, "12:" + "0a" * 31):
        with pytest.raises(ValueError):
            head_of(wrong)
