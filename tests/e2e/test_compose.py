"""Runs docker-compose.yml without Docker: the same commands and environment in the same order, each until healthy."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.local import Child, Guard, spawn_child
from backend.local.ports import free_port
from backend.local.programs import PROJECT_ROOT, find_anvil

HEALTHY_SECONDS_MAX = 240.0
ONE_SHOT_SECONDS_MAX = 400.0
CONTAINER_SERVERS = {"postgres", "redis"}  # stand for images of others; the tests have servers of their own


class Compose:
    """The services of the file, with the addresses of containers replaced by those of this test."""

    def __init__(self, folder: Path, addresses: Mapping[str, str]) -> None:
        text = (PROJECT_ROOT / "docker-compose.yml").read_text()
        for inside, outside in addresses.items():
            assert inside in text, f"docker-compose.yml does not mention {inside}"
            text = text.replace(inside, outside)
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
        self.children: dict[str, Child] = {}
        self._folder = folder
        self._rpc_url = f"http://{addresses['anvil:8545']}"
        self._guard = Guard()

    def in_order(self) -> list[str]:
        """Names of our services so that each comes after what it depends on."""
        order: list[str] = []

        def visit(name: str) -> None:
            for other in self.services[name].get("depends_on", {}):
                visit(other)
            if name not in order and name not in CONTAINER_SERVERS:
                order.append(name)

        for name in self.services:
            visit(name)
        return order

    def env(self, name: str) -> dict[str, str]:
        """The environment of a service, on this machine's PATH and in this test's folders."""
        home = self._folder / "homes" / name
        home.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ours = {
            "PATH": path, "LC_ALL": "C.UTF-8", "HOME": str(home), "SIGHTLINE_DEPLOYMENTS": str(self._folder),
            "RPC_URL": self._rpc_url,
        }
        return ours | self.services[name].get("environment", {})

    def start(self, name: str) -> Child:
        """Start a service's command as written."""
        command = [str(word) for word in self.services[name]["command"]]
        if command[0] == "anvil":  # npm's wrapper would leave anvil behind
            command[0] = str(find_anvil(os.environ["PATH"], [PROJECT_ROOT]))
        child = spawn_child(
            command, env=self.env(name), log_path=self._folder / f"{name}.log", cwd=PROJECT_ROOT, name=name,
            guard=self._guard,
        )
        self.children[name] = child
        return child

    def is_healthy(self, name: str) -> bool:
        """One run of a service's health check."""
        check = self.services[name]["healthcheck"]["test"][1:]
        check[-1] = check[-1].replace("health.mjs", "deploy/health.mjs")
        command = [sys.executable if word == "python" else word for word in check]
        return subprocess.run(command, env=self.env(name), cwd=PROJECT_ROOT, capture_output=True).returncode == 0

    def bring_up(self, name: str) -> None:
        """Start a service and wait until those that depend on it may start."""
        child = self.start(name)
        if "healthcheck" not in self.services[name]:
            assert child.wait(ONE_SHOT_SECONDS_MAX) == 0, child.log_tail()
            return
        deadline = time.monotonic() + HEALTHY_SECONDS_MAX
        while not self.is_healthy(name):
            child.raise_if_dead()
            assert time.monotonic() < deadline, f"{name} is not healthy:\n{child.log_tail()}"
            time.sleep(0.1)

    def stop(self) -> None:
        """End whatever still runs."""
        self._guard.close()
        for child in self.children.values():
            child.wait()


@pytest.fixture
def compose(tmp_path: Path, fresh_database_url: str, redis_url: str) -> Iterator[Compose]:
    """The file on this test's servers; nothing is started yet."""
    chain, api = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    composed = Compose(
        tmp_path,
        {
            "postgresql+psycopg://sightline:sightline@postgres:5432/sightline": fresh_database_url,
            "redis://redis:6379/0": redis_url,
            "anvil:8545": chain,
            "api:8000": api,
            "--host=0.0.0.0": f"--host=127.0.0.1\n      - --port={chain.partition(':')[2]}",
            "SIGHTLINE_HOST: 0.0.0.0": "SIGHTLINE_HOST: 127.0.0.1",
            'SIGHTLINE_PORT: "8000"': f'SIGHTLINE_PORT: "{api.partition(":")[2]}"',
            "/data/state.json": str(tmp_path / "state.json"),
            "deployments/31337.json": str(tmp_path / "31337.json"),
            "SIGHTLINE_DATA_DIR: .sightline": f"SIGHTLINE_DATA_DIR: {tmp_path}",
        },
    )
    yield composed
    composed.stop()


def test_compose__every_service_as_written__becomes_healthy_and_stops_in_order(
    compose: Compose, tmp_path: Path
) -> None:
    for name in compose.in_order():
        compose.bring_up(name)
    deployed = (tmp_path / "31337.json").read_text()
    compose.bring_up("deploy")
    assert (tmp_path / "31337.json").read_text() == deployed, "a second start deployed again"
    for name in reversed(compose.in_order()):
        if "healthcheck" in compose.services[name]:
            code = compose.children[name].stop(number=signal.SIGTERM, seconds_max=60)
            # an attestor's check asks others, so it can pass before the attestor itself listens to signals
            assert code == 0 or (name.startswith("attestor") and code == -signal.SIGTERM), name
