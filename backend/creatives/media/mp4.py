"""MP4 and M4A: walks the boxes (ISO/IEC 14496-12) for tracks, codecs, size and duration. Nothing is decoded.

Every byte of the file must lie in a box, padding is bounded, and every chunk that a track names must lie in the media
data, so that there is little room for anything that is no film.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from backend.creatives.media.cursor import Cursor
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, not_played, trailing

BRANDS = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4A "})
TOP_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"})
PADDING_BYTES_MAX = 64 * 1024
BOXES_MAX = 2_000
TRACKS_MAX = 4
CHUNKS_MAX = 100_000
DEPTH_MAX = 8
VIDEO_CODECS = {b"avc1": "h264", b"avc3": "h264", b"av01": "av1", b"vp09": "vp9"}
AUDIO_CODECS = {b"mp4a": "aac", b"Opus": "opus"}
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl"})


@dataclass(slots=True)
class _Track:
    handler: bytes = b""
    codec: bytes = b""
    width: int = 0
    height: int = 0
    chunks: tuple[int, ...] = ()


def read_mp4(data: bytes) -> MediaFacts | None:
    """Facts of a film or a sound; None when it is no MP4. Raises Unprocessable with an `asset_…` code."""
    if data[4:8] != b"ftyp":
        return None
    top = list(_boxes(Cursor(data)))
    _check_top(top)
    movie = next(body for name, body in top if name == b"moov")
    media = [(body.at, body.end) for name, body in top if name == b"mdat"]
    duration_ms, tracks = _movie(movie)
    for track in tracks:
        if not all(any(start <= chunk < end for start, end in media) for chunk in track.chunks):
            raise damaged("a track names media data that is not in the file")
    return _facts(duration_ms, tracks)


def _boxes(cursor: Cursor) -> Iterator[tuple[bytes, Cursor]]:
    count = 0
    while cursor.left:
        count += 1
        if count > BOXES_MAX:
            raise damaged(f"more than {BOXES_MAX} boxes in one place")
        size, name = cursor.big(4), cursor.take(4)
        head = 8
        if size == 1:
            size, head = cursor.big(8), 16
        if size < head:           # 0 would mean "to the end of the file", where anything could follow
            raise damaged("a box is shorter than its own header, or has no length")
        yield name, cursor.part(size - head)


def _check_top(top: list[tuple[bytes, Cursor]]) -> None:
    names = [name for name, _ in top]
    brands = top[0][1]
    if brands.left < 8 or brands.left % 4 or brands.left > 256:
        raise damaged("the list of brands is broken")
    major = bytes(brands.data[brands.at : brands.at + 4])
    if major not in BRANDS:
        raise not_played(f"the brand {_printable(major)} is not played everywhere; save as MP4 (isom)")
    unknown = sorted(set(names) - TOP_BOXES)
    if unknown:
        raise not_played(f"boxes {', '.join(map(_printable, unknown))} are not taken; save as a plain MP4")
    if names.count(b"moov") != 1 or names.count(b"ftyp") != 1 or b"mdat" not in names:
        raise damaged("an MP4 has one moov, one ftyp and media data")
    if sum(body.left for name, body in top if name in (b"free", b"skip", b"wide")) > PADDING_BYTES_MAX:
        raise trailing(f"more than {PADDING_BYTES_MAX} bytes of padding")


def _movie(movie: Cursor) -> tuple[int, list[_Track]]:
    duration_ms, tracks = 0, []
    for name, body in _boxes(movie):
        if name == b"mvhd":
            duration_ms = _duration_ms(body)
        elif name == b"trak":
            tracks.append(_track(body, _Track(), depth=0))
        elif name == b"mvex":
            raise not_played("fragmented MP4 is not taken; save it with one index")
    if not tracks or len(tracks) > TRACKS_MAX:
        raise damaged(f"an MP4 has 1 to {TRACKS_MAX} tracks")
    return duration_ms, tracks


def _duration_ms(header: Cursor) -> int:
    """From mvhd: duration over timescale, both 64-bit aware in version 1."""
    version = header.big(1)
    header.skip(3 + (16 if version == 1 else 8))
    timescale, duration = header.big(4), header.big(8 if version == 1 else 4)
    if not timescale:
        raise damaged("the film has no time scale")
    return duration * 1000 // timescale


def _track(cursor: Cursor, track: _Track, depth: int) -> _Track:
    if depth > DEPTH_MAX:
        raise damaged("boxes are nested too deeply")
    for name, body in _boxes(cursor):
        if name in _CONTAINERS:
            _track(body, track, depth + 1)
        elif name == b"tkhd":
            body.skip(body.left - 8)      # 16.16 fixed-point width and height end the header in both versions
            track.width, track.height = body.big(4) >> 16, body.big(4) >> 16
        elif name == b"hdlr":
            body.skip(8)
            track.handler = body.take(4)
        elif name == b"stsd":
            track.codec = _codec(body)
        elif name in (b"stco", b"co64"):
            track.chunks = _chunks(body, 4 if name == b"stco" else 8)
        elif name == b"dref":
            _refuse_external(body)
    return track


def _codec(body: Cursor) -> bytes:
    body.skip(4)
    if body.big(4) != 1:
        raise not_played("a track that changes its codec is not taken")
    ((name, _),) = list(_boxes(body))[:1] or [(b"", body)]
    return name


def _chunks(body: Cursor, width: int) -> tuple[int, ...]:
    body.skip(4)
    count = body.big(4)
    if count > CHUNKS_MAX or count * width != body.left:
        raise damaged("the list of chunks is broken")
    return tuple(body.big(width) for _ in range(count))


def _refuse_external(body: Cursor) -> None:
    """A data reference without the flag `self-contained` (ISO/IEC 14496-12 §8.7.2) points to another file."""
    body.skip(4)
    count = body.big(4)
    entries = list(_boxes(body))
    if len(entries) != count or not all(entry.left >= 4 and entry.big(4) & 1 for _, entry in entries):
        raise not_played("media data in another file is not taken")


def _facts(duration_ms: int, tracks: list[_Track]) -> MediaFacts:
    films = [track for track in tracks if track.handler == b"vide"]
    sounds = [track for track in tracks if track.handler == b"soun"]
    if len(films) + len(sounds) != len(tracks) or len(films) > 1:
        raise not_played("only one picture track and sound tracks are taken")
    details: dict[str, int | str] = {"container": "mp4"}
    for track, codecs, what in [(one, VIDEO_CODECS, "video_codec") for one in films] + [
        (one, AUDIO_CODECS, "audio_codec") for one in sounds
    ]:
        if track.codec not in codecs:
            raise not_played(f"the codec {_printable(track.codec)} is not played everywhere")
        details[what] = codecs[track.codec]
    if not any(track.chunks for track in tracks):
        raise damaged("the tracks are empty")
    if films:
        return MediaFacts(AssetKind.VIDEO, "video/mp4", films[0].width, films[0].height, duration_ms, details=details)
    return MediaFacts(AssetKind.AUDIO, "audio/mp4", duration_ms=duration_ms, details=details)


def _printable(name: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in name)
