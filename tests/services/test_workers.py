"""The workers behind `sightline serve`: replaced when they die and when that is wanted, and ended with their parent."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from uvicorn.config import STARTUP_FAILURE

from backend.local import spawn_child
from backend.local.child import Child, wait_until
from backend.local.ports import LOOPBACK, free_port
from backend.local.programs import PROJECT_ROOT
from bench.processes import family


class Site:
    """Two workers on one port."""

    def __init__(self, child: Child, port: int) -> None:
        self.child, self.url = child, f"http://{LOOPBACK}:{port}"

    def pid(self) -> int:
        """Who answers a new connection."""
        return int(httpx.get(f"{self.url}/pid", timeout=60).text)

    def pids(self) -> set[int]:
        """Who answers twenty of them."""
        return {self.pid() for _ in range(20)}

    def ready(self, without: Set[int] = frozenset()) -> bool:
        """Whether two answer, none of them among these. A worker that ends may close a connection that it has not heard
        anything on yet."""
        with suppress(httpx.HTTPError):
            found = self.pids()
            return len(found) == 2 and not found & without
        return False

    def wait(self, ready: Callable[[], bool]) -> None:
        wait_until(self.child, ready, seconds_max=60)


def started(target: str, folder: Path) -> tuple[Child, int]:
    port = free_port()
    code = f"from backend.main import server; server.run({target!r}, '{LOOPBACK}', {port}, 2)"
    command = [sys.executable, "-c", code]
    env = os.environ | {"PYTHONPATH": f"{PROJECT_ROOT}:{Path(__file__).parent}"}
    return spawn_child(command, env=env, log_path=folder / "serve.log", cwd=PROJECT_ROOT, name="serve"), port


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(*started("workers_app:create_app", tmp_path))
    everybody = family(found.child.pid)
    try:
        found.wait(found.ready)
        everybody = family(found.child.pid)
        yield found
    finally:
        found.child.stop(seconds_max=20)
        for pid in everybody:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_workers__killed_renewed_and_ended__somebody_always_answers(site: Site, tmp_path: Path) -> None:
    first = site.pids()
    os.kill(min(first), signal.SIGKILL)
    site.wait(lambda: site.ready(without={min(first)}))

    second = site.pids()
    os.kill(site.child.pid, signal.SIGHUP)
    site.wait(lambda: site.ready(without=second))

    asked, release = tmp_path / "asked", tmp_path / "release"
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(
            httpx.get, f"{site.url}/late", params={"asked": str(asked), "release": str(release)}, timeout=60
        )
        site.wait(asked.exists)
        os.kill(site.child.pid, signal.SIGTERM)
        release.touch()
        assert late.result().status_code == 200
    assert site.child.wait(60) == 0


def test_workers__parent_killed__end_too(site: Site) -> None:
    pids = site.pids()
    site.child.kill()
    site.child.wait(20)
    deadline = time.monotonic() + 60
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers__application_cannot_be_made__ends_with_an_error(tmp_path: Path) -> None:
    child, _ = started("workers_app:broken_app", tmp_path)
    assert child.wait(60) == STARTUP_FAILURE
    assert "it cannot be made" in (tmp_path / "serve.log").read_text()
