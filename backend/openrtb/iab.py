"""Words of the IAB's lists (OpenRTB 2.6 and AdCOM 1.0) and ours for the same things."""

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from urllib.parse import parse_qs, urlsplit

from backend.core.categories import CampaignCategory, DeviceClass, WorldCategory
from backend.openrtb.countries import ALPHA_2, ALPHA_3

CATEGORY_TAXONOMY = 1           # IAB Tech Lab Content Taxonomy 1.0, whose codes look like IAB9-30


class NoBid(IntEnum):
    """AdCOM, No-Bid Reason Codes: those that we send."""

    INVALID_REQUEST = 2
    KNOWN_CRAWLER = 3
    DATA_CENTRE = 5
    BLOCKED_PUBLISHER = 7
    INSUFFICIENT_TIME = 15
    INCOMPLETE_SUPPLY_CHAIN = 16
    BLOCKED_SUPPLY_CHAIN_NODE = 17


class MarkupType(IntEnum):
    """`bid.mtype`."""

    BANNER = 1
    VIDEO = 2
    NATIVE = 4


VAST_BY_PROTOCOL: Mapping[int, str] = {2: "2.0", 3: "3.0", 7: "4.0", 11: "4.1", 13: "4.2", 15: "4.2"}
"""AdCOM, Creative Subtypes (audio and video): the version that we write for a player of each. 15 is VAST 4.3."""

IAB_BY_CATEGORY: Mapping[CampaignCategory, str] = {
    CampaignCategory.GAMES: "IAB9-30", CampaignCategory.ENTERTAINMENT: "IAB1", CampaignCategory.MUSIC: "IAB1-6",
    CampaignCategory.SPORTS: "IAB17", CampaignCategory.ART: "IAB1", CampaignCategory.FASHION: "IAB18",
    CampaignCategory.FOOD_AND_DRINK: "IAB8", CampaignCategory.TECHNOLOGY: "IAB19", CampaignCategory.FINANCE: "IAB13",
    CampaignCategory.TRAVEL: "IAB20", CampaignCategory.EDUCATION: "IAB5", CampaignCategory.RETAIL: "IAB22",
    CampaignCategory.AUTOMOTIVE: "IAB2", CampaignCategory.HEALTH: "IAB7", CampaignCategory.NONPROFIT: "IAB14",
    CampaignCategory.OTHER: "IAB24",
}

IAB_BY_WORLD: Mapping[WorldCategory, str] = {
    WorldCategory.GAMES: "IAB9-30", WorldCategory.SOCIAL: "IAB14", WorldCategory.ART: "IAB1",
    WorldCategory.MUSIC: "IAB1-6", WorldCategory.SPORTS: "IAB17", WorldCategory.SHOPPING: "IAB22",
    WorldCategory.EDUCATION: "IAB5", WorldCategory.EVENTS: "IAB1", WorldCategory.BUSINESS: "IAB3",
    WorldCategory.OTHER: "IAB24",
}

_DEVICES = {
    1: DeviceClass.MOBILE, 2: DeviceClass.DESKTOP, 4: DeviceClass.MOBILE, 5: DeviceClass.MOBILE,
    6: DeviceClass.CONSOLE,
}
DEVICE_TYPES: Mapping[DeviceClass, int] = {
    DeviceClass.DESKTOP: 2, DeviceClass.MOBILE: 1, DeviceClass.VR: 6, DeviceClass.CONSOLE: 6,
}
_MEDIA_TYPES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "avif": "image/avif", "mp4": "video/mp4", "webm": "video/webm",
}


def listed(texts: Iterable[str]) -> frozenset[str]:
    """The entries of a list, in lower case. Some put a list into one text: `"IAB25, IAB26"`."""
    return frozenset(one for text in texts for one in text.lower().replace(",", " ").split())


