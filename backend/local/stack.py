"""The local stack: PostgreSQL, Redis and a chain as our child processes, or the ones that the environment names."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from backend.local import lock
from backend.local.anvil import start_anvil
from backend.local.child import Child
from backend.local.errors import LocalStackError
from backend.local.external import check_database, check_redis, check_rpc
from backend.local.guard import Guard
from backend.local.lock import StackInfo
from backend.local.postgres import POINTER, ROOTS_HOME, start_postgres
from backend.local.programs import PROJECT_ROOT
from backend.local.redis_server import start_redis

EVERYTHING = frozenset({"postgres", "redis", "anvil"})
FREE_BYTES_MIN = 500 * 1024 * 1024


class Server(Protocol):
    """What the stack knows of a server that it started."""

    @property
    def child(self) -> Child: ...

    def stop(self) -> None: ...


ServerT = TypeVar("ServerT", bound=Server)


class Stack:
    """Running servers. Leaving the `with` block, `stop` or the end of this process stops those that we started.

    `database_url` is in SQLAlchemy's form, `rpc_url` is JSON-RPC over HTTP; a part that was not asked for is empty.
    """

    def __init__(self, base: Path, guard: Guard, lock_descriptor: int) -> None:
        self.base = base
        self.database_url = ""
        self.redis_url = ""
        self.rpc_url = ""
        self.chain_id = 0
        self._guard = guard
        self._lock = lock_descriptor
        self._servers: list[Server] = []

    @property
    def children(self) -> dict[str, Child]:
        """The servers that we started, by name."""
        return {server.child.name: server.child for server in self._servers}

    @property
    def info(self) -> StackInfo:
        pids = {name: child.pid for name, child in self.children.items()}
        return StackInfo(os.getpid(), self.database_url, self.redis_url, self.rpc_url, pids)

    def raise_if_dead(self) -> None:
        """Raises ServerDied with the end of its log when a server has ended by itself."""
        for child in self.children.values():
            child.raise_if_dead()

    def use_postgres(self, env: Mapping[str, str], *, unsafe: bool) -> None:
        if env.get("DATABASE_URL"):
            self.database_url = check_database(env["DATABASE_URL"])
            return
        server = start_postgres(self.base, self._guard, unsafe=unsafe, pass_fds=[self._lock])
        self.database_url = self._adopt(server).database_url

    def use_redis(self, env: Mapping[str, str], *, unsafe: bool) -> None:
        if env.get("REDIS_URL"):
            self.redis_url = check_redis(env["REDIS_URL"])
            return
        server = start_redis(self.base, self._guard, env=env, unsafe=unsafe, pass_fds=[self._lock])
        self.redis_url = self._adopt(server).redis_url

    def use_anvil(
        self,
        env: Mapping[str, str],
        chain_id: int,
        block_time_seconds: int | None,
        extra_args: Sequence[str],
        *,
        keep_state: bool,
    ) -> None:
        if env.get("RPC_URL"):
            self.rpc_url, self.chain_id = env["RPC_URL"], check_rpc(env["RPC_URL"])
            return
        server = start_anvil(
            self.base,
            self._guard,
            path=env.get("PATH", ""),
            roots=[Path.cwd(), PROJECT_ROOT],
            chain_id=chain_id,
            block_time_seconds=block_time_seconds,
            keep_state=keep_state,
            extra_args=extra_args,
            pass_fds=[self._lock],
        )
        self.rpc_url, self.chain_id = self._adopt(server).rpc_url, chain_id

    def stop(self) -> None:
        """Stop what we started, the last first. May be called twice."""
        try:
            while self._servers:
                self._servers.pop().stop()
        finally:
            self._guard.close()
            self._release()

    def _adopt(self, server: ServerT) -> ServerT:
        """Stop this server with the stack."""
        self._servers.append(server)
        return server

    def _release(self) -> None:
        if self._lock >= 0:
            lock.forget_info(self.base)
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_stack(
    base: Path,
    *,
    need: frozenset[str] = EVERYTHING,
    anvil_args: Sequence[str] = (),
    chain_id: int = 31337,
    block_time_seconds: int | None = 1,
    env: Mapping[str, str] = os.environ,
    fast_unsafe: bool = False,
) -> Stack:
    """Start the servers in `need`, with their data below the folder `base`; the data is there again after a restart.

    DATABASE_URL, REDIS_URL and RPC_URL in `env` each replace a server. `block_time_seconds` None mines a block per
    transaction. `fast_unsafe` is for tests: nothing is forced to disk and the chain is not kept.
    Raises StackAlreadyRunning, or LocalStackError with what to do; nothing is left running then.
    """
    if not need <= EVERYTHING:
        raise LocalStackError(f"Unknown servers {sorted(need - EVERYTHING)}: choose among {sorted(EVERYTHING)}")
    base = base.resolve()
    prepare_folder(base)
    descriptor = lock.acquire(base)
    try:
        lock.forget_info(base)
        stack = Stack(base, Guard(), descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    try:
        if "postgres" in need:
            stack.use_postgres(env, unsafe=fast_unsafe)
        if "redis" in need:
            stack.use_redis(env, unsafe=fast_unsafe)
        if "anvil" in need:
            stack.use_anvil(env, chain_id, block_time_seconds, anvil_args, keep_state=not fast_unsafe)
        lock.write_info(base, stack.info)
    except BaseException:
        stack.stop()
        raise
    return stack


def prepare_folder(base: Path) -> None:
    """Create the folder. Raises LocalStackError when it cannot be, or when the disk is nearly full."""
    try:
        base.mkdir(parents=True, exist_ok=True, mode=0o755)
    except OSError as error:
        raise LocalStackError(
            f"{base} cannot be created ({error.strerror}): choose a folder you may write to"
        ) from error
    if not os.access(base, os.W_OK):
        raise LocalStackError(f"{base} cannot be written to: choose another folder, or change its owner to you")
    free_bytes = shutil.disk_usage(base).free
    if free_bytes < FREE_BYTES_MIN:
        raise LocalStackError(
            f"Only {free_bytes // 2**20} MB are free where {base} is, {FREE_BYTES_MIN // 2**20} MB are needed: "
            "free some space, or choose a folder on another disk"
        )


def remove_data(base: Path) -> None:
    """Delete all data of the stack below `base`, and nothing else. Raises StackAlreadyRunning while it runs."""
    base = base.resolve()
    if not base.is_dir():
        return
    descriptor = lock.acquire(base)
    try:
        remove_roots_home(base / POINTER)
        for folder in ("postgres", "redis", "anvil", "logs"):
            shutil.rmtree(base / folder, ignore_errors=True)
        lock.forget_info(base)
        (base / lock.LOCK).unlink()
    finally:
        os.close(descriptor)
    if not any(base.iterdir()):
        base.rmdir()


def remove_roots_home(pointer: Path) -> None:
    """Delete the folder outside of `base` that the pointer names, if there is one."""
    if not pointer.exists():
        return
    home = Path(pointer.read_text().strip())
    if home.parent == ROOTS_HOME:
        shutil.rmtree(home, ignore_errors=True)
        if not any(ROOTS_HOME.iterdir()):
            ROOTS_HOME.rmdir()
    pointer.unlink()
