"""Publishers, worlds and placements in SQL. Reads name the wallet: what is another's does not exist."""

from collections.abc import Mapping

from sqlalchemy import Connection, Row, text

from backend.core.categories import CampaignCategory, WorldCategory, WorldEngine
from backend.core.ids import Address, PlacementId, PublisherIndex, WorldId
from backend.placements.blocks import Block, BlockKind, BlockTerms
from backend.placements.placement import Placement, PlacementKind, PlacementTerms, Share, in_order
from backend.placements.publisher import Earnings, PayoutMode, Publisher
from backend.placements.world import ListingStatus, World, WorldTerms

INDEX_LOCK = 0x5167_4944
"""Advisory lock under which publisher indexes are given out."""

_WORLD = """
select world.* from world join publisher on publisher.index = world.publisher_index where publisher.wallet = :wallet
"""
_PLACEMENT = """
select placement.*, array(
         select payee.wallet || ' ' || share.basis_points from placement_share share
           join publisher payee on payee.index = share.publisher_index where share.placement_id = placement.id
       ) as shares
  from placement
  join world on world.id = placement.world_id
  join publisher on publisher.index = world.publisher_index
 where publisher.wallet = :wallet
"""


def publisher_of(connection: Connection, wallet: Address, *, lock: bool = False) -> Publisher | None:
    """With `lock` nobody else changes what it blocks until we commit."""
    query = "select * from publisher where wallet = :wallet"
    row = connection.execute(
        text(query + (" for no key update" if lock else "")), {"wallet": wallet}
    ).one_or_none()
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
        text("""insert into world (publisher_index, name, engine, category, url, place, status)
                values (:publisher, :name, :engine, :category, :url, :place, :status) returning *"""),
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
        text("""update world set name = :name, engine = :engine, category = :category, url = :url, place = :place,
                                 status = :status where id = :id"""),
        {"id": world, **_world_values(terms)},
    )


def forget_proof(connection: Connection, world: WorldId) -> None:
    """The world is another one now: what was proved of it says nothing any more."""
    connection.execute(
        text("""update world set proof_state = 'unverified', proof_method = null, proof_wallet = null,
                                 proof_checked_at = null, proof_failures = 0, ads_txt_state = null,
                                 ads_txt_checked_at = null where id = :id"""),
        {"id": world},
    )


