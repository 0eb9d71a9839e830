"""From uploaded bytes to what is stored: the kind by the bytes themselves, then its reader, budgets and thumbnail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from backend.core.errors import Unprocessable
from backend.creatives.media.audio import read_audio
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, over_budget
from backend.creatives.media.gltf import read_glb, refuse_text_gltf
from backend.creatives.media.image import check_size, read_image, thumbnail
from backend.creatives.media.mp4 import read_mp4
from backend.creatives.media.placeholder import placeholder
from backend.creatives.media.polyglot import refuse_markup, refuse_second_face
from backend.creatives.media.webm import read_webm

MIB = 1024 * 1024
UPLOAD_BYTES_MAX = 20 * MIB
BYTES_MAX: Mapping[AssetKind, int] = {
    AssetKind.IMAGE: 10 * MIB, AssetKind.VIDEO: UPLOAD_BYTES_MAX, AssetKind.AUDIO: 5 * MIB, AssetKind.MODEL: 10 * MIB,
}
DURATION_MS_MIN, DURATION_MS_MAX = 500, 60_000
VIDEO_SIDE_PIXELS_MAX = 1_920

MEDIA_TYPES = (
    "image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "video/webm", "audio/mpeg", "audio/ogg",
    "audio/wav", "audio/mp4", "audio/webm", "model/gltf-binary",
)
_SAME = {
    "image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav", "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4", "application/ogg": "audio/ogg",
    "video/x-m4v": "video/mp4",
}
_READERS: tuple[Callable[[bytes], MediaFacts | None], ...] = (read_mp4, read_webm, read_audio, read_glb)


@dataclass(frozen=True, slots=True)
class Inspected:
    """An asset that may be stored: `content` is what will be served, and what its hash names."""

    facts: MediaFacts
    content: bytes
    thumbnail: bytes


def inspect(data: bytes, declared: str) -> Inspected:
    """What `data` is. `declared` is the media type of the request, which must tell the truth.

    Raises Unprocessable with one of the codes `asset_…` or `model_…`.
    """
    declared = declared.partition(";")[0].strip().lower()
    if not data:
        raise damaged("the body is empty")
    refuse_markup(data, declared)
    if declared in ("model/gltf+json", "application/json"):
        refuse_text_gltf(data)
    declared = _SAME.get(declared, declared)
    if declared not in MEDIA_TYPES:
        raise Unprocessable("asset_type_unknown", f"the Content-Type must be one of {', '.join(MEDIA_TYPES)}")
    if declared.startswith("image/"):
        _check_size(AssetKind.IMAGE, len(data))          # before it is decoded
    image = read_image(data)
    if image is not None:
        facts, content = image
        _check_declared(declared, f"image/{facts.details['uploaded_as']}")
        return Inspected(facts, content, thumbnail(content))
    found = next(filter(None, (read(data) for read in _READERS)), None)
    if found is None:
        raise Unprocessable("asset_type_unknown", f"the body is none of {', '.join(MEDIA_TYPES)}")
    _check_declared(declared, found.media_type)
    refuse_second_face(data)
    _check_budget(found, len(data))
    return Inspected(found, data, placeholder(found))


def _check_declared(declared: str, found: str) -> None:
    if declared != found:
        raise Unprocessable("asset_type_mismatch", f"the Content-Type says {declared}, but the body is {found}")


def _check_size(kind: AssetKind, size: int) -> None:
    if size > BYTES_MAX[kind]:
        raise over_budget(f"{size} bytes; at most {BYTES_MAX[kind]} are taken of this kind")


def _check_budget(facts: MediaFacts, size: int) -> None:
    _check_size(facts.kind, size)
    if facts.kind in (AssetKind.VIDEO, AssetKind.AUDIO) and not DURATION_MS_MIN <= facts.duration_ms <= DURATION_MS_MAX:
        raise over_budget(f"{facts.duration_ms} ms; {DURATION_MS_MIN} to {DURATION_MS_MAX} are taken")
    if facts.kind is AssetKind.VIDEO:
        check_size(facts.width, facts.height)
        if max(facts.width, facts.height) > VIDEO_SIDE_PIXELS_MAX:
            raise over_budget(f"{facts.width} x {facts.height} pixels; at most {VIDEO_SIDE_PIXELS_MAX} a side")
