"""Publishers, worlds and placements in SQL. Reads name the wallet: what is another's does not exist."""

from sqlalchemy import Connection, Row, text

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import Address, PlacementId, PublisherIndex, WorldId
from backend.placements.placement import Placement, PlacementKind, PlacementTerms
from backend.placements.publisher import Earnings, PayoutMode, Publisher
from backend.placements.world import ListingStatus, World, WorldTerms

INDEX_LOCK = 0x5167_4944
"""Advisory lock under which publisher indexes are given out."""

_WORLD = """
select world.* from world join publisher on publisher.index = world.publisher_index where publisher.wallet = :wallet
"""
_PLACEMENT = """
select placement.* from placement
  join world on world.id = placement.world_id
  join publisher on publisher.index = world.publisher_index
 where publisher.wallet = :wallet
"""


def publisher_of(connection: Connection, wallet: Address) -> Publisher | None:
    row = connection.execute(text("select * from publisher where wallet = :wallet"), {"wallet": wallet}).one_or_none()
    return _publisher(row) if row else None


def lock_indexes(connection: Connection) -> None:
    """Wait until no other transaction is giving out an index; held until we commit."""
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": INDEX_LOCK})


def highest_index(connection: Connection, chain_id: int) -> int:
    """Highest index in our table, in a tree on chain or paid there (our table may be the youngest); 0 if none."""
    ours = connection.execute(text("select coalesce(max(index), 0) from publisher")).scalar_one()
    if not _has_chain_tables(connection):
        return int(ours)
    on_chain = connection.execute(
        text("""select greatest(
            (select coalesce(max(publishers), 1) - 1 from chain_epoch where chain_id = :chain_id),
            (select coalesce(max(publisher_index), 0) from chain_publisher where chain_id = :chain_id)
        )"""),
        {"chain_id": chain_id},
    ).scalar_one()
    return max(int(ours), int(on_chain))


def insert_publisher(connection: Connection, index: PublisherIndex, wallet: Address) -> Publisher:
    row = connection.execute(
        text("insert into publisher (index, wallet, payout_mode) values (:index, :wallet, 'auto') returning *"),
        {"index": index, "wallet": wallet},
    ).one()
    return _publisher(row)


def set_payout_mode(connection: Connection, index: PublisherIndex, payout_mode: PayoutMode) -> None:
    connection.execute(
        text("update publisher set payout_mode = :mode where index = :index"),
        {"mode": payout_mode.value, "index": index},
    )


def read_earnings(connection: Connection, chain_id: int, index: PublisherIndex) -> Earnings:
    """Balances of the publisher's two ledger accounts, and what the chain says was paid."""
    balances = {
        row.account: int(row.balance)
        for row in connection.execute(
            text("""select account, credits - debits as balance from ledger_account
                     where account in (:earned, :payable)"""),
            {"earned": f"earned:{index}", "payable": f"payable:{index}"},
        )
    }
    return Earnings(
        balances.get(f"earned:{index}", 0), balances.get(f"payable:{index}", 0), _paid(connection, chain_id, index)
    )


def insert_world(connection: Connection, publisher: PublisherIndex, terms: WorldTerms) -> World:
    row = connection.execute(
        text("""insert into world (publisher_index, name, engine, category, url, status)
                values (:publisher, :name, :engine, :category, :url, :status) returning *"""),
        {"publisher": publisher, **_world_values(terms)},
    ).one()
    return _world(row)


def world_of(connection: Connection, wallet: Address, world: WorldId, *, lock: bool = False) -> World | None:
    row = connection.execute(
        text(_WORLD + " and world.id = :id" + (" for update of world" if lock else "")),
        {"wallet": wallet, "id": world},
    ).one_or_none()
    return _world(row) if row else None


def worlds_of(connection: Connection, wallet: Address, after: int, limit: int) -> list[World]:
    rows = connection.execute(
        text(_WORLD + " and world.id > :after order by world.id limit :limit"),
        {"wallet": wallet, "after": after, "limit": limit},
    )
    return [_world(row) for row in rows]


def update_world(connection: Connection, world: WorldId, terms: WorldTerms) -> None:
    connection.execute(
        text("""update world set name = :name, engine = :engine, category = :category, url = :url, status = :status
                 where id = :id"""),
        {"id": world, **_world_values(terms)},
    )


def insert_placement(connection: Connection, world: WorldId, terms: PlacementTerms) -> Placement:
    row = connection.execute(
        text("""insert into placement (world_id, name, kind, width, height, floor_micro_usdc, status)
                values (:world, :name, :kind, :width, :height, :floor, :status) returning *"""),
        {"world": world, **_placement_values(terms)},
    ).one()
    return _placement(row)


def placement_of(
    connection: Connection, wallet: Address, placement: PlacementId, *, lock: bool = False
) -> Placement | None:
    row = connection.execute(
        text(_PLACEMENT + " and placement.id = :id" + (" for update of placement" if lock else "")),
        {"wallet": wallet, "id": placement},
    ).one_or_none()
    return _placement(row) if row else None


def placements_of(connection: Connection, wallet: Address, world: WorldId, after: int, limit: int) -> list[Placement]:
    rows = connection.execute(
        text(_PLACEMENT + " and world.id = :world and placement.id > :after order by placement.id limit :limit"),
        {"wallet": wallet, "world": world, "after": after, "limit": limit},
    )
    return [_placement(row) for row in rows]


def update_placement(connection: Connection, placement: PlacementId, terms: PlacementTerms) -> None:
    connection.execute(
        text("""update placement set name = :name, kind = :kind, width = :width, height = :height,
                                     floor_micro_usdc = :floor, status = :status
                 where id = :id"""),
        {"id": placement, **_placement_values(terms)},
    )


def _paid(connection: Connection, chain_id: int, index: PublisherIndex) -> int:
    if not _has_chain_tables(connection):
        return 0
    paid = connection.execute(
        text("select paid from chain_publisher where chain_id = :chain_id and publisher_index = :index"),
        {"chain_id": chain_id, "index": index},
    ).scalar()
    return int(paid or 0)


def _has_chain_tables(connection: Connection) -> bool:
    """False until the indexer has run for the first time."""
    return connection.execute(text("select to_regclass('chain_publisher')")).scalar() is not None


def _world_values(terms: WorldTerms) -> dict[str, object]:
    return {
        "name": terms.name, "engine": terms.engine.value, "category": terms.category.value, "url": terms.url,
        "status": terms.status.value,
    }


def _placement_values(terms: PlacementTerms) -> dict[str, object]:
    return {
        "name": terms.name, "kind": terms.kind.value, "width": terms.width, "height": terms.height,
        "floor": terms.floor_micro_usdc, "status": terms.status.value,
    }


def _publisher(row: Row[tuple[object, ...]]) -> Publisher:
    # Row has a method `index`, so the column is read by name
    return Publisher(PublisherIndex(row._mapping["index"]), Address(row.wallet), PayoutMode(row.payout_mode))


def _world(row: Row[tuple[object, ...]]) -> World:
    terms = WorldTerms(
        row.name, WorldEngine(row.engine), WorldCategory(row.category), row.url, ListingStatus(row.status)
    )
    return World(WorldId(row.id), PublisherIndex(row.publisher_index), terms, row.created_at)


def _placement(row: Row[tuple[object, ...]]) -> Placement:
    terms = PlacementTerms(
        row.name, PlacementKind(row.kind), row.width, row.height, row.floor_micro_usdc, ListingStatus(row.status)
    )
    return Placement(PlacementId(row.id), WorldId(row.world_id), terms, row.created_at)
