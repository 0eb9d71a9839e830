"""MP3, Ogg and WAV: walked from the first byte to the last for codec and duration. Nothing is decoded."""

from collections.abc import Iterator

from backend.creatives.media.cursor import Cursor
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, not_played, trailing

ID3_BYTES_MAX = 256 * 1024
ID3_V1_BYTES = 128
OPUS_RATE_HZ = 48_000
RATE_HZ_MIN, RATE_HZ_MAX = 8_000, 192_000
CHANNELS_MAX = 8
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
WAV_CHUNKS = frozenset({b"fmt ", b"data", b"fact", b"LIST", b"bext", b"PEAK", b"JUNK"})
WAV_OTHER_BYTES_MAX = 64 * 1024
_MP3_KBPS = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = (44_100, 48_000, 32_000)


def read_audio(data: bytes) -> MediaFacts | None:
    """Facts of a sound; None when it is none of the three. Raises Unprocessable with an `asset_…` code."""
    if data.startswith(b"OggS"):
        return _ogg(Cursor(data))
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return _wav(Cursor(data))
    if data.startswith(b"ID3") or _mp3_frame(data[:4]) is not None:
        return _mp3(Cursor(data))
    return None


# --- MP3 --------------------------------------------------------------------------------------------------------


def _mp3(cursor: Cursor) -> MediaFacts:
    """ISO/IEC 11172-3 layer III: an ID3v2 tag, then frame after frame without a gap, then perhaps an ID3v1 tag."""
    _skip_id3(cursor)
    samples = frames = rate_hz = 0
    while cursor.left:
        head = bytes(cursor.data[cursor.at : cursor.at + 4])
        if head[:3] == b"TAG" and cursor.left == ID3_V1_BYTES:
            break
        frame = _mp3_frame(head)
        if frame is None or (rate_hz and frame[2] != rate_hz):
            raise trailing(f"something that is no sound follows after {frames} frames")
        length, per_frame, rate_hz = frame
        cursor.skip(length)
        samples += per_frame
        frames += 1
    if frames < 2:
        raise damaged("the MP3 has fewer than two frames")
    return _sound("audio/mpeg", samples * 1000 // rate_hz, "mp3", rate_hz)


def _skip_id3(cursor: Cursor) -> None:
    """ID3v2.4 §3.1: ten bytes with a length of 7 bits a byte."""
    if bytes(cursor.data[:3]) != b"ID3":
        return
    cursor.skip(5)
    footer = bool(cursor.big(1) & 0x10)
    size = 0
    for byte in cursor.take(4):
        if byte & 0x80:
            raise damaged("the ID3 tag has no valid length")
        size = size << 7 | byte
    if size > ID3_BYTES_MAX:
        raise trailing(f"an ID3 tag of more than {ID3_BYTES_MAX} bytes; leave its pictures out")
    cursor.skip(size + (10 if footer else 0))


def _mp3_frame(head: bytes) -> tuple[int, int, int] | None:
    """Bytes, samples and sample rate of the frame that `head` begins; None when it begins none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:     # sync, layer III
        return None
    version = head[1] >> 3 & 3                                        # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    rate_index, kbps_index = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or rate_index == 3 or kbps_index in (0, 15):
        return None
    generation = 1 if version == 3 else 2
    rate_hz = _MP3_RATES_HZ[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    samples = 1_152 if generation == 1 else 576
    kbps = _MP3_KBPS[generation][kbps_index]
    return samples // 8 * kbps * 1000 // rate_hz + (head[2] >> 1 & 1), samples, rate_hz


# --- Ogg --------------------------------------------------------------------------------------------------------


def _ogg(cursor: Cursor) -> MediaFacts:
    """RFC 3533: pages of one logical stream up to the end of the file; the last granule position is the duration."""
    codec, rate_hz, skipped, serial, granule = "", 0, 0, -1, 0
    for page_serial, page_granule, body in _ogg_pages(cursor):
        if serial < 0:
            serial = page_serial
            codec, rate_hz, skipped = _ogg_codec(body)
        elif page_serial != serial:
            raise not_played("only one stream is taken")
        if page_granule < 2**63:                # all bits set: no packet ends on this page
            granule = max(granule, page_granule)
    return _sound("audio/ogg", max(0, granule - skipped) * 1000 // rate_hz, codec, rate_hz)


def _ogg_pages(cursor: Cursor) -> Iterator[tuple[int, int, Cursor]]:
    number = 0
    while cursor.left:
        if cursor.take(4) != b"OggS" or cursor.big(1) != 0:
            raise trailing("something that is no sound follows")
        cursor.skip(1)
        granule, serial, sequence = cursor.little(8), cursor.little(4), cursor.little(4)
        if sequence != number:
            raise damaged("pages are missing")
        number += 1
        cursor.skip(4)
        lacing = cursor.take(cursor.big(1))
        yield serial, granule, cursor.part(sum(lacing))


def _ogg_codec(body: Cursor) -> tuple[str, int, int]:
    """Codec, granule rate in Hz and samples to leave out, from the first packet (RFC 7845 §5.1, Vorbis I §4.2.2)."""
    first = body.take(min(body.left, 30))
    if first.startswith(b"OpusHead") and len(first) >= 19:
        return "opus", OPUS_RATE_HZ, int.from_bytes(first[10:12], "little")
    if first.startswith(b"\x01vorbis") and len(first) == 30:
        rate_hz = int.from_bytes(first[12:16], "little")
        if RATE_HZ_MIN <= rate_hz <= RATE_HZ_MAX:
            return "vorbis", rate_hz, 0
    raise not_played("the sound is neither Opus nor Vorbis")


# --- WAV --------------------------------------------------------------------------------------------------------


def _wav(cursor: Cursor) -> MediaFacts:
    """RIFF of exactly the file's length with uncompressed samples."""
    cursor.skip(4)
    size = cursor.little(4)
    if size != cursor.left:
        raise damaged("the file breaks off") if size > cursor.left else trailing("something follows the sound")
    cursor.skip(4)
    rate_hz = frame_bytes = data_bytes = other = 0
    while cursor.left:
        name, length = cursor.take(4), cursor.little(4)
        chunk = cursor.part(length)
        cursor.skip(min(length % 2, cursor.left))
        if name not in WAV_CHUNKS:
            raise not_played("the WAV has parts that no player knows")
        if name == b"fmt ":
            rate_hz, frame_bytes = _wav_format(chunk)
        elif name == b"data":
            data_bytes += length
        else:
            other += length
    if not rate_hz or not data_bytes:
        raise damaged("the WAV has no samples")
    if other > WAV_OTHER_BYTES_MAX:
        raise trailing(f"more than {WAV_OTHER_BYTES_MAX} bytes that are no sound")
    return _sound("audio/wav", data_bytes // frame_bytes * 1000 // rate_hz, "pcm", rate_hz)


def _wav_format(chunk: Cursor) -> tuple[int, int]:
    codec, channels, rate_hz = chunk.little(2), chunk.little(2), chunk.little(4)
    chunk.skip(4)
    frame_bytes, bits = chunk.little(2), chunk.little(2)
    if codec not in (PCM, FLOAT, EXTENSIBLE):
        raise not_played("the WAV is compressed; save it as MP3 or Ogg")
    if not (1 <= channels <= CHANNELS_MAX and RATE_HZ_MIN <= rate_hz <= RATE_HZ_MAX and bits in (8, 16, 24, 32)):
        raise damaged("the WAV has an impossible format")
    if frame_bytes != channels * bits // 8:
        raise damaged("the WAV contradicts itself")
    return rate_hz, frame_bytes


def _sound(media_type: str, duration_ms: int, codec: str, rate_hz: int) -> MediaFacts:
    details: dict[str, int | str] = {"audio_codec": codec, "rate_hz": rate_hz}
    return MediaFacts(AssetKind.AUDIO, media_type, duration_ms=duration_ms, details=details)
