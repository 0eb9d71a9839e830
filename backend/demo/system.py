"""The real system on this machine: servers, deployed contracts and every process of ours, with what they are told."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.db.migrate import upgrade
from backend.demo.cast import QUORUM, Cast
from backend.demo.waiting import DemoError
from backend.local import Child, Guard, Stack, fund, rpc, spawn_child, start_stack
from backend.local.ports import LOOPBACK
from backend.local.programs import PROJECT_ROOT

GAS_WEI = 10**20
BLOCK_SECONDS = 1
DEPLOY_SECONDS_MAX = 240.0      # twenty, on a machine that does nothing else
STOP_SECONDS_MAX = 15.0


@dataclass(frozen=True, slots=True)
class Terms:
    """The times that a system runs on, seconds and blocks; short ones make a demo, long ones a product."""

    epoch_seconds: int
    window_seconds: int
    notice_seconds: int
    timelock_seconds: int
    escape_seconds: int
    token_seconds: int
    confirmations: int
    viewer_events_per_minute_max: int = 60
    fee_bps: int = 1_000


class System:
    """A running system. Leave the `with` block and all of it ends."""

    def __init__(self, stack: Stack, cast: Cast, terms: Terms, port: int) -> None:
        self.stack = stack
        self.cast = cast
        self.terms = terms
        self.port = port
        self.children: dict[str, Child] = {}
        self.more_settings: dict[str, str] = {}     # environment of the operator's processes beyond the terms
        self._guard = Guard()

    @property
    def base(self) -> Path:
        return self.stack.base

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def deployment_path(self) -> Path:
        return self.base / "deployments" / f"{self.stack.chain_id}.json"

    def deployment(self) -> dict[str, dict[str, dict[str, object]]]:
        """The file that the deploy script wrote."""
        content: dict[str, dict[str, dict[str, object]]] = json.loads(self.deployment_path.read_text())
        return content

    def contract(self, name: str) -> str:
        """Address of a deployed contract."""
        return str(self.deployment()["contracts"][name]["address"])

    def prepare(self, mints: Mapping[str, int]) -> None:
        """Gas for everybody, contracts by the ape script, and meanwhile the SQL tables. Amounts in micro-USDC."""
        for account in self.cast.everybody:
            fund(self.stack.rpc_url, account.address, GAS_WEI)
        script = self._start_deploy(mints)
        upgrade(self.stack.database_url)
        try:
            code = script.wait(DEPLOY_SECONDS_MAX)
        except TimeoutError as error:
            raise DemoError(f"`ape run deploy` did not end. Its log: {script.log_path}") from error
        if code != 0:
            raise DemoError(f"`ape run deploy` failed. The end of {script.log_path}:\n{script.log_tail()}")

    def start_processes(self) -> None:
        """API, jobs, indexer and attestors: `sightline serve`, `worker`, `index` and `attest`.

        The chain mined at once until now; with readers on it, it makes a block every second.
        """
        rpc(self.stack.rpc_url, "evm_setAutomine", False)
        rpc(self.stack.rpc_url, "evm_setIntervalMining", BLOCK_SECONDS)
        self.start("serve")
        self.start_background()

    def start_background(self) -> None:
        """All but the API."""
        self.start("index")
        self.start("worker", SIGHTLINE_OPERATOR_KEY=self.cast.operator.key.hex())
        for number, attestor in enumerate(self.cast.attestors, 1):
            env = {"SIGHTLINE_ATTESTOR_KEY": attestor.key.hex(), "SIGHTLINE_SETTLEMENT_URL": self.url}
            self._start("attest", f"attestor-{number}", self._public_settings() | env)

    def start(self, command: str, name: str | None = None, **more: str) -> None:
        """Start one process of the operator's; its log is in the folder `logs`."""
        self._start(command, name or command, self._settings() | more)

    def _start(self, command: str, name: str, env: Mapping[str, str]) -> None:
        self.children[name] = self._spawn([sys.executable, "-m", "backend.cli", command], name, env)

    def end(self, name: str) -> None:
        """End one process in order and wait for it."""
        child = self.children.pop(name)
        child.stop(number=signal.SIGTERM, seconds_max=STOP_SECONDS_MAX)

    def raise_if_dead(self) -> None:
        """Raises ServerDied with the end of its log when anything has ended by itself."""
        self.stack.raise_if_dead()
        for child in self.children.values():
            child.raise_if_dead()

    def stop(self) -> None:
        """End our processes first, then the servers below them."""
        try:
            for child in self.children.values():
                child.terminate()
            deadline = time.monotonic() + STOP_SECONDS_MAX
            while any(child.alive for child in self.children.values()) and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            self._guard.close()
            self.stack.stop()

    def _start_deploy(self, mints: Mapping[str, int]) -> Child:
        cast, terms = self.cast, self.terms
        options = {
            "--network": self.stack.rpc_url,
            "--operator": cast.operator.address,
            "--guardian": cast.guardian.address,
            "--treasury": cast.treasury.address,
            "--attestors": ",".join(attestor.address for attestor in cast.attestors),
            "--threshold": QUORUM,
            "--fee-bps": terms.fee_bps,
            "--window": terms.window_seconds,
            "--notice": terms.notice_seconds,
            "--timelock": terms.timelock_seconds,
            "--escape": terms.escape_seconds,
        }
        args = [str(part) for option in options.items() for part in option]
        for address, amount in mints.items():
            args += ["--mint", f"{address}:{amount}"]
        env = self._base_env() | {
            "DEPLOYER_KEY": cast.deployer.key.hex(),
            "SIGHTLINE_DEPLOYMENTS": str(self.deployment_path.parent),
        }
        self.deployment_path.parent.mkdir(parents=True, exist_ok=True)
        return self._spawn([str(_tool("ape")), "run", "deploy", *args], "deploy", env)

    def _spawn(self, args: Sequence[str], name: str, env: Mapping[str, str]) -> Child:
        log_path = self.base / "logs" / f"{name}.log"
        return spawn_child(args, env=env, log_path=log_path, cwd=PROJECT_ROOT, name=name, guard=self._guard)

    def _base_env(self) -> dict[str, str]:
        """What every process gets; the compiler of the contracts is found on PATH, beside the interpreter."""
        kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "SIGHTLINE_LOG") if name in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return kept | {"PATH": path, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}

    def _public_settings(self) -> dict[str, str]:
        """What an independent process knows: the chain, the contracts and a folder; none of the operator's stores."""
        return self._base_env() | {
            "RPC_URL": self.stack.rpc_url,
            "SIGHTLINE_DEPLOYMENT": str(self.deployment_path),
            "SIGHTLINE_DATA_DIR": str(self.base),
        }

    def _settings(self) -> dict[str, str]:
        """`backend.config.Settings` of the operator's processes as environment."""
        terms = self.terms
        return self._public_settings() | {
            "DATABASE_URL": self.stack.database_url,
            "REDIS_URL": self.stack.redis_url,
            "SIGHTLINE_PUBLIC_URL": self.url,
            "SIGHTLINE_HOST": LOOPBACK,
            "SIGHTLINE_PORT": str(self.port),
            "SIGHTLINE_TOKEN_KEY": self.cast.token_key.hex(),
            "SIGHTLINE_EPOCH_SECONDS": str(terms.epoch_seconds),
            "SIGHTLINE_CONFIRMATIONS": str(terms.confirmations),
            "SIGHTLINE_TOKEN_SECONDS": str(terms.token_seconds),
            "SIGHTLINE_FEE_BPS": str(terms.fee_bps),
            "SIGHTLINE_VIEWER_EVENTS_PER_MINUTE_MAX": str(terms.viewer_events_per_minute_max),
        } | self.more_settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_system(base: Path, cast: Cast, terms: Terms, port: int, env: Mapping[str, str]) -> System:
    """Servers below the folder `base`. Raises LocalStackError with what to do when one cannot be started."""
    return System(start_stack(base, env=env, block_time_seconds=None), cast, terms, port)


def _tool(name: str) -> Path:
    """A program of the environment we run in. Raises DemoError with the fix."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise DemoError(f"`{name}` is missing: run `make setup`")
    return Path(found)


def resident_bytes(pid: int) -> dict[str, int]:
    """Resident memory of a process and of everything it started, by program; empty where `ps` is missing."""
    try:
        answer = subprocess.run(
            ["ps", "-axo", "pid=,ppid=,rss=,comm="], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [line.split(None, 3) for line in answer.stdout.splitlines()]
    ours, found = {pid}, True
    while found:
        children = {int(row[0]) for row in rows if int(row[1]) in ours} - ours
        ours |= children
        found = bool(children)
    total: dict[str, int] = {}
    for process, _, kilobytes, program in rows:
        if int(process) in ours and program != "ps":
            total[program] = total.get(program, 0) + int(kilobytes) * 1024
    return total
