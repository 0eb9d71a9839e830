"""What a deployment is made of: constructor arguments, checks before it, and the file that tells others of it.

Pure, except for `write_deployment`. Used by `scripts/deploy.py` and by tests that deploy without ape.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

LOCAL_CHAIN_IDS = frozenset({1337, 31337})
FEE_BPS_MAX = 2_000
# Everybody knows the keys of this phrase: tools for local chains ship with it.
TEST_PHRASE = "test test test test test test test test test test test junk"
TEST_KEYS = 20
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class DeploymentRefused(ValueError):
    """What was asked for must not or cannot be deployed; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Roles and terms of a pair of contracts. Times in seconds, fees in basis points of an epoch's total."""

    owner: str
    operator: str
    guardian: str
    treasury: str
    attestors: tuple[str, ...]
    threshold: int
    fee_bps: int
    fee_bps_max: int
    window_seconds: int
    notice_seconds: int
    timelock_seconds: int
    escape_seconds: int

    @property
    def roles(self) -> tuple[str, str, str, str]:
        """The constructor's `Roles`."""
        return self.owner, self.operator, self.guardian, self.treasury

    @property
    def terms(self) -> tuple[int, int, int, int, int, int, int]:
        """The constructor's `Terms`."""
        times = (self.window_seconds, self.notice_seconds, self.timelock_seconds, self.escape_seconds)
        return self.threshold, self.fee_bps, self.fee_bps_max, *times


def check_parameters(parameters: Parameters) -> None:
    """Raises DeploymentRefused for what the constructor would refuse, with words instead of a revert."""
    addresses = (*parameters.roles, *parameters.attestors)
    for address in addresses:
        if not ADDRESS.fullmatch(address) or int(address, 16) == 0:
            raise DeploymentRefused(f"not an address: {address!r}")
    if len({address.lower() for address in parameters.attestors}) != len(parameters.attestors):
        raise DeploymentRefused("an attestor is listed twice")
    if not 1 <= parameters.threshold <= len(parameters.attestors) <= 16:
        raise DeploymentRefused(f"threshold {parameters.threshold} of {len(parameters.attestors)} attestors")
    if not 0 <= parameters.fee_bps <= parameters.fee_bps_max < 10_000:
        raise DeploymentRefused(f"fee {parameters.fee_bps} above its bound {parameters.fee_bps_max}")
    times = (parameters.window_seconds, parameters.notice_seconds, parameters.timelock_seconds)
    if not 1 <= times[0] < times[1] <= times[2] or times[1] > parameters.escape_seconds:
        raise DeploymentRefused("needs 1 <= window < notice <= timelock, and notice <= escape")


def check_deployer(address: str, chain_id: int) -> None:
    """Raises DeploymentRefused when the account's key is public knowledge and the chain is not a local one."""
    if chain_id in LOCAL_CHAIN_IDS:
        return
    if address.lower() in {known.lower() for known in public_addresses()}:
        raise DeploymentRefused(f"{address} belongs to the public test phrase; not on chain {chain_id}")


def public_addresses() -> list[str]:
    """The first addresses of the public test phrase."""
    from eth_account import Account

    seed = seed_from_mnemonic(TEST_PHRASE, passphrase="")
    keys = (key_from_seed(seed, f"m/44'/60'/0'/0/{index}") for index in range(TEST_KEYS))
    return [str(Account.from_key(key).address) for key in keys]


def contract_record(
    name: str, address: str, block: int, transaction: str, deployer: str, abi_folder: Path
) -> dict[str, object]:
    """A contract's part of the deployment file. The digest is that of the ABI file's bytes."""
    abi_file = abi_folder / f"{name}.json"
    return {
        "address": address,
        "block": block,
        "transaction": transaction,
        "deployer": deployer,
        "abi": f"contracts/abi/{name}.json",
        "abi_sha256": hashlib.sha256(abi_file.read_bytes()).hexdigest(),
    }


def deployment(
    chain_id: int, network: str, contracts: Mapping[str, Mapping[str, object]], parameters: Parameters
) -> dict[str, object]:
    """The content of `deployments/<chain id>.json`."""
    return {
        "schema": 1,
        "chain_id": chain_id,
        "network": network,
        "contracts": {name: dict(record) for name, record in contracts.items()},
        "parameters": asdict(parameters) | {"attestors": list(parameters.attestors)},
    }


def write_deployment(folder: Path, content: Mapping[str, object]) -> Path:
    """Writes `<folder>/<chain id>.json` whole or not at all, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{content['chain_id']}.json"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=2) + "\n")
    temporary.replace(path)
    return path
