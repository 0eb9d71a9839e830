"""What a publisher does with worlds and placements; every call is one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address, PlacementId, WorldId
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.placements import placement as surfaces
from backend.placements import store
from backend.placements import world as worlds
from backend.placements.blocks import BLOCKS_MAX, Block, BlockTerms
from backend.placements.placement import Placement, PlacementTerms
from backend.placements.publisher import Earnings, PayoutMode, Publisher, next_index
from backend.placements.world import World, WorldTerms

WorldChange = Callable[[WorldTerms], WorldTerms]
PlacementChange = Callable[[PlacementTerms], PlacementTerms]


@dataclass(frozen=True, slots=True)
class PaidPublisher:
    """A publisher and its money."""

    publisher: Publisher
    earnings: Earnings


class PlacementService:
    """Publishers who are paid on the chain `chain_id`.

    Whatever is not the caller's own raises NotFound, so that ids cannot be probed.
    """

    def __init__(self, engine: Engine, chain_id: int) -> None:
        self._engine = engine
        self._chain_id = chain_id

    def publisher(self, wallet: Address) -> PaidPublisher:
        """Raises NotFound `publisher_unknown` until the wallet has created a world."""
        with self._engine.begin() as connection:
            return self._paid(connection, _known_publisher(connection, wallet))

    def set_payout_mode(self, wallet: Address, payout_mode: PayoutMode) -> PaidPublisher:
        with self._engine.begin() as connection:
            publisher = _known_publisher(connection, wallet)
            store.set_payout_mode(connection, publisher.index, payout_mode)
            record(connection, "publisher.change", f"publisher:{publisher.index}", payout_mode=payout_mode)
            return self._paid(connection, replace(publisher, payout_mode=payout_mode))

    def create_world(self, wallet: Address, terms: WorldTerms, *, key: str | None = None) -> World:
        """A world; the wallet's first makes it a publisher. `key` is the Idempotency-Key."""
        def create() -> World:
            worlds.check(terms)
            world = store.insert_world(connection, self._publisher_for(connection, wallet).index, terms)
            record(connection, "world.create", f"world:{world.id}", engine=terms.engine)
            return world

        with self._engine.begin() as connection:
            return once(connection, wallet, key, ("world", terms), World, create)

    def world(self, wallet: Address, world: WorldId) -> World:
        with self._engine.begin() as connection:
            return _own_world(connection, wallet, world)

    def worlds(self, wallet: Address, *, after: int = 0, limit: int = 100) -> list[World]:
        """The publisher's worlds by id, from the one after `after`."""
        with self._engine.begin() as connection:
            return store.worlds_of(connection, wallet, after, limit)

    def change_world(self, wallet: Address, world: WorldId, change: WorldChange) -> World:
        """Replace the terms by what `change` makes of them; the result must meet the same rules as a new one.

        A world that moves has to prove again that it is controlled by its publisher.
        """
        with self._engine.begin() as connection:
            found = _own_world(connection, wallet, world, lock=True)
            changed = replace(found, terms=change(found.terms))
            worlds.check(changed.terms)
            store.update_world(connection, world, changed.terms)
            if worlds.proved_thing(changed.terms) != worlds.proved_thing(found.terms):
                store.forget_proof(connection, world)
                changed = replace(changed, verified=False)
            record(
                connection, "world.change", f"world:{world}", status=changed.terms.status, verified=changed.verified
            )
            return changed

    def create_placement(
        self, wallet: Address, world: WorldId, terms: PlacementTerms, *, key: str | None = None
    ) -> Placement:
        def create() -> Placement:
            surfaces.check(terms)
            _own_world(connection, wallet, world)
            placement = store.insert_placement(connection, world, terms)
            self._write_shares(connection, placement.id, terms)
            record(connection, "placement.create", f"placement:{placement.id}", **_telling(terms))
            return replace(placement, terms=terms)

        with self._engine.begin() as connection:
            return once(connection, wallet, key, ("placement", world, terms), Placement, create)

    def placement(self, wallet: Address, placement: PlacementId) -> Placement:
        with self._engine.begin() as connection:
            return _own_placement(connection, wallet, placement)

    def placements(self, wallet: Address, world: WorldId, *, after: int = 0, limit: int = 100) -> list[Placement]:
        with self._engine.begin() as connection:
            _own_world(connection, wallet, world)
            return store.placements_of(connection, wallet, world, after, limit)

    def change_placement(self, wallet: Address, placement: PlacementId, change: PlacementChange) -> Placement:
        with self._engine.begin() as connection:
            found = _own_placement(connection, wallet, placement, lock=True)
            changed = replace(found, terms=change(found.terms))
            surfaces.check(changed.terms)
            store.update_placement(connection, placement, changed.terms)
            if changed.terms.shares != found.terms.shares:
                self._write_shares(connection, placement, changed.terms)
            record(connection, "placement.change", f"placement:{placement}", **_telling(changed.terms))
            return changed

    def block(self, wallet: Address, terms: BlockTerms, *, key: str | None = None) -> Block:
        """Show something no more; twice is once. Raises Conflict `blocks_full` beyond a thousand."""
        def create() -> Block:
            publisher = _known_publisher(connection, wallet, lock=True)
            if terms.world is not None:
                _own_world(connection, wallet, terms.world)
            if store.count_blocks(connection, publisher.index) >= BLOCKS_MAX:
                raise Conflict("blocks_full", f"a publisher has at most {BLOCKS_MAX} blocks")
            block = store.insert_block(connection, publisher.index, terms)
            record(connection, "block.create", f"block:{block.id}", kind=terms.kind, value=terms.value)
            return block

        with self._engine.begin() as connection:
            return once(connection, wallet, key, ("block", terms), Block, create)

    def blocks(self, wallet: Address, *, after: int = 0, limit: int = 100) -> list[Block]:
        with self._engine.begin() as connection:
            return store.blocks_of(connection, _known_publisher(connection, wallet).index, after, limit)

    def unblock(self, wallet: Address, block: int) -> None:
        """Raises NotFound `block_unknown`."""
        with self._engine.begin() as connection:
            removed = store.delete_block(connection, _known_publisher(connection, wallet, lock=True).index, block)
            if removed is None:
                raise NotFound("block_unknown", f"you have no block {block}")
            record(connection, "block.delete", f"block:{block}", kind=removed.kind, value=removed.value)

    def _write_shares(self, connection: Connection, placement: PlacementId, terms: PlacementTerms) -> None:
        """Everybody who is paid has a place in the settlement tree. By wallet, so that two requests lock alike."""
        by_wallet = sorted(terms.shares, key=lambda share: share.wallet)
        store.write_shares(connection, placement, {
            self._publisher_for(connection, share.wallet).index: share.basis_points for share in by_wallet
        })

    def _publisher_for(self, connection: Connection, wallet: Address) -> Publisher:
        """The wallet's publisher row, made on first use; looked up again under the lock, as another may be first."""
        known = store.publisher_of(connection, wallet)
        if known:
            return known
        store.lock_indexes(connection)
        index = next_index(store.highest_index(connection, self._chain_id))
        return store.publisher_of(connection, wallet) or store.insert_publisher(connection, index, wallet)

    def _paid(self, connection: Connection, publisher: Publisher) -> PaidPublisher:
        return PaidPublisher(publisher, store.read_earnings(connection, self._chain_id, publisher.index))


