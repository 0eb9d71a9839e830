"""3D models: one file with everything inside, every number in its bounds, within what any device can show (L45).

read_glb
├── container: version, lengths, chunks            → asset_damaged, asset_trailing_data
├── JSON: size, depth, values, numbers, features   → asset_over_budget, asset_damaged, asset_feature_refused
│   ├── any URI, data: too                         → model_external_uri
│   └── an extension that we do not know           → model_extension_refused
├── data: views, accessors, indices, gaps          → asset_damaged, asset_trailing_data
├── images                                         → by the rules of images
├── scene: cycles, shared children, room, motion   → asset_damaged, asset_over_budget
├── budgets: triangles, draw calls, textures, …    → asset_over_budget
└── any change of any byte or value                → facts or a refusal, never a crash
"""

import json
import math
import struct
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import MediaFacts
from backend.creatives.media.gltf import DRAW_CALLS_MAX, KEYFRAMES_MAX, TEXTURE_PIXELS_MAX, TRIANGLES_MAX, read_glb
from backend.creatives.media.gltf_json import DEPTH_MAX, JSON_BYTES_MAX, NODES_MAX, VALUES_MAX
from backend.creatives.media.inspection import inspect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from media_kit import Json, animation, bomb, glb, model, model_parts, pack, picture

MODEL = "model/gltf-binary"
CODES = {
    "asset_damaged", "asset_trailing_data", "asset_over_budget", "asset_feature_refused", "model_external_uri",
    "model_extension_refused", "asset_type_unknown", "asset_type_mismatch", "asset_html_refused", "asset_svg_refused",
}


def refused(data: bytes) -> str:
    with pytest.raises(Unprocessable) as refusal:
        inspect(data, MODEL)
    return refusal.value.code


def facts(data: bytes) -> MediaFacts:
    return inspect(data, MODEL).facts


def edited(*path: object, value: object) -> bytes:
    """The board with one part of its description replaced; `...` takes it away."""
    document, binary = model_parts()
    part: Any = document
    for step in path[:-1]:
        part = part[step]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return glb(document, binary)


