"""The migrations make exactly the tables that backend/db/tables/ declares, and can be run again and undone."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlmodel import SQLModel

from backend.db import tables  # noqa: F401 -- declares the metadata
from backend.db.engine import make_engine
from backend.db.migrate import alembic_config, upgrade


def test_upgrade__fresh_database__equals_declared_tables(fresh_database_url: str) -> None:
    upgrade(fresh_database_url)
    engine = make_engine(fresh_database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda item, name, kind, *_: not (kind == "table" and name.startswith("chain_"))},
        )
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_upgrade__run_twice_and_undone__leaves_nothing_behind(fresh_database_url: str) -> None:
    upgrade(fresh_database_url)
    upgrade(fresh_database_url)
    engine = make_engine(fresh_database_url)
    with engine.begin() as connection:
        config = alembic_config(fresh_database_url)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        left = [name for name in inspect(connection).get_table_names() if not name.startswith("chain_")]
    assert left == ["alembic_version"]
    engine.dispose()
