"""Schema migrations by Alembic; safe to run twice and from several processes at once."""

import logging
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from backend.db.engine import Engine, make_engine

MIGRATION_LOCK = 0x5167_4C4E
LOCK_SECONDS = 2            # whoever comes after us to the same table waits as long
REST_SECONDS = 0.5
TRIES_MAX = 60
IN_THE_WAY = ("40P01", "55P03")     # a deadlock, a lock that was not to be had

log = logging.getLogger("sightline.migrate")


def alembic_config(database_url: str) -> Config:
    """Alembic configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def upgrade(database_url: str) -> None:
    """Bring our tables to the newest revision. The indexer makes its `chain_*` tables itself.

    The system may run meanwhile. A revision is a transaction; one that cannot have its tables within LOCK_SECONDS, or
    would wait for somebody who waits for it, is undone and tried again. Raises OperationalError after TRIES_MAX.
    """
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.begin() as alone:
            alone.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            tries = 1
            while not _upgraded(engine, database_url, is_last=tries == TRIES_MAX):
                log.warning("tables are in use; trying again")
                time.sleep(REST_SECONDS)
                tries += 1
    finally:
        engine.dispose()


def _upgraded(engine: Engine, database_url: str, *, is_last: bool) -> bool:
    """False when it was in the way of others and may be tried again."""
    config = alembic_config(database_url)
    try:
        with engine.connect() as connection:
            connection.execute(text(f"set lock_timeout = '{LOCK_SECONDS}s'"))
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        if is_last or getattr(error.orig, "sqlstate", None) not in IN_THE_WAY:
            raise
        return False
    return True
