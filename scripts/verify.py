"""Proves that the sources rebuild what is deployed, byte for byte, and lets an explorer publish them.

    ape run verify --network polygon:amoy:node                # prove, and write .build/verify/80002/
    EXPLORER_API_KEY=... ape run verify --network polygon:amoy:node --submit
    ape run verify --network polygon:amoy:node --submit --sourcify

For each contract of `deployments/<chain id>.json` it makes Vyper's standard JSON input, compiles that in an empty
folder, and compares the outcome with the local build, with the transaction that created the contract and with the code
on the chain. The first difference ends the run with exit code 1 and the byte; nothing is submitted then.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from ape.cli import ConnectedProviderCommand
from web3 import Web3
from web3.exceptions import TransactionNotFound

from backend.chain.client import Chain
from backend.core.errors import SightlineError
from scripts.deployed.creation_code import (
    Creation,
    DoesNotMatch,
    argument_values,
    first_created_by,
    payout_creation,
    taken_apart,
)
from scripts.deployed.deployment_file import DeploymentFile, NoDeployment, Record, load_deployment
from scripts.deployed.explorer_client import KEY_VARIABLE, ExplorerClient, ExplorerError, Submission
from scripts.deployed.node_client import connect
from scripts.deployed.sourcify_client import SOURCIFY_URL, SourcifyClient
from scripts.deployed.standard_json import (
    Build,
    CannotRebuild,
    build,
    compiler_version,
    contract_id,
    difference,
    runtime_difference,
    standard_json,
)
from scripts.deploying.networks import NETWORKS, network_of
from scripts.export_abi import ROOT, SOURCES, compile_contract

OUTPUT = ROOT / ".build" / "verify"


@dataclass(frozen=True, slots=True)
class Proven:
    """A contract whose code on the chain is the sources' code."""

    record: Record
    standard_json: str
    creation: Creation

    @property
    def submission(self) -> Submission:
        name = self.record.name
        assert self.record.transaction is not None
        rebuilt = (compiler_version(), self.standard_json, self.creation.arguments)
        return Submission(self.record.address, contract_id(name), *rebuilt, self.record.transaction)


