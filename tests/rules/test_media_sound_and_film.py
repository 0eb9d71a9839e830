"""Films and sounds: every byte belongs to a part that a player reads, within limits of size and time (L45).

inspect
├── MP4, M4A, WebM, MP3, Ogg, WAV       → facts; the bytes stay as they are
├── another codec, brand, container     → asset_feature_refused
├── too long, too short, too large      → asset_over_budget
├── padding, tags, bytes behind the end → asset_trailing_data
├── cut anywhere                        → a refusal
├── a page, SVG, text, JSON             → asset_html_refused, asset_svg_refused, asset_type_unknown
└── any change of any byte              → facts or a refusal, never a crash
"""

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import AssetKind
from backend.creatives.media.inspection import BYTES_MAX, DURATION_MS_MAX, UPLOAD_BYTES_MAX, inspect
from backend.creatives.media.placeholder import caption

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from media_kit import SAMPLES, box, element, id3, m4a, mp3, mp4, named, ogg, ogg_page, wav, webm

TIMED = {name: data for name, data in SAMPLES.items() if name.startswith(("video/", "audio/"))}
ZIP = b"PK\x05\x06" + bytes(18)


def refused(data: bytes, declared: str) -> str:
    with pytest.raises(Unprocessable) as refusal:
        inspect(data, declared)
    return refusal.value.code


# --- what is taken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "size", "duration_ms", "said"),
    [
        ("video/mp4", (640, 360), 5_000, "video 640 x 360, 5.0 s"),
        ("video/webm", (640, 360), 5_000, "video 640 x 360, 5.0 s"),
        ("audio/mp4", (0, 0), 5_000, "audio, 5.0 s"), ("audio/webm", (0, 0), 5_000, "audio, 5.0 s"),
        ("audio/mpeg", (0, 0), 1_044, "audio, 1.0 s"), ("audio/ogg", (0, 0), 2_000, "audio, 2.0 s"),
        ("audio/wav", (0, 0), 1_000, "audio, 1.0 s"),
    ],
)
def test_timed__valid__keeps_its_bytes(declared: str, size: tuple[int, int], duration_ms: int, said: str) -> None:
    found = inspect(TIMED[declared], declared)
    assert found.content == TIMED[declared]
    facts = found.facts
    assert (facts.media_type, (facts.width, facts.height), facts.duration_ms) == (declared, size, duration_ms)
    assert caption(facts) == said
    assert found.thumbnail.startswith(b"RIFF")


@pytest.mark.parametrize(
    ("alias", "declared"),
    [("audio/mp3", "audio/mpeg"), ("audio/x-wav", "audio/wav"), ("audio/x-m4a", "audio/mp4"),
     ("VIDEO/MP4; codecs=avc1", "video/mp4")],
)
def test_timed__declared_by_another_name_of_the_type__is_taken(alias: str, declared: str) -> None:
    assert inspect(TIMED[declared], alias).facts.media_type == declared


def test_mp3__with_tags__is_taken() -> None:
    tagged = id3(bytes(100)) + mp3() + b"TAG" + bytes(125)
    assert inspect(tagged, "audio/mpeg").facts.duration_ms == 1_044


def test_ogg__vorbis__has_the_rate_of_its_header() -> None:
    first = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, 24_000, 0, 0, 0, 0xB8, 1)
    assert inspect(ogg(first=first), "audio/ogg").facts.duration_ms == (96_000 + 312) * 1000 // 24_000


# --- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (mp4(seconds=61), "video/mp4"), (mp4(seconds=0.1), "video/mp4"), (webm(seconds=61), "video/webm"),
        (wav(seconds=0.2), "audio/wav"), (ogg(seconds=DURATION_MS_MAX // 1000 + 1), "audio/ogg"),
        (mp4(size=(1_921, 100)), "video/mp4"), (webm(size=(100, 4_000)), "video/webm"),
        (mp3(13_000), "audio/mpeg"),
    ],
    ids=named,
)
def test_timed__too_long_short_or_large__is_refused(data: bytes, declared: str) -> None:
    assert refused(data, declared) == "asset_over_budget"


