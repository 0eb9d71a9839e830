"""Walks PNG, JPEG, GIF and WebP from the first byte to the last, before any decoder sees them.

So a bomb is refused by what its header says, an animation by its frames, a polyglot by what lies behind the image.
"""

from collections.abc import Callable
from dataclasses import dataclass

from backend.creatives.media.cursor import Cursor
from backend.creatives.media.facts import damaged, over_budget, trailing

JPEG_SCANS_MAX = 100                     # progressive files have about ten; each is one more pass over all pixels
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the container says. `frames` counts no further than 2; `lossless` chooses how a WebP is encoded anew."""

    format: str
    width: int
    height: int
    frames: int = 1
    lossless: bool = True


def read_header(data: bytes) -> ImageHeader | None:
    """The header of an image that ends where the file ends; None when it is no image we know.

    Raises Unprocessable `asset_damaged` or `asset_trailing_data`.
    """
    reader = next((read for magic, read in _READERS.items() if data.startswith(magic)), None)
    if reader is None or (reader is _webp and data[8:12] != b"WEBP"):
        return None
    return reader(Cursor(data))


def _png(cursor: Cursor) -> ImageHeader:
    """ISO/IEC 15948 §5.3: chunks of length, type, data and CRC; IHDR first, IEND last."""
    cursor.skip(len(PNG_SIGNATURE))
    width = height = 0
    frames, has_pixels = 1, False
    while True:
        length, kind = cursor.big(4), cursor.take(4)
        chunk = cursor.part(length)
        cursor.skip(4)
        if not width:
            if kind != b"IHDR" or length != 13:
                raise damaged("a PNG begins with IHDR")
            width, height = chunk.big(4), chunk.big(4)
        has_pixels = has_pixels or kind == b"IDAT"
        if kind == b"acTL":
            frames = 2
        if kind == b"IEND":
            break
    if not has_pixels:
        raise damaged("the PNG has no pixels")
    _at_end(cursor)
    return ImageHeader("PNG", width, height, frames)


def _jpeg(cursor: Cursor) -> ImageHeader:
    """ITU-T T.81 annex B: segments up to EOI; entropy-coded data ends at a marker that is neither RST nor stuffing."""
    cursor.skip(2)
    width = height = scans = 0
    while True:
        marker = _jpeg_marker(cursor)
        if marker == 0xD9:
            break
        if marker in _JPEG_ALONE:
            continue
        length = cursor.big(2)
        if length < 2:
            raise damaged("a JPEG segment is shorter than its own length")
        segment = cursor.part(length - 2)
        if marker in _JPEG_SIZES:
            if width:
                raise damaged("the JPEG gives its size twice")
            segment.skip(1)
            height, width = segment.big(2), segment.big(2)
        if marker == 0xDA:
            scans += 1
            _skip_scan(cursor)
        if scans > JPEG_SCANS_MAX:
            raise over_budget(f"the JPEG has more than {JPEG_SCANS_MAX} scans")
    if not width:
        raise damaged("the JPEG has no size")
    _at_end(cursor)
    return ImageHeader("JPEG", width, height, lossless=False)


def _jpeg_marker(cursor: Cursor) -> int:
    if cursor.big(1) != 0xFF:
        raise damaged("a JPEG segment does not begin with a marker")
    marker = 0xFF
    while marker == 0xFF:
        marker = cursor.big(1)
    return marker


def _skip_scan(cursor: Cursor) -> None:
    """Move to the marker that ends a scan."""
    data = cursor.data.obj
    assert isinstance(data, bytes)
    while True:
        found = data.find(b"\xff", cursor.at, cursor.end)
        if found < 0 or found + 1 >= cursor.end:
            raise damaged("the JPEG has no end")
        after = data[found + 1]
        if after != 0x00 and not 0xD0 <= after <= 0xD7 and after != 0xFF:
            cursor.at = found
            return
        cursor.at = found + (1 if after == 0xFF else 2)


def _gif(cursor: Cursor) -> ImageHeader:
    """GIF89a §17-27: screen descriptor, then images and extensions up to the trailer."""
    cursor.skip(6)
    width, height = cursor.little(2), cursor.little(2)
    packed = cursor.big(1)
    cursor.skip(2)
    _skip_colours(cursor, packed)
    frames = 0
    while (block := cursor.big(1)) != 0x3B:
        if block == 0x21:
            cursor.skip(1)
        elif block == 0x2C:
            frames += 1
            cursor.skip(8)
            _skip_colours(cursor, cursor.big(1))
            cursor.skip(1)
        else:
            raise damaged("the GIF has a block that no reader knows")
        while size := cursor.big(1):
            cursor.skip(size)
    if not frames:
        raise damaged("the GIF has no pixels")
    _at_end(cursor)
    return ImageHeader("GIF", width, height, min(frames, 2))


def _skip_colours(cursor: Cursor, packed: int) -> None:
    if packed & 0x80:
        cursor.skip(3 * 2 ** ((packed & 7) + 1))


def _webp(cursor: Cursor) -> ImageHeader:
    """RFC 9649 §2: a RIFF of exactly the file's length with VP8, VP8L or VP8X first."""
    cursor.skip(4)
    size = cursor.little(4)
    if size > cursor.left:
        raise damaged("the WebP breaks off")
    if size + size % 2 < cursor.left:
        raise trailing("something follows the WebP")
    cursor.skip(4)
    found: ImageHeader | None = None
    names = set()
    while cursor.left:
        name, length = cursor.take(4), cursor.little(4)
        chunk = cursor.part(length)
        cursor.skip(min(length % 2, cursor.left))
        found = found or _webp_size(name, chunk)
        names.add(name)
    if found is None or not names & {b"VP8 ", b"VP8L", b"ANMF"}:
        raise damaged("the WebP has no pixels")
    frames = 2 if names & {b"ANIM", b"ANMF"} else 1
    return ImageHeader("WEBP", found.width, found.height, frames, lossless=b"VP8L" in names)


def _webp_size(name: bytes, chunk: Cursor) -> ImageHeader:
    if name == b"VP8X":
        chunk.skip(4)
        return ImageHeader("WEBP", chunk.little(3) + 1, chunk.little(3) + 1)
    if name == b"VP8L":
        if chunk.big(1) != 0x2F:
            raise damaged("the lossless WebP has no signature")
        bits = chunk.little(4)
        return ImageHeader("WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if name == b"VP8 ":
        chunk.skip(3)
        if chunk.take(3) != b"\x9d\x01\x2a":
            raise damaged("the lossy WebP has no start code")
        return ImageHeader("WEBP", chunk.little(2) & 0x3FFF, chunk.little(2) & 0x3FFF)
    raise damaged("a WebP begins with its pixels or its header")


def _at_end(cursor: Cursor) -> None:
    if cursor.left:
        raise trailing(f"{cursor.left} bytes follow the image; save it again without them")


_READERS: dict[bytes, Callable[[Cursor], ImageHeader]] = {
    PNG_SIGNATURE: _png, b"\xff\xd8\xff": _jpeg, b"GIF87a": _gif, b"GIF89a": _gif, b"RIFF": _webp,
}
