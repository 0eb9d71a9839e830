"""Campaigns and line items in SQL. Every read names the owner: what is another's does not exist."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from backend.campaigns.campaign import Campaign, CampaignStatus
from backend.campaigns.line_item import DayParts, FrequencyCap, LineItem, LineItemStatus, LineItemTerms, Pacing
from backend.campaigns.targeting import Targeting
from backend.core.categories import CampaignCategory
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId, LineItemId

_CAMPAIGN = "select * from campaign where owner = :owner"
_LINE_ITEM = """
select item.*,
       (select coalesce(sum(spent_micro_usdc), 0) from line_item_spend where line_item_id = item.id) as spent
  from line_item item
  join campaign on campaign.id = item.campaign_id
 where campaign.owner = :owner
"""


def insert_campaign(connection: Connection, owner: Address, name: str, category: str, meta: str) -> Campaign:
    row = connection.execute(
        text("""insert into campaign (owner, name, category, meta, status)
                values (:owner, :name, :category, :meta, 'active') returning *"""),
        {"owner": owner, "name": name, "category": category, "meta": meta},
    ).one()
    return _campaign(row)


def campaign_of(connection: Connection, owner: Address, campaign: CampaignId, *, lock: bool = False) -> Campaign | None:
    """The owner's campaign; with `lock` nobody else changes it, or what hangs on its status, until we commit."""
    row = connection.execute(
        text(_CAMPAIGN + " and id = :id" + (" for update" if lock else "")),
        {"id": campaign, "owner": owner},
    ).one_or_none()
    return _campaign(row) if row else None


def campaigns_of(connection: Connection, owner: Address, after: int, limit: int) -> list[Campaign]:
    rows = connection.execute(
        text(_CAMPAIGN + " and id > :after order by id limit :limit"),
        {"owner": owner, "after": after, "limit": limit},
    )
    return [_campaign(row) for row in rows]


def update_campaign(connection: Connection, campaign: Campaign) -> None:
    connection.execute(
        text("update campaign set name = :name, status = :status where id = :id"),
        {"name": campaign.name, "status": campaign.status.value, "id": campaign.id},
    )


def insert_line_item(connection: Connection, campaign: CampaignId, terms: LineItemTerms) -> LineItem:
    row = connection.execute(
        text("""insert into line_item (campaign_id, name, bid_kind, bid_micro_usdc, daily_cap_micro_usdc,
                                       total_cap_micro_usdc, pacing, starts_at, ends_at, targeting, status, hours,
                                       time_zone, frequency_impressions, frequency_hours, recency_minutes)
                values (:campaign, :name, :bid_kind, :bid, :daily_cap, :total_cap, :pacing, :starts_at, :ends_at,
                        cast(:targeting as jsonb), :status, :hours, :time_zone, :frequency_impressions,
                        :frequency_hours, :recency_minutes) returning *, 0 as spent"""),
        {"campaign": campaign, **_terms(terms)},
    ).one()
    return _line_item(row)


def line_item_of(
    connection: Connection, owner: Address, line_item: LineItemId, *, lock: bool = False
) -> LineItem | None:
    row = connection.execute(
        text(_LINE_ITEM + " and item.id = :id" + (" for update of item" if lock else "")),
        {"owner": owner, "id": line_item},
    ).one_or_none()
    return _line_item(row) if row else None


def line_items_of(
    connection: Connection, owner: Address, campaign: CampaignId, after: int, limit: int
) -> list[LineItem]:
    rows = connection.execute(
        text(_LINE_ITEM + " and item.campaign_id = :campaign and item.id > :after order by item.id limit :limit"),
        {"owner": owner, "campaign": campaign, "after": after, "limit": limit},
    )
    return [_line_item(row) for row in rows]


