"""The migrations make exactly the tables that backend/db/tables/ declares, and can be run again and undone."""

import logging
import threading

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from backend.db import (
    migrate,
    tables,  # noqa: F401 -- declares the metadata
)
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


def test_upgrade__tables_are_in_use__is_tried_again_until_it_has_them(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As while the system goes on working: whoever migrates waits for its turn and keeps nobody waiting for long."""
    engine = make_engine(fresh_database_url)
    with engine.begin() as connection:
        config = alembic_config(fresh_database_url)
        config.attributes["connection"] = connection
        command.downgrade(config, "0016")
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.02)
    told = threading.Event()
    caplog.set_level(logging.WARNING, "sightline.migrate")
    monkeypatch.setattr(caplog.handler, "emit", lambda _: told.set())
    upgrading = threading.Thread(target=upgrade, args=(fresh_database_url,))
    with engine.begin() as worker:
        worker.execute(text("lock table event in row exclusive mode"))
        upgrading.start()
        assert told.wait(30), "it waits for ever"
    upgrading.join(30)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == max(revisions())
    engine.dispose()


def test_members_told__undone_and_done_again__members_stay_and_changes_are_told(fresh_database_url: str) -> None:
    engine = make_engine(fresh_database_url)
    config = alembic_config(fresh_database_url)
    told = text("select count(*) from serving_change where kind = 'member'")
    rows = text("select account, wallet, role from member order by wallet")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        connection.execute(text("insert into organisation (wallet, name, advertiser, publisher)"
                                " values ('v', 'n', true, true)"))
        connection.execute(text("insert into member (account, wallet, role) values ('v', 'v', 'owner')"))
        assert connection.execute(told).scalar_one() == 1
        command.downgrade(config, "0019")
        connection.execute(text("insert into member (account, wallet, role) values ('v', 'w', 'manager')"))
        assert connection.execute(told).scalar_one() == 1, "as before it was there"
        command.upgrade(config, "0020")
        assert [tuple(row) for row in connection.execute(rows)] == [("v", "v", "owner"), ("v", "w", "manager")]
        connection.execute(text("delete from member where wallet = 'w'"))
        assert connection.execute(told).scalar_one() == 2
    engine.dispose()


def revisions() -> list[str]:
    return [script.revision for script in ScriptDirectory.from_config(alembic_config("")).walk_revisions()]
