"""Dropping the mirror's tables while others read them."""

import threading

import psycopg
import pytest

from indexer.schema import create_schema, drop_schema

# Databases made from one template have the same oids: a lock is ours when it is in our database.
LOCKS = "from pg_locks join pg_database d on d.oid = database and datname = current_database()"
DROPPED = f"select relation::regclass {LOCKS} where granted and mode = 'AccessExclusiveLock' and relation = any(%s)"
WAITING = f"select count(*) {LOCKS} where not granted and relation = 'chain_campaign'::regclass"
ATTEMPTS_MAX = 10


def test_drop__deadlock_with_a_reader__begins_again_and_succeeds(fresh_database_url: str) -> None:
    """L39: a reader that locks the tables in another order does not stop a rebuild."""
    url = fresh_database_url.replace("postgresql+psycopg:", "postgresql:", 1)
    # Who drops looks for a deadlock once, when it has waited for a second. A reader who comes later gives way himself.
    for _ in range(ATTEMPTS_MAX):
        create_schema(fresh_database_url)
        if reader_has_won(fresh_database_url, url):
            break
    else:
        pytest.fail("who drops never gave way")
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('chain_campaign')").fetchone() == (None,)


def reader_has_won(database_url: str, url: str) -> bool:
    """Whether the reader of two tables could read the second, which was locked by who drops. All is dropped then."""
    dropping = threading.Thread(target=drop_schema, args=(database_url,))
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as watcher:
        tables = "select oid, oid::regclass::text from pg_class where relkind = 'r' and relname like 'chain_%'"
        names = dict(reader.execute(tables).fetchall())
        reader.execute("set deadlock_timeout = '3s'")
        reader.execute("select from chain_campaign")
        dropping.start()
        while watcher.execute(WAITING).fetchone() == (0,):
            assert dropping.is_alive()
        locked = watcher.execute(DROPPED, [list(names)]).fetchall()
        try:
            reader.execute(f"select from {locked[0][0]}")
        except psycopg.errors.DeadlockDetected:
            has_won = False
        else:
            has_won = True
    dropping.join(60)
    assert not dropping.is_alive()
    return has_won
