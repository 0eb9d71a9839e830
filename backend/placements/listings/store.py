"""Who is named in the public lists."""

from sqlalchemy import Connection, text

from backend.core.ids import Address, PublisherIndex
from backend.placements.listings.lists import Seller

_SELLERS = text("""
select publisher.index as seller, listed_name, listed_domain, array(
         select url from world where publisher_index = publisher.index and proof_state = 'verified'
            and proof_method in ('dns', 'file', 'wallet_file')
       ) as urls, exists (
         select from exchange join world on world.id = exchange.world_id where publisher_index = publisher.index
       ) as intermediary, exists (
         select from world where publisher_index = publisher.index
            and not exists (select from exchange where world_id = world.id)
       ) as owner
  from publisher
 where exists (
    select 1 from world where publisher_index = publisher.index and (not :verified or proof_state = 'verified')
 ) order by publisher.index
""")

_SELLER = "select index as seller, listed_name, listed_domain from publisher where wallet = :wallet"


def sellers(connection: Connection, *, verified: bool) -> list[tuple[Seller, list[str]]]:
    """Publishers with a world, by index, and where their worlds are whose hosts they control.

    With `verified` only those who have proved control of a world.
    """
    found = []
    for row in connection.execute(_SELLERS, {"verified": verified}):
        index = PublisherIndex(row.seller)
        found.append((Seller(index, row.listed_name, row.listed_domain, row.intermediary, row.owner), list(row.urls)))
    return found


def seller_of(connection: Connection, wallet: Address, *, lock: bool = False) -> Seller | None:
    row = connection.execute(text(_SELLER + (" for update" if lock else "")), {"wallet": wallet}).one_or_none()
    return Seller(PublisherIndex(row.seller), row.listed_name, row.listed_domain) if row else None


def verified_urls(connection: Connection, seller: PublisherIndex) -> list[str]:
    """Where the publisher's worlds are whose host it has shown to control."""
    return list(connection.execute(
        text("""select url from world where publisher_index = :seller and proof_state = 'verified'
                   and proof_method in ('dns', 'file', 'wallet_file')"""),
        {"seller": seller},
    ).scalars())


def write_listing(connection: Connection, seller: Seller) -> None:
    connection.execute(
        text("update publisher set listed_name = :name, listed_domain = :domain where index = :seller"),
        {"name": seller.name, "domain": seller.domain, "seller": seller.index},
    )


def seller_of_world(connection: Connection, world: int) -> PublisherIndex | None:
    found = connection.execute(text("select publisher_index from world where id = :id"), {"id": world}).scalar()
    return None if found is None else PublisherIndex(found)
