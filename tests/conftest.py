"""Real servers for the tests: one PostgreSQL and one Redis for the whole run, a chain for each worker that asks.

They are started before the workers of pytest-xdist, unless only pure rules or contracts are tested. Nothing of the
developer's is touched: DATABASE_URL and REDIS_URL are ignored. TEST_DATABASE_URL and TEST_REDIS_URL name servers to
test against instead of ours; the user must be allowed to create databases, and the databases of that Redis are emptied.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from psycopg import sql
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from backend.db import engine as db_engine
from backend.db.engine import make_engine
from backend.db.migrate import upgrade
from backend.local import LocalStackError, Stack, ports, rpc, start_stack

HERE = Path(__file__).parent
WITHOUT_SERVERS = (HERE / "rules", HERE / "contracts")
TEMPLATE = "sightline_test_template"
# Scripts that are run again and again compile the contracts once; what they keep is named by a digest of the sources.
os.environ.setdefault("SIGHTLINE_COMPILED", str(Path(tempfile.gettempdir(), f"sightline-compiled-{os.getuid()}")))
# How busy this machine is decides no test: in our own processes, a slow server is not a dead one.
db_engine.CONNECT_SECONDS = db_engine.POOL_SECONDS = 60
LONG_FIRST = ("outside", "load", "e2e", "contracts", "indexer", "services", "stores")
IN_ONE_WORKER = ("outside", "load")     # what their tests share takes half a minute to start, and works meanwhile
# New objects between two looks of the garbage collector; nearly all that a test makes is gone without one.
GC_THRESHOLDS = (20_000, 20, 20)
ID_CHARACTERS_MAX = 60
APPEND_ONLY = {"audit_link", "audit_entry"}      # only the owner of these tables can delete from them
MEMORY_BYTES_MIN = 3 * 2**30        # the databases and their log take less than half of it

# All that hypothesis sets by itself where CI is in the environment is set here, so that no run depends on it.
settings.register_profile(
    "default", deadline=None, database=None, derandomize=False, suppress_health_check=(HealthCheck.too_slow,)
)
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.register_profile(  # scripts/fuzz.py sets the variables
    "fuzz",
    parent=settings.get_profile("default"),
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "1000")),
    database=DirectoryBasedExampleDatabase(os.environ.get("FUZZ_DATABASE", HERE.parent / ".fuzz" / "examples")),
    print_blob=True,
)
# What passes here passes everywhere: a run tries the same examples, unless it is one that looks for others.
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class Servers(NamedTuple):
    """Where the servers of this test run are; `database_url` is the maintenance database."""

    database_url: str
    redis_url: str


class Shared(NamedTuple):
    """The database that a worker's tests share, and the tables that have rows from the start."""

    engine: Engine
    migrated: set[str]


class _Run:
    """What the controlling process of a test run started and has to stop."""

    stack: Stack | None = None
    folder: Path | None = None


_run = _Run()
_servers_key = pytest.StashKey[Servers]()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays: the garbage collector does not look at it, now or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Tests are named by what they are given, but not by a megabyte of it."""
    if not isinstance(val, str | bytes) or len(val) <= ID_CHARACTERS_MAX:
        return None
    return f"{val[:ID_CHARACTERS_MAX]!r} and more, {len(val)} in all"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The modules that take long come first: a minute of one test at the end would leave a core idle."""
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    folder = path.relative_to(HERE).parts[0] if path.is_relative_to(HERE) else ""
    return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Modules go to the next worker that is free, a folder of IN_ONE_WORKER as a whole."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Folders(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            folder = Path(nodeid.split("::")[0]).parent
            return str(folder) if folder.name in IN_ONE_WORKER else super()._split_scope(nodeid)

    return Folders(config, log)