def insert_placement(connection: Connection, world: WorldId, terms: PlacementTerms) -> Placement:
    row = connection.execute(
        text("""insert into placement (world_id, name, kind, width, height, floor_micro_usdc, status, width_mm,
                                       height_mm, hourly_floor_micro_usdc, accepted_categories, test_mode,
                                       soft_floor_micro_usdc, deals_only)
                values (:world, :name, :kind, :width, :height, :floor, :status, :width_mm, :height_mm, :hourly_floor,
                        :accepted, :test_mode, :soft_floor, :deals_only) returning *, '{}'::text[] as shares"""),
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
                                     floor_micro_usdc = :floor, status = :status, width_mm = :width_mm,
                                     height_mm = :height_mm, hourly_floor_micro_usdc = :hourly_floor,
                                     accepted_categories = :accepted, test_mode = :test_mode,
                                     soft_floor_micro_usdc = :soft_floor, deals_only = :deals_only
                 where id = :id"""),
        {"id": placement, **_placement_values(terms)},
    )


def write_shares(connection: Connection, placement: PlacementId, shares: Mapping[PublisherIndex, int]) -> None:
    """Replace who is paid for a placement; basis points by publisher index."""
    connection.execute(text("delete from placement_share where placement_id = :id"), {"id": placement})
    connection.execute(
        text("""insert into placement_share (placement_id, publisher_index, basis_points)
                select :id, * from unnest(cast(:indexes as bigint[]), cast(:basis_points as int[]))"""),
        {"id": placement, "indexes": list(shares), "basis_points": list(shares.values())},
    )


# ---- blocks ---------------------------------------------------------------------------------------------------------


def insert_block(connection: Connection, publisher: PublisherIndex, terms: BlockTerms) -> Block:
    """The block, or the one that is there already."""
    bound = {"publisher": publisher, "world": terms.world, "kind": terms.kind.value, "value": terms.value}
    connection.execute(
        text("""insert into publisher_block (publisher_index, world_id, kind, value)
                values (:publisher, :world, :kind, :value) on conflict do nothing"""), bound,
    )
    row = connection.execute(
        text("""select * from publisher_block where publisher_index = :publisher and kind = :kind and value = :value
                   and world_id is not distinct from cast(:world as bigint)"""), bound,
    ).one()
    return _block(row)


def blocks_of(connection: Connection, publisher: PublisherIndex, after: int, limit: int) -> list[Block]:
    rows = connection.execute(
        text("""select * from publisher_block where publisher_index = :publisher and id > :after
                 order by id limit :limit"""),
        {"publisher": publisher, "after": after, "limit": limit},
    )
    return [_block(row) for row in rows]


def count_blocks(connection: Connection, publisher: PublisherIndex) -> int:
    return int(connection.execute(
        text("select count(*) from publisher_block where publisher_index = :publisher"), {"publisher": publisher}
    ).scalar_one())


def delete_block(connection: Connection, publisher: PublisherIndex, block: int) -> BlockTerms | None:
    """What was blocked; None when this publisher has no such block."""
    row = connection.execute(
        text("delete from publisher_block where id = :id and publisher_index = :publisher returning *"),
        {"id": block, "publisher": publisher},
    ).one_or_none()
    return _block(row).terms if row else None


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
        "place": terms.place, "status": terms.status.value,
    }


def _placement_values(terms: PlacementTerms) -> dict[str, object]:
    return {
        "name": terms.name, "kind": terms.kind.value, "width": terms.width, "height": terms.height,
        "floor": terms.floor_micro_usdc, "status": terms.status.value, "width_mm": terms.width_mm,
        "height_mm": terms.height_mm, "hourly_floor": terms.hourly_floor_micro_usdc,
        "accepted": [category.value for category in terms.accepted], "test_mode": terms.test_mode,
        "soft_floor": terms.soft_floor_micro_usdc, "deals_only": terms.deals_only,
    }


def _publisher(row: Row[tuple[object, ...]]) -> Publisher:
    # Row has a method `index`, so the column is read by name
    return Publisher(PublisherIndex(row._mapping["index"]), Address(row.wallet), PayoutMode(row.payout_mode))


def _world(row: Row[tuple[object, ...]]) -> World:
    terms = WorldTerms(
        row.name, WorldEngine(row.engine), WorldCategory(row.category), row.url, ListingStatus(row.status), row.place
    )
    return World(
        WorldId(row.id), PublisherIndex(row.publisher_index), terms, row.created_at, row.proof_state == "verified"
    )


def _placement(row: Row[tuple[object, ...]]) -> Placement:
    terms = PlacementTerms(
        row.name, PlacementKind(row.kind), row.width, row.height, row.floor_micro_usdc, ListingStatus(row.status),
        row.width_mm, row.height_mm, row.hourly_floor_micro_usdc,
        tuple(CampaignCategory(category) for category in row.accepted_categories), row.test_mode,
        in_order(_share(share) for share in row.shares), row.soft_floor_micro_usdc, row.deals_only,
    )
    return Placement(PlacementId(row.id), WorldId(row.world_id), terms, row.created_at)


def _share(text: str) -> Share:
    wallet, _, basis_points = text.partition(" ")
    return Share(Address(wallet), int(basis_points))


def _block(row: Row[tuple[object, ...]]) -> Block:
    world = None if row.world_id is None else WorldId(row.world_id)
    return Block(row.id, BlockTerms(BlockKind(row.kind), row.value, world), row.created_at)
