"""Images: decoded and encoded anew, so that only pixels are left of what was uploaded; and thumbnails."""

import io
import warnings

from PIL import Image, ImageOps
from PIL.Image import open as image_in

from backend.core.errors import Unprocessable
from backend.creatives.media.facts import AssetKind, MediaFacts, damaged, not_played, over_budget
from backend.creatives.media.image_header import ImageHeader, read_header

SIDE_PIXELS_MAX = 8_192
PIXELS_MAX = 4_096 * 4_096               # 64 MB while it is decoded
THUMBNAIL_SIDE_PIXELS = 256
JPEG_QUALITY = 92
WEBP_QUALITY = 90

# for the whole process: Pillow's own limit is the second door behind read_header, and its warning counts as well
Image.MAX_IMAGE_PIXELS = PIXELS_MAX
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

_ENCODED_AS = {"PNG": "PNG", "GIF": "PNG", "JPEG": "JPEG", "WEBP": "WEBP"}
_MODES = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "RGBA", "L", "LA"), "WEBP": ("RGB", "RGBA")}


def read_image(data: bytes) -> tuple[MediaFacts, bytes] | None:
    """Facts and the new bytes of a still image, upright and without metadata; None when it is no image.

    A GIF becomes a PNG. Raises Unprocessable `asset_damaged`, `asset_trailing_data`, `asset_over_budget` or
    `asset_feature_refused`.
    """
    header = read_header(data)
    if header is None:
        return None
    check_size(header.width, header.height)
    if header.frames > 1:
        raise not_played("an animated image stands still in a world; upload a video")
    pixels = _decoded(data, header)
    encoding = _ENCODED_AS[header.format]
    content = _encoded(pixels, encoding, lossless=header.lossless)
    facts = MediaFacts(
        AssetKind.IMAGE, f"image/{encoding.lower()}", pixels.width, pixels.height,
        details={"uploaded_as": header.format.lower()},
    )
    return facts, content


def check_image(data: bytes, media_types: frozenset[str]) -> tuple[int, int]:
    """Width and height of an image inside another file, which keeps its bytes. Raises as read_image."""
    header = read_header(data)
    if header is None or f"image/{header.format.lower()}" not in media_types:
        raise not_played(f"an image inside the file is none of {', '.join(sorted(media_types))}")
    check_size(header.width, header.height)
    if header.frames > 1:
        raise not_played("an image inside the file is animated")
    _decoded(data, header)
    return header.width, header.height


def check_size(width: int, height: int) -> None:
    """Raises Unprocessable `asset_over_budget`, or `asset_damaged` for no size at all."""
    if not width or not height:
        raise damaged("the image has no size")
    if max(width, height) > SIDE_PIXELS_MAX or width * height > PIXELS_MAX:
        raise over_budget(
            f"{width} x {height} pixels; at most {SIDE_PIXELS_MAX} a side and {PIXELS_MAX} together are taken"
        )


def thumbnail(data: bytes) -> bytes:
    """WebP of at most 256 pixels a side, of an image that `read_image` has made."""
    with image_in(io.BytesIO(data)) as image:
        image.thumbnail((THUMBNAIL_SIDE_PIXELS, THUMBNAIL_SIDE_PIXELS))
        return _encoded(image, "WEBP", lossless=False)


def _decoded(data: bytes, header: ImageHeader) -> Image.Image:
    try:
        with image_in(io.BytesIO(data), formats=[header.format]) as image:
            if image.size != (header.width, header.height):
                raise damaged("the image contradicts its header")
            image.load()
            if image.mode.startswith(("I", "F")):
                raise not_played("16-bit greyscale is not taken; save the image with 8 bits per channel")
            upright = ImageOps.exif_transpose(image)
    except Unprocessable:
        raise
    except Exception as error:            # a decoder of hostile bytes may raise anything
        raise damaged("the image cannot be decoded") from error
    if upright.has_transparency_data and upright.mode not in ("RGBA", "LA"):
        upright = upright.convert("RGBA")
    upright.info = {}                     # profiles, texts, EXIF: nothing of it is written again
    return upright


def _encoded(image: Image.Image, encoding: str, *, lossless: bool) -> bytes:
    if image.mode not in _MODES[encoding]:
        image = image.convert("RGBA" if image.mode in ("LA", "PA") else "RGB")
    out = io.BytesIO()
    if encoding == "JPEG":
        image.save(out, "JPEG", quality=JPEG_QUALITY, progressive=True)
    elif encoding == "WEBP":
        image.save(out, "WEBP", quality=WEBP_QUALITY, lossless=lossless)
    else:
        image.save(out, "PNG")
    return out.getvalue()
