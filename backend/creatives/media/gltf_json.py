"""The JSON of a glTF 2.0 model as types. What is not described here is either refused or means nothing to a viewer."""

import math
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import damaged, not_played, over_budget

JSON_BYTES_MAX = 1024 * 1024
DEPTH_MAX = 32
VALUES_MAX = 100_000
EXTENSIONS = frozenset({
    "KHR_materials_unlit", "KHR_materials_emissive_strength", "KHR_materials_ior", "KHR_materials_specular",
    "KHR_materials_clearcoat", "KHR_materials_sheen", "KHR_materials_transmission", "KHR_texture_transform",
    "EXT_texture_webp",
})

NODES_MAX, MESHES_MAX, PRIMITIVES_MAX, ACCESSORS_MAX = 256, 128, 64, 2_000
MATERIALS_MAX, IMAGES_MAX, TEXTURES_MAX, ANIMATIONS_MAX, CHANNELS_MAX = 32, 16, 32, 8, 256

# field names are those of the standard
Index = Annotated[int, Meta(ge=0, lt=2**16)]
Bytes = Annotated[int, Meta(ge=0, lt=2**31)]
Count = Annotated[int, Meta(ge=1, lt=2**31)]
Number = Annotated[float, Meta(ge=-1e9, le=1e9)]
Vector3 = tuple[Number, Number, Number]
Vector4 = tuple[Number, Number, Number, Number]
Matrix = Annotated[list[Number], Meta(min_length=16, max_length=16)]


class Buffer(Struct):
    byteLength: Count


class BufferView(Struct):
    buffer: Literal[0]
    byteLength: Count
    byteOffset: Bytes = 0
    byteStride: Annotated[int, Meta(ge=4, le=252, multiple_of=4)] | None = None


class Accessor(Struct):
    bufferView: Index
    componentType: Literal[5120, 5121, 5122, 5123, 5125, 5126]
    count: Count
    type: Literal["SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4"]
    byteOffset: Bytes = 0


class Primitive(Struct):
    attributes: dict[str, Index]
    indices: Index | None = None
    material: Index | None = None
    mode: Literal[4, 5, 6] = 4         # triangles, strip, fan
    targets: object = None              # refused where it is read


class Mesh(Struct):
    primitives: Annotated[list[Primitive], Meta(min_length=1, max_length=PRIMITIVES_MAX)]


class Node(Struct):
    children: Annotated[list[Index], Meta(max_length=NODES_MAX)] = []
    mesh: Index | None = None
    matrix: Matrix | None = None
    translation: Vector3 = (0.0, 0.0, 0.0)
    rotation: Vector4 = (0.0, 0.0, 0.0, 1.0)
    scale: Vector3 = (1.0, 1.0, 1.0)


class Scene(Struct):
    nodes: Annotated[list[Index], Meta(max_length=NODES_MAX)] = []


class Target(Struct):
    path: Literal["translation", "rotation", "scale"]
    node: Index


class Channel(Struct):
    sampler: Index
    target: Target


class Sampler(Struct):
    input: Index
    output: Index
    interpolation: Literal["LINEAR", "STEP"] = "LINEAR"


class Animation(Struct):
    channels: Annotated[list[Channel], Meta(min_length=1, max_length=CHANNELS_MAX)]
    samplers: Annotated[list[Sampler], Meta(min_length=1, max_length=CHANNELS_MAX)]


class Image(Struct):
    bufferView: Index
    mimeType: Literal["image/png", "image/jpeg", "image/webp"]


class TextureSource(Struct, frozen=True):
    source: Index


class TextureExtensions(Struct, frozen=True):
    EXT_texture_webp: TextureSource | None = None


class Texture(Struct):
    source: Index | None = None
    extensions: TextureExtensions = TextureExtensions()


class Gltf(Struct):
    """All that a model may have. Skins, morph targets, cameras and sparse accessors are refused by `read_json`."""

    buffers: Annotated[list[Buffer], Meta(min_length=1, max_length=1)]
    meshes: Annotated[list[Mesh], Meta(min_length=1, max_length=MESHES_MAX)]
    nodes: Annotated[list[Node], Meta(min_length=1, max_length=NODES_MAX)]
    scenes: Annotated[list[Scene], Meta(min_length=1, max_length=1)]
    bufferViews: Annotated[list[BufferView], Meta(max_length=ACCESSORS_MAX)]
    accessors: Annotated[list[Accessor], Meta(max_length=ACCESSORS_MAX)]
    animations: Annotated[list[Animation], Meta(max_length=ANIMATIONS_MAX)] = []
    images: Annotated[list[Image], Meta(max_length=IMAGES_MAX)] = []
    textures: Annotated[list[Texture], Meta(max_length=TEXTURES_MAX)] = []
    materials: Annotated[list[dict[str, object]], Meta(max_length=MATERIALS_MAX)] = []
    scene: Literal[0] = 0


def read_json(document: bytes) -> Gltf:
    """The model. Raises Unprocessable `asset_…`, `model_external_uri` or `model_extension_refused`."""
    if len(document) > JSON_BYTES_MAX:
        raise over_budget(f"the description has more than {JSON_BYTES_MAX} bytes")
    _check_depth(document)
    try:
        raw = msgspec.json.decode(document.rstrip(b" "))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise damaged("the description is not JSON") from error
    if not isinstance(raw, dict):
        raise damaged("the description is not an object")
    _check_values(raw)
    _check_features(raw)
    try:
        return msgspec.convert(raw, Gltf)
    except msgspec.ValidationError as error:
        raise damaged(f"the description is wrong or beyond a limit: {error}") from error


def _check_depth(document: bytes) -> None:
    """Counts brackets before a parser recurses; those inside texts count too, which no exporter will notice."""
    depth = 0
    for byte in document.translate(None, delete=_NO_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > DEPTH_MAX:
            raise over_budget(f"the description is nested more than {DEPTH_MAX} deep")


_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _check_values(raw: dict[str, object]) -> None:
    """Every value of the document: finite, no URI, no extension that we do not know, and not too many of them."""
    waiting: list[object] = [raw]
    seen = 0
    while waiting:
        value = waiting.pop()
        seen += 1
        if seen > VALUES_MAX:
            raise over_budget(f"the description has more than {VALUES_MAX} values")
        if isinstance(value, dict):
            if "uri" in value:
                raise Unprocessable("model_external_uri", "put every buffer and texture into the .glb; no URI is taken")
            _check_extensions(value.get("extensions", {}))
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise damaged("a number is not finite")
    for field in ("extensionsUsed", "extensionsRequired"):
        _check_extensions(raw.get(field, []))


def _check_extensions(names: object) -> None:
    if not isinstance(names, (dict, list)) or not all(isinstance(name, str) for name in names):
        raise damaged("the extensions are not listed by name")
    unknown = sorted(set(names) - EXTENSIONS)
    if unknown:
        shown = ", ".join(name[:60] for name in unknown[:5])
        raise Unprocessable("model_extension_refused", f"not every viewer shows: {shown}")


def _check_features(raw: dict[str, object]) -> None:
    asset = raw.get("asset")
    if not isinstance(asset, dict) or asset.get("version") != "2.0":
        raise damaged("the description is not of glTF 2.0")
    for feature in ("skins", "cameras"):
        if raw.get(feature):
            raise not_played(f"{feature} are not taken; export the model without them")
    for name, part, field in (("sparse accessors", "accessors", "sparse"), ("morph targets", "meshes", "weights")):
        items = raw.get(part)
        if isinstance(items, list) and any(isinstance(item, dict) and field in item for item in items):
            raise not_played(f"{name} are not taken; export the model without them")
