"""What a placement in test mode shows: assets of our own, made from their size alone, the same bytes everywhere.

Written without a compressor, because compressors of different versions give different bytes for the same picture, and
the SDK refuses an asset whose SHA-256 is not the one it was told.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

SIDE_MAX = 512
SQUARE = 32                     # side of a square of the chequered picture, in pixels
_DARK, _LIGHT = b"\x14\x2b\x3a", b"\x6f\xd3\xc2"
_RATE, _NOTE_SAMPLES = 8_000, 18
_CUBE = tuple((x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5))
_FACES = (0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7, 3)


@dataclass(frozen=True, slots=True)
class HouseCreative:
    """An asset: its kind, its size in pixels, its name below /house/, its media type and its bytes."""

    kind: str
    width: int
    height: int
    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()


def house_creative(kind: str, width: int, height: int) -> HouseCreative:
    """For a placement of this kind and shape. Video placements show a picture too: no test needs it to move."""
    if kind == "audio":
        return _still("audio", "tone.wav", "audio/wav", _wav())
    if kind == "model":
        return _still("model", "cube.glb", "model/gltf-binary", _glb())
    return picture(*_scaled(width, height))


def _still(kind: str, name: str, media_type: str, content: bytes) -> HouseCreative:
    return HouseCreative(kind, 1, 1, name, media_type, content)


def _scaled(width: int, height: int) -> tuple[int, int]:
    """The same shape with its longer side at most 512 pixels.

    >>> _scaled(2_048, 1_024)
    (512, 256)
    """
    longer = max(width, height, SIDE_MAX)
    return max(1, width * SIDE_MAX // longer), max(1, height * SIDE_MAX // longer)


@lru_cache(maxsize=256)
def picture(width: int, height: int) -> HouseCreative:
    """A chequered PNG (W3C PNG §5) of at most 512 × 512 pixels. Raises ValueError beyond that."""
    if not (0 < width <= SIDE_MAX and 0 < height <= SIDE_MAX):
        raise ValueError(f"sides are 1 to {SIDE_MAX} pixels")
    rows = [_row(width, dark_first) for dark_first in (False, True)]
    pixels = b"".join(b"\x00" + rows[y // SQUARE % 2] for y in range(height))
    # one stored block of deflate (RFC 1951 §3.2.4): it holds 65,535 bytes, and 512 rows have 33,280
    stored = b"\x01" + struct.pack("<HH", len(pixels), 0xFFFF ^ len(pixels)) + pixels
    content = b"\x89PNG\r\n\x1a\n" + b"".join((
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)), _chunk(b"PLTE", _DARK + _LIGHT),
        _chunk(b"IDAT", b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(pixels))), _chunk(b"IEND", b""),
    ))
    return HouseCreative("image", width, height, f"{width}x{height}.png", "image/png", content)


def _row(width: int, dark_first: bool) -> bytes:
    """A row of one-bit pixels; eight of them fill a byte, and squares are four bytes wide."""
    dark, light = bytes(SQUARE // 8), b"\xff" * (SQUARE // 8)
    pair = dark + light if dark_first else light + dark
    length = (width + 7) // 8
    return (pair * (length // len(pair) + 1))[:length]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@lru_cache(maxsize=1)
def _wav() -> bytes:
    """One second of a quiet square wave: 8 kHz, 8 bits, mono."""
    samples = bytes(144 if place // (_NOTE_SAMPLES // 2) % 2 else 112 for place in range(_RATE))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE, 1, 8)
    data = b"WAVE" + form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(data)) + data


@lru_cache(maxsize=1)
def _glb() -> bytes:
    """A cube of one metre as binary glTF 2.0 (Khronos §4)."""
    points = b"".join(struct.pack("<3f", *corner) for corner in _CUBE)
    faces = struct.pack(f"<{len(_FACES)}H", *_FACES)
    scene = (
        '{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],'
        '"meshes":[{"primitives":[{"attributes":{"POSITION":0},"indices":1}]}],'
        f'"buffers":[{{"byteLength":{len(points) + len(faces)}}}],'
        f'"bufferViews":[{{"buffer":0,"byteLength":{len(points)},"target":34962}},'
        f'{{"buffer":0,"byteOffset":{len(points)},"byteLength":{len(faces)},"target":34963}}],'
        f'"accessors":[{{"bufferView":0,"componentType":5126,"count":{len(_CUBE)},"type":"VEC3",'
        '"min":[-0.5,-0.5,-0.5],"max":[0.5,0.5,0.5]},'
        f'{{"bufferView":1,"componentType":5123,"count":{len(_FACES)},"type":"SCALAR"}}]}}'
    ).encode()
    scene += b" " * (-len(scene) % 4)
    binary = points + faces
    parts = struct.pack("<I4s", len(scene), b"JSON") + scene + struct.pack("<I4s", len(binary), b"BIN\x00") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(parts)) + parts