def update_line_item(connection: Connection, line_item: LineItemId, terms: LineItemTerms) -> None:
    """Write the terms. A sponsorship gives its placement back: `book` takes it, or the new one."""
    connection.execute(
        text("""update line_item
                   set name = :name, bid_kind = :bid_kind, bid_micro_usdc = :bid, daily_cap_micro_usdc = :daily_cap,
                       total_cap_micro_usdc = :total_cap, pacing = :pacing, starts_at = :starts_at, ends_at = :ends_at,
                       targeting = cast(:targeting as jsonb), status = :status, hours = :hours,
                       time_zone = :time_zone, frequency_impressions = :frequency_impressions,
                       frequency_hours = :frequency_hours, recency_minutes = :recency_minutes,
                       booked_placement_id = null
                 where id = :id"""),
        {"id": line_item, **_terms(terms)},
    )


@dataclass(frozen=True, slots=True)
class Booking:
    """Hours of a placement that an active sponsorship takes; the price is for one hour."""

    price_micro_usdc: int
    starts_at: datetime
    ends_at: datetime


def lock_hours(connection: Connection, *placements: int | None) -> None:
    """Wait until nobody else books or moves hours of these placements; held until we commit.

    Whoever changes a booking takes it before: the exclusion constraint waits for rows that are being changed, and two
    who have both written theirs would wait for each other.
    """
    for placement in sorted({found for found in placements if found is not None}):      # one order for everybody
        connection.execute(
            text("select pg_advisory_xact_lock(hashtextextended('hours of placement ' || :id, 0))"),
            {"id": str(placement)},
        )


def book(connection: Connection, line_item: LineItemId, placement: int) -> bool:
    """Take the placement for the line item's dates; False when another sponsorship has some of them.

    Its hours are locked: of two at once the first one wins.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                text("update line_item set booked_placement_id = :placement where id = :id"),
                {"id": line_item, "placement": placement},
            )
    except IntegrityError as error:
        if "line_item_booked_once" in str(error.orig):
            return False
        raise
    return True


def give_back(connection: Connection, campaign: CampaignId) -> None:
    """No sponsorship of the campaign takes a placement any more."""
    connection.execute(
        text("update line_item set booked_placement_id = null where campaign_id = :id and bid_kind = 'sponsorship'"),
        {"id": campaign},
    )


def bookings_of(connection: Connection, campaign: CampaignId, now: datetime) -> list[Booking]:
    """What the campaign's sponsorships take from now on."""
    rows = connection.execute(
        text("""select bid_micro_usdc, starts_at, ends_at from line_item
                 where campaign_id = :id and booked_placement_id is not null and ends_at > :now"""),
        {"id": campaign, "now": now},
    )
    return [Booking(*row) for row in rows]


def sponsorships_of(connection: Connection, campaign: CampaignId, now: datetime) -> list[LineItem]:
    """Active sponsorships that are not over, in the order of their placements, so that nobody waits in a circle."""
    rows = connection.execute(
        text("""select *, 0 as spent from line_item
                 where campaign_id = :id and bid_kind = 'sponsorship' and status = 'active' and ends_at > :now
                 order by (targeting -> 'placements' ->> 0)::bigint"""),
        {"id": campaign, "now": now},
    )
    return [_line_item(row) for row in rows]


def hourly_floor_of(connection: Connection, placement: int) -> int | None:
    """The least that an hour of the placement costs, micro-USDC; None when it is not sold by the hour."""
    floor: int | None = connection.execute(
        text("select hourly_floor_micro_usdc from placement where id = :id"), {"id": placement}
    ).scalar()
    return floor


@dataclass(frozen=True, slots=True)
class TermsDocument:
    """A stored document of a campaign's terms; `sha256` is 0x and 64 hex digits over its UTF-8 bytes."""

    version: int
    sha256: str
    document: str
    created_at: datetime


def insert_terms(connection: Connection, campaign: CampaignId, version: int, document: str, sha256: str) -> None:
    connection.execute(
        text("""insert into campaign_terms (campaign_id, version, document, sha256)
                values (:campaign, :version, :document, :sha256)"""),
        {"campaign": campaign, "version": version, "document": document, "sha256": sha256},
    )


