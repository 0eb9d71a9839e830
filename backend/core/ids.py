"""Identifiers with types, so that a campaign can never be mistaken for a line item."""

import re
from typing import NewType

ChainCampaignId = NewType("ChainCampaignId", int)
"""Index of a campaign in `CampaignEscrow`; the money side knows campaigns by this number."""
CampaignId = NewType("CampaignId", int)
"""Row of `campaign`: what the advertiser describes in the API, linked to the chain by its `meta` hash."""
LineItemId = NewType("LineItemId", int)
CreativeId = NewType("CreativeId", int)
WorldId = NewType("WorldId", int)
PlacementId = NewType("PlacementId", int)
PublisherIndex = NewType("PublisherIndex", int)
"""Position of a publisher in the settlement tree, stable for life. 0 is the platform's dust account."""
EpochNumber = NewType("EpochNumber", int)
Address = NewType("Address", str)
"""0x and 40 lowercase hex digits."""

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")

DUST_PUBLISHER = PublisherIndex(0)


def address(text: str) -> Address:
    """Lowercase address. Raises ValueError unless `text` is 0x and 40 hex digits."""
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"not an address: {text}")
    return Address(text.lower())
