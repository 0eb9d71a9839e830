"""A chain that looks like a public network, people with keys that nobody knows, and the scripts run against them."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event, Thread

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from backend.local import rpc, start_stack
from scripts.deploying.compiled import compiled
from scripts.deploying.deployment import Parameters
from scripts.deploying.networks import Network
from scripts.deploying.signer import KeySigner

ROOT = Path(__file__).resolve().parents[3]
SECONDS_MAX = 400
HOUR = 3_600


def person(role: str) -> LocalAccount:
    """Somebody whose key is the same in every run and in no list of known ones."""
    account: LocalAccount = Account.from_key(Web3.keccak(text=f"deployment tests, {role}"))
    return account


DEPLOYER = person("deployer")


def parameters(**changes: object) -> Parameters:
    """Roles and terms that any network accepts, apart from the owner, who has no code."""
    good: dict[str, object] = {
        **{role: person(role).address for role in ("owner", "operator", "guardian", "treasury")},
        "attestors": tuple(person(f"attestor {place}").address for place in (1, 2, 3)),
        "threshold": 2,
        "fee_bps": 1_000,
        "fee_bps_max": 2_000,
        "window_seconds": HOUR,
        "notice_seconds": 2 * HOUR,
        "timelock_seconds": 200 * HOUR,
        "escape_seconds": 100 * HOUR,
    }
    return Parameters(**(good | changes))  # type: ignore[arg-type]


def options(wanted: Parameters) -> list[str]:
    """The same as options of `ape run deploy`."""
    pairs = {
        "--owner": wanted.owner,
        "--operator": wanted.operator,
        "--guardian": wanted.guardian,
        "--treasury": wanted.treasury,
        "--attestors": ",".join(wanted.attestors),
        "--threshold": wanted.threshold,
        "--fee-bps": wanted.fee_bps,
        "--fee-bps-max": wanted.fee_bps_max,
        "--window": wanted.window_seconds,
        "--notice": wanted.notice_seconds,
        "--timelock": wanted.timelock_seconds,
        "--escape": wanted.escape_seconds,
    }
    return [str(part) for pair in pairs.items() for part in pair]


def ape_command(*arguments: str) -> list[str]:
    """`ape run …` of this environment."""
    ape = shutil.which("ape", path=_path())
    assert ape, "ape is not installed: run make setup"
    return [ape, "run", *arguments]


def ape_environment(folder: Path, key: LocalAccount = DEPLOYER, **more: str) -> dict[str, str]:
    """What the scripts find in their environment."""
    mine = {"PATH": _path(), "DEPLOYER_KEY": key.key.hex(), "SIGHTLINE_DEPLOYMENTS": str(folder)}
    return dict(os.environ) | mine | more


def ape(env: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script to its end."""
    return subprocess.run(
        ape_command(*arguments),
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def signer(account: LocalAccount = DEPLOYER) -> KeySigner:
    return KeySigner(account)


@contextmanager
def public_chain(base: Path, network: Network) -> Iterator[str]:
    """The URL of an anvil with the network's chain id and its USDC; the deployer has ten coins."""
    env = {"PATH": os.environ.get("PATH", "")}
    need = frozenset({"anvil"})
    with start_stack(
        base, need=need, chain_id=network.chain_id, block_time_seconds=None, env=env, fast_unsafe=True
    ) as stack:
        put_usdc(stack.rpc_url, network.usdc_address, network.usdc_name)
        rpc(stack.rpc_url, "anvil_setBalance", DEPLOYER.address, hex(10**19))
        yield stack.rpc_url


def put_usdc(rpc_url: str, address: str, name: str) -> None:
    """A MockUSDC under the name that the network's USDC has, at an address of one's choice."""
    rpc(rpc_url, "anvil_setCode", address, usdc_code(name))


@cache
def usdc_code(name: str) -> str:
    """MockUSDC's code with another name; its immutable is zero."""
    from vyper import compile_code

    source = (ROOT / "contracts/testing/MockUSDC.vy").read_text()
    line = 'name: public(constant(String[8])) = "USD Coin"'
    assert line in source
    source = source.replace(line, f'name: public(constant(String[{len(name)}])) = "{name}"')
    code = str(compile_code(source, output_formats=["bytecode_runtime"])["bytecode_runtime"])
    return code + "00" * (compiled("MockUSDC").deployed_bytes - len(compiled("MockUSDC").runtime))


@contextmanager
def mining(rpc_url: str) -> Iterator[None]:
    """Blocks go on while somebody waits for confirmations."""
    over = Event()

    def mine() -> None:
        while not over.wait(0.02):
            rpc(rpc_url, "anvil_mine", hex(4), timeout_seconds=SECONDS_MAX)

    thread = Thread(target=mine, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _path() -> str:
    return f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
