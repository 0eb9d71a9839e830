"""What only the order of events decides: an event counts once, and a click with its view.

A click that comes before its view is dropped, and remembered: when the view comes after all, both count.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

import msgspec

from backend.core.events import KIND_BYTE, EventKind
from backend.core.reasons import DropReason
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Entry

LATE_MS = 15_000                # conversions wait at least 30 s longer than a token lives

_VIEW, _CLICK = EventKind.VIEWABLE.value, EventKind.CLICK.value


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row of `event` or `dropped_event`, by its place in the stream."""

    stream_id: str
    stream_index: int
    received_ms: int
    record: AcceptedRecord | DroppedRecord


@dataclass(slots=True)
class Sequence:
    """What becomes of entries: `rows` to write, clicks that are `early`, and those before that are `taken_back`."""

    rows: list[Row] = field(default_factory=list)
    early: list[Row] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)


def view_id(decision_id: str) -> str:
    """Event id of a decision's viewable impression; `decision_id` is hex."""
    return decision_id + KIND_BYTE[EventKind.VIEWABLE]


def click_id(decision_id: str) -> str:
    """Event id of a decision's click."""
    return decision_id + KIND_BYTE[EventKind.CLICK]


def asked_ids(entries: Iterable[tuple[str, Entry]], *, views_too: bool = True) -> set[str]:
    """Event ids whose presence in SQL decides about these entries.

    Without `views_too` only those of clicks and what they follow: a second view is found by its unique key.
    """
    records = _accepted(entries)
    if not views_too:
        records = [record for record in records if record.kind == _CLICK]
    return {record.event_id for record in records} | {view_id(record.decision_id) for record in records}


def asked_early(entries: Iterable[tuple[str, Entry]]) -> set[str]:
    """Event ids of the clicks that may have come early."""
    return {click_id(record.decision_id) for record in _accepted(entries)}


def late_decisions(entries: Iterable[tuple[str, Entry]]) -> set[str]:
    """Decisions whose events came long before they were in the stream: clicks on a disk, and what was put back.

    Names that no decision has are left out: no table will have them.
    """
    return {
        record.decision_id for stream_id, entry in entries
        if int(stream_id.partition("-")[0]) > entry.received_ms + LATE_MS
        for record in entry.records if type(record) is AcceptedRecord and record.decision_id.isalnum()
    }


def _accepted(entries: Iterable[tuple[str, Entry]]) -> list[AcceptedRecord]:
    return [record for _, entry in entries for record in entry.records if type(record) is AcceptedRecord]


def in_order(
    entries: Iterable[tuple[str, Entry]], stored: Set[str], early: Mapping[str, Row] | None = None
) -> Sequence:
    """One row for each event, in the order of the stream; an early click is followed by its view.

    `stored` are the event ids that SQL has already, `early` the clicks that it remembers.
    """
    return _Order(set(stored), dict(early or {})).run(entries)


class _Order:
    def __init__(self, seen: set[str], before: dict[str, Row]) -> None:
        self._seen = seen
        self._before = before                   # early clicks of SQL
        self._waiting: dict[str, Row] = {}      # early clicks of these entries
        self._found = Sequence()

    def run(self, entries: Iterable[tuple[str, Entry]]) -> Sequence:
        for stream_id, entry in entries:
            for index, record in enumerate(entry.records):
                self._take(Row(stream_id, index, entry.received_ms, record))
        for row in self._waiting.values():
            self._found.early.append(row)
            self._drop(row, DropReason.CLICK_BEFORE_VIEW)
        return self._found

    def _take(self, row: Row) -> None:
        record = row.record
        if type(record) is not AcceptedRecord:
            self._found.rows.append(row)
        elif record.event_id in self._seen or record.event_id in self._waiting or record.event_id in self._before:
            self._drop(row, DropReason.REPLAYED)
        elif record.kind == _CLICK and view_id(record.decision_id) not in self._seen:
            self._waiting[record.event_id] = row
        else:
            self._accept(row, record.event_id)
            if record.kind == _VIEW:
                self._follow(click_id(record.decision_id))

    def _accept(self, row: Row, event_id: str) -> None:
        self._seen.add(event_id)
        self._found.rows.append(row)

    def _follow(self, click: str) -> None:
        """The click that waited for this view."""
        row = self._waiting.pop(click, None)
        if row is None:
            row = self._before.pop(click, None)
            if row is None:
                return
            self._found.taken_back.append(click)
        self._accept(row, click)

    def _drop(self, row: Row, reason: DropReason) -> None:
        record = row.record
        assert isinstance(record, AcceptedRecord)
        dropped = DroppedRecord(reason, record.kind, record.decision_id, record.placement_id)
        self._found.rows.append(Row(row.stream_id, row.stream_index, row.received_ms, dropped))
