"""The binary part of a model: is every view, accessor, index and number inside its bounds, and what do they cost?"""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from backend.creatives.media.facts import damaged, not_played, over_budget, trailing
from backend.creatives.media.gltf_json import Accessor, BufferView, Gltf, Image, Primitive
from backend.creatives.media.image import check_image

VERTICES_MAX = 200_000
ANIMATION_SECONDS_MAX = 60
GAP_BYTES_MAX = 8
FLOAT, UNSIGNED = 5126, (5121, 5123, 5125)
_COMPONENTS = {5120: "b", 5121: "B", 5122: "h", 5123: "H", 5125: "I", 5126: "f"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})

Item = TypeVar("Item")
Box = tuple[tuple[float, float, float], tuple[float, float, float]]
"""Lowest and highest corner, metres."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """One mesh: what it costs to draw it once, and the box around its vertices."""

    triangles: int
    draw_calls: int
    box: Box


@dataclass(slots=True)
class Swing:
    """How far animations move one node at most: length of its translation, and factor of its scale."""

    translation: float = 0.0
    scale: float = 0.0


def check_buffer(model: Gltf, binary: bytes) -> None:
    """Views lie in the buffer, accessors in their views, and nothing lies between the views.

    Raises Unprocessable `asset_damaged` or `asset_trailing_data`.
    """
    length = model.buffers[0].byteLength
    if not length <= len(binary) <= length + 3:
        raise damaged("the buffer is not as long as the binary chunk")
    for view in model.bufferViews:
        if view.byteOffset + view.byteLength > length:
            raise damaged("a view reaches beyond the buffer")
    _check_no_gaps(model.bufferViews, length)
    for accessor in model.accessors:
        _check_accessor(model, accessor)


def _check_no_gaps(views: Iterable[BufferView], length: int) -> None:
    reached = 0
    for start, end in sorted((view.byteOffset, view.byteOffset + view.byteLength) for view in views):
        if start > reached + GAP_BYTES_MAX:
            raise trailing("the buffer has bytes that belong to no view")
        reached = max(reached, end)
    if length > reached + GAP_BYTES_MAX:
        raise trailing("the buffer has bytes that belong to no view")


def _check_accessor(model: Gltf, accessor: Accessor) -> None:
    view = _item(model.bufferViews, accessor.bufferView, "view")
    size = _element_bytes(accessor)
    stride = view.byteStride or size
    if stride < size or accessor.byteOffset + stride * (accessor.count - 1) + size > view.byteLength:
        raise damaged("an accessor reaches beyond its view")


def texture_pixels(model: Gltf, binary: bytes) -> int:
    """Pixels of all images together. Raises Unprocessable by the rules of images."""
    for texture in model.textures:
        webp = texture.extensions.EXT_texture_webp
        for source in (texture.source, webp.source if webp else None):
            if source is not None:
                _item(model.images, source, "image")
    return sum(_pixels(model, binary, image) for image in model.images)


def _pixels(model: Gltf, binary: bytes, image: Image) -> int:
    view = _item(model.bufferViews, image.bufferView, "view")
    width, height = check_image(
        binary[view.byteOffset : view.byteOffset + view.byteLength], _IMAGE_TYPES & {image.mimeType}
    )
    return width * height


def geometries(model: Gltf, binary: bytes) -> list[Geometry]:
    """Every mesh in order. Raises Unprocessable `asset_damaged` or `asset_over_budget`."""
    used = {accessor for mesh in model.meshes for one in mesh.primitives for accessor in one.attributes.values()}
    if sum(_item(model.accessors, index, "accessor").count for index in used) > 4 * VERTICES_MAX:
        raise over_budget(f"more than {4 * VERTICES_MAX} values of vertices")
    boxes: dict[int, Box] = {}
    highest: dict[int, int] = {}
    found = []
    for mesh in model.meshes:
        parts = [_primitive(model, binary, one, boxes, highest) for one in mesh.primitives]
        found.append(Geometry(sum(triangles for triangles, _ in parts), len(parts), _around([box for _, box in parts])))
    return found


def _primitive(
    model: Gltf, binary: bytes, one: Primitive, boxes: dict[int, Box], highest: dict[int, int]
) -> tuple[int, Box]:
    """Triangles and box; `boxes` and `highest` remember accessors, so that none is read twice."""
    if one.targets is not None:
        raise not_played("morph targets are not taken; export the model without them")
    if one.material is not None:
        _item(model.materials, one.material, "material")
    if "POSITION" not in one.attributes:
        raise damaged("a mesh has no positions")
    place = one.attributes["POSITION"]
    vertices = _item(model.accessors, place, "accessor").count
    if any(_item(model.accessors, index, "accessor").count != vertices for index in one.attributes.values()):
        raise damaged("the vertices of a mesh do not agree in number")
    if place not in boxes:
        boxes[place] = _box(model, binary, model.accessors[place])
    corners = vertices
    if one.indices is not None:
        corners = _item(model.accessors, one.indices, "accessor").count
        if one.indices not in highest:
            highest[one.indices] = _highest_index(model, binary, model.accessors[one.indices])
        if highest[one.indices] >= vertices:
            raise damaged("an index names a vertex that does not exist")
    return (corners // 3 if one.mode == 4 else max(0, corners - 2)), boxes[place]


def _box(model: Gltf, binary: bytes, accessor: Accessor) -> Box:
    if accessor.type != "VEC3" or accessor.componentType != FLOAT:
        raise damaged("positions are three floats each")
    values = _values(model, binary, accessor)
    if not all(map(math.isfinite, values)):
        raise damaged("a position is not finite")
    columns = [values[axis::3] for axis in range(3)]
    low, high = [min(column) for column in columns], [max(column) for column in columns]
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _highest_index(model: Gltf, binary: bytes, accessor: Accessor) -> int:
    if accessor.type != "SCALAR" or accessor.componentType not in UNSIGNED:
        raise damaged("indices are unsigned whole numbers")
    return int(max(_values(model, binary, accessor)))


def keyframes(model: Gltf, binary: bytes) -> tuple[int, dict[int, Swing]]:
    """Number of keyframes, and how far each animated node is moved. Raises Unprocessable `asset_damaged`."""
    total, swings = 0, dict[int, Swing]()
    for animation in model.animations:
        for channel in animation.channels:
            sampler = _item(animation.samplers, channel.sampler, "sampler")
            _item(model.nodes, channel.target.node, "node")
            times = _item(model.accessors, sampler.input, "accessor")
            outputs = _item(model.accessors, sampler.output, "accessor")
            path = channel.target.path
            if times.type != "SCALAR" or times.componentType != FLOAT or times.count != outputs.count or (
                outputs.componentType != FLOAT or outputs.type != ("VEC4" if path == "rotation" else "VEC3")
            ):
                raise damaged("the keyframes of an animation do not fit what they move")
            total += times.count
            if total > VERTICES_MAX:
                raise over_budget(f"more than {VERTICES_MAX} keyframes")
            _check_times(_values(model, binary, times))
            _add_swing(swings.setdefault(channel.target.node, Swing()), path, _values(model, binary, outputs))
    return total, swings


def _check_times(times: Sequence[float]) -> None:
    rising = all(before < after for before, after in pairwise(times))
    if not all(map(math.isfinite, times)) or not rising or times[0] < 0 or times[-1] > ANIMATION_SECONDS_MAX:
        raise damaged(f"the times of an animation do not rise from 0 to at most {ANIMATION_SECONDS_MAX} s")


def _add_swing(swing: Swing, path: str, values: Sequence[float]) -> None:
    if not all(map(math.isfinite, values)):
        raise damaged("a keyframe is not finite")
    if path == "translation":
        lengths = (math.hypot(*values[at : at + 3]) for at in range(0, len(values), 3))
        swing.translation = max(swing.translation, *lengths)
    elif path == "scale":
        swing.scale = max(swing.scale, max(map(abs, values)))


def _values(model: Gltf, binary: bytes, accessor: Accessor) -> Sequence[float]:
    """All numbers of an accessor, one after the other; its bounds were checked before."""
    view = model.bufferViews[accessor.bufferView]
    size = _element_bytes(accessor)
    stride = view.byteStride or size
    if accessor.count > VERTICES_MAX * 3:
        raise over_budget(f"more than {VERTICES_MAX * 3} values in one accessor")
    start = view.byteOffset + accessor.byteOffset
    layout = struct.Struct(f"<{_WIDTHS[accessor.type]}{_COMPONENTS[accessor.componentType]}{stride - size}x")
    whole = binary[start : start + stride * (accessor.count - 1) + size] + bytes(stride - size)
    return [number for element in layout.iter_unpack(whole) for number in element]


def _element_bytes(accessor: Accessor) -> int:
    return _WIDTHS[accessor.type] * struct.calcsize(f"<{_COMPONENTS[accessor.componentType]}")


def _item(items: Sequence[Item], index: int, what: str) -> Item:
    if index >= len(items):
        raise damaged(f"the description names a {what} that does not exist")
    return items[index]


def _around(boxes: Sequence[Box]) -> Box:
    lows, highs = zip(*boxes, strict=True)
    return (
        (min(low[0] for low in lows), min(low[1] for low in lows), min(low[2] for low in lows)),
        (max(high[0] for high in highs), max(high[1] for high in highs), max(high[2] for high in highs)),
    )