def pytest_configure(config: pytest.Config) -> None:
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        # a port that is chosen here and not opened yet is chosen by no other worker
        ports.PORTS = ports.PORTS[int(worker_input["workerid"][2:]) :: worker_input["workercount"]]
        if "servers" in worker_input:
            config.stash[_servers_key] = Servers(*worker_input["servers"])
    elif needs_servers(config):
        try:
            config.stash[_servers_key] = boot()
        except LocalStackError as error:
            stop()
            raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the servers are."""
    if _servers_key in node.config.stash:
        node.workerinput["servers"] = tuple(node.config.stash[_servers_key])


def pytest_unconfigure() -> None:
    stop()


def needs_servers(config: pytest.Config) -> bool:
    """Whether anything besides pure rules and contracts was chosen on the command line."""
    if config.option.collectonly:
        return False
    chosen = [Path(config.invocation_params.dir, argument.split("::")[0]).resolve() for argument in config.args]
    return not all(any(path.is_relative_to(folder) for folder in WITHOUT_SERVERS) for path in chosen)


def boot() -> Servers:
    """Start the servers and migrate the database that all others are copies of."""
    _run.folder = Path(tempfile.mkdtemp(prefix="sightline-tests-", dir=in_memory()))
    _run.folder.chmod(0o755)  # PostgreSQL may run as another user than ours
    outside = {"DATABASE_URL": "TEST_DATABASE_URL", "REDIS_URL": "TEST_REDIS_URL"}
    env = {"PATH": os.environ.get("PATH", "")} | {ours: os.environ.get(test, "") for ours, test in outside.items()}
    _run.stack = start_stack(_run.folder, need=frozenset({"postgres", "redis"}), env=env, fast_unsafe=True)
    servers = Servers(_run.stack.database_url, _run.stack.redis_url)
    create_database(servers, TEMPLATE, template="template0")
    upgrade(url_of(servers, TEMPLATE))
    return servers


def in_memory() -> Path | None:
    """A folder without a disk, where one has room: a database for a test costs a tenth of the time there."""
    memory = Path("/dev/shm")
    try:
        has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN
    except OSError:
        return None
    return memory if has_room else None


def stop() -> None:
    if _run.stack:
        _run.stack.stop()
    if _run.folder:
        shutil.rmtree(_run.folder, ignore_errors=True)
    _run.stack = _run.folder = None


def url_of(servers: Servers, database: str) -> str:
    return make_url(servers.database_url).set(database=database).render_as_string(hide_password=False)


def maintain(servers: Servers, statement: str, **names: str) -> None:
    """Run a statement about whole databases; `{name}` in it stands for a quoted identifier."""
    url = make_url(servers.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(**identifiers))


def create_database(servers: Servers, name: str, *, template: str) -> str:
    drop_database(servers, name)
    maintain(servers, "CREATE DATABASE {name} TEMPLATE {template}", name=name, template=template)
    return url_of(servers, name)


def drop_database(servers: Servers, name: str) -> None:
    maintain(servers, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", name=name)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    """The servers of this run."""
    found = request.config.stash.get(_servers_key, None)
    if found is None:
        pytest.fail("tests below tests/rules and tests/contracts have no servers: move this test, or drop the fixture")
    return found


@pytest.fixture(scope="session")
def worker(request: pytest.FixtureRequest) -> str:
    """The name of this worker of pytest-xdist: gw0, gw1, …; `main` without it."""
    worker_input: dict[str, str] = getattr(request.config, "workerinput", {})
    return worker_input.get("workerid", "main")


@pytest.fixture
def fresh_database_url(servers: Servers, worker: str) -> Iterator[str]:
    """A migrated, empty database for one test."""
    name = f"sightline_test_{worker}_fresh"
    yield create_database(servers, name, template=TEMPLATE)
    drop_database(servers, name)


@pytest.fixture(scope="session")
def shared(servers: Servers, worker: str) -> Iterator[Shared]:
    """The migrated database of this worker. Tests take `engine` or `database_url`, which are empty for each."""
    name = f"sightline_test_{worker}"
    engine = make_engine(create_database(servers, name, template=TEMPLATE))
    with engine.connect() as connection:
        migrated = filled(connection, tables(connection))
    yield Shared(engine, migrated)
    engine.dispose()
    drop_database(servers, name)


@pytest.fixture
def engine(shared: Shared) -> Iterator[Engine]:
    """Engine on the worker's database; whatever is in it after a test is deleted, so that no test meets another's."""
    yield shared.engine
    clear(shared)


@pytest.fixture
def database_url(engine: Engine) -> str:
    """Where the worker's database is, for what connects to it by itself."""
    return engine.url.render_as_string(hide_password=False)


def clear(shared: Shared) -> None:
    """Delete what tests wrote, also to tables that they made. Rows of migrations stay; no test changes them."""
    with shared.engine.begin() as connection:
        every = tables(connection)
        left = filled(connection, every) - shared.migrated
        for name in left & APPEND_ONLY:
            connection.execute(text(f"alter table {name} disable trigger user"))
        for name in (name for name in every if name in left):
            connection.execute(text(f"delete from {name}"))
        for name in left & APPEND_ONLY:
            connection.execute(text(f"alter table {name} enable trigger user"))


def tables(connection: Connection) -> list[str]:
    """Every table, those that refer to others first: in this order all can be emptied."""
    after = TopologicalSorter[str]()
    for name, referred in connection.execute(text(
        "select t.relname, r.relname from pg_class t left join pg_constraint c on c.conrelid = t.oid"
        " and c.contype = 'f' and c.confrelid <> t.oid left join pg_class r on r.oid = c.confrelid"
        " where t.relkind = 'r' and t.relnamespace = 'public'::regnamespace order by 1, 2"
    )):
        after.add(name)
        if referred:
            after.add(referred, name)
    return list(after.static_order())


def filled(connection: Connection, names: list[str]) -> set[str]:
    """Those of the tables that have rows."""
    looks = " union all ".join(f"(select '{name}' from {name} limit 1)" for name in names)
    return set(connection.execute(text(looks)).scalars())


@pytest.fixture
def fresh_engine(fresh_database_url: str) -> Iterator[Engine]:
    """Engine on a database of this test's own; the tested code may commit and connect as often as it likes."""
    engine = make_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is rolled back after the test."""
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, servers: Servers, worker: str) -> str:
    """An empty logical database of this worker's own; that of `own_redis_url`, where a test asks for that as well."""
    if "own_redis_url" in request.fixturenames:
        own: str = request.getfixturevalue("own_redis_url")
        return own
    number = int(worker.removeprefix("gw")) + 1 if worker.startswith("gw") else 0
    url = f"{servers.redis_url.rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def redis_client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def own_redis_url(tmp_path: Path) -> Iterator[str]:
    """A server of this test's own: others' memory, scripts and settings are nothing that it sees or changes."""
    env = {"PATH": os.environ.get("PATH", "")}
    with start_stack(tmp_path / "redis", need=frozenset({"redis"}), env=env, fast_unsafe=True) as stack:
        yield stack.redis_url


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The worker's local chain; a block for every transaction. Tests take `rpc_url`."""
    env = {"PATH": os.environ.get("PATH", "")}
    base = tmp_path_factory.mktemp("chain")
    with start_stack(base, need=frozenset({"anvil"}), block_time_seconds=None, env=env, fast_unsafe=True) as stack:
        yield stack


@pytest.fixture
def rpc_url(chain: Stack) -> Iterator[str]:
    """JSON-RPC of the worker's chain. What a test does to it is undone afterwards; accounts are empty, see `fund`."""
    snapshot = rpc(chain.rpc_url, "evm_snapshot")
    yield chain.rpc_url
    rpc(chain.rpc_url, "evm_revert", snapshot)