def test_timed__no_size__is_refused() -> None:
    assert refused(mp4(size=(0, 0)), "video/mp4") == "asset_damaged"


def test_limits__of_a_kind__are_within_that_of_a_body() -> None:
    assert set(BYTES_MAX) == set(AssetKind)
    assert max(BYTES_MAX.values()) == UPLOAD_BYTES_MAX


# --- features ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (mp4(codec=b"hvc1"), "video/mp4"), (mp4(codec=b"mp4v"), "video/mp4"), (mp4(brand=b"qt  "), "video/mp4"),
        (mp4(handler=b"hint"), "video/mp4"), (mp4(extra=box(b"uuid", bytes(64))), "video/mp4"),
        (mp4(extra=box(b"moof", bytes(64))), "video/mp4"), (m4a(codec=b"ac-3"), "audio/mp4"),
        (webm(codec=b"V_MPEG4/ISO/AVC"), "video/webm"), (webm(doc_type=b"matroska"), "video/webm"),
        (webm(kind=0x11), "video/webm"), (webm(extra=element(0x1941A469, bytes(50))), "video/webm"),
        (ogg(first=b"\x80theora" + bytes(40)), "audio/ogg"), (wav(codec=2), "audio/wav"),
        (wav(extra=b"evil" + struct.pack("<I", 4) + bytes(4)), "audio/wav"),
    ],
    ids=named,
)
def test_timed__not_played_everywhere__is_refused(data: bytes, declared: str) -> None:
    assert refused(data, declared) == "asset_feature_refused"


def test_mp4__media_in_another_file__is_refused() -> None:
    outside = SAMPLES["video/mp4"].replace(b"url " + struct.pack(">I", 1), b"url " + struct.pack(">I", 0))
    assert refused(outside, "video/mp4") == "asset_feature_refused"


def test_mp4__chunk_outside_of_the_media__is_refused() -> None:
    data = mp4()
    at = data.index(b"stco") + 12
    assert refused(data[:at] + struct.pack(">I", 8) + data[at + 4 :], "video/mp4") == "asset_damaged"


def test_webm__live_stream__is_refused() -> None:
    data = webm()
    at = data.index(bytes.fromhex("18538067")) + 4
    assert refused(data[:at] + b"\x01" + b"\xff" * 7 + data[at + 8 :], "video/webm") == "asset_feature_refused"


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
def test_webm__impossible_duration__is_refused(duration: float) -> None:
    assert refused(webm(seconds=duration / 1_000), "video/webm") in ("asset_damaged", "asset_over_budget")


# --- polyglots --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "face", [b"<script>alert(1)</script>", ZIP, b"%PDF-1.7", b"<?php x", b"\0", bytes(400)], ids=named
)
@pytest.mark.parametrize("declared", TIMED)
def test_timed__something_behind_it__is_refused(declared: str, face: bytes) -> None:
    assert refused(TIMED[declared] + face, declared) in (
        "asset_trailing_data", "asset_damaged", "asset_feature_refused"
    )


@pytest.mark.parametrize("face", [b"<script>alert(1)</script>", b"<!DOCTYPE html>", b"<?php echo 1;", ZIP], ids=named)
@pytest.mark.parametrize(
    ("declared", "hide"),
    [
        ("video/mp4", lambda face: mp4(media=bytes(64) + face)),
        ("video/mp4", lambda face: mp4(extra=box(b"free", face), media=bytes(64) + face)),
        ("audio/mpeg", lambda face: id3(face) + mp3() + (b"TAG" + bytes(103) + ZIP).ljust(128, b"\0")),
        ("video/webm", lambda face: webm(extra=element(0xEC, face) + element(0x1254C367, face)) if face != ZIP
         else webm() [:-22] + ZIP),
    ],
    ids=named,
)
def test_timed__another_face_inside_a_part__is_refused(declared: str, hide: object, face: bytes) -> None:
    assert refused(hide(face), declared) == "asset_trailing_data"  # type: ignore[operator]


