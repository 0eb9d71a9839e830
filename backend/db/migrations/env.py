"""Alembic's entry: migrates over the connection it is given; `chain_*` tables belong to the indexer."""

from alembic import context
from sqlalchemy.schema import SchemaItem
from sqlmodel import SQLModel

from backend.db import tables  # noqa: F401 -- declares the metadata


def include_object(
    item: SchemaItem, name: str | None, kind: str, reflected: bool, compare_to: SchemaItem | None
) -> bool:
    """Leave the indexer's tables alone."""
    return not (kind == "table" and (name or "").startswith("chain_"))


connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=SQLModel.metadata, include_object=include_object,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
