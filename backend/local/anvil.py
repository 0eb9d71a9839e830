"""A local chain as a child process: anvil, without its well-known unlocked accounts.

The chain is kept in a file across restarts. It is written when anvil ends in order and every
STATE_INTERVAL_SECONDS; after a power cut the blocks since then are gone, like in a reorganisation. Calls at
blocks from before a restart have no state any more (`latest` has), their blocks, logs and receipts stay.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.local.child import Child, spawn_child, wait_until
from backend.local.errors import LocalStackError
from backend.local.guard import Guard
from backend.local.ports import LOOPBACK, with_free_port
from backend.local.programs import find_anvil
from backend.local.rpc import rpc_integer

START_SECONDS_MAX = 60.0
STATE_INTERVAL_SECONDS = 15


@dataclass(frozen=True)
class Anvil:
    """A running chain."""

    child: Child
    port: int

    @property
    def rpc_url(self) -> str:
        return rpc_url(self.port)

    def stop(self) -> None:
        """End it in order: it writes its state first."""
        self.child.stop(seconds_max=30.0)


def rpc_url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def start_anvil(
    base: Path,
    guard: Guard,
    *,
    path: str,
    roots: Sequence[Path],
    chain_id: int,
    block_time_seconds: int | None,
    keep_state: bool,
    extra_args: Sequence[str],
    pass_fds: Sequence[int],
) -> Anvil:
    """Start the chain; `block_time_seconds` None mines a block for every transaction at once."""
    program = find_anvil(path, roots)
    home = base / "anvil"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = ["--chain-id", str(chain_id), "--accounts", "0"]
    if block_time_seconds is not None:
        options += ["--block-time", str(block_time_seconds)]
    if keep_state:
        state = home / "state.json"
        check_state(state)
        options += ["--state", str(state), "--state-interval", str(STATE_INTERVAL_SECONDS)]

    def start(port: int) -> Anvil:
        child = spawn_child(
            [str(program), "--host", LOOPBACK, "--port", str(port), "--quiet", *options, *extra_args],
            env={"PATH": path or os.defpath, "HOME": str(home), "LC_ALL": "C.UTF-8"},  # it writes below its HOME
            log_path=base / "logs" / "anvil.log",
            cwd=home,
            name="anvil",
            guard=guard,
            pass_fds=pass_fds,
        )
        wait_until(child, lambda: answers(port, chain_id), seconds_max=START_SECONDS_MAX)
        return Anvil(child, port)

    return with_free_port(start)


def answers(port: int, chain_id: int) -> bool:
    try:
        return rpc_integer(rpc_url(port), "eth_chainId", timeout_seconds=2.0) == chain_id
    except LocalStackError:
        return False


def check_state(state: Path) -> None:
    """anvil overwrites its file in place: killed in that moment it leaves half of one."""
    if not state.exists():
        return
    try:
        json.loads(state.read_bytes())
    except ValueError as error:
        raise LocalStackError(
            f"The local chain's state in {state} was cut short and cannot be read. Move the folder "
            f"{state.parent.parent} away to begin with a new chain and an empty database: they belong together"
        ) from error