def category_blocked(
    category: str, blocked: Collection[str], allowed: Collection[str], taxonomy: int | None
) -> bool:
    """Whether `bcat` or `acat`, as `listed`, keep a campaign's category away. Codes of a taxonomy that we cannot read
    block all: an exchange that blocks something must be able to rely on it. IAB9 blocks IAB9-30, and not the other way
    round.
    """
    if (blocked or allowed) and (taxonomy or CATEGORY_TAXONOMY) != CATEGORY_TAXONOMY:
        return True
    code = IAB_BY_CATEGORY[CampaignCategory(category)].lower()
    codes = {code, code.partition("-")[0]}
    return not codes.isdisjoint(blocked) or (bool(allowed) and codes.isdisjoint(allowed))


def advertiser_domain(click_url: str) -> str:
    """The domain where an ad leads, as `bid.adomain` has it: without www.

    >>> advertiser_domain("https://www.shop.example/autumn")
    'shop.example'
    """
    return (urlsplit(click_url).hostname or "").removeprefix("www.")


def advertised_app(click_url: str) -> str | None:
    """The app that an ad leads to, as `bid.bundle` and `bapp` name it: by its store's id; None when it is no store.

    >>> advertised_app("https://play.google.com/store/apps/details?id=com.example.harbour&hl=en")
    'com.example.harbour'
    >>> advertised_app("https://apps.apple.com/de/app/harbour/id123456789")
    '123456789'
    """
    parts = urlsplit(click_url)
    if parts.hostname == "play.google.com":
        return next(iter(parse_qs(parts.query).get("id", [])), None)
    last = parts.path.rstrip("/").rpartition("/")[2]
    if parts.hostname in ("apps.apple.com", "itunes.apple.com") and last[2:].isdigit() and last.startswith("id"):
        return last[2:]
    return None


def domains(texts: Iterable[str]) -> frozenset[str]:
    """The domains of a list, whether it has them bare or as addresses.

    >>> sorted(domains(["Shop.example", "https://www.other.example/a, *.third.example"]))
    ['other.example', 'shop.example', 'third.example']
    """
    hosts = (one.rpartition("://")[2].partition("/")[0].partition(":")[0] for one in listed(texts))
    return frozenset(host.removeprefix("*.").removeprefix("www.").strip(".") for host in hosts) - {""}


def domain_listed(domain: str, names: Collection[str]) -> bool:
    """Whether the domain, or one that it is below of, is among `domains`."""
    labels = domain.split(".")
    return any(".".join(labels[first:]) in names for first in range(len(labels)))


def media_types(texts: Iterable[str]) -> frozenset[str]:
    """Those of a list, by their registered names: many write image/jpg."""
    return frozenset(one.replace("image/jpg", "image/jpeg") for one in listed(texts))


def media_type(url: str) -> str | None:
    """By the ending of the path; None when that tells nothing."""
    return _MEDIA_TYPES.get(urlsplit(url).path.rpartition(".")[2].lower())


def country(code: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of an alpha-3 code, as OpenRTB has them, or of an alpha-2 one, as many send."""
    code = (code or "").strip().upper()
    return ALPHA_2.get(code) or (code if code in ALPHA_3 else None)


def language(code: str | None) -> str | None:
    """ISO 639-1 of a language tag."""
    first = (code or "").strip().lower().replace("_", "-").split("-")[0]
    return first if len(first) == 2 and first.isascii() and first.isalpha() else None


def device(kind: int | None, *, headset: bool = False) -> DeviceClass | None:
    """Our class of a `devicetype`. There is none for headsets, so `imp.ext.sightline3d` may say it."""
    return DeviceClass.VR if headset else _DEVICES.get(kind or 0)


def identifier(text: str | None) -> str | None:
    """What names a viewer; None for the zeros that devices send of everybody who is not to be known."""
    return text if text and text.strip("0-") else None


def objects(us_privacy: str | None) -> bool:
    """Whether a US Privacy string (1YYN) says that the viewer has opted out of sales."""
    return us_privacy is not None and len(us_privacy) == 4 and us_privacy[2] in "Yy"
