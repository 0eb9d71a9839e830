"""What a publisher does not show: an advertiser, a category of campaigns, or one creative."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.categories import CampaignCategory
from backend.core.errors import Unprocessable
from backend.core.ids import WorldId, address

BLOCKS_MAX = 1_000
_ID_MAX = 2**63 - 1


class BlockKind(StrEnum):
    """What `value` names: the wallet that owns campaigns, a CampaignCategory, or the id of a creative."""

    ADVERTISER = "advertiser"
    CATEGORY = "category"
    CREATIVE = "creative"


@dataclass(frozen=True, slots=True)
class BlockTerms:
    """`world`: only there; None: in all worlds of the publisher."""

    kind: BlockKind
    value: str
    world: WorldId | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A stored block."""

    id: int
    terms: BlockTerms
    created_at: datetime


def block_value(kind: BlockKind, text: str) -> str:
    """`text` as it is kept. Raises Unprocessable `block_value` when it is nothing of that kind."""
    try:
        if kind is BlockKind.ADVERTISER:
            return address(text)
        if kind is BlockKind.CATEGORY:
            return CampaignCategory(text)
    except ValueError as error:
        raise Unprocessable("block_value", f"this names no {kind}") from error
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and 0 < int(text) <= _ID_MAX):
        raise Unprocessable("block_value", "a creative is named by its id")
    return str(int(text))
