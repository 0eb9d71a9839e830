"""Native ads 1.2 (IAB): which assets a request wants, and the answer made of one image."""

from dataclasses import dataclass, field

import msgspec

from backend.core.errors import BadRequest
from backend.openrtb.iab import media_types
from backend.openrtb.reading import read_lenient

IMAGE_MAIN = 3
DATA_SPONSORED = 1
SIZE_TOLERANCE_PERCENT = 2
ASSETS_MAX = 20
VERSION = "1.2"


class _Title(msgspec.Struct):
    len: int | None = None


class _Image(msgspec.Struct):
    type: int | None = None
    w: int | None = None
    h: int | None = None
    wmin: int | None = None
    hmin: int | None = None
    mimes: list[str] = []


class _Data(msgspec.Struct):
    type: int | None = None
    len: int | None = None


class _Asset(msgspec.Struct):
    id: int
    required: int | None = None
    title: _Title | None = None
    img: _Image | None = None
    data: _Data | None = None
    video: _Data | None = None


class _Request(msgspec.Struct):
    ver: str | None = None
    assets: list[_Asset] = []


class _Wrapped(msgspec.Struct):
    """Version 1.0 had the request in an object of its own."""

    native: _Request


@dataclass(frozen=True, slots=True)
class Wanted:
    """The assets that we can give, by their ids: an image, the advertiser's domain as title and as sponsor."""

    image: int
    width: int = 0
    height: int = 0
    width_min: int = 0
    height_min: int = 0
    mimes: frozenset[str] = field(default=frozenset())
    title: int | None = None
    title_max: int = 0
    sponsor: int | None = None
    wrapped: bool = False       # before 1.1, request and answer were objects of the one field `native`

    def takes(self, width: int, height: int) -> bool:
        """Whether an image of this size will do: of the wanted shape, within 2 %, and not smaller than the least."""
        if width < self.width_min or height < self.height_min:
            return False
        one, other = width * self.height, self.width * height
        return not (self.width and self.height) or abs(one - other) * 100 <= SIZE_TOLERANCE_PERCENT * other


def wanted_by(text: str) -> Wanted | None:
    """What is wanted; None when it is no native request, or something is required that we do not have."""
    try:
        wrapped = read_lenient(text.encode(), _Wrapped)
        request = wrapped.native if wrapped else read_lenient(text.encode(), _Request)
    except BadRequest:
        return None
    if request is None or not 0 < len(request.assets) <= ASSETS_MAX:
        return None
    image = next((one for one in request.assets if one.img and one.img.type in (IMAGE_MAIN, None)), None)
    title = next((one for one in request.assets if one.title), None)
    sponsor = next((one for one in request.assets if one.data and one.data.type == DATA_SPONSORED), None)
    given = [one for one in (image, title, sponsor) if one is not None]
    if image is None or image.img is None or any(one.required == 1 and one not in given for one in request.assets):
        return None
    return Wanted(
        image.id, max(image.img.w or 0, 0), max(image.img.h or 0, 0), image.img.wmin or 0, image.img.hmin or 0,
        media_types(image.img.mimes), title.id if title else None,
        (title.title.len or 0) if title and title.title else 0, sponsor.id if sponsor else None, wrapped is not None,
    )


def answer(wanted: Wanted, domain: str, image_url: str, width: int, height: int, click_url: str) -> str:
    """The native response, as text for `bid.adm`."""
    assets: list[dict[str, object]] = [
        {"id": wanted.image, "img": {"type": IMAGE_MAIN, "url": image_url, "w": width, "h": height}}
    ]
    if wanted.title is not None:
        assets.append({"id": wanted.title, "title": {"text": domain[: wanted.title_max or None]}})
    if wanted.sponsor is not None:
        assets.append({"id": wanted.sponsor, "data": {"type": DATA_SPONSORED, "value": domain}})
    made: dict[str, object] = {"ver": VERSION, "assets": assets, "link": {"url": click_url}}
    return msgspec.json.encode({"native": made} if wanted.wrapped else made).decode()
