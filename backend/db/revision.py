"""Writes an Alembic revision by comparing our tables with a fresh, fully migrated database."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from backend.db.engine import make_engine
from backend.db.migrate import alembic_config, upgrade
from backend.local import start_stack


def main(message: str) -> None:
    """Start a throw-away PostgreSQL, migrate it, write the difference as the next revision."""
    with tempfile.TemporaryDirectory() as base:
        with start_stack(Path(base), need=frozenset({"postgres"}), fast_unsafe=True) as stack:
            upgrade(stack.database_url)
            engine = make_engine(stack.database_url)
            with engine.begin() as connection:
                config = alembic_config(stack.database_url)
                config.attributes["connection"] = connection
                count = len(list((Path(__file__).parent / "migrations/versions").glob("[0-9]*.py")))
                command.revision(config, message=message, autogenerate=True, rev_id=f"{count + 1:04d}")
            engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