def with_data(document: Json, binary: bytes, piece: bytes, **accessor: Any) -> tuple[Json, bytes, int]:
    """Append a view and an accessor over `piece`; gives the accessor's index."""
    document = deepcopy(document)
    document["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(piece)})
    document["accessors"].append({"bufferView": len(document["bufferViews"]) - 1, **accessor})
    binary += piece + bytes(-len(piece) % 4)
    document["buffers"] = [{"byteLength": len(binary)}]
    return document, binary, len(document["accessors"]) - 1


# --- what is taken ----------------------------------------------------------------------------------------------


def test_model__board__is_counted_and_measured() -> None:
    found = inspect(model(), MODEL)
    assert found.content == model()
    assert (found.facts.triangles, found.facts.width, found.facts.height) == (2, 1_000, 500)
    assert found.facts.details["textures"] == 1
    assert found.facts.details["texture_pixels"] == 16


def test_model__turning__takes_the_room_of_the_ball_that_it_stays_in() -> None:
    assert facts(model(animations=True)).width == round(2 * math.hypot(1.0, 0.5) * 1_000)


def test_model__placed_by_matrix_and_by_parts__is_the_same_size() -> None:
    turned = facts(edited("nodes", 1, "rotation", value=[0, 0, math.sqrt(0.5), math.sqrt(0.5)]))
    matrix = facts(edited("nodes", 1, "matrix", value=[0, 1, 0, 0, -1, 0, 0, 0, 0, 0, 1, 0, 5, 5, 5, 1]))
    assert (turned.width, turned.height) == (matrix.width, matrix.height) == (500, 1_000)
    grown = facts(edited("nodes", 0, "scale", value=[2, 4, 1]))
    assert (grown.width, grown.height) == (2_000, 2_000)


def test_model__drawn_twice__counts_twice() -> None:
    document, binary = model_parts()
    document["nodes"] += [{"mesh": 0}]
    document["scenes"] = [{"nodes": [0, 2]}]
    found = facts(glb(document, binary))
    assert (found.triangles, found.details["draw_calls"]) == (4, 2)


@pytest.mark.parametrize(("mode", "triangles"), [(4, 2), (5, 4), (6, 4)])
def test_model__strip_or_fan__is_counted_as_it_is_drawn(mode: int, triangles: int) -> None:
    assert facts(edited("meshes", 0, "primitives", 0, "mode", value=mode)).triangles == triangles


def test_model__known_extensions__are_taken() -> None:
    document, binary = model_parts()
    document["extensionsUsed"] = ["KHR_materials_unlit"]
    document["materials"][0]["extensions"] = {"KHR_materials_unlit": {}}
    document["extras"] = {"made by": "a modeller"}
    assert facts(glb(document, binary)).triangles == 2


def test_model__webp_texture_through_its_extension__is_taken() -> None:
    document, binary = model_parts(picture("WEBP", (8, 8)))
    document["images"][0]["mimeType"] = "image/webp"
    document["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
    document["extensionsUsed"] = ["EXT_texture_webp"]
    assert facts(glb(document, binary)).details["texture_pixels"] == 64


# --- container --------------------------------------------------------------------------------------------------


def test_container__anything_wrong__is_refused() -> None:
    document, binary = model_parts()
    text, whole = json.dumps(document).encode(), model()
    version_one = whole[:4] + struct.pack("<I", 1) + whole[8:]
    longer = whole[:8] + struct.pack("<I", len(whole) + 4) + whole[12:]
    huge_chunk = whole[:12] + struct.pack("<I", 2**32 - 4) + whole[16:]
    odd_chunk = whole[:12] + struct.pack("<I", 7) + whole[16:]
    for data in (version_one, longer, huge_chunk, odd_chunk, b"glTF", whole[:20]):
        assert refused(data) == "asset_damaged"
    extra = struct.pack("<I4s", 4, b"EVIL") + bytes(4)
    assert refused(pack(text, binary, after=extra)) == "asset_trailing_data"
    assert refused(whole + b"\0") == "asset_trailing_data"
    assert refused(pack(text, binary).replace(b"BIN\0", b"JSON")) == "asset_trailing_data"


@pytest.mark.parametrize("face", [b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"%PDF-1.7"])
def test_container__second_face_behind_it__is_refused(face: bytes) -> None:
    assert refused(model() + face) == "asset_trailing_data"


def test_container__script_in_a_name__is_refused() -> None:
    assert refused(edited("nodes", 0, "name", value="<script>alert(1)</script>")) == "asset_trailing_data"


def test_buffer__bytes_that_belong_to_no_view__are_refused() -> None:
    document, binary = model_parts()
    hidden = b"nobody looks here" * 4
    document["buffers"] = [{"byteLength": len(binary) + len(hidden)}]
    assert refused(glb(document, binary + hidden)) == "asset_trailing_data"


# --- JSON -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [b"", b"null", b"[]", b"{", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": Infinity}', b"\xff\xfe{}", b'{"a": "\\ud800"}',
     b'{"a": ' + b"9" * 5_000 + b"}", b"{} {}", b"{'a': 1}", b"<html>"],
)
def test_json__not_json__is_refused(text: bytes) -> None:
    assert refused(pack(text, model_parts()[1])) in ("asset_damaged", "asset_over_budget")


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_json__nested_deeply__is_refused_without_recursion(bracket: bytes) -> None:
    started = time.process_time()
    assert refused(pack(bracket * (JSON_BYTES_MAX // 8), b"\0")) == "asset_over_budget"
    assert time.process_time() - started < 1


def test_json__just_deep_enough__is_read() -> None:
    nested: object = 1
    for _ in range(DEPTH_MAX - 2):
        nested = [nested]
    assert facts(model(extras=nested)).triangles == 2
    assert refused(model(extras=[[nested]])) == "asset_over_budget"


def test_json__too_many_bytes_or_values__is_refused() -> None:
    assert refused(model(extras="x" * JSON_BYTES_MAX)) == "asset_over_budget"
    assert refused(model(extras=[0] * VALUES_MAX)) == "asset_over_budget"


@pytest.mark.parametrize(
    "uri", ["https://evil.example/a.bin", "a.bin", "../../etc/passwd", "file:///etc/passwd", "",
            "data:application/octet-stream;base64,AAAA", "data:text/html,<p>", None, 7],
)
@pytest.mark.parametrize("place", [("buffers", 0, "uri"), ("images", 0, "uri"), ("extras",), ("nodes", 0, "extras")])
def test_json__any_uri__is_refused(place: tuple[object, ...], uri: object) -> None:
    value = {"uri": uri} if place[-1] == "extras" else uri
    assert refused(edited(*place, value=value)) == "model_external_uri"


@pytest.mark.parametrize(
    "changes",
    [
        {"extensionsRequired": ["KHR_draco_mesh_compression"]}, {"extensionsUsed": ["EXT_meshopt_compression"]},
        {"extensions": {"KHR_lights_punctual": {}}}, {"extras": {"extensions": {"MSFT_lod": {}}}},
        {"extensionsUsed": ["KHR_audio_emitter"]}, {"extensionsUsed": ["x" * 1_000]},
    ],
)
def test_json__unknown_extension__is_refused(changes: Json) -> None:
    assert refused(model(**changes)) == "model_extension_refused"


@pytest.mark.parametrize("changes", [{"extensionsUsed": 7}, {"extensionsUsed": [7]}, {"extensions": None}])
def test_json__extensions_of_the_wrong_type__are_refused(changes: Json) -> None:
    assert refused(model(**changes)) == "asset_damaged"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("skins",), [{"joints": [0]}]), (("cameras",), [{"type": "perspective"}]),
        (("accessors", 0, "sparse"), {"count": 1}), (("meshes", 0, "weights"), [0.5]),
        (("meshes", 0, "primitives", 0, "targets"), [{"POSITION": 0}]),
    ],
)
def test_json__feature_that_is_not_shown_everywhere__is_refused(path: tuple[object, ...], value: object) -> None:
    assert refused(edited(*path, value=value)) == "asset_feature_refused"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("asset",), ...), (("asset", "version"), "1.0"), (("asset",), 2), (("buffers",), []), (("buffers",), ...),
        (("buffers", 0, "byteLength"), -1), (("buffers", 0, "byteLength"), 2**63), (("buffers", 0, "byteLength"), "9"),
        (("buffers", 0, "byteLength"), 1.5), (("bufferViews", 0, "buffer"), 1), (("bufferViews", 0, "byteStride"), 3),
        (("bufferViews", 0, "byteLength"), 0), (("accessors", 0, "componentType"), 5124),
        (("accessors", 0, "type"), "VEC9"), (("accessors", 0, "count"), 0), (("accessors", 0, "count"), True),
        (("accessors", 0, "bufferView"), ...), (("meshes", 0, "primitives"), []), (("meshes",), []),
        (("meshes", 0, "primitives", 0, "mode"), 1), (("nodes",), []), (("nodes", 1, "translation"), [0, 0]),
        (("nodes", 1, "translation"), [1e300, 0, 0]), (("nodes", 1, "matrix"), [1] * 15), (("scenes",), []),
        (("scene",), 1), (("scenes",), [{"nodes": [0]}] * 2), (("images", 0, "mimeType"), "image/svg+xml"),
        (("images", 0, "bufferView"), ...), (("nodes",), {"a": 1}), (("nodes",), [None]),
    ],
)
def test_json__outside_of_the_standard_or_the_limits__is_refused(path: tuple[object, ...], value: object) -> None:
    assert refused(edited(*path, value=value)) == "asset_damaged"


