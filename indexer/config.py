"""What the indexer must be told: which contracts on which chain, where to read, where to write, how patient to be."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

Proof = Literal["receipts", "off"]


class ConfigError(ValueError):
    """A setting or deployment file that cannot be right."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The pair of contracts to mirror; addresses as lowercase 0x-hex, `start_block` the first block that may matter."""

    chain_id: int
    escrow: str
    payout: str
    start_block: int


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one indexer.

    `confirmations`: blocks below the head before readers may act (`chain_cursor.confirmed_number`).
    `proof`: "receipts" proves every block with our logs against its receipts root; "off" trusts `eth_getLogs`.
    `once`: stop at the head instead of following it. `until`: stop after this block.
    `shorter_seconds`: how long a head below our tip is taken for a lagging node before its word counts.
    `reorg_blocks_max`: a deeper reorganisation stops the indexer until a person has looked.
    """

    database_url: str
    rpc_url: str
    deployment: Deployment
    confirmations: int = 12
    poll_seconds: float = 1.0
    proof: Proof = "receipts"
    once: bool = False
    until: int | None = None
    range_blocks: int = 256
    range_events: int = 2_000
    rpc_batch: int = 100
    rpc_timeout_seconds: float = 20.0
    shorter_seconds: float = 15.0
    reorg_blocks_max: int = 4_096
    retry_seconds_max: float = 5.0

    def __post_init__(self) -> None:
        if self.confirmations < 0:
            raise ConfigError(f"confirmations must not be negative: {self.confirmations}")
        if self.poll_seconds <= 0:
            raise ConfigError(f"poll_seconds must be positive: {self.poll_seconds}")
        if min(self.range_blocks, self.range_events, self.rpc_batch) < 1:
            raise ConfigError("range_blocks, range_events and rpc_batch must be at least 1")


class _Contract(msgspec.Struct):
    address: str
    block: int


class _DeploymentFile(msgspec.Struct):
    schema: int
    chain_id: int
    contracts: dict[str, _Contract]


def load_deployment(path: Path) -> Deployment:
    """Reads `deployments/<chain id>.json`. Raises ConfigError with the reason when it is missing or malformed."""
    try:
        file = msgspec.json.decode(path.read_bytes(), type=_DeploymentFile)
    except OSError as error:
        raise ConfigError(
            f"cannot read the deployment file {path}: {error.strerror}; deploy the contracts first"
        ) from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is not a deployment file: {error}") from error
    if file.schema != 1:
        raise ConfigError(f"{path} has schema {file.schema}, this version reads schema 1")
    missing = {"CampaignEscrow", "PublisherPayout"} - file.contracts.keys()
    if missing:
        raise ConfigError(f"{path} lacks {', '.join(sorted(missing))}")
    escrow, payout = file.contracts["CampaignEscrow"], file.contracts["PublisherPayout"]
    return Deployment(
        chain_id=file.chain_id,
        escrow=_address(path, escrow.address),
        payout=_address(path, payout.address),
        start_block=max(1, min(escrow.block, payout.block)),
    )


def _address(path: Path, text: str) -> str:
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != 20:
        raise ConfigError(f"{path} names {text!r}, which is not an address")
    return "0x" + raw.hex()
