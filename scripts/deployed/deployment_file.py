"""Reads `deployments/<chain id>.json`, which `scripts/deploy.py` writes, for the scripts that look at a deployment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.export_abi import ROOT

SCHEMA = 1
FOLDER_VARIABLE = "SIGHTLINE_DEPLOYMENTS"


class NoDeployment(ValueError):
    """There is no readable file for this chain; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Record:
    """Where a contract is: the block and the transaction that created it are empty for a token that is not ours."""

    name: str
    address: str
    block: int | None
    transaction: str | None


@dataclass(frozen=True, slots=True)
class DeploymentFile:
    """The file's content. `parameters`: the constructor's roles and terms by the names of `deployment.Parameters`."""

    path: Path
    chain_id: int
    network: str
    contracts: Mapping[str, Record]
    parameters: Mapping[str, object]

    @property
    def escrow(self) -> Record:
        return self.contracts["CampaignEscrow"]

    @property
    def payout(self) -> Record:
        return self.contracts["PublisherPayout"]


def load_deployment(chain_id: int) -> DeploymentFile:
    """The file of a chain in the folder that SIGHTLINE_DEPLOYMENTS names, by default `deployments/`.

    Raises NoDeployment when it is missing, unreadable or without the pair of contracts.
    """
    path = Path(os.environ.get(FOLDER_VARIABLE) or ROOT / "deployments") / f"{chain_id}.json"
    try:
        content = json.loads(path.read_text())
        found = _deployment(path, content)
    except FileNotFoundError:
        raise NoDeployment(f"there is no {path}: ape run deploy writes it once chain {chain_id} has a pair") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoDeployment(f"{path} is not a deployment's file: {type(error).__name__} {error}") from error
    if found.chain_id != chain_id:
        raise NoDeployment(f"{path} speaks of chain {found.chain_id}, the RPC serves chain {chain_id}")
    return found


def _deployment(path: Path, content: Mapping[str, object]) -> DeploymentFile:
    if content["schema"] != SCHEMA:
        raise ValueError(f"schema {content['schema']}, not {SCHEMA}")
    contracts, parameters = content["contracts"], content["parameters"]
    if not isinstance(contracts, dict) or not isinstance(parameters, dict):
        raise TypeError("contracts and parameters must be objects")
    records = {name: _record(name, record) for name, record in contracts.items()}
    for name in ("CampaignEscrow", "PublisherPayout"):
        if records[name].block is None or records[name].transaction is None:
            raise ValueError(f"{name} has no block or transaction")
    return DeploymentFile(path, int(str(content["chain_id"])), str(content["network"]), records, parameters)


def _record(name: str, record: Mapping[str, object]) -> Record:
    block, transaction = record.get("block"), record.get("transaction")
    if block is not None and not isinstance(block, int):
        raise TypeError(f"block of {name} is not a number")
    return Record(name, str(record["address"]), block, None if transaction is None else str(transaction))