# --- data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("bufferViews", 0, "byteLength"), 10_000), (("bufferViews", 0, "byteOffset"), 2**31 - 1),
        (("accessors", 0, "count"), 5), (("accessors", 0, "count"), 2**31 - 1), (("accessors", 0, "byteOffset"), 4),
        (("accessors", 0, "byteOffset"), 2**31 - 1), (("accessors", 1, "count"), 7),
        (("bufferViews", 0, "byteStride"), 16), (("bufferViews", 0, "byteStride"), 8),
        (("accessors", 0, "bufferView"), 99), (("accessors", 1, "componentType"), 5125),
        (("meshes", 0, "primitives", 0, "attributes"), {}),
        (("meshes", 0, "primitives", 0, "attributes"), {"POSITION": 99}),
        (("meshes", 0, "primitives", 0, "attributes"), {"POSITION": 0, "NORMAL": 1}),
        (("meshes", 0, "primitives", 0, "attributes"), {"POSITION": 1}),
        (("meshes", 0, "primitives", 0, "indices"), 99), (("meshes", 0, "primitives", 0, "indices"), 0),
        (("meshes", 0, "primitives", 0, "material"), 99), (("textures", 0, "source"), 99),
        (("images", 0, "bufferView"), 99), (("nodes", 1, "mesh"), 99), (("buffers", 0, "byteLength"), 4),
        (("buffers", 0, "byteLength"), 100_000),
    ],
)
def test_data__reaches_beyond_its_bounds__is_refused(path: tuple[object, ...], value: object) -> None:
    assert refused(edited(*path, value=value)) == "asset_damaged"


