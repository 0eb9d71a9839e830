"""3D models: one binary glTF 2.0 file (GLB) with everything inside, small enough for any viewer's device.

Container (glTF 2.0 §4) → JSON (gltf_json) → data (gltf_data) → scene (gltf_scene) → budgets. The bytes are kept as they
came, so everything in them is accounted for.
"""

from backend.core.errors import Unprocessable
from backend.creatives.media.cursor import Cursor
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, over_budget, trailing
from backend.creatives.media.gltf_data import check_buffer, geometries, keyframes, texture_pixels
from backend.creatives.media.gltf_json import read_json
from backend.creatives.media.gltf_scene import Extent, scene_extent

MAGIC, VERSION, JSON_CHUNK, BIN_CHUNK = b"glTF", 2, b"JSON", b"BIN\0"
TRIANGLES_MAX = 50_000
DRAW_CALLS_MAX = 64
TEXTURE_PIXELS_MAX = 8 * 1024 * 1024
KEYFRAMES_MAX = 10_000
SIDE_METRES_MIN, SIDE_METRES_MAX = 0.01, 20.0


def read_glb(data: bytes) -> MediaFacts | None:
    """Facts of a model that is within all budgets; None when it is no GLB.

    Raises Unprocessable `asset_damaged`, `asset_trailing_data`, `asset_over_budget`, `asset_feature_refused`,
    `model_external_uri`, `model_extension_refused` or `model_not_binary`.
    """
    if not data.startswith(MAGIC):
        return None
    document, binary = _chunks(data)
    model = read_json(document)
    check_buffer(model, binary)
    pixels = texture_pixels(model, binary)
    shapes = geometries(model, binary)
    frames, swings = keyframes(model, binary)
    extent = scene_extent(model, [shape.box for shape in shapes], swings)
    triangles = sum(shapes[mesh].triangles for mesh in extent.meshes)
    draw_calls = sum(shapes[mesh].draw_calls for mesh in extent.meshes)
    _check_budgets(extent, triangles, draw_calls, pixels, frames)
    details: dict[str, int | str] = {
        "textures": len(model.images), "texture_pixels": pixels, "nodes": len(model.nodes), "draw_calls": draw_calls,
        "materials": len(model.materials), "animations": len(model.animations), "keyframes": frames,
        "depth_mm": _millimetres(extent.sides[2]),
    }
    return MediaFacts(
        AssetKind.MODEL, "model/gltf-binary", _millimetres(extent.sides[0]), _millimetres(extent.sides[1]),
        triangles=triangles, details=details,
    )


def refuse_text_gltf(data: bytes) -> None:
    """Raises Unprocessable `model_not_binary` for glTF as JSON: its buffers and images are elsewhere."""
    if data[:4_096].lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"{") and b'"asset"' in data:
        raise Unprocessable("model_not_binary", "export the model as one binary file (.glb) with its textures inside")


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    cursor = Cursor(data)
    cursor.skip(4)
    version, length = cursor.little(4), cursor.little(4)
    if version != VERSION:
        raise damaged(f"glTF {version}; only 2.0 is taken")
    if length > len(data):
        raise damaged("the file breaks off")
    if length < len(data):
        raise trailing(f"{len(data) - length} bytes follow the model")
    found: list[tuple[bytes, bytes]] = []
    while cursor.left:
        size, name = cursor.little(4), cursor.take(4)
        if size % 4:
            raise damaged("a chunk does not end at a multiple of four bytes")
        found.append((name, cursor.take(size)))
        if len(found) > 2:
            break
    if [name for name, _ in found] != [JSON_CHUNK, BIN_CHUNK]:
        raise trailing("a model is one JSON chunk and one binary chunk, in this order")
    return found[0][1], found[1][1]


def _check_budgets(extent: Extent, triangles: int, draw_calls: int, pixels: int, frames: int) -> None:
    for amount, most, what in (
        (triangles, TRIANGLES_MAX, "triangles"), (draw_calls, DRAW_CALLS_MAX, "draw calls"),
        (pixels, TEXTURE_PIXELS_MAX, "texture pixels"), (frames, KEYFRAMES_MAX, "keyframes"),
    ):
        if amount > most:
            raise over_budget(f"{amount} {what}; at most {most} are taken")
    if not triangles:
        raise damaged("the scene shows nothing")
    largest = max(extent.sides)
    if not SIDE_METRES_MIN <= largest <= SIDE_METRES_MAX:
        raise over_budget(
            f"the model (with all that its animations reach) is {largest:.3g} m large; "
            f"{SIDE_METRES_MIN} to {SIDE_METRES_MAX:g} m are taken"
        )


def _millimetres(metres: float) -> int:
    return max(1, round(metres * 1000))
