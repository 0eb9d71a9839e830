"""A virtual world with surfaces to sell."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.errors import Unprocessable
from backend.core.ids import PublisherIndex, WorldId
from backend.core.web_url import web_url

_PARCEL = re.compile(r"(0|-?[1-9]\d{0,3}),(0|-?[1-9]\d{0,3})", re.ASCII)
_NAME = re.compile(r"([a-z0-9]{2,15})\.dcl\.eth", re.ASCII)


class ListingStatus(StrEnum):
    """Of worlds and placements: paused ones are not sold."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class WorldTerms:
    """What the publisher decides. `place` is where the world is in Decentraland, a parcel or a name; else None."""

    name: str
    engine: WorldEngine
    category: WorldCategory
    url: str
    status: ListingStatus = ListingStatus.ACTIVE
    place: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """A stored world; `verified` when its publisher has shown that it controls it."""

    id: WorldId
    publisher_index: PublisherIndex
    terms: WorldTerms
    created_at: datetime
    verified: bool = False


def check(terms: WorldTerms) -> None:
    """Raises Unprocessable `url_not_allowed` or `place_not_allowed`."""
    web_url(terms.url, "url")
    if terms.place is None:
        return
    if terms.engine is not WorldEngine.DECENTRALAND:
        raise Unprocessable("place_not_allowed", "only worlds in Decentraland have a place", field="place")
    if place_of(terms.place) is None:
        raise Unprocessable(
            "place_not_allowed", "a place is a parcel such as 12,-34 or a name such as harbour.dcl.eth", field="place"
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """A piece of Decentraland's land, by the coordinates of its corner."""

    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name in Decentraland, without `.dcl.eth`; a world of its own is behind it."""

    label: str


def place_of(text: str) -> Parcel | Name | None:
    """What `text` names; None unless it is exactly how we write it.

    >>> place_of("12,-34"), place_of("harbour.dcl.eth"), place_of("012,3")
    (Parcel(x=12, y=-34), Name(label='harbour'), None)
    """
    if match := _PARCEL.fullmatch(text):
        return Parcel(int(match[1]), int(match[2]))
    if match := _NAME.fullmatch(text):
        return Name(match[1])
    return None


def proved_thing(terms: WorldTerms) -> tuple[str, str | None, WorldEngine]:
    """What a proof of control is about: when it changes, the proof is worth nothing any more."""
    return terms.url, terms.place, terms.engine