def test_data__index_of_a_vertex_that_does_not_exist__is_refused() -> None:
    document, binary = model_parts()
    assert refused(glb(document, binary.replace(struct.pack("<3H", 0, 1, 2), struct.pack("<3H", 0, 1, 4), 1))) == (
        "asset_damaged"
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_data__position_that_is_no_number__is_refused(number: float) -> None:
    document, binary = model_parts()
    assert refused(glb(document, struct.pack("<f", number) + binary[4:])) == "asset_damaged"


@pytest.mark.parametrize("bounds", [[math.nan, 0, 0], ["NaN", 0, 0]])
def test_data__bounds_that_are_claimed__count_for_nothing(bounds: list[object]) -> None:
    """What the file says of its box is never believed; NaN is not even JSON."""
    document, binary = model_parts()
    document["accessors"][0]["max"] = bounds
    if isinstance(bounds[0], float):
        assert refused(glb(document, binary)) == "asset_damaged"
    else:
        assert facts(glb(document, binary)).width == 1_000
    document["accessors"][0]["max"] = [1e6, 1e6, 1e6]
    assert facts(glb(document, binary)).width == 1_000


# --- images inside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texture", "code"),
    [
        (picture() + b"<p>", "asset_trailing_data"), (picture()[:-20], "asset_damaged"),
        (animation("PNG"), "asset_feature_refused"), (b"<svg/>", "asset_feature_refused"),
        (picture("JPEG"), "asset_feature_refused"), (bomb(), "asset_over_budget"),
    ],
    ids=["trailing", "cut", "animated", "svg", "another type", "bomb"],
)
def test_texture__by_the_rules_of_images__is_refused(texture: bytes, code: str) -> None:
    assert refused(glb(*model_parts(texture))) == code


# --- scene ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nodes",
    [
        [{"children": [0], "mesh": 0}], [{"children": [1]}, {"children": [0], "mesh": 0}],
        [{"children": [1, 1]}, {"mesh": 0}], [{"children": [1, 2]}, {"children": [2]}, {"mesh": 0}],
        [{"children": [9], "mesh": 0}], [{"children": []}], [{"mesh": 0, "rotation": [0, 0, 0, 0]}],
    ],
)
def test_scene__not_a_tree_or_empty__is_refused(nodes: list[Json]) -> None:
    assert refused(model(nodes=nodes)) == "asset_damaged"


