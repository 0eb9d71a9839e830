"""What an advertiser does with campaigns, line items and creatives; every call is one transaction."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backend.campaigns import creative as creatives
from backend.campaigns import line_item as line_items
from backend.campaigns import store
from backend.campaigns.campaign import (
    SALT_BYTES,
    Campaign,
    CampaignMoney,
    CampaignStatus,
    check_editable,
    meta_hash,
    money_of,
)
from backend.campaigns.creative import Creative, CreativeTerms
from backend.campaigns.line_item import LineItem, LineItemTerms
from backend.campaigns.targeting import Targeting
from backend.core.categories import CampaignCategory
from backend.core.errors import NotFound, Unprocessable
from backend.core.ids import Address, CampaignId, LineItemId
from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once


@dataclass(frozen=True, slots=True)
class FundedCampaign:
    """A campaign and its money, which may not have arrived yet."""

    campaign: Campaign
    money: CampaignMoney


LineItemChange = Callable[[LineItemTerms], LineItemTerms]


class CampaignService:
    """Campaigns whose money is on the chain `chain_id`. `clock` gives Unix seconds.

    Whatever is not the caller's own raises NotFound, so that ids cannot be probed.
    """

    def __init__(self, engine: Engine, chain_id: int, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._clock = clock

    def create_campaign(
        self, owner: Address, name: str, category: CampaignCategory, *, key: str | None = None
    ) -> Campaign:
        """A campaign with a fresh `meta`; `key` is the Idempotency-Key."""
        def create() -> Campaign:
            meta = meta_hash(owner, self._chain_id, name, category, secrets.token_bytes(SALT_BYTES))
            return store.insert_campaign(connection, owner, name, category.value, meta)

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("campaign", name, category), Campaign, create)

    def campaign(self, owner: Address, campaign: CampaignId) -> FundedCampaign:
        with self._engine.begin() as connection:
            return self._funded(connection, _own_campaign(connection, owner, campaign))

    def campaigns(self, owner: Address, *, after: int = 0, limit: int = 100) -> list[FundedCampaign]:
        """The owner's campaigns by id, from the one after `after`."""
        with self._engine.begin() as connection:
            own = store.campaigns_of(connection, owner, after, limit)
            budgets = read_budgets(connection, self._chain_id) if own else {}
            return [FundedCampaign(campaign, money_of(campaign, budgets.values())) for campaign in own]

    def change_campaign(
        self, owner: Address, campaign: CampaignId, *, name: str | None = None, status: CampaignStatus | None = None
    ) -> FundedCampaign:
        """Rename, pause, resume or end. Raises Conflict `campaign_ended` once it has ended."""
        with self._engine.begin() as connection:
            found = _own_campaign(connection, owner, campaign, lock=True)
            check_editable(found)
            changed = replace(found, name=name or found.name, status=status or found.status)
            store.update_campaign(connection, changed)
            return self._funded(connection, changed)

    def create_line_item(
        self, owner: Address, campaign: CampaignId, terms: LineItemTerms, *, key: str | None = None
    ) -> LineItem:
        """A line item of the owner's campaign. Raises Unprocessable when the terms break a rule."""
        def create() -> LineItem:
            check_editable(_own_campaign(connection, owner, campaign, lock=True))
            line_items.check(terms)
            line_items.check_not_over(terms, self._now())
            _check_targets_exist(connection, terms.targeting)
            return store.insert_line_item(connection, campaign, terms)

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("line item", campaign, terms), LineItem, create)

    def line_item(self, owner: Address, line_item: LineItemId) -> LineItem:
        with self._engine.begin() as connection:
            return _own_line_item(connection, owner, line_item)

    def line_items(
        self, owner: Address, campaign: CampaignId, *, after: int = 0, limit: int = 100
    ) -> list[LineItem]:
        with self._engine.begin() as connection:
            _own_campaign(connection, owner, campaign)
            return store.line_items_of(connection, owner, campaign, after, limit)

    def change_line_item(self, owner: Address, line_item: LineItemId, change: LineItemChange) -> LineItem:
        """Replace the terms by what `change` makes of them; the result must meet the same rules as a new one."""
        with self._engine.begin() as connection:
            found = _own_line_item(connection, owner, line_item, lock=True)
            check_editable(_own_campaign(connection, owner, found.campaign_id))
            terms = change(found.terms)
            line_items.check(terms)
            if terms.targeting != found.terms.targeting:
                _check_targets_exist(connection, terms.targeting)
            store.update_line_item(connection, line_item, terms)
            return replace(found, terms=terms)

    def create_creative(
        self, owner: Address, line_item: LineItemId, terms: CreativeTerms, *, key: str | None = None
    ) -> Creative:
        """A creative of the owner's line item. Raises Unprocessable when the terms break a rule."""
        def create() -> Creative:
            found = _own_line_item(connection, owner, line_item)
            check_editable(_own_campaign(connection, owner, found.campaign_id, lock=True))
            creatives.check(terms)
            return store.insert_creative(connection, line_item, terms)

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("creative", line_item, terms), Creative, create)

    def creatives(self, owner: Address, line_item: LineItemId, *, after: int = 0, limit: int = 100) -> list[Creative]:
        with self._engine.begin() as connection:
            _own_line_item(connection, owner, line_item)
            return store.creatives_of(connection, owner, line_item, after, limit)

    def _funded(self, connection: Connection, campaign: Campaign) -> FundedCampaign:
        return FundedCampaign(campaign, money_of(campaign, read_budgets(connection, self._chain_id).values()))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _own_campaign(connection: Connection, owner: Address, campaign: CampaignId, *, lock: bool = False) -> Campaign:
    found = store.campaign_of(connection, owner, campaign, lock=lock)
    if found is None:
        raise NotFound("campaign_unknown", f"you have no campaign {campaign}")
    return found


def _own_line_item(connection: Connection, owner: Address, line_item: LineItemId, *, lock: bool = False) -> LineItem:
    found = store.line_item_of(connection, owner, line_item, lock=lock)
    if found is None:
        raise NotFound("line_item_unknown", f"you have no line item {line_item}")
    return found


def _check_targets_exist(connection: Connection, targeting: Targeting) -> None:
    worlds = store.unknown_worlds(connection, targeting.all_worlds)
    if worlds:
        raise Unprocessable("world_not_found", f"targeting names unknown worlds: {', '.join(map(str, worlds))}")
    placements = store.unknown_placements(connection, targeting.all_placements)
    if placements:
        names = ", ".join(map(str, placements))
        raise Unprocessable("placement_not_found", f"targeting names unknown placements: {names}")
