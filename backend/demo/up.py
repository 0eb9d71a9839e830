"""`sightline up`: the whole system on this machine, its data kept between runs in one folder."""

import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from backend.db.migrate import upgrade
from backend.demo.cast import Cast, cast_from_seed
from backend.demo.port import hold_port
from backend.demo.system import GAS_WEI, System, Terms, start_system
from backend.demo.waiting import DemoError, wait_for
from backend.local import LocalStackError, StackInfo, fund, rpc, running_stack
from backend.local.ports import LOOPBACK

TERMS = Terms(
    epoch_seconds=300, window_seconds=60, notice_seconds=420, timelock_seconds=3_600, escape_seconds=3_600,
    token_seconds=120, confirmations=2,
)
MINT_MICRO_USDC = 1_000_000 * 10**6
READY_SECONDS_MAX = 180.0      # a process that ends is noticed at once; one that is slow is only slow


def run_up(base: Path, port: int) -> int:
    """Start everything, say where it is, wait for Ctrl-C. Returns the exit code."""
    console = Console(stderr=True)
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        console.print(f"nothing can be kept in {base}: {error.strerror}; choose another with --base", markup=False)
        return 1
    running = running_stack(base)
    if running is not None:
        print(_running(running))
        return 0
    try:
        with hold_port(port) as held:
            _run(base, held.getsockname()[1], console)
    except (LocalStackError, DemoError) as error:
        console.print(f"{error}\nThe logs are in {base / 'logs'}", markup=False)
        return 1
    return 0


def _run(base: Path, port: int, console: Console) -> None:
    cast = cast_from_seed(_seed(base))
    with start_system(base, cast, TERMS, port, os.environ) as system:
        _prepare(system, console)
        system.start_processes()
        wait_for("the API", lambda: _answers(port), seconds_max=READY_SECONDS_MAX, alive=system.raise_if_dead)
        print(_overview(system), flush=True)
        _wait_for_signal(system)


def _prepare(system: System, console: Console) -> None:
    if _is_deployed(system):
        upgrade(system.stack.database_url)
        for account in system.cast.everybody:
            fund(system.stack.rpc_url, account.address, GAS_WEI)
        return
    console.print("deploying the contracts …")
    system.prepare({advertiser.address: MINT_MICRO_USDC for advertiser in system.cast.advertisers})


def _is_deployed(system: System) -> bool:
    """Whether the contracts of the deployment file are on this chain; a new local chain has none."""
    if not system.deployment_path.exists():
        return False
    return rpc(system.stack.rpc_url, "eth_getCode", system.contract("CampaignEscrow"), "latest") not in (None, "0x")


def _seed(base: Path) -> int:
    """Seed of this folder's keys: random, made once, readable by its owner only."""
    path = base / "seed"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(str(secrets.randbits(128)))
    return int(path.read_text())


def _overview(system: System) -> str:
    rows = {
        "web page and API": f"{system.url}  (documentation: {system.url}/docs)",
        "PostgreSQL": system.stack.database_url,
        "Redis": system.stack.redis_url,
        "chain": f"{system.stack.rpc_url}  (chain id {system.stack.chain_id})",
        "CampaignEscrow": system.contract("CampaignEscrow"),
        "PublisherPayout": system.contract("PublisherPayout"),
        "MockUSDC": system.contract("MockUSDC") + "  (anybody may mint)",
        "logs": str(system.base / "logs"),
    }
    return _page("Sightline is running; Ctrl-C stops it", rows | _keys(system.cast))


def _keys(cast: Cast) -> dict[str, str]:
    """Funded accounts of the local chain to try things with."""
    return {f"advertiser {n}, local key": "0x" + account.key.hex() for n, account in enumerate(cast.advertisers, 1)}


def _running(info: StackInfo) -> str:
    urls = {"PostgreSQL": info.database_url, "Redis": info.redis_url, "chain": info.rpc_url}
    processes = {f"process {name}": str(pid) for name, pid in info.processes.items()}
    return _page(f"Already running in process {info.pid}", urls | processes)


def _page(title: str, rows: Mapping[str, str]) -> str:
    """A line each, without a frame: people copy these, so no terminal may break them."""
    width = max(map(len, rows))
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows.items())])


def _wait_for_signal(system: System) -> None:
    """Until Ctrl-C or SIGTERM. Raises ServerDied when a part ends by itself."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        system.raise_if_dead()
    print("stopping …", file=sys.stderr)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
