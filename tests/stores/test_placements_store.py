"""Publishers, worlds and placements in real PostgreSQL: what is written is read, by its owner only (L46)."""

from dataclasses import replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from backend.core.categories import WorldCategory, WorldEngine
from backend.core.ids import PublisherIndex, address
from backend.placements import store
from backend.placements.placement import PlacementKind, PlacementTerms
from backend.placements.publisher import Earnings, PayoutMode, Publisher
from backend.placements.world import ListingStatus, WorldTerms
from indexer.schema import chain_epoch, metadata

PUBLISHER = address("0x" + "cc" * 20)
STRANGER = address("0x" + "bb" * 20)
CHAIN_ID = 31_337
WORLD = WorldTerms("Hafen ⚓", WorldEngine.AFRAME, WorldCategory.SOCIAL, "https://harbour.example/")
PLACEMENT = PlacementTerms("Gate", PlacementKind.VIDEO, 1_920, 1_080, 0)


@pytest.fixture
def publisher(connection: Connection) -> Publisher:
    store.lock_indexes(connection)
    index = store.highest_index(connection, CHAIN_ID) + 1
    return store.insert_publisher(connection, PublisherIndex(index), PUBLISHER)


def test_publisher__written__is_found_by_wallet(connection: Connection, publisher: Publisher) -> None:
    assert store.publisher_of(connection, PUBLISHER) == publisher
    assert store.publisher_of(connection, STRANGER) is None
    assert store.highest_index(connection, CHAIN_ID) == publisher.index
    store.set_payout_mode(connection, publisher.index, PayoutMode.MANUAL)
    assert store.publisher_of(connection, PUBLISHER) == replace(publisher, payout_mode=PayoutMode.MANUAL)


@pytest.mark.parametrize("index", [0, -1])
def test_publisher__at_the_dust_accounts_place__is_refused_by_the_table(connection: Connection, index: int) -> None:
    with pytest.raises(IntegrityError):
        store.insert_publisher(connection, PublisherIndex(index), PUBLISHER)


def test_highest_index__our_table_is_younger_than_the_chain__counts_who_earned_and_was_never_paid(
    connection: Connection
) -> None:
    """An index is given out once: whoever got a used one would sell for the wallet that has it."""
    metadata.create_all(connection)
    row = {
        "chain_id": CHAIN_ID, "attempt": 0, "publishers_root": "0x", "debits_hash": "0x", "total": 1, "ruleset": "0x",
        "data_hash": "0x", "active_at": 1, "proposed_number": 1, "proposed_tx": "0x",
    }
    assert store.highest_index(connection, CHAIN_ID) == 0
    connection.execute(chain_epoch.insert(), [
        row | {"epoch": 1, "status": "finalized", "publishers": 8},
        row | {"epoch": 2, "status": "proposed", "publishers": 6},
        row | {"chain_id": 1, "epoch": 1, "status": "finalized", "publishers": 99},
    ])
    assert store.highest_index(connection, CHAIN_ID) == 7


def test_publisher__same_wallet_twice__is_refused_by_the_table(connection: Connection, publisher: Publisher) -> None:
    with pytest.raises(IntegrityError):
        store.insert_publisher(connection, PublisherIndex(publisher.index + 1), PUBLISHER)


def test_earnings__nothing_sold_yet__are_zero(connection: Connection, publisher: Publisher) -> None:
    assert store.read_earnings(connection, CHAIN_ID, publisher.index) == Earnings(0, 0, 0)


def test_world__written_and_updated__is_read_by_its_owner_only(connection: Connection, publisher: Publisher) -> None:
    world = store.insert_world(connection, publisher.index, WORLD)
    assert store.world_of(connection, PUBLISHER, world.id, lock=True) == world
    assert store.world_of(connection, STRANGER, world.id) is None
    changed = replace(WORLD, name="Old", category=WorldCategory.ART, status=ListingStatus.PAUSED)
    store.update_world(connection, world.id, changed)
    assert store.worlds_of(connection, PUBLISHER, 0, 10) == [replace(world, terms=changed)]
    assert store.worlds_of(connection, PUBLISHER, world.id, 10) == []
    assert store.worlds_of(connection, STRANGER, 0, 10) == []


def test_placement__written_and_updated__is_read_by_its_owner_only(
    connection: Connection, publisher: Publisher
) -> None:
    world = store.insert_world(connection, publisher.index, WORLD)
    placement = store.insert_placement(connection, world.id, PLACEMENT)
    assert store.placement_of(connection, PUBLISHER, placement.id, lock=True) == placement
    assert store.placement_of(connection, STRANGER, placement.id) is None
    changed = replace(PLACEMENT, floor_micro_usdc=10**9, status=ListingStatus.PAUSED)
    store.update_placement(connection, placement.id, changed)
    assert store.placements_of(connection, PUBLISHER, world.id, 0, 10) == [replace(placement, terms=changed)]
    assert store.placements_of(connection, STRANGER, world.id, 0, 10) == []
