"""Schema migrations by Alembic; safe to run twice and from several processes at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from backend.db.engine import make_engine

MIGRATION_LOCK = 0x5167_4C4E


def alembic_config(database_url: str) -> Config:
    """Alembic configuration without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def upgrade(database_url: str) -> None:
    """Bring our tables to the newest revision. The indexer makes its `chain_*` tables itself."""
    engine = make_engine(database_url, pool_size=1)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config = alembic_config(database_url)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
