"""A virtual world with surfaces to sell."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import PublisherIndex, WorldId
from backend.core.web_url import web_url


class ListingStatus(StrEnum):
    """Of worlds and placements: paused ones are not sold."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class WorldTerms:
    """What the publisher decides."""

    name: str
    engine: WorldEngine
    category: WorldCategory
    url: str
    status: ListingStatus = ListingStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class World:
    """A stored world."""

    id: WorldId
    publisher_index: PublisherIndex
    terms: WorldTerms
    created_at: datetime


def check(terms: WorldTerms) -> None:
    """Raises Unprocessable `url_not_allowed`."""
    web_url(terms.url, "url")
