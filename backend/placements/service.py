"""What a publisher does with worlds and placements; every call is one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from backend.core.errors import NotFound
from backend.core.ids import Address, PlacementId, WorldId
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.placements import store
from backend.placements import world as worlds
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
            return self._paid(connection, replace(publisher, payout_mode=payout_mode))

    def create_world(self, wallet: Address, terms: WorldTerms, *, key: str | None = None) -> World:
        """A world; the wallet's first makes it a publisher. `key` is the Idempotency-Key."""
        def create() -> World:
            worlds.check(terms)
            return store.insert_world(connection, self._publisher_for(connection, wallet).index, terms)

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
        """Replace the terms by what `change` makes of them; the result must meet the same rules as a new one."""
        with self._engine.begin() as connection:
            found = _own_world(connection, wallet, world, lock=True)
            changed = replace(found, terms=change(found.terms))
            worlds.check(changed.terms)
            store.update_world(connection, world, changed.terms)
            return changed

    def create_placement(
        self, wallet: Address, world: WorldId, terms: PlacementTerms, *, key: str | None = None
    ) -> Placement:
        def create() -> Placement:
            _own_world(connection, wallet, world)
            return store.insert_placement(connection, world, terms)

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
            store.update_placement(connection, placement, changed.terms)
            return changed

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


def _known_publisher(connection: Connection, wallet: Address) -> Publisher:
    found = store.publisher_of(connection, wallet)
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
