"""Images: only their pixels are kept, and what is no image, no still image or a bomb is refused (L45).

read_image
├── PNG, JPEG, WebP, GIF              → encoded anew, upright, without metadata
├── a bomb, a side too long           → asset_over_budget, before anything is decoded
├── an animation                      → asset_feature_refused
├── something behind the image        → asset_trailing_data
├── cut short, a lie about its size   → asset_damaged
└── any change of any byte            → an image or a refusal, never a crash
"""

import io
import struct
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import AssetKind
from backend.creatives.media.image import PIXELS_MAX, SIDE_PIXELS_MAX, read_image, thumbnail
from backend.creatives.media.image_header import JPEG_SCANS_MAX, read_header
from backend.creatives.media.inspection import BYTES_MAX, inspect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from media_kit import SAMPLES, animation, bomb, named, picture, png_chunk

STILLS = {name: data for name, data in SAMPLES.items() if name.startswith("image/")}


def refused(data: bytes, declared: str = "image/png") -> str:
    with pytest.raises(Unprocessable) as refusal:
        inspect(data, declared)
    return refusal.value.code


# --- what is kept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", STILLS)
def test_image__still__is_encoded_anew_with_a_thumbnail(declared: str) -> None:
    found = inspect(STILLS[declared], declared)
    assert (found.facts.width, found.facts.height) == (32, 16)
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.size == (32, 16)
        assert f"image/{image.format.lower()}" == found.facts.media_type
    with Image.open(io.BytesIO(found.thumbnail)) as image:
        assert (image.format, image.size) == ("WEBP", (32, 16))


def test_image__gif__becomes_a_png() -> None:
    assert inspect(STILLS["image/gif"], "image/gif").facts.media_type == "image/png"


def test_image__metadata_and_comments__are_dropped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "where the photographer lives"
    data = picture("JPEG", exif=exif, comment=b"<script>alert(1)</script>", icc_profile=b"profile" * 20)
    content = inspect(data, "image/jpeg").content
    assert b"photographer" in data
    assert b"<script>" in data
    assert not [secret for secret in (b"photographer", b"<script>", b"profile", b"Exif") if secret in content]


def test_image__text_of_a_png__is_dropped() -> None:
    whole = picture("PNG")
    text = png_chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")
    at = whole.index(b"IDAT") - 4
    assert b"script" not in inspect(whole[:at] + text + whole[at:], "image/png").content


def test_image__turned_by_exif__stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    facts = inspect(picture("JPEG", exif=exif), "image/jpeg").facts
    assert (facts.width, facts.height) == (16, 32)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_image__any_mode_of_png__is_taken(mode: str) -> None:
    found = inspect(picture("PNG", mode=mode), "image/png")
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.mode in ("L", "LA", "RGB", "RGBA")


def test_image__transparent_colour_of_a_palette__stays_transparent() -> None:
    image = Image.new("P", (4, 4), 0)
    out = io.BytesIO()
    image.save(out, "GIF", transparency=0)
    with Image.open(io.BytesIO(inspect(out.getvalue(), "image/gif").content)) as kept:
        assert kept.convert("RGBA").getpixel((0, 0))[3] == 0


def test_image__print_colours__become_rgb() -> None:
    with Image.open(io.BytesIO(inspect(picture("JPEG", mode="CMYK"), "image/jpeg").content)) as image:
        assert image.mode == "RGB"


def test_thumbnail__large_image__has_256_pixels_at_most() -> None:
    with Image.open(io.BytesIO(thumbnail(picture("PNG", (1_024, 512))))) as image:
        assert image.size == (256, 128)


# --- bombs ------------------------------------------------------------------------------------------------------


def test_image__bomb_of_109_kilobytes__is_refused_before_it_is_decoded() -> None:
    data = bomb()
    assert 100_000 < len(data) < 120_000
    started = time.process_time()
    assert refused(data) == "asset_over_budget"
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("size", [(SIDE_PIXELS_MAX + 1, 1), (1, SIDE_PIXELS_MAX + 1), (5_000, 5_000), (2**31, 2**31)])
def test_image__header_says_too_much__is_refused(size: tuple[int, int]) -> None:
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"x") + png_chunk(b"IEND", b"")
    assert refused(data) == "asset_over_budget"


