"""Deals in SQL. Reads name the account of one side: what is another's does not exist."""

from datetime import datetime

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from backend.core.events import BidKind
from backend.core.ids import Address
from backend.placements.deals.deal import Deal, DealStatus, DealTerms, Party, PriceKind, Surface

_OWN = {
    side: f"""
select deal.*, placement.name as placement_name, placement.kind, placement.width, placement.height,
       world.name as world_name
  from deal join placement on placement.id = deal.placement_id join world on world.id = placement.world_id
 where deal.{side.value} = :wallet
"""  # noqa: S608 -- of our own list
    for side in Party
}


def owns_placement(connection: Connection, wallet: Address, placement: int) -> bool:
    return connection.execute(
        text("""select 1 from placement join world on world.id = placement.world_id
                  join publisher on publisher.index = world.publisher_index
                 where placement.id = :placement and publisher.wallet = :wallet"""),
        {"placement": placement, "wallet": wallet},
    ).scalar() is not None


def bid_kind_of(connection: Connection, wallet: Address, line_item: int) -> BidKind | None:
    """None when the account has no such line item. It stays as it is until we commit."""
    found: str | None = connection.execute(
        text("""select bid_kind from line_item join campaign on campaign.id = line_item.campaign_id
                 where line_item.id = :id and campaign.owner = :wallet for share of line_item"""),
        {"id": line_item, "wallet": wallet},
    ).scalar()
    return BidKind(found) if found else None


def lock_offers(connection: Connection, publisher: Address) -> None:
    """Wait until nobody else offers a deal for the publisher; held until we commit."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended('deals of ' || :wallet, 0))"), {"wallet": publisher}
    )


def open_deals(connection: Connection, publisher: Address) -> int:
    """Offered or accepted ones."""
    return int(connection.execute(
        text("select count(*) from deal where publisher = :wallet and status in ('offered', 'accepted')"),
        {"wallet": publisher},
    ).scalar_one())


def insert_deal(connection: Connection, publisher: Address, placement: int, terms: DealTerms) -> int:
    """The id of the new deal."""
    return int(connection.execute(
        text("""insert into deal (placement_id, publisher, advertiser, name, price_kind, price_micro_usdc, status)
                values (:placement, :publisher, :advertiser, :name, :price_kind, :price, 'offered') returning id"""),
        {"placement": placement, "publisher": publisher, "advertiser": terms.advertiser, "name": terms.name,
         "price_kind": terms.price_kind.value, "price": terms.price_micro_usdc},
    ).scalar_one())


def deal_of(connection: Connection, side: Party, wallet: Address, deal: int, *, lock: bool = False) -> Deal | None:
    row = connection.execute(
        text(_OWN[side] + " and deal.id = :id" + (" for update of deal" if lock else "")),
        {"wallet": wallet, "id": deal},
    ).one_or_none()
    return _deal(row) if row else None


def deals_of(connection: Connection, side: Party, wallet: Address, after: int, limit: int) -> list[Deal]:
    rows = connection.execute(
        text(_OWN[side] + " and deal.id > :after order by deal.id limit :limit"),
        {"wallet": wallet, "after": after, "limit": limit},
    )
    return [_deal(row) for row in rows]


def decide(
    connection: Connection, deal: int, status: DealStatus, now: datetime, line_item: int | None = None
) -> bool:
    """Write what became of it; False when the line item has an accepted deal for the placement already."""
    try:
        with connection.begin_nested():
            connection.execute(
                text("""update deal set status = :status, decided_at = :now,
                                        line_item_id = coalesce(cast(:line_item as bigint), line_item_id)
                         where id = :id"""),
                {"id": deal, "status": status.value, "now": now, "line_item": line_item},
            )
    except IntegrityError as error:
        if "deal_once" in str(error.orig):
            return False
        raise
    return True


def _deal(row: Row[tuple[object, ...]]) -> Deal:
    terms = DealTerms(Address(row.advertiser), row.name, PriceKind(row.price_kind), row.price_micro_usdc)
    surface = Surface(row.placement_id, row.placement_name, row.world_name, row.kind, row.width, row.height)
    return Deal(
        row.id, surface, Address(row.publisher), terms, DealStatus(row.status), row.line_item_id,
        row.decided_at, row.created_at,
    )