@click.command(cls=ConnectedProviderCommand, help=__doc__)
@click.option("--contract", "names", multiple=True, help="Only this one; may be repeated. Default: all.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=OUTPUT, help="[.build/verify]")
@click.option("--submit", is_flag=True, help="Let the explorer publish the sources; needs EXPLORER_API_KEY.")
@click.option("--sourcify", "is_sourcify", is_flag=True, help="Submit to Sourcify instead, which needs no key.")
@click.option("--explorer-url", envvar="EXPLORER_API_URL", help="Default: the network's explorer, or sourcify.dev.")
@click.option("--poll-seconds", type=click.FloatRange(min=0.01), default=5.0, show_default=True)
@click.option("--seconds-max", type=float, default=300.0, show_default=True, help="How long to wait for a verdict.")
def cli(
    names: tuple[str, ...],
    output: Path,
    submit: bool,
    is_sourcify: bool,
    explorer_url: str | None,
    poll_seconds: float,
    seconds_max: float,
    provider: Any,
    network: Any,
) -> None:
    chain_id: int = provider.chain_id
    try:
        deployment = load_deployment(chain_id)
        chosen = chosen_contracts(deployment, names)
        waiting = {"poll_seconds": poll_seconds, "seconds_max": seconds_max}
        explorer = explorer_for(chain_id, explorer_url, is_sourcify, waiting) if submit else None
        proven = list(prove(connect(provider), deployment, chosen))
        for one in proven:
            path = write(one, output / str(chain_id))
            click.echo(f"{one.record.name} {one.record.address}: rebuilt byte for byte, {path}")
        if explorer is not None:
            publish(explorer, proven)
    except (NoDeployment, CannotRebuild, DoesNotMatch, ExplorerError) as error:
        raise click.ClickException(str(error)) from error
    except SightlineError as error:
        raise click.ClickException(error.detail) from error


def chosen_contracts(deployment: DeploymentFile, names: tuple[str, ...]) -> list[Record]:
    """The records of our contracts, or of those that were named. Raises NoDeployment for a name that is not one."""
    ours = {name: record for name, record in deployment.contracts.items() if name in SOURCES and record.transaction}
    unknown = [name for name in names if name not in ours]
    if unknown:
        raise NoDeployment(f"{deployment.path} has no contract {', '.join(unknown)} of ours; it has {', '.join(ours)}")
    return [record for name, record in ours.items() if not names or name in names]


def explorer_for(
    chain_id: int, url: str | None, is_sourcify: bool, waiting: Mapping[str, float]
) -> ExplorerClient | SourcifyClient:
    """Who is to publish the sources. The key comes from the environment alone, which no history keeps.

    Raises ExplorerError for a chain without an explorer that we know.
    """
    if is_sourcify:
        return SourcifyClient(url or SOURCIFY_URL, chain_id, **waiting)
    return ExplorerClient(url or explorer_of(chain_id), chain_id, os.environ.get(KEY_VARIABLE, ""), **waiting)


def explorer_of(chain_id: int) -> str:
    """The API of a network's explorer. Raises ExplorerError for a chain without one."""
    url = network_of(chain_id).explorer_api_url if chain_id in NETWORKS else ""
    if not url:
        raise ExplorerError(f"chain {chain_id} has no explorer that we know; give --explorer-url")
    return url


def prove(chain: Chain, deployment: DeploymentFile, chosen: list[Record]) -> Iterator[Proven]:
    """Each contract with its input and its creation. Raises DoesNotMatch with the first difference, CannotRebuild."""
    for record in chosen:
        text = standard_json(record.name)
        rebuilt = build(text)
        local = bytes.fromhex(str(compile_contract(record.name)["bytecode"]).removeprefix("0x"))
        found = difference(local, rebuilt.creation, rebuilt)
        if found:
            raise DoesNotMatch(f"{record.name}: the standard JSON input does not make the local build: {found}")
        creation = creation_on_chain(chain, deployment, record, rebuilt)
        check_deployed(chain, record, rebuilt)
        yield Proven(record, text, creation)


def creation_on_chain(chain: Chain, deployment: DeploymentFile, record: Record, rebuilt: Build) -> Creation:
    """What created a contract, found in the transaction that the deployment's file names. Raises DoesNotMatch."""
    if record.name != "PublisherPayout":
        return taken_apart(record.name, sent_to_create(chain, record), rebuilt)
    escrow = deployment.escrow
    if first_created_by(escrow.address).lower() != record.address.lower():
        raise DoesNotMatch(f"PublisherPayout: {record.address} is not the contract that {escrow.address} created")
    escrow_build = build(standard_json(escrow.name))
    escrow_creation = taken_apart(escrow.name, sent_to_create(chain, escrow), escrow_build)
    return payout_creation(argument_values(escrow.name, escrow_build, escrow_creation.arguments), rebuilt)


def sent_to_create(chain: Chain, record: Record) -> bytes:
    """The input of the transaction that created a contract. Raises DoesNotMatch when it did something else."""
    assert record.transaction is not None
    with chain.reading():
        try:
            transaction = chain.web3.eth.get_transaction(Web3.to_bytes(hexstr=record.transaction))  # type: ignore[arg-type]
            receipt = chain.web3.eth.get_transaction_receipt(transaction["hash"])
        except TransactionNotFound:
            gone = f"the chain has no transaction {record.transaction}; was the chain reset after deploying?"
            raise DoesNotMatch(f"{record.name}: {gone}") from None
    created = receipt.get("contractAddress")
    if created is None or created.lower() != record.address.lower():
        raise DoesNotMatch(f"{record.name}: transaction {record.transaction} created {created}, not {record.address}")
    return bytes(transaction["input"])


def check_deployed(chain: Chain, record: Record, rebuilt: Build) -> None:
    """Raises DoesNotMatch when the code that runs on the chain is not the build's, immutable values aside."""
    with chain.reading():
        deployed = bytes(chain.web3.eth.get_code(Web3.to_checksum_address(record.address)))
    found = runtime_difference(rebuilt, deployed)
    if found:
        raise DoesNotMatch(f"{record.name}: the code at {record.address} is not what the sources make: {found}")


def write(proven: Proven, folder: Path) -> Path:
    """Writes `<Name>.json` and `<Name>.arguments.txt` (hex without 0x), for explorers that are used by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{proven.record.name}.json"
    path.write_text(proven.standard_json)
    (folder / f"{proven.record.name}.arguments.txt").write_text(proven.creation.arguments.hex() + "\n")
    return path


def publish(explorer: ExplorerClient | SourcifyClient, proven: list[Proven]) -> None:
    """Submits one contract after the other; the first that fails raises ExplorerError with its name."""
    for one in proven:
        name = one.record.name

        def tell(state: str, name: str = name) -> None:
            click.echo(f"{name}: {state}")

        try:
            verdict = explorer.verify(one.submission, tell)
        except ExplorerError as error:
            raise ExplorerError(f"{name}: {error}") from error
        click.echo(f"{name}: {verdict.value}")
