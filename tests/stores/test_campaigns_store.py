"""Campaigns and line items in real PostgreSQL: what is written is read, by its owner only (L46)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from backend.campaigns import store
from backend.campaigns.campaign import Campaign, CampaignStatus
from backend.campaigns.line_item import LineItemStatus, LineItemTerms, Pacing
from backend.campaigns.targeting import Targeting
from backend.core.categories import WorldCategory
from backend.core.errors import Conflict
from backend.core.events import BidKind
from backend.core.ids import CampaignId, address
from backend.db.idempotency import once

OWNER = address("0x" + "aa" * 20)
STRANGER = address("0x" + "bb" * 20)
TERMS = LineItemTerms(
    name="Boards", bid_kind=BidKind.CPC, bid_micro_usdc=150_000, daily_cap_micro_usdc=10**12, total_cap_micro_usdc=None,
    pacing=Pacing.ASAP, starts_at=datetime(2026, 11, 2, 0, 0, 0, 1, UTC),
    ends_at=datetime(2026, 12, 2, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    targeting=Targeting(worlds=(2**53 + 1,), categories=(WorldCategory.ART,), exclude_placements=(5, 6)),
)


@pytest.fixture
def campaign(connection: Connection) -> Campaign:
    return store.insert_campaign(connection, OWNER, "Herbst – ✿", "art", "0x" + "11" * 32)


def test_campaign__written__is_read_by_its_owner_only(connection: Connection, campaign: Campaign) -> None:
    assert store.campaign_of(connection, OWNER, campaign.id) == campaign
    assert store.campaign_of(connection, OWNER, campaign.id, lock=True) == campaign
    assert store.campaign_of(connection, STRANGER, campaign.id) is None
    assert store.campaigns_of(connection, STRANGER, 0, 100) == []


def test_campaign__same_meta_twice__is_refused_by_the_table(connection: Connection, campaign: Campaign) -> None:
    with pytest.raises(IntegrityError):
        store.insert_campaign(connection, OWNER, "Again", "art", campaign.meta)


def test_campaign__updated__keeps_meta_and_category(connection: Connection, campaign: Campaign) -> None:
    changed = replace(campaign, name="Winter", status=CampaignStatus.ENDED)
    store.update_campaign(connection, changed)
    assert store.campaign_of(connection, OWNER, campaign.id) == changed


def test_campaigns__page__begins_after_an_id(connection: Connection, campaign: Campaign) -> None:
    second = store.insert_campaign(connection, OWNER, "Second", "art", "0x" + "22" * 32)
    assert store.campaigns_of(connection, OWNER, 0, 1) == [campaign]
    assert store.campaigns_of(connection, OWNER, campaign.id, 100) == [second]


def test_line_item__written__comes_back_exactly(connection: Connection, campaign: Campaign) -> None:
    item = store.insert_line_item(connection, campaign.id, TERMS)
    assert item.terms == TERMS
    assert store.line_item_of(connection, OWNER, item.id, lock=True) == item
    assert store.line_item_of(connection, STRANGER, item.id) is None
    assert store.line_items_of(connection, OWNER, campaign.id, 0, 10) == [item]
    assert store.line_items_of(connection, STRANGER, campaign.id, 0, 10) == []


def test_line_item__updated__comes_back_exactly(connection: Connection, campaign: Campaign) -> None:
    item = store.insert_line_item(connection, campaign.id, TERMS)
    changed = replace(
        TERMS, bid_micro_usdc=1, daily_cap_micro_usdc=None, total_cap_micro_usdc=5, pacing=Pacing.EVEN,
        targeting=Targeting(), status=LineItemStatus.PAUSED,
    )
    store.update_line_item(connection, item.id, changed)
    assert store.line_item_of(connection, OWNER, item.id) == replace(item, terms=changed)


def test_line_item__of_no_campaign__is_refused_by_the_table(connection: Connection) -> None:
    with pytest.raises(IntegrityError):
        store.insert_line_item(connection, CampaignId(2**62), TERMS)


def test_unknown__of_nothing__is_nothing(connection: Connection) -> None:
    assert store.unknown_worlds(connection, frozenset()) == []
    assert store.unknown_worlds(connection, frozenset({2**62, 2**62 - 1})) == [2**62 - 1, 2**62]
    assert store.unknown_placements(connection, frozenset({2**62})) == [2**62]


def test_once__same_request_again__gives_the_stored_answer(connection: Connection, campaign: Campaign) -> None:
    created: list[int] = []

    def create() -> Campaign:
        created.append(1)
        return campaign

    answers = [once(connection, OWNER, "key", ("campaign", "x"), Campaign, create) for _ in range(3)]
    assert answers == [campaign] * 3
    assert len(created) == 1
    with pytest.raises(Conflict, match="idempotency_key_reused"):
        once(connection, OWNER, "key", ("campaign", "y"), Campaign, create)
    assert once(connection, STRANGER, "key", ("campaign", "y"), Campaign, create) == campaign
    assert once(connection, OWNER, None, ("campaign", "x"), Campaign, create) == campaign
    assert len(created) == 3
