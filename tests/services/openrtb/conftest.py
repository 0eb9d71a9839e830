"""One database for all tests of OpenRTB of a worker, emptied before each."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from openrtb_kit import PUBLIC_URL, Stand, stand
from redis import Redis
from sqlalchemy import Engine, text

from backend.config import Settings
from backend.db.engine import make_engine
from bench.market import Market
from tests.conftest import TEMPLATE, Servers, create_database, drop_database

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))        # the schema and the examples


@pytest.fixture(scope="session")
def openrtb_engine(servers: Servers, worker: str) -> Iterator[Engine]:
    name = f"sightline_test_{worker}_openrtb"
    engine = make_engine(create_database(servers, name, template=TEMPLATE))
    yield engine
    engine.dispose()
    drop_database(servers, name)


@pytest.fixture
async def market(
    openrtb_engine: Engine, redis_client: Redis, make_settings: Callable[..., Settings], tmp_path: Path
) -> AsyncIterator[Stand]:
    """An empty market, and a server that sells and buys in it."""
    with openrtb_engine.begin() as connection:
        names = connection.execute(text(
            "select string_agg(format('%I', tablename), ', ') from pg_tables "
            "where schemaname = 'public' and tablename <> 'alembic_version' and tablename not like 'audit_%'"
        )).scalar_one()
        connection.execute(text(f"truncate {names} restart identity cascade"))
    settings = make_settings(openrtb_engine, redis_client, tmp_path, public_url=PUBLIC_URL, fetch_local=True)
    async with stand(settings, openrtb_engine) as made:
        made.market = Market(openrtb_engine, settings.database_url)
        yield made
