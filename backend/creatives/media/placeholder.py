"""A drawn thumbnail for what has no picture of its own: films, sounds, models."""

import io

from PIL import Image, ImageDraw

from backend.creatives.media.facts import AssetKind, MediaFacts
from backend.creatives.media.image import THUMBNAIL_SIDE_PIXELS

GROUND, INK = (24, 28, 38), (214, 222, 235)
_WIDTH, _HEIGHT = THUMBNAIL_SIDE_PIXELS, THUMBNAIL_SIDE_PIXELS * 9 // 16


def placeholder(facts: MediaFacts) -> bytes:
    """A small WebP with a sign for the kind and its main numbers, the same for the same facts."""
    image = Image.new("RGB", (_WIDTH, _HEIGHT), GROUND)
    draw = ImageDraw.Draw(image)
    _SIGNS[facts.kind](draw)
    draw.text((_WIDTH // 2, _HEIGHT - 20), caption(facts), fill=INK, anchor="mm", font_size=13)
    out = io.BytesIO()
    image.save(out, "WEBP", lossless=True)
    return out.getvalue()


def caption(facts: MediaFacts) -> str:
    """Such as `video 1280 x 720, 12.4 s` or `model 1 204 triangles`."""
    if facts.kind is AssetKind.MODEL:
        return f"model, {facts.triangles} triangles"
    seconds = f"{facts.duration_ms / 1000:.1f} s"
    return f"video {facts.width} x {facts.height}, {seconds}" if facts.kind is AssetKind.VIDEO else f"audio, {seconds}"


def _film(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(108, 32), (108, 92), (156, 62)], fill=INK)


def _sound(draw: ImageDraw.ImageDraw) -> None:
    for place, height in enumerate((16, 40, 60, 28, 48, 20)):
        left = 92 + 13 * place
        draw.rectangle([left, 62 - height // 2, left + 6, 62 + height // 2], fill=INK)


def _solid(draw: ImageDraw.ImageDraw) -> None:
    top, middle, bottom = (128, 26), (128, 62), (128, 98)
    left, right = ((97, 44), (97, 80)), ((159, 44), (159, 80))
    draw.line([top, left[0], left[1], bottom, right[1], right[0], top], fill=INK, width=3)
    draw.line([left[0], middle, right[0]], fill=INK, width=3)
    draw.line([middle, bottom], fill=INK, width=3)


_SIGNS = {AssetKind.VIDEO: _film, AssetKind.AUDIO: _sound, AssetKind.MODEL: _solid, AssetKind.IMAGE: _film}