def test_image__limits__fit_one_another() -> None:
    assert PIXELS_MAX <= SIDE_PIXELS_MAX**2
    assert Image.MAX_IMAGE_PIXELS == PIXELS_MAX


def test_image__text_that_swells__is_refused() -> None:
    """A compressed text chunk of a few kilobytes that would take 64 MB."""
    whole = picture("PNG")
    swollen = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 * 1024 * 1024), 9))
    at = whole.index(b"IDAT") - 4
    assert refused(whole[:at] + swollen + whole[at:]) == "asset_damaged"


def test_image__jpeg_of_many_scans__is_refused() -> None:
    whole = picture("JPEG", mode="L")
    scan = whole[whole.index(b"\xff\xda") : -2]
    assert refused(whole[:-2] + scan * JPEG_SCANS_MAX + b"\xff\xd9", "image/jpeg") == "asset_over_budget"


def test_image__too_many_bytes__is_refused() -> None:
    whole = picture("JPEG")
    comments = (b"\xff\xfe\xff\xff" + bytes(65_533)) * 161
    assert len(comments) > BYTES_MAX[AssetKind.IMAGE]
    assert refused(whole[:2] + comments + whole[2:], "image/jpeg") == "asset_over_budget"


# --- polyglots --------------------------------------------------------------------------------------------------

FACES = {
    "script": b"<script>alert(1)</script>", "zip": b"PK\x03\x04" + bytes(40) + b"PK\x05\x06" + bytes(18),
    "pdf": b"%PDF-1.7\n%%EOF", "php": b"<?php phpinfo(); ?>", "one byte": b"\0", "another image": picture(),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("declared", STILLS)
def test_image__something_behind_it__is_refused(declared: str, face: str) -> None:
    assert refused(STILLS[declared] + FACES[face], declared) == "asset_trailing_data"


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)//", b"GIF89a=1;alert(1);//" + bytes(20), b"GIF87a", b"GIF89a" * 9,
        STILLS["image/gif"].replace(b"GIF89a", b"GIF89a/*") + b"*/alert(1)",
    ],
    ids=named,
)
def test_image__gif_that_is_a_script__is_refused(data: bytes) -> None:
    assert refused(data, "image/gif") in ("asset_damaged", "asset_trailing_data", "asset_over_budget")


@pytest.mark.parametrize("declared", STILLS)
def test_image__declared_as_another__is_refused(declared: str) -> None:
    other = "image/webp" if declared != "image/webp" else "image/png"
    assert refused(STILLS[declared], other) == "asset_type_mismatch"


# --- damage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["GIF", "PNG", "WEBP"])
def test_image__animated__is_refused(encoding: str) -> None:
    assert refused(animation(encoding), f"image/{encoding.lower()}") == "asset_feature_refused"


def test_image__sixteen_bits_of_grey__is_refused() -> None:
    assert refused(picture("PNG", mode="I;16")) == "asset_feature_refused"


@pytest.mark.parametrize("declared", STILLS)
def test_image__cut_anywhere__is_refused(declared: str) -> None:
    data = STILLS[declared]
    for length in range(12, len(data)):
        assert refused(data[:length], declared) in ("asset_damaged", "asset_type_unknown")


def test_image__size_contradicts_its_pixels__is_refused() -> None:
    whole = bytearray(picture("PNG"))
    whole[16:24] = struct.pack(">II", 64, 64)
    whole[29:33] = struct.pack(">I", zlib.crc32(bytes(whole[12:29])))
    assert refused(bytes(whole)) == "asset_damaged"


@pytest.mark.parametrize("declared", STILLS)
@given(data=st.data())
def test_image__any_bytes_changed__is_an_image_or_a_refusal(declared: str, data: st.DataObject) -> None:
    changed = bytearray(STILLS[declared])
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = inspect(bytes(changed), declared)
    except Unprocessable:
        return
    assert 0 < found.facts.width * found.facts.height <= PIXELS_MAX
    kept = read_header(found.content)
    assert kept is not None
    assert (kept.width, kept.height) == (found.facts.width, found.facts.height)


@given(st.binary(max_size=300), st.sampled_from([data[:12] for data in STILLS.values()]))
def test_image__any_bytes_behind_a_magic_number__are_an_image_or_a_refusal(rest: bytes, magic: bytes) -> None:
    try:
        read_image(magic + rest)
    except Unprocessable:
        return
