"""What an advertiser does with campaigns and line items; every call is one transaction."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from backend.campaigns import line_item as line_items
from backend.campaigns import store
from backend.campaigns.campaign import (
    Campaign,
    CampaignMoney,
    CampaignStatus,
    check_editable,
    money_of,
)
from backend.campaigns.line_item import LineItem, LineItemStatus, LineItemTerms
from backend.campaigns.store import TermsDocument
from backend.campaigns.targeting import Targeting
from backend.campaigns.terms import (
    SALT_BYTES,
    campaign_state,
    described,
    document_hash,
    first_document,
    nameless,
    next_document,
)
from backend.core.categories import CampaignCategory
from backend.core.errors import Conflict, NotFound, Unprocessable
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId, LineItemId
from backend.db import audit
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
        self, owner: Address, name: str, category: CampaignCategory, items: Sequence[LineItemTerms] = (), *,
        key: str | None = None,
    ) -> Campaign:
        """A campaign with a fresh `meta`, which is the hash of its terms and line items; `key`: the Idempotency-Key.

        Raises Unprocessable when a line item breaks a rule, Conflict when it is a sponsorship: those need money first.
        """
        def create() -> Campaign:
            for terms in items:
                if terms.bid_kind is BidKind.SPONSORSHIP:
                    raise Conflict("sponsorship_unfunded", "fund the campaign, then add its sponsorships")
                self._check_new(connection, terms)
            salt = secrets.token_bytes(SALT_BYTES)
            document = first_document(owner, self._chain_id, name, category, items, salt)
            meta = document_hash(document)
            campaign = store.insert_campaign(connection, owner, name, category.value, meta)
            store.insert_terms(connection, campaign.id, 1, document, meta)
            audit.record(connection, "campaign.create", f"campaign:{campaign.id}", meta=meta)
            for terms in items:
                added = store.insert_line_item(connection, campaign.id, terms)
                audit.record(connection, "line_item.create", f"line_item:{added.id}", terms=nameless(terms))
            return campaign

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("campaign", name, category, items), Campaign, create)

    def campaign(self, owner: Address, campaign: CampaignId) -> FundedCampaign:
        with self._engine.begin() as connection:
            return self._funded(connection, _own_campaign(connection, owner, campaign))

    def campaigns(self, owner: Address, *, after: int = 0, limit: int = 100) -> list[FundedCampaign]:
        """The owner's campaigns by id, from the one after `after`."""
        with self._engine.begin() as connection:
            own = store.campaigns_of(connection, owner, after, limit)
            budgets = read_budgets(connection, self._chain_id, [campaign.meta for campaign in own]) if own else {}
            return [FundedCampaign(campaign, money_of(campaign, budgets.values())) for campaign in own]

    def change_campaign(
        self, owner: Address, campaign: CampaignId, *, name: str | None = None, status: CampaignStatus | None = None
    ) -> FundedCampaign:
        """Rename, pause, resume or end. Raises Conflict `campaign_ended` once it has ended.

        Only an active campaign keeps placements for its sponsorships; resuming takes them again, or raises Conflict.
        """
        with self._engine.begin() as connection:
            found = _own_campaign(connection, owner, campaign, lock=True)
            check_editable(found)
            changed = replace(found, name=name or found.name, status=status or found.status)
            if changed != found:
                store.update_campaign(connection, changed)
                if changed.status is not found.status:
                    self._move_bookings(connection, changed)
                self._append_terms(connection, changed, "campaign.changed", campaign=campaign_state(changed))
                audit.record(connection, "campaign.change", f"campaign:{campaign}", status=changed.status.value)
            return self._funded(connection, changed)

    def terms(
        self, owner: Address, campaign: CampaignId, *, after: int = 0, limit: int = 100
    ) -> list[TermsDocument]:
        """The campaign's documents by version, from the one after `after`; see `backend.campaigns.terms`."""
        with self._engine.begin() as connection:
            _own_campaign(connection, owner, campaign)
            return store.terms_of(connection, campaign, after, limit)

    def create_line_item(
        self, owner: Address, campaign: CampaignId, terms: LineItemTerms, *, key: str | None = None
    ) -> LineItem:
        """A line item of the owner's campaign. Raises Unprocessable when the terms break a rule, Conflict
        `placement_sponsored` or `sponsorship_unfunded` when a sponsorship cannot be booked."""
        def create() -> LineItem:
            found = _own_campaign(connection, owner, campaign, lock=True)
            check_editable(found)
            self._check_new(connection, terms)
            added = store.insert_line_item(connection, campaign, terms)
            self._book(connection, found, added.id, terms)
            content = {"id": added.id, **described(terms)}
            self._append_terms(connection, found, "line_item.added", line_item=content)
            audit.record(connection, "line_item.create", f"line_item:{added.id}", terms=nameless(terms))
            return added

        with self._engine.begin() as connection:
            return once(connection, owner, key, ("line item", campaign, terms), LineItem, create)

    def line_item(self, owner: Address, line_item: LineItemId) -> LineItem:
        with self._engine.begin() as connection:
            return _own_line_item(connection, owner, line_item)

    def check_line_item(self, terms: LineItemTerms) -> None:
        """Raises Unprocessable when a new line item with these terms would be refused."""
        with self._engine.begin() as connection:
            self._check_new(connection, terms)

    def line_items(
        self, owner: Address, campaign: CampaignId, *, after: int = 0, limit: int = 100
    ) -> list[LineItem]:
        with self._engine.begin() as connection:
            _own_campaign(connection, owner, campaign)
            return store.line_items_of(connection, owner, campaign, after, limit)

    def change_line_item(self, owner: Address, line_item: LineItemId, change: LineItemChange) -> LineItem:
        """Replace the terms by what `change` makes of them; the result must meet the same rules as a new one."""
        with self._engine.begin() as connection:
            # the campaign before its line item, as everywhere
            campaign_id = _own_line_item(connection, owner, line_item).campaign_id
            campaign = _own_campaign(connection, owner, campaign_id, lock=True)
            found = _own_line_item(connection, owner, line_item, lock=True)
            check_editable(campaign)
            terms = change(found.terms)
            line_items.check(terms)
            line_items.check_fixed(found.terms, terms, self._now())
            if terms.targeting != found.terms.targeting:
                _check_targets_exist(connection, terms.targeting)
            if terms != found.terms:
                store.lock_hours(connection, found.terms.sponsored_placement, terms.sponsored_placement)
                store.update_line_item(connection, line_item, terms)
                self._book(connection, campaign, line_item, terms)
                content = {"id": line_item, **described(terms)}
                self._append_terms(connection, campaign, "line_item.changed", line_item=content)
                audit.record(connection, "line_item.change", f"line_item:{line_item}", terms=nameless(terms))
            return replace(found, terms=terms)

    def _check_new(self, connection: Connection, terms: LineItemTerms) -> None:
        line_items.check(terms)
        line_items.check_not_over(terms, self._now())
        _check_targets_exist(connection, terms.targeting)

    def _book(self, connection: Connection, campaign: Campaign, line_item: LineItemId, terms: LineItemTerms) -> None:
        """Take the placement of an active sponsorship. The campaign must be able to pay all that it has booked."""
        placement = terms.sponsored_placement
        active = terms.status is LineItemStatus.ACTIVE and campaign.status is CampaignStatus.ACTIVE
        if placement is None or not active or terms.ends_at <= self._now():
            return
        line_items.check_hourly_floor(terms, store.hourly_floor_of(connection, placement))
        store.lock_hours(connection, placement)
        if not store.book(connection, line_item, placement):
            raise Conflict("placement_sponsored", f"placement {placement} is sponsored by another line item then")
        booked = store.bookings_of(connection, campaign.id, self._now())
        owed = sum(
            one.price_micro_usdc * line_items.hours_left(one.starts_at, one.ends_at, self._now()) for one in booked
        )
        spendable = self._funded(connection, campaign).money.spendable_micro_usdc
        if owed > spendable:
            raise Conflict(
                "sponsorship_unfunded", f"the campaign has {spendable} micro-USDC; its booked hours cost {owed}"
            )

    def _move_bookings(self, connection: Connection, campaign: Campaign) -> None:
        """Give back what a campaign that runs no more had booked, or book it again."""
        if campaign.status is not CampaignStatus.ACTIVE:
            store.give_back(connection, campaign.id)
            return
        for item in store.sponsorships_of(connection, campaign.id, self._now()):
            self._book(connection, campaign, item.id, item.terms)

    def _append_terms(self, connection: Connection, campaign: Campaign, change: str, /, **what: object) -> None:
        """The next document of a campaign that this transaction has locked."""
        version, previous = store.last_terms(connection, campaign.id) or (1, campaign.meta)
        document = next_document(version + 1, previous, self._now(), change, **what)
        store.insert_terms(connection, campaign.id, version + 1, document, document_hash(document))

    def _funded(self, connection: Connection, campaign: Campaign) -> FundedCampaign:
        budgets = read_budgets(connection, self._chain_id, [campaign.meta])
        return FundedCampaign(campaign, money_of(campaign, budgets.values()))

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
    publishers = store.unknown_publishers(connection, targeting.publishers + targeting.exclude_publishers)
    if publishers:
        names = ", ".join(map(str, publishers))
        raise Unprocessable("publisher_not_found", f"targeting names unknown publishers: {names}")