def test_scene__chain_of_nodes__is_bounded() -> None:
    chain: list[Json] = [{"children": [index + 1]} for index in range(40)] + [{"mesh": 0}]
    assert refused(model(nodes=chain)) == "asset_over_budget"


@pytest.mark.parametrize(
    "scale", [[1e-6, 1e-6, 1e-6], [100, 1, 1], [1e9, 1e9, 1e9], [0, 0, 0]]
)
def test_scene__too_small_or_too_large__is_refused(scale: list[float]) -> None:
    assert refused(edited("nodes", 0, "scale", value=scale)) == "asset_over_budget"


def test_scene__sizes_beyond_any_number__are_refused() -> None:
    chain: list[Json] = [{"children": [index + 1], "scale": [1e9, 1e9, 1e9]} for index in range(30)]
    chain += [{"children": [31], "scale": [1e9, 1e9, 1e9]}, {"mesh": 0}]
    assert refused(model(nodes=chain)) == "asset_over_budget"


def moved(path: str, values: list[float], times: list[float], **sampler: Any) -> bytes:
    document, binary = model_parts()
    kind = "VEC4" if path == "rotation" else "VEC3"
    document, binary, at = with_data(
        document, binary, struct.pack(f"<{len(times)}f", *times), componentType=5126, count=len(times), type="SCALAR"
    )
    count = len(values) // (4 if path == "rotation" else 3)
    document, binary, to = with_data(
        document, binary, struct.pack(f"<{len(values)}f", *values), componentType=5126, count=count, type=kind
    )
    document["animations"] = [{
        "channels": [{"sampler": 0, "target": {"node": 1, "path": path}}],
        "samplers": [{"input": at, "output": to, **sampler}],
    }]
    return glb(document, binary)


@pytest.mark.parametrize(
    "data",
    [
        moved("translation", [0, 0, 0, 50, 0, 0], [0, 1]), moved("scale", [1, 1, 1, 40, 40, 40], [0, 1]),
        moved("scale", [1, 1, 1, -40, 1, 1], [0, 1]),
    ],
    ids=["far", "large", "mirrored"],
)
def test_motion__out_of_the_room__is_refused(data: bytes) -> None:
    assert refused(data) == "asset_over_budget"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (moved("translation", [0, 0, 0, 1, 0, 0], [0, 1]), None), (moved("scale", [1] * 6, [0, 1]), None),
        (moved("translation", [0, 0, 0, 1, 0, 0], [1, 0]), "asset_damaged"),
        (moved("translation", [0, 0, 0, 1, 0, 0], [0, math.nan]), "asset_damaged"),
        (moved("translation", [0, 0, 0, math.inf, 0, 0], [0, 1]), "asset_damaged"),
        (moved("translation", [0, 0, 0, 1, 0, 0], [0, 1e6]), "asset_damaged"),
        (moved("translation", [0, 0, 0], [0, 1]), "asset_damaged"),
        (moved("translation", [0, 0, 0, 1, 0, 0], [0, 1], interpolation="CUBICSPLINE"), "asset_damaged"),
        (moved("rotation", [0, 0, 0, 1], [0], input=99), "asset_damaged"),
        (moved("rotation", [0, 0, 0, 1] * (KEYFRAMES_MAX + 1), [n / 1_000 for n in range(KEYFRAMES_MAX + 1)]),
         "asset_over_budget"),
    ],
    ids=["moves", "grows", "backwards", "no time", "nowhere", "days", "too few", "spline", "unknown", "too many"],
)
def test_motion__keyframes__are_checked(data: bytes, code: str | None) -> None:
    if code is None:
        assert facts(data).details["keyframes"] == 2
    else:
        assert refused(data) == code


