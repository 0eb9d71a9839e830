"""The events file of a bundle: one row per charged event, sorted by event id, integers and hex only."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import zstandard

from backend.core.events import KIND_BYTE, EventKind

HEADER = b"event_id,campaign,line_item,creative,placement,publisher,price_micro_usdc\n"
BYTES_MAX = 512 * 1024**2     # about ten million events; more would be a way to exhaust an attestor
_NUMBER = rb"(0|[1-9][0-9]{0,19})"
_ROW = re.compile(rb"([0-9a-f]{32}0[1-4])" + (rb"," + _NUMBER) * 6)
_CONVERSION = re.compile(rb"^([0-9a-f]{32}" + KIND_BYTE[EventKind.CONVERSION].encode() + rb"),", re.MULTILINE)


class BundleError(ValueError):
    """The events file breaks its format."""


@dataclass(frozen=True, slots=True)
class ChargedEvent:
    """A row. `event_id` is 34 hex digits: decision id (its first 12 digits are Unix milliseconds) and kind."""

    event_id: str
    campaign: int
    line_item: int
    creative: int
    placement: int
    publisher: int
    price_micro_usdc: int

    @property
    def decided_ms(self) -> int:
        """Unix milliseconds of the decision."""
        return int(self.event_id[:12], 16)

    @property
    def is_conversion(self) -> bool:
        """Whether it may have been decided long before it was charged."""
        return self.event_id.endswith(KIND_BYTE[EventKind.CONVERSION])


def encode_events(events: Iterable[ChargedEvent]) -> bytes:
    """The CSV file: header, then the rows by event id, each line ended by a line feed."""
    rows = sorted(
        f"{e.event_id},{e.campaign},{e.line_item},{e.creative},{e.placement},{e.publisher},{e.price_micro_usdc}\n"
        for e in events
    )
    return HEADER + "".join(rows).encode("ascii")


def decode_events(content: bytes) -> list[ChargedEvent]:
    """The rows. Raises BundleError for a malformed row, or one that is out of order or there twice."""
    if not content.startswith(HEADER) or not content.endswith(b"\n"):
        raise BundleError("the header or the last line feed is missing")
    events: list[ChargedEvent] = []
    last = b""
    for number, line in enumerate(content[len(HEADER) :].split(b"\n")[:-1], start=2):
        match = _ROW.fullmatch(line)
        if match is None:
            raise BundleError(f"line {number} is malformed")
        event_id = match[1]
        if event_id <= last:
            raise BundleError(f"line {number}: event {event_id.decode()} is out of order or there twice")
        last = event_id
        events.append(ChargedEvent(event_id.decode(), *(int(match[column]) for column in range(2, 8))))
    return events


def conversion_ids(content: bytes) -> list[str]:
    """Ids of the conversions in an events file, the oldest decision first, without reading the other rows."""
    return [event_id.decode() for event_id in _CONVERSION.findall(content)]


def events_digest(content: bytes) -> bytes:
    """SHA-256 of the uncompressed file, so that a newer compressor never changes a statement."""
    return hashlib.sha256(content).digest()


def compress(content: bytes) -> bytes:
    """Zstandard frame (RFC 8878) with content size and checksum."""
    return zstandard.ZstdCompressor(level=9, write_checksum=True, write_content_size=True).compress(content)


def decompress(frame: bytes, bytes_expected: int) -> bytes:
    """The content of a frame that must hold exactly `bytes_expected` bytes. Raises BundleError."""
    if bytes_expected > BYTES_MAX:
        raise BundleError(f"more than {BYTES_MAX} bytes of events")
    try:
        parameters = zstandard.get_frame_parameters(frame)
        if parameters.content_size != bytes_expected:
            raise BundleError(f"the frame says {parameters.content_size} bytes, the statement {bytes_expected}")
        return zstandard.ZstdDecompressor().decompress(frame, max_output_size=max(1, bytes_expected))
    except zstandard.ZstdError as error:
        raise BundleError(f"not a Zstandard frame: {error}") from error
