"""VAST (IAB, 4.2 and what older players read of it): a video, where a click leads, and whom to tell of its progress."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

NAMESPACE = "http://www.iab.com/VAST"
REGISTRY = "sightline"
CATEGORY_AUTHORITY = "https://iabtechlab.com/standards/content-taxonomy/"
PROGRESS = ("start", "firstQuartile", "midpoint", "thirdQuartile", "complete", "mute", "unmute", "pause", "resume")
"""Events of the player that we count."""
IMPRESSION, VIEWABLE, NOT_VIEWABLE, ERROR = "impression", "viewable", "notViewable", "error"
EVENTS = frozenset({*PROGRESS, IMPRESSION, VIEWABLE, NOT_VIEWABLE, ERROR})
_WITH_SERVING_ID = frozenset({"4.1", "4.2"})
_WITH_ID_VALUE = frozenset({"4.0", "4.1"})
"""Their schemas require an attribute that the schema of 4.2 no longer has."""


@dataclass(frozen=True, slots=True)
class Video:
    """What the document is about. `serving_id` differs for every impression; `links` are addresses by event."""

    serving_id: str
    creative: int
    asset_url: str
    media_type: str
    width: int
    height: int
    duration_ms: int
    advertiser: str
    category: str
    click_url: str
    links: Mapping[str, str]
    expires_seconds: int = 0


def document(video: Video, version: str = "4.2") -> str:
    """The XML, in the order of the elements of the version's schema: 2.0, 3.0, 4.0, 4.1 or 4.2."""
    modern = version.startswith("4")
    root = Element("VAST", {"version": version} | ({"xmlns": NAMESPACE} if modern else {}))
    inline = SubElement(SubElement(root, "Ad", {"id": str(video.creative)}), "InLine")
    _text(inline, "AdSystem", "Sightline", version="1")
    if modern:
        _opening(inline, video, version)
    else:
        _text(inline, "AdTitle", f"Creative {video.creative}")
        _text(inline, "Error", video.links[ERROR])
        _text(inline, "Impression", video.links[IMPRESSION])
    creative = SubElement(SubElement(inline, "Creatives"), "Creative", {"id": str(video.creative)})
    if modern:
        _identity(creative, f"creative-{video.creative}", version)
    linear = SubElement(creative, "Linear")
    for part in (_tracking, _duration, _media, _clicks) if modern else (_duration, _tracking, _clicks, _media):
        part(linear, video)
    if version in _WITH_SERVING_ID and video.expires_seconds:
        _text(inline, "Expires", str(video.expires_seconds))
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode")


def _opening(inline: Element, video: Video, version: str) -> None:
    _text(inline, "Error", video.links[ERROR])
    _text(inline, "Impression", video.links[IMPRESSION], id=video.serving_id)
    viewable = SubElement(inline, "ViewableImpression", {"id": video.serving_id})
    _text(viewable, "Viewable", video.links[VIEWABLE])
    _text(viewable, "NotViewable", video.links[NOT_VIEWABLE])
    if version in _WITH_SERVING_ID:
        _text(inline, "AdServingId", video.serving_id)
    _text(inline, "AdTitle", f"Creative {video.creative}")
    _text(inline, "Advertiser", video.advertiser)
    _text(inline, "Category", video.category, authority=CATEGORY_AUTHORITY)


def _identity(creative: Element, identity: str, version: str) -> None:
    repeated = {"idValue": identity} if version in _WITH_ID_VALUE else {}
    _text(creative, "UniversalAdId", identity, idRegistry=REGISTRY, **repeated)


def _tracking(linear: Element, video: Video) -> None:
    tracking = SubElement(linear, "TrackingEvents")
    for event in PROGRESS:
        _text(tracking, "Tracking", video.links[event], event=event)


def _duration(linear: Element, video: Video) -> None:
    _text(linear, "Duration", duration(video.duration_ms))


def _media(linear: Element, video: Video) -> None:
    _text(
        SubElement(linear, "MediaFiles"), "MediaFile", video.asset_url, delivery="progressive", type=video.media_type,
        width=str(video.width), height=str(video.height), scalable="true", maintainAspectRatio="true",
    )


def _clicks(linear: Element, video: Video) -> None:
    _text(SubElement(linear, "VideoClicks"), "ClickThrough", video.click_url)


def duration(ms: int) -> str:
    """HH:MM:SS.mmm

    >>> duration(61_500)
    '00:01:01.500'
    """
    seconds, rest = divmod(ms, 1_000)
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _text(parent: Element, name: str, text: str, **attributes: str) -> None:
    SubElement(parent, name, attributes).text = text
