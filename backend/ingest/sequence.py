"""What only the order of events decides: an event counts once, and a click only after its view."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from backend.core.events import KIND_BYTE, EventKind
from backend.core.reasons import DropReason
from backend.ingest.reports import AcceptedRecord, DroppedRecord, Entry, Record


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `event` or `dropped_event`, by its place in the stream."""

    stream_id: str
    stream_index: int
    received_ms: int
    record: Record


def view_id(decision_id: str) -> str:
    """Event id of a decision's viewable impression; `decision_id` is hex."""
    return decision_id + KIND_BYTE[EventKind.VIEWABLE]


def asked_ids(entries: Iterable[tuple[str, Entry]]) -> set[str]:
    """Event ids whose presence in SQL decides about these entries."""
    records = [record for _, entry in entries for record in entry.records if isinstance(record, AcceptedRecord)]
    return {record.event_id for record in records} | {view_id(record.decision_id) for record in records}


def in_order(entries: Iterable[tuple[str, Entry]], stored: Set[str]) -> list[Row]:
    """One row for each event, in the order of the stream. `stored` are the event ids that SQL has already."""
    seen = set(stored)
    rows: list[Row] = []
    for stream_id, entry in entries:
        for index, record in enumerate(entry.records):
            decided = record
            if isinstance(record, AcceptedRecord):
                reason = _refusal(record, seen)
                if reason is None:
                    seen.add(record.event_id)
                else:
                    decided = DroppedRecord(reason, record.kind, record.decision_id, record.placement_id)
            rows.append(Row(stream_id, index, entry.received_ms, decided))
    return rows


def _refusal(record: AcceptedRecord, seen: Set[str]) -> DropReason | None:
    if record.event_id in seen:
        return DropReason.REPLAYED
    if record.kind == EventKind.CLICK and view_id(record.decision_id) not in seen:
        return DropReason.CLICK_BEFORE_VIEW
    return None
