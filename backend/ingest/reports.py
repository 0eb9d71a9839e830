"""The wire format of POST /v1/events, and of what is written to the stream before it is acknowledged."""

from itertools import pairwise
from typing import Annotated

import msgspec

from backend.core.events import Sample
from backend.core.reasons import DropReason

EVENTS_MAX = 100
SAMPLES_MAX = 600
TOKEN_LENGTH_MAX = 256

Token = Annotated[str, msgspec.Meta(max_length=TOKEN_LENGTH_MAX)]


class Viewable(msgspec.Struct, tag_field="kind", tag="viewable", forbid_unknown_fields=True, gc=False):
    """Exposure of one ad: samples in the order of time. `rendered_at_ms` is the client's clock, for reports only."""

    token: Token
    samples: Annotated[list[Sample], msgspec.Meta(min_length=1, max_length=SAMPLES_MAX)]
    rendered_at_ms: int | None = None


class Click(msgspec.Struct, tag_field="kind", tag="click", forbid_unknown_fields=True, gc=False):
    """A click on an ad that was seen."""

    token: Token


Report = Viewable | Click


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """A batch as it should be."""

    events: Annotated[list[Report], msgspec.Meta(min_length=1)]


class RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    """Events stay undecoded, so that a malformed one spoils only itself."""

    events: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]


class AcceptedRecord(msgspec.Struct, tag_field="is", tag="accepted", array_like=True, gc=False):
    """An accepted event as it waits in the stream; the fields are those of the `event` table. Samples are JSON, which

    the consumer hands on without reading it.
    """

    event_id: str
    decision_id: str
    kind: str
    bid_kind: str
    chain_campaign: int
    line_item_id: int
    creative_id: int
    placement_id: int
    publisher_index: int
    price_micro_usdc: int
    occurred_ms: int
    samples: msgspec.Raw
    action_price_micro_usdc: int = 0
    click_ref: str | None = None
    viewer_mark: int | None = None
    network_mark: int | None = None


class DroppedRecord(msgspec.Struct, tag_field="is", tag="dropped", array_like=True, gc=False):
    """A dropped event as it waits in the stream."""

    reason: DropReason
    kind: str | None
    decision_id: str | None
    placement_id: int | None


Record = AcceptedRecord | DroppedRecord


class Entry(msgspec.Struct, array_like=True):
    """One entry of the stream: all events of one request with their verdicts, in order."""

    received_ms: int
    records: list[Record]


class Written(msgspec.Struct, array_like=True):
    """An Entry for the door, where some records may be JSON already."""

    received_ms: int
    records: list[AcceptedRecord | DroppedRecord | msgspec.Raw]


decode_batch = msgspec.json.Decoder(Batch).decode
decode_raw_batch = msgspec.json.Decoder(RawBatch).decode
decode_report = msgspec.json.Decoder(Report).decode
encode_entry = msgspec.json.Encoder().encode
decode_entry = msgspec.json.Decoder(Entry).decode
decode_record = msgspec.json.Decoder(AcceptedRecord).decode
_encode_samples = msgspec.json.Encoder().encode
NO_SAMPLES = msgspec.Raw(b"[]")


def samples_of(samples: list[Sample]) -> msgspec.Raw:
    """Samples in the one form in which they are kept, whatever spaces and decimal points they came with."""
    return msgspec.Raw(_encode_samples(samples)) if samples else NO_SAMPLES


def in_time(samples: list[Sample]) -> bool:
    """Whether time goes forward; that every number is within its unit, the decoder has seen."""
    return all(earlier.t_ms < later.t_ms for earlier, later in pairwise(samples))
