"""Personal text opens with its subject's key only, and without the key it is gone, from backups too (L65).

seal, open_sealed
├── the subject's own                   → the text
├── another subject's, changed          → SealBroken
├── key shredded                        → None; a new key does not bring it back
├── kept for the law                    → survives the shredding of the personal key
├── another master key, none            → Unavailable
└── while somebody shreds               → the one waits for the other
"""

import threading
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from backend.core.errors import Unavailable
from backend.core.ids import Address
from backend.db import sealed
from backend.db.sealed import SealBroken, derived, is_sealed, open_sealed, seal, shred

MASTER = bytes(range(32))
ADVERTISER, STRANGER = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)


@pytest.fixture(autouse=True)
def unlocked() -> Iterator[None]:
    before = sealed._Master.wrapping
    sealed.unlock(MASTER)
    yield
    sealed._Master.wrapping = before


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.text().filter(lambda name: "\x00" not in name))
def test_seal__any_text__opens_again_and_shows_nothing(connection: Connection, plaintext: str) -> None:
    stored = seal(connection, ADVERTISER, plaintext)
    assert is_sealed(stored)
    assert len(plaintext) < 12 or plaintext not in stored       # fewer letters may be there by chance
    assert open_sealed(connection, ADVERTISER, stored) == plaintext


def test_seal__twice__is_one_key_and_two_texts(connection: Connection) -> None:
    first, second = seal(connection, ADVERTISER, "Studio"), seal(connection, ADVERTISER, "Studio")
    assert first != second
    assert first.split(".")[1] == second.split(".")[1]


def test_subject_key__table__holds_no_key_in_the_clear(connection: Connection) -> None:
    """L65: the wrapped key is of use to nobody without the master key."""
    stored = seal(connection, ADVERTISER, "Studio")
    sealed.unlock(MASTER[::-1])
    with pytest.raises(Unavailable) as caught:
        open_sealed(connection, ADVERTISER, stored)
    assert caught.value.code == "sealing_unavailable"


def test_open__another_subjects_or_changed__is_broken(connection: Connection) -> None:
    stored = seal(connection, ADVERTISER, "Studio")
    seal(connection, STRANGER, "Somebody else")
    with pytest.raises(SealBroken):
        open_sealed(connection, STRANGER, stored)
    form, key, content = stored.split(".")
    for wrong in ("", "Studio", f"{form}.{key}", f"sealed9.{key}.{content}", f"{form}.{key}.AAAA",
                  f"{form}.{key}.{content[:-6]}AAAAAA"):
        with pytest.raises(SealBroken):
            open_sealed(connection, ADVERTISER, wrong)


def test_shred__key_gone__nothing_opens_and_no_later_key_helps(connection: Connection) -> None:
    """L65"""
    mine, theirs = seal(connection, ADVERTISER, "Studio"), seal(connection, STRANGER, "Other")
    assert shred(connection, ADVERTISER) == 1
    assert open_sealed(connection, ADVERTISER, mine) is None
    again = seal(connection, ADVERTISER, "Back again")
    assert open_sealed(connection, ADVERTISER, mine) is None
    assert open_sealed(connection, ADVERTISER, again) == "Back again"
    assert open_sealed(connection, STRANGER, theirs) == "Other"
    assert shred(connection, Address("0x" + "00" * 20)) == 0


def test_shred__kept_for_the_law__stays_until_its_year_ends(connection: Connection) -> None:
    kept = seal(connection, ADVERTISER, "Studio GmbH, Berlin", keep_until=date(2036, 11, 2))
    shred(connection, ADVERTISER)
    assert open_sealed(connection, ADVERTISER, kept) == "Studio GmbH, Berlin"
    key = connection.execute(text("select purpose, keep_until from subject_key")).one()
    assert tuple(key) == ("law-2036", date(2036, 12, 31))


def test_seal__no_master_key__is_refused(connection: Connection) -> None:
    sealed._Master.wrapping = None
    with pytest.raises(Unavailable) as caught:
        seal(connection, ADVERTISER, "Studio")
    assert caught.value.code == "sealing_unavailable"


def test_derived__short_master_key__is_refused() -> None:
    assert derived(MASTER, "one thing") != derived(MASTER, "another thing")
    with pytest.raises(ValueError, match="at least 32 bytes"):
        derived(MASTER[:31], "one thing")


def test_seal__by_many_at_once__makes_one_key(fresh_engine: Engine) -> None:
    def write(place: int) -> None:
        with fresh_engine.begin() as connection:
            stored[place] = seal(connection, ADVERTISER, str(place))

    stored: dict[int, str] = {}
    threads = [threading.Thread(target=write, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with fresh_engine.begin() as connection:
        assert {place: open_sealed(connection, ADVERTISER, text) for place, text in stored.items()} == {
            place: str(place) for place in range(8)
        }
        assert connection.execute(text("select count(*) from subject_key")).scalar() == 1


def test_shred__while_somebody_seals__waits_for_it(fresh_engine: Engine) -> None:
    """L65: what is sealed at that moment is stored before the key goes, so it is erased with it."""
    with fresh_engine.begin() as connection:
        seal(connection, ADVERTISER, "first")
    with fresh_engine.begin() as writing:
        stored = seal(writing, ADVERTISER, "at the same moment")
        erasing = fresh_engine.connect()
        erasing.execute(text("set local lock_timeout = '100ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            shred(erasing, ADVERTISER)
        erasing.close()
    with fresh_engine.begin() as connection:
        assert shred(connection, ADVERTISER) == 1
        assert open_sealed(connection, ADVERTISER, stored) is None
