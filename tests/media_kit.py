"""Small files of every kind that may be uploaded, built byte by byte; shares nothing with the readers they test."""

import io
import json
import math
import struct
import zlib
from copy import deepcopy
from typing import Any

from PIL import Image

Json = dict[str, Any]


def named(value: object) -> str | None:
    """Name of a test's argument: files are told by their length."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


# --- images -----------------------------------------------------------------------------------------------------


def picture(encoding: str = "PNG", size: tuple[int, int] = (32, 16), mode: str = "RGB", **options: Any) -> bytes:
    """A gradient, so that it is not one colour."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    out = io.BytesIO()
    image.save(out, encoding, **options)
    return out.getvalue()


def animation(encoding: str) -> bytes:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    out = io.BytesIO()
    frames[0].save(out, encoding, save_all=True, append_images=frames[1:])
    return out.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side: int = 30_000) -> bytes:
    """About 109 kB that decode to 30 000 x 30 000 pixels of one bit."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    pixels = zlib.compress(bytes((1 + -(-side // 8)) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


# --- MP4 --------------------------------------------------------------------------------------------------------


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def track(handler: bytes, codec: bytes, width: int, height: int, chunk: int) -> bytes:
    header = box(b"tkhd", bytes(76), struct.pack(">II", width << 16, height << 16))
    table = box(
        b"stbl", box(b"stsd", struct.pack(">II", 0, 1), box(codec, bytes(78))),
        box(b"stco", struct.pack(">III", 0, 1, chunk)),
    )
    reference = box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), box(b"url ", struct.pack(">I", 1))))
    media = box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13)), box(b"minf", reference, table))
    return box(b"trak", header, media)


def mp4(
    *, codec: bytes = b"avc1", handler: bytes = b"vide", size: tuple[int, int] = (640, 360), seconds: float = 5,
    brand: bytes = b"isom", extra: bytes = b"", media: bytes = bytes(64),
) -> bytes:
    kind = box(b"ftyp", brand, bytes(4), b"mp41")
    header = box(b"mvhd", bytes(12), struct.pack(">II", 1_000, int(seconds * 1_000)), bytes(80))
    length = len(kind) + len(box(b"moov", header, track(handler, codec, *size, 0))) + len(extra) + 8
    movie = box(b"moov", header, track(handler, codec, *size, length))
    return kind + movie + extra + box(b"mdat", media)


def m4a(**options: Any) -> bytes:
    return mp4(**{"codec": b"mp4a", "handler": b"soun", "size": (0, 0), "brand": b"M4A ", **options})


# --- WebM -------------------------------------------------------------------------------------------------------


def element(name: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + (1 << 56 | len(content)).to_bytes(8, "big") + content


def webm(
    *, codec: bytes = b"V_VP9", kind: int = 1, size: tuple[int, int] = (640, 360), seconds: float = 5,
    doc_type: bytes = b"webm", extra: bytes = b"",
) -> bytes:
    video = element(0xE0, element(0xB0, struct.pack(">H", size[0])), element(0xBA, struct.pack(">H", size[1])))
    entry = element(0xAE, element(0x83, bytes([kind])), element(0x86, codec), video if kind == 1 else b"")
    info = element(0x1549A966, element(0x2AD7B1, struct.pack(">I", 1_000_000)),
                   element(0x4489, struct.pack(">d", seconds * 1_000)))
    cluster = element(0x1F43B675, element(0xE7, b"\0"), element(0xA3, bytes(32)))
    return element(0x1A45DFA3, element(0x4282, doc_type)) + element(
        0x18538067, info, element(0x1654AE6B, entry), extra, cluster
    )


# --- sound ------------------------------------------------------------------------------------------------------


def mp3(frames: int = 40, *, tag: bytes = b"") -> bytes:
    """MPEG-1 layer III, 128 kbit/s at 44.1 kHz: 417 bytes and 26.1 ms a frame."""
    return tag + (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def id3(content: bytes) -> bytes:
    size = len(content)
    return b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + content


def ogg_page(number: int, granule: int, body: bytes, *, serial: int = 7) -> bytes:
    lacing = [255] * (len(body) // 255) + [len(body) % 255]
    head = struct.pack("<4sBBQIIIB", b"OggS", 0, 2 if number == 0 else 0, granule, serial, number, 0, len(lacing))
    return head + bytes(lacing) + body


def ogg(seconds: float = 2, *, first: bytes | None = None) -> bytes:
    opus = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48_000, 0, 0)
    return ogg_page(0, 0, opus if first is None else first) + ogg_page(1, 0, b"OpusTags" + bytes(8)) + ogg_page(
        2, int(seconds * 48_000) + 312, bytes(300)
    )


def wav(seconds: float = 1, *, codec: int = 1, extra: bytes = b"") -> bytes:
    samples = bytes(int(seconds * 8_000) * 2)
    head = b"fmt " + struct.pack("<IHHIIHH", 16, codec, 1, 8_000, 16_000, 2, 16)
    content = b"WAVE" + head + extra + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(content)) + content


# --- models -----------------------------------------------------------------------------------------------------

SQUARE = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.5, 0.0), (0.0, 0.5, 0.0))
CORNERS = (0, 1, 2, 0, 2, 3)


def model_parts(texture: bytes | None = None) -> tuple[Json, bytes]:
    """A board of 1 x 0.5 m with two triangles, a texture, and an animation that turns it."""
    texture = picture(size=(4, 4)) if texture is None else texture
    pieces = [
        b"".join(struct.pack("<3f", *point) for point in SQUARE), struct.pack("<6H", *CORNERS),
        struct.pack("<2f", 0.0, 1.0),
        struct.pack("<8f", 0.0, 0.0, 0.0, 1.0, 0.0, math.sqrt(0.5), 0.0, math.sqrt(0.5)), texture,
    ]
    views, binary = [], b""
    for piece in pieces:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(piece)})
        binary += piece + bytes(-len(piece) % 4)
    document: Json = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "root", "children": [1]}, {"mesh": 0, "translation": [0, 0, 0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}], "images": [{"bufferView": 4, "mimeType": "image/png"}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 0.5, 0]},
            {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"},
            {"bufferView": 2, "componentType": 5126, "count": 2, "type": "SCALAR"},
            {"bufferView": 3, "componentType": 5126, "count": 2, "type": "VEC4"},
        ],
        "bufferViews": views, "buffers": [{"byteLength": len(binary)}],
    }
    return document, binary


def glb(document: Json, binary: bytes) -> bytes:
    return pack(json.dumps(document).encode(), binary)


def pack(text: bytes, binary: bytes, *, after: bytes = b"") -> bytes:
    """A GLB around any text; `after` follows the binary chunk inside the declared length."""
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    chunks += after
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def model(**changes: Any) -> bytes:
    """The board; `changes` replace parts of its description, `animations=True` lets it turn."""
    document, binary = model_parts()
    document = deepcopy(document)
    if changes.pop("animations", False) is True:
        document["animations"] = [{
            "channels": [{"sampler": 0, "target": {"node": 1, "path": "rotation"}}],
            "samplers": [{"input": 2, "output": 3}],
        }]
    return glb(document | changes, binary)


SAMPLES = {
    "image/png": picture("PNG"), "image/jpeg": picture("JPEG"), "image/webp": picture("WEBP"),
    "image/gif": picture("GIF", mode="P"), "video/mp4": mp4(), "video/webm": webm(), "audio/mpeg": mp3(),
    "audio/ogg": ogg(), "audio/wav": wav(), "audio/mp4": m4a(), "audio/webm": webm(codec=b"A_OPUS", kind=2),
    "model/gltf-binary": model(),
}