def test_timed__much_padding__is_refused() -> None:
    assert refused(mp4(extra=box(b"free", bytes(70_000))), "video/mp4") == "asset_trailing_data"
    assert refused(webm(extra=element(0xEC, bytes(70_000))), "video/webm") == "asset_trailing_data"
    assert refused(id3(bytes(300_000)) + mp3(), "audio/mpeg") == "asset_trailing_data"


def test_ogg__second_stream_or_lost_pages__are_refused() -> None:
    assert refused(ogg() + ogg_page(3, 0, b"x", serial=8), "audio/ogg") == "asset_feature_refused"
    assert refused(ogg() + ogg_page(9, 0, b"x"), "audio/ogg") == "asset_damaged"


# --- pages and texts --------------------------------------------------------------------------------------------

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "data",
    [
        SVG, b'<?xml version="1.0"?>\n' + SVG, b"\xef\xbb\xbf  " + SVG, b"<!-- a -->" + SVG,
        b"\xff\xfe" + SVG.decode().encode("utf-16-le"), b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN">' + SVG,
    ],
    ids=named,
)
@pytest.mark.parametrize("declared", ["image/svg+xml", "image/png", "text/xml", "video/mp4"])
def test_svg__however_disguised__is_refused(data: bytes, declared: str) -> None:
    assert refused(data, declared) == "asset_svg_refused"


@pytest.mark.parametrize(
    "data",
    [b"<!DOCTYPE html><p>x", b"<html></html>", b"\n\t <script>1</script>", b"<!-- <html> -->", b"<iframe src=x>"],
    ids=named,
)
@pytest.mark.parametrize("declared", ["text/html", "image/jpeg", "application/xhtml+xml"])
def test_html__however_disguised__is_refused(data: bytes, declared: str) -> None:
    assert refused(data, declared) == "asset_html_refused"


@pytest.mark.parametrize(
    ("data", "declared", "code"),
    [
        (b"", "image/png", "asset_damaged"), (b"hello", "image/png", "asset_type_unknown"),
        (b"hello", "", "asset_type_unknown"), (b"{}", "application/json", "asset_type_unknown"),
        (b'{"asset": {"version": "2.0"}}', "model/gltf+json", "model_not_binary"),
        (b"MZ" + bytes(200), "application/octet-stream", "asset_type_unknown"),
        (b"%PDF-1.7", "application/pdf", "asset_type_unknown"), (b"x" * 50, "image/svg+xml", "asset_svg_refused"),
        (SAMPLES["video/mp4"], "video/webm", "asset_type_mismatch"),
        (SAMPLES["audio/mp4"], "video/mp4", "asset_type_mismatch"),
        (SAMPLES["video/mp4"], "image/png", "asset_type_mismatch"),
    ],
    ids=named,
)
def test_inspect__something_else__is_refused(data: bytes, declared: str, code: str) -> None:
    assert refused(data, declared) == code


# --- damage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", TIMED)
def test_timed__cut_anywhere__is_refused(declared: str) -> None:
    data = TIMED[declared]
    step = 1 if len(data) < 1_000 else 97 if declared == "audio/wav" else 7
    for length in range(12, len(data), step):
        if declared == "audio/mpeg" and length % 417 == 0:      # whole frames are a shorter sound
            continue
        refused(data[:length], declared)


@pytest.mark.parametrize("declared", TIMED)
@given(data=st.data())
def test_timed__any_bytes_changed__is_taken_or_refused(declared: str, data: st.DataObject) -> None:
    changed = bytearray(TIMED[declared])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(st.integers(0, min(600, len(changed) - 1)), st.integers(0, len(changed) - 1)))
        changed[at : at + data.draw(st.integers(1, 4))] = data.draw(st.binary(max_size=6))
    try:
        found = inspect(bytes(changed), declared)
    except Unprocessable:
        return
    assert found.content == changed
    assert 0 < found.facts.duration_ms <= DURATION_MS_MAX


@given(st.binary(max_size=400), st.sampled_from([data[:24] for data in TIMED.values()]), st.sampled_from(list(TIMED)))
def test_timed__any_bytes_behind_a_magic_number__are_taken_or_refused(rest: bytes, magic: bytes, declared: str) -> None:
    try:
        inspect(magic + rest, declared)
    except Unprocessable:
        return