# --- budgets ----------------------------------------------------------------------------------------------------


def test_budget__triangles__are_bounded() -> None:
    document, binary = model_parts()
    for triangles, code in ((TRIANGLES_MAX, None), (TRIANGLES_MAX + 1, "asset_over_budget")):
        corners = struct.pack("<3H", 0, 1, 2) * triangles
        changed, data, index = with_data(
            document, binary, corners, componentType=5123, count=3 * triangles, type="SCALAR"
        )
        changed["meshes"][0]["primitives"][0]["indices"] = index
        if code is None:
            assert facts(glb(changed, data)).triangles == triangles
        else:
            assert refused(glb(changed, data)) == code


def test_budget__one_mesh_drawn_often__is_bounded() -> None:
    nodes: list[Json] = [{"children": list(range(1, DRAW_CALLS_MAX + 2))}] + [{"mesh": 0}] * (DRAW_CALLS_MAX + 1)
    assert refused(model(nodes=nodes)) == "asset_over_budget"
    assert refused(model(nodes=[{"mesh": 0}] * (NODES_MAX + 1))) == "asset_damaged"


def test_budget__texture_pixels__are_bounded() -> None:
    document, binary = model_parts(picture(size=(2_048, 1_400), mode="L"))
    document["images"] = [{"bufferView": 4, "mimeType": "image/png"}] * 3
    assert TEXTURE_PIXELS_MAX < 3 * 2_048 * 1_400
    assert refused(glb(document, binary)) == "asset_over_budget"


@pytest.mark.parametrize(("part", "item"), [("materials", {}), ("textures", {}), ("meshes", None), ("images", None)])
def test_budget__count_of_parts__is_bounded(part: str, item: object) -> None:
    document, _ = model_parts()
    assert refused(model(**{part: [document[part][0] if item is None else item] * 200})) == "asset_damaged"


def test_budget__huge_counts__take_no_time() -> None:
    """All accessors over the same few bytes, as large as the description allows."""
    document, binary = model_parts()
    document["accessors"] += [{"bufferView": 0, "componentType": 5121, "count": 48, "type": "SCALAR"}] * 1_900
    document["meshes"][0]["primitives"] = document["meshes"][0]["primitives"] * 64
    document["meshes"] = document["meshes"] * 128
    started = time.process_time()
    assert facts(glb(document, binary)).triangles == 128
    assert time.process_time() - started < 2


# --- anything ---------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_model__any_bytes_changed__is_taken_or_refused(data: st.DataObject) -> None:
    changed = bytearray(model(animations=True))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at : at + data.draw(st.integers(1, 4))] = data.draw(st.binary(max_size=4))
    within_budgets(bytes(changed))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.lists(st.integers(-5, 300), max_size=5), st.just({}), st.sampled_from([0, 1, 5121, 5126]),
)


@given(data=st.data())
def test_model__any_value_of_the_description_changed__is_taken_or_refused(data: st.DataObject) -> None:
    document, binary = model_parts()
    for _ in range(data.draw(st.integers(1, 3))):
        part: Any = document
        while True:
            keys = list(part) if isinstance(part, dict) else list(range(len(part)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(part[key], (dict, list)) or data.draw(st.integers(0, 3)) == 0:
                part[key] = data.draw(VALUES)
                break
            part = part[key]
    within_budgets(glb(document, binary))


@given(st.binary(max_size=300))
def test_model__any_bytes_behind_the_magic_number__are_refused(rest: bytes) -> None:
    with pytest.raises(Unprocessable):
        read_glb(b"glTF" + rest)


def within_budgets(data: bytes) -> None:
    try:
        found = facts(data)
    except Unprocessable as refusal:
        if refusal.code not in CODES:
            raise
        return
    assert 0 < found.triangles <= TRIANGLES_MAX
    assert 0 < max(found.width, found.height) <= 20_000
