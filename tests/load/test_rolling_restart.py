"""Two workers behind a balancer: restarted one after the other, or killed, while viewers go on without noticing.

In `make test` one round; `make soak` goes on for a tenth of its time.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from copy import copy
from pathlib import Path

import httpx
import pytest
from balancer_kit import (
    ASKED_AGAIN,
    CONFIGURATION,
    ROLLING_RESTART,
    Fleet,
    alive,
    balanced,
    passages,
    repeated,
    write_nginx,
)
from load_kit import BROWSER, SECONDS_MAX, Crowd, Site, check_books

from backend.local.ports import LOOPBACK

EVENTS = 40
SECONDS = float(os.environ.get("SOAK_SECONDS", "0")) / 10
LOOK_SECONDS = 0.2            # the cores are for the workers that start
PAUSE_SECONDS = 0.05


class Stranger:
    """Sends one after the other what must not be sent twice, and remembers the answers."""

    def __init__(self, url: str) -> None:
        self.answers: Counter[str] = Counter()
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Stranger":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(SECONDS_MAX)

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, headers=BROWSER, timeout=20) as client:
            while not self._stop.wait(PAUSE_SECONDS):
                try:
                    self.answers[str(client.post("/v1/auth/nonce", content=b"{").status_code)] += 1
                except httpx.TransportError as error:
                    self.answers[repr(error)] += 1


def test_rolling_restart__under_load__no_request_fails_and_everything_counts_once(site: Site, tmp_path: Path) -> None:
    """L75, L24, L25: a restart that was given up goes on: it starts the worker that was left out, then replaces the

    other; that one is killed; and again. Nobody is answered with anything but success.

    What the balancer sends a second time is counted in its log: nothing but what may be, and no row more than that.
    """
    tmp_path.chmod(0o755)
    with Fleet(site, tmp_path) as fleet, balanced(fleet, tmp_path) as balancer:
        site.wait_for("the fleet", fleet.ready)
        behind, until, rounds, is_last = copy(site), time.monotonic() + SECONDS, 0, False
        behind.url = balancer.url
        with Crowd(behind, seed=7, look_seconds=LOOK_SECONDS) as crowd:
            while not is_last:
                crowd.go_on(EVENTS)
                with Stranger(balancer.url) as stranger:
                    fleet.restart_all(balancer)
                assert len(stranger.answers) == 1, f"a change was lost: {stranger.answers}"
                crowd.go_on(EVENTS)
                is_last, rounds = time.monotonic() >= until, rounds + 1
                fleet.kill_one(for_good=is_last)
                crowd.go_on(EVENTS)
                if not is_last:
                    site.wait_for("the one that was killed", fleet.ready)
                    fleet.end_one_that_hangs()
                    site.wait_for("the one that hung", fleet.ready)
            account = crowd.finish()
        assert all(len(pids) >= rounds for pids in fleet.pids.values()), "each was started or replaced every time"
        assert len(fleet.pids[fleet.ports[0]]) > rounds
    passed = passages(tmp_path)
    assert account.broken == 0, "every request was answered"
    assert not account.answers, "and with success"
    assert {one.name for one in passed} >= account.requests.keys()
    assert all(one.sent <= 1 or one.method == "GET" or ASKED_AGAIN.match(one.path) for one in passed)
    assert check_books(site, account, repeated=repeated(account, passed))["lost"] == 0


def test_alive__silent_refusing_or_well__only_the_silent_one_is_ended(site: Site) -> None:
    with socket.create_server((LOOPBACK, 0)) as silent:
        hung = "{}:{}".format(*silent.getsockname())
        assert alive(hung, "echo ended", seconds=0.1).stdout == "ended\n"
    for address in (hung, f"{LOOPBACK}:{site.port}"):
        assert alive(address, "echo ended", seconds=SECONDS_MAX).stdout == ""


def test_alive__connections_wait_in_a_full_backlog__ended_with_curl_and_without(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    with socket.create_server((LOOPBACK, 0), backlog=0) as silent, ExitStack() as stack:
        address = silent.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        for programs in (None, tmp_path):
            assert alive("{}:{}".format(*address), "echo ended", seconds=0.1, programs=programs).stdout == "ended\n"
    assert alive("{}:{}".format(*address), "echo ended", seconds=SECONDS_MAX, programs=tmp_path).stdout == ""


def test_rolling_restart__no_file_with_the_process_of_nginx__says_so_and_touches_nothing(tmp_path: Path) -> None:
    workers = tmp_path / "sightline-workers.conf"
    workers.write_text(before := "server 127.0.0.1:8001 max_fails=0;\nserver 127.0.0.1:8002 max_fails=0;\n")
    done = subprocess.run(
        ["sh", str(ROLLING_RESTART), str(workers), "false"], capture_output=True, text=True, check=False,
        env=os.environ | {"NGINX": "true", "NGINX_PID": str(tmp_path / "nginx.pid")},
    )
    assert done.returncode == 1
    assert "NGINX_PID" in done.stderr
    assert workers.read_text() == before


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here")
def test_nginx__shipped_configuration_with_a_worker_out__is_valid(tmp_path: Path) -> None:
    workers = ("server 127.0.0.1:8001 max_fails=0 down;\n", "server 127.0.0.1:8002 max_fails=0;\n")
    (tmp_path / "sightline-workers.conf").write_text("".join(workers))
    command = write_nginx(tmp_path, 8080)
    shutil.copy(CONFIGURATION, tmp_path / "conf.d")
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
