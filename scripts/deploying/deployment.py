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

from eth_utils.address import is_checksum_address, is_checksum_formatted_address

FEE_BPS_MAX = 2_000
DAY_SECONDS = 86_400
# The constructor's bounds, in `contracts/modules/configuration.vy`.
WINDOW_SECONDS_MAX = 30 * DAY_SECONDS
TIMELOCK_SECONDS_MAX = 90 * DAY_SECONDS
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
        check_address(address)
    if len({address.lower() for address in parameters.attestors}) != len(parameters.attestors):
        raise DeploymentRefused("an attestor is listed twice")
    if not 1 <= parameters.threshold <= len(parameters.attestors) <= 16:
        raise DeploymentRefused(f"threshold {parameters.threshold} of {len(parameters.attestors)} attestors")
    if not 0 <= parameters.fee_bps <= parameters.fee_bps_max < 10_000:
        raise DeploymentRefused(f"fee {parameters.fee_bps} above its bound {parameters.fee_bps_max}")
    window, notice = parameters.window_seconds, parameters.notice_seconds
    escape, timelock = parameters.escape_seconds, parameters.timelock_seconds
    if not 1 <= window < notice <= escape <= timelock:
        raise DeploymentRefused(
            f"needs 1 <= window < notice <= escape <= timelock, in seconds: {window}, {notice}, {escape}, {timelock}. "
            "Whoever asks for the money back when a change is announced must be out before the change is applied"
        )
    for name, seconds, bound in (("window", window, WINDOW_SECONDS_MAX), ("timelock", timelock, TIMELOCK_SECONDS_MAX)):
        if seconds > bound:
            raise DeploymentRefused(
                f"{name} of {seconds} s is above its bound of {bound} s, {bound // DAY_SECONDS} days"
            )


def check_address(address: str) -> None:
    """Raises DeploymentRefused for what is no address, for zero, and for a checksum that does not fit (EIP-55)."""
    if not ADDRESS.fullmatch(address) or int(address, 16) == 0:
        raise DeploymentRefused(f"not an address: {address!r}")
    if is_checksum_formatted_address(address) and not is_checksum_address(address):
        raise DeploymentRefused(f"{address} has a wrong checksum (EIP-55): a letter or digit of it is wrong")


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
    write_whole(path, json.dumps(content, indent=2) + "\n")
    return path


def write_whole(path: Path, text: str) -> None:
    """Replaces a file's text so that a crash or a power cut leaves the old text or the new, never a part."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
