"""WebM: walks the EBML elements (RFC 8794, RFC 9559) for tracks, codecs, size and duration. Nothing is decoded."""

import math
import struct
from collections.abc import Iterator

from backend.creatives.media.cursor import Cursor
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, not_played, trailing

ELEMENTS_MAX = 20_000
TRACKS_MAX = 4
PADDING_BYTES_MAX = 64 * 1024
NANOSECONDS_PER_MS = 1_000_000
EBML, DOC_TYPE, SEGMENT, VOID, CRC = 0x1A45DFA3, 0x4282, 0x18538067, 0xEC, 0xBF
SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1254C367
TIMESTAMP_SCALE, DURATION = 0x2AD7B1, 0x4489
TRACK, TRACK_TYPE, CODEC, VIDEO, WIDTH, HEIGHT, ENCODINGS = 0xAE, 0x83, 0x86, 0xE0, 0xB0, 0xBA, 0x6D80
PICTURE, SOUND = 1, 2
VIDEO_CODECS = {b"V_VP8": "vp8", b"V_VP9": "vp9", b"V_AV1": "av1"}
AUDIO_CODECS = {b"A_OPUS": "opus", b"A_VORBIS": "vorbis"}
_SEGMENT_PARTS = frozenset({SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS, VOID, CRC})


def read_webm(data: bytes) -> MediaFacts | None:
    """Facts of a film or a sound; None when it is no WebM. Raises Unprocessable with an `asset_…` code."""
    if not data.startswith(EBML.to_bytes(4, "big")):
        return None
    top = list(_elements(Cursor(data)))
    if [name for name, _ in top] != [EBML, SEGMENT]:
        raise trailing("a WebM is one header and one segment")
    if _children(top[0][1]).get(DOC_TYPE) != b"webm":
        raise not_played("only WebM is taken, no other Matroska")
    parts = list(_elements(top[1][1]))
    _check_parts(parts)
    by_name = dict(parts)
    duration_ms = _duration_ms(by_name[INFO])
    tracks = [_children(body) for name, body in _elements(by_name[TRACKS]) if name == TRACK]
    return _facts(duration_ms, tracks)


def _elements(cursor: Cursor) -> Iterator[tuple[int, Cursor]]:
    count = 0
    while cursor.left:
        count += 1
        if count > ELEMENTS_MAX:
            raise damaged(f"more than {ELEMENTS_MAX} elements in one place")
        name = _number(cursor, 4, keep_marker=True)
        width_at = cursor.at
        size = _number(cursor, 8, keep_marker=False)
        if size == (1 << 7 * (cursor.at - width_at)) - 1:
            raise not_played("a live stream without lengths is not taken")
        yield name, cursor.part(size)


def _number(cursor: Cursor, width_max: int, *, keep_marker: bool) -> int:
    """A number whose leading zero bits say how many bytes it has (RFC 8794 §4)."""
    first = cursor.big(1)
    width = 9 - first.bit_length()
    if width > width_max:
        raise damaged("an element has no valid name or length")
    rest = cursor.big(width - 1)
    head = first if keep_marker else first & (0xFF >> width)
    return head << 8 * (width - 1) | rest


def _children(cursor: Cursor) -> dict[int, bytes]:
    """Contents of the elements inside, by name."""
    return {name: body.take(body.left) for name, body in _elements(cursor)}


def _check_parts(parts: list[tuple[int, Cursor]]) -> None:
    names = [name for name, _ in parts]
    if not set(names) <= _SEGMENT_PARTS:
        raise not_played("attachments and chapters are not taken")
    if names.count(INFO) != 1 or names.count(TRACKS) != 1 or CLUSTER not in names:
        raise damaged("a WebM has one description, one list of tracks and media data")
    if sum(body.left for name, body in parts if name == VOID) > PADDING_BYTES_MAX:
        raise trailing(f"more than {PADDING_BYTES_MAX} bytes of padding")


def _duration_ms(info: Cursor) -> int:
    found = _children(info)
    scale = int.from_bytes(found[TIMESTAMP_SCALE][:8], "big") if TIMESTAMP_SCALE in found else NANOSECONDS_PER_MS
    raw = found.get(DURATION, b"")
    if len(raw) not in (4, 8):
        raise damaged("the WebM does not say how long it is")
    (duration,) = struct.unpack(">f" if len(raw) == 4 else ">d", raw)
    if not math.isfinite(duration) or not 0 < duration < 2**53:
        raise damaged("the WebM has an impossible duration")
    return int(duration * scale / NANOSECONDS_PER_MS)


def _facts(duration_ms: int, tracks: list[dict[int, bytes]]) -> MediaFacts:
    if not tracks or len(tracks) > TRACKS_MAX:
        raise damaged(f"a WebM has 1 to {TRACKS_MAX} tracks")
    details: dict[str, int | str] = {"container": "webm"}
    size: tuple[int, int] | None = None
    for track in tracks:
        kind = int.from_bytes(track.get(TRACK_TYPE, b"")[:8], "big")
        if kind not in (PICTURE, SOUND) or (kind == PICTURE and size) or ENCODINGS in track:
            raise not_played("only one picture track and sound tracks are taken, not encrypted")
        codecs = VIDEO_CODECS if kind == PICTURE else AUDIO_CODECS
        codec = track.get(CODEC, b"").rstrip(b"\0")
        if codec not in codecs:
            raise not_played(f"the codec of a track is none of {', '.join(codecs.values())}")
        details["video_codec" if kind == PICTURE else "audio_codec"] = codecs[codec]
        if kind == PICTURE:
            size = _size(track.get(VIDEO, b""))
    if size:
        return MediaFacts(AssetKind.VIDEO, "video/webm", *size, duration_ms, details=details)
    return MediaFacts(AssetKind.AUDIO, "audio/webm", duration_ms=duration_ms, details=details)


def _size(video: bytes) -> tuple[int, int]:
    found = _children(Cursor(video))
    width, height = (int.from_bytes(found.get(name, b"")[:8], "big") for name in (WIDTH, HEIGHT))
    return width, height