def _telling(terms: PlacementTerms) -> dict[str, object]:
    """What the audit trail keeps of a placement's terms: what concerns money."""
    return {
        "floor_micro_usdc": terms.floor_micro_usdc, "hourly_floor_micro_usdc": terms.hourly_floor_micro_usdc,
        "status": terms.status, "test_mode": terms.test_mode, "soft_floor_micro_usdc": terms.soft_floor_micro_usdc,
        "deals_only": terms.deals_only,
        "shares": {share.wallet: share.basis_points for share in terms.shares},
    }


def _known_publisher(connection: Connection, wallet: Address, *, lock: bool = False) -> Publisher:
    found = store.publisher_of(connection, wallet, lock=lock)
    if found is None:
        raise NotFound("publisher_unknown", "this wallet is not a publisher yet; create a world first")
    return found


def _own_world(connection: Connection, wallet: Address, world: WorldId, *, lock: bool = False) -> World:
    found = store.world_of(connection, wallet, world, lock=lock)
    if found is None:
        raise NotFound("world_unknown", f"you have no world {world}")
    return found


def _own_placement(connection: Connection, wallet: Address, placement: PlacementId, *, lock: bool = False) -> Placement:
    found = store.placement_of(connection, wallet, placement, lock=lock)
    if found is None:
        raise NotFound("placement_unknown", f"you have no placement {placement}")
    return found