def last_terms(connection: Connection, campaign: CampaignId) -> tuple[int, str] | None:
    """Version and hash of the newest document. Whoever goes on from it has the campaign locked."""
    row = connection.execute(
        text("select version, sha256 from campaign_terms where campaign_id = :id order by version desc limit 1"),
        {"id": campaign},
    ).one_or_none()
    return (row.version, row.sha256) if row else None


def terms_of(connection: Connection, campaign: CampaignId, after: int, limit: int) -> list[TermsDocument]:
    rows = connection.execute(
        text("""select version, sha256, document, created_at from campaign_terms
                 where campaign_id = :id and version > :after order by version limit :limit"""),
        {"id": campaign, "after": after, "limit": limit},
    )
    return [TermsDocument(*row) for row in rows]


def unknown_worlds(connection: Connection, worlds: frozenset[int]) -> list[int]:
    """Those of `worlds` that do not exist."""
    return _missing(connection, "select id from world where id = any(:ids)", worlds)


def unknown_publishers(connection: Connection, publishers: Iterable[int]) -> list[int]:
    """Those of `publishers` (indices) that do not exist."""
    return _missing(connection, "select index from publisher where index = any(:ids)", frozenset(publishers))


def unknown_placements(connection: Connection, placements: frozenset[int]) -> list[int]:
    """Those of `placements` that do not exist."""
    return _missing(connection, "select id from placement where id = any(:ids)", placements)


def _missing(connection: Connection, query: str, ids: frozenset[int]) -> list[int]:
    if not ids:
        return []
    return sorted(ids - set(connection.execute(text(query), {"ids": sorted(ids)}).scalars()))


def _terms(terms: LineItemTerms) -> dict[str, object]:
    return {
        "name": terms.name, "bid_kind": terms.bid_kind.value, "bid": terms.bid_micro_usdc,
        "daily_cap": terms.daily_cap_micro_usdc, "total_cap": terms.total_cap_micro_usdc,
        "pacing": terms.pacing.value, "starts_at": terms.starts_at, "ends_at": terms.ends_at,
        "targeting": msgspec.json.encode(terms.targeting).decode(), "status": terms.status.value,
        "hours": terms.day_parts and terms.day_parts.hours, "time_zone": terms.day_parts and terms.day_parts.time_zone,
        "frequency_impressions": terms.frequency_cap and terms.frequency_cap.impressions,
        "frequency_hours": terms.frequency_cap and terms.frequency_cap.hours, "recency_minutes": terms.recency_minutes,
    }


def _campaign(row: Row[tuple[object, ...]]) -> Campaign:
    return Campaign(
        id=CampaignId(row.id), owner=Address(row.owner), name=row.name, category=CampaignCategory(row.category),
        meta=row.meta, status=CampaignStatus(row.status), created_at=row.created_at,
        funder=Address(row.funder) if row.funder else None,
    )


def _line_item(row: Row[tuple[object, ...]]) -> LineItem:
    terms = LineItemTerms(
        name=row.name, bid_kind=BidKind(row.bid_kind), bid_micro_usdc=row.bid_micro_usdc,
        daily_cap_micro_usdc=row.daily_cap_micro_usdc, total_cap_micro_usdc=row.total_cap_micro_usdc,
        pacing=Pacing(row.pacing), starts_at=row.starts_at, ends_at=row.ends_at,
        targeting=msgspec.convert(row.targeting, Targeting), status=LineItemStatus(row.status),
        day_parts=DayParts(row.hours, row.time_zone) if row.hours else None,
        frequency_cap=FrequencyCap(row.frequency_impressions, row.frequency_hours)
        if row.frequency_impressions else None,
        recency_minutes=row.recency_minutes,
    )
    return LineItem(
        id=LineItemId(row.id), campaign_id=CampaignId(row.campaign_id), terms=terms, spent_micro_usdc=int(row.spent),
        created_at=row.created_at,
    )
