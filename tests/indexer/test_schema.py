"""Dropping the mirror's tables while others read them."""

import threading

import psycopg

from indexer.schema import create_schema, drop_schema

# Databases made from one template have the same oids: a lock is ours when it is in our database.
LOCKS = "from pg_locks join pg_database d on d.oid = database and datname = current_database()"
DROPPED = f"select relation::regclass {LOCKS} where granted and mode = 'AccessExclusiveLock' and relation = any(%s)"
WAITING = f"select count(*) {LOCKS} where not granted and relation = 'chain_campaign'::regclass"


def test_drop__deadlock_with_a_reader__begins_again_and_succeeds(fresh_database_url: str) -> None:
    """L39: a reader that locks the tables in another order does not stop a rebuild."""
    create_schema(fresh_database_url)
    url = fresh_database_url.replace("postgresql+psycopg:", "postgresql:", 1)
    dropping = threading.Thread(target=drop_schema, args=(fresh_database_url,))
    with psycopg.connect(url) as reader, psycopg.connect(url, autocommit=True) as watcher:
        tables = "select oid, oid::regclass::text from pg_class where relkind = 'r' and relname like 'chain_%'"
        names = dict(reader.execute(tables).fetchall())
        reader.execute("set deadlock_timeout = '30s'")       # so that it is the one who drops that gives way
        reader.execute("select from chain_campaign")
        dropping.start()
        while watcher.execute(WAITING).fetchone() == (0,):
            assert dropping.is_alive()
        locked = watcher.execute(DROPPED, [list(names)]).fetchall()
        reader.execute(f"select from {locked[0][0]}")
    dropping.join(60)
    assert not dropping.is_alive()
    with psycopg.connect(url) as connection:
        assert connection.execute("select to_regclass('chain_campaign')").fetchone() == (None,)
