"""Gives the ownership of a deployed escrow to another account, in two steps so that a wrong address cannot get it.

    ape run handover start  --network polygon:mainnet:node --to 0x<multisig> --safe-file accept.json
    ape run handover accept --network polygon:mainnet:node          # only where the new owner is a plain account
    ape run handover status --network polygon:mainnet:node

`start` is signed by the present owner (DEPLOYER_KEY or --account) and offers the ownership; nothing changes until the
new owner calls `accept_ownership()`. For a multisig it prints the calldata and writes the file that Safe's transaction
builder loads. The escrow is the one in `deployments/<chain id>.json`.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click
from ape.cli import ConnectedProviderCommand
from requests import RequestException
from web3 import Web3
from web3.contract import Contract

from scripts.deployed.deployment_file import NoDeployment, load_deployment
from scripts.deploying.chain_facts import account_nonce, genesis, has_contract
from scripts.deploying.deployment import DeploymentRefused, check_address, write_whole
from scripts.deploying.journal import Journal, load_journal, only_run
from scripts.deploying.networks import Network, UnknownNetwork, network_chosen
from scripts.deploying.role_rules import check_key
from scripts.deploying.sending import Sender, Step, receipt_of
from scripts.deploying.signer import Signer, signer_of
from scripts.export_abi import ABI_FOLDER, ROOT

ZERO = "0x" + "00" * 20
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Owned:
    """An escrow and who owns it now; `pending` is empty when nothing is offered."""

    web3: Web3
    network: Network
    contract: Contract
    owner: str
    pending: str


def in_words(command: Callable[P, None]) -> Callable[P, None]:
    """Shows refusals as plain words instead of a traceback."""

    @wraps(command)
    def told(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            command(*arguments, **options)
        except (DeploymentRefused, UnknownNetwork, NoDeployment) as refused:
            raise click.ClickException(str(refused)) from refused
        except RequestException as error:
            raise click.ClickException(
                f"the node stopped answering ({type(error).__name__}); run the same command again to continue"
            ) from error

    return told


@click.group(help=__doc__)
def cli() -> None:
    """The group of commands."""


@cli.command(cls=ConnectedProviderCommand, help="Offer the ownership to another account.")
@click.option("--to", "target", required=True, help="The new owner, a multisig on mainnets.")
@click.option("--to-is-eoa", is_flag=True, help="Mainnets: the new owner is a plain account on purpose.")
@click.option("--account", "alias", help="Alias of `ape accounts`, instead of DEPLOYER_KEY.")
@click.option("--safe-file", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the Safe batch.")
@click.option("--yes", is_flag=True, help="Public networks: do not ask before sending.")
@in_words
def start(
    target: str,
    to_is_eoa: bool,
    alias: str | None,
    safe_file: Path | None,
    yes: bool,
    provider: Any,
    network: Any,
) -> None:
    owned = owned_escrow(provider.web3, network_chosen(network.ecosystem.name, network.name, provider.chain_id))
    target = offer(owned, _signer(alias), target, is_eoa_wanted=to_is_eoa, is_confirmed=yes)
    click.echo(f"{target} may now accept the ownership; until it does, {owned.owner} stays the owner")
    _tell_acceptance(owned, target, safe_file)


@cli.command(cls=ConnectedProviderCommand, help="Take an ownership that was offered to a plain account.")
@click.option("--account", "alias", help="Alias of `ape accounts`, instead of DEPLOYER_KEY.")
@click.option("--yes", is_flag=True, help="Public networks: do not ask before sending.")
@in_words
def accept(alias: str | None, yes: bool, provider: Any, network: Any) -> None:
    owned = owned_escrow(provider.web3, network_chosen(network.ecosystem.name, network.name, provider.chain_id))
    take(owned, _signer(alias), is_confirmed=yes)


@cli.command(cls=ConnectedProviderCommand, help="Say who owns the escrow and what is left to do.")
@in_words
def status(provider: Any, network: Any) -> None:
    owned = owned_escrow(provider.web3, network_chosen(network.ecosystem.name, network.name, provider.chain_id))
    kind = "contract" if has_contract(owned.web3, owned.owner) else "plain account"
    click.echo(f"escrow   {owned.contract.address} on {owned.network.name} (chain {owned.network.chain_id})")
    click.echo(f"owner    {owned.owner} ({kind})")
    click.echo(f"offered  {owned.pending or 'to nobody'}")
    if owned.pending:
        _tell_acceptance(owned, owned.pending, None)
    elif kind == "plain account" and owned.network.is_mainnet:
        click.echo("to do    give the ownership to a multisig: ape run handover start --to ...")
    else:
        click.echo("to do    nothing")


def offer(owned: Owned, signer: Signer, target: str, *, is_eoa_wanted: bool, is_confirmed: bool) -> str:
    """Offers the ownership, unless it is offered already, and returns the new owner's address with its checksum.

    Raises DeploymentRefused, before anything is sent, when `signer` is not the owner or `target` must not become it.
    """
    target = _target(owned, target, is_eoa_wanted)
    if owned.pending != target:
        if signer.address != owned.owner:
            raise DeploymentRefused(_not_owner(owned, signer.address, target))
        _ask(owned, f"Offer the ownership of {owned.contract.address} to {target}?", is_confirmed)
        _send(owned, signer, "transfer_ownership", target)
        _expect(owned, "pending_owner", target)
    return target


def take(owned: Owned, signer: Signer, *, is_confirmed: bool) -> None:
    """Accepts with a key; a multisig accepts with the calldata that `start` prints.

    Raises DeploymentRefused, before anything is sent, when the ownership was not offered to `signer`.
    """
    if owned.owner == signer.address:
        click.echo(f"{signer.address} is the owner already")
        return
    if owned.pending != signer.address:
        offered = f"offered to {owned.pending}" if owned.pending else "not offered to anybody"
        raise DeploymentRefused(f"the ownership is {offered}, so {signer.address} cannot accept it: run `start` first")
    check_key("new owner", signer.address, owned.network)
    _ask(owned, f"Take the ownership of {owned.contract.address} with {signer.address}?", is_confirmed)
    _send(owned, signer, "accept_ownership")
    _expect(owned, "owner", signer.address)
    click.echo(f"{signer.address} is now the owner")


def safe_batch(network: Network, escrow: str, safe: str, data: str, created_ms: int) -> dict[str, object]:
    """The file that Safe's transaction builder loads: one call of `escrow` with `data`, made by `safe`."""
    return {
        "version": "1.0",
        "chainId": str(network.chain_id),
        "createdAt": created_ms,
        "meta": {
            "name": "Accept the ownership of CampaignEscrow",
            "description": f"accept_ownership() of {escrow} on {network.name}",
            "txBuilderVersion": "1.16.5",
            "createdFromSafeAddress": safe,
            "createdFromOwnerAddress": "",
        },
        "transactions": [
            {"to": escrow, "value": "0", "data": data, "contractMethod": None, "contractInputsValues": None}
        ],
    }


def owned_escrow(web3: Web3, network: Network) -> Owned:
    """The escrow of the network's deployment file. Raises NoDeployment without one, DeploymentRefused without code."""
    address = Web3.to_checksum_address(load_deployment(network.chain_id).escrow.address)
    if not web3.eth.get_code(address):
        raise DeploymentRefused(f"there is no contract at {address}, where deployments/ says the escrow is")
    contract = web3.eth.contract(address=address, abi=json.loads((ABI_FOLDER / "CampaignEscrow.json").read_text()))
    pending = contract.functions.pending_owner().call()
    return Owned(web3, network, contract, contract.functions.owner().call(), "" if pending == ZERO else pending)


def _target(owned: Owned, target: str, is_eoa_wanted: bool) -> str:
    """The new owner's address, checked. Raises DeploymentRefused for one that must not own an escrow."""
    check_address(target)
    target = str(Web3.to_checksum_address(target))
    if target == owned.owner:
        raise DeploymentRefused(f"{target} is the owner already")
    check_key("new owner", target, owned.network)
    _check_other_roles(owned, target)
    if owned.network.is_mainnet and not is_eoa_wanted and not has_contract(owned.web3, target):
        raise DeploymentRefused(
            f"{target} has no code on {owned.network.name}: is it a multisig of another chain? "
            "Deploy the multisig here first, or add --to-is-eoa if it is a plain account on purpose"
        )
    return target


def _check_other_roles(owned: Owned, target: str) -> None:
    if owned.network.is_local:
        return
    read = owned.contract.functions
    roles = [name for name in ("operator", "guardian") if read[name]().call() == target]
    roles += ["attestor"] if read["is_attestor"](target).call() else []
    if roles or target in (owned.contract.address, read["payout"]().call(), read["token"]().call()):
        what = " and ".join(roles) or "a contract of this deployment"
        raise DeploymentRefused(f"{target} is {what}: an owner must be apart from those that it can replace")


def _not_owner(owned: Owned, signer: str, target: str) -> str:
    data = _calldata(owned, "transfer_ownership", target)
    return (
        f"{signer} is not the owner; {owned.owner} is. Sign with its key, or if it is a multisig, let it call "
        f"{owned.contract.address} with the data {data}"
    )


def _tell_acceptance(owned: Owned, target: str, safe_file: Path | None) -> None:
    data = _calldata(owned, "accept_ownership")
    click.echo(f"to do    {target} calls {owned.contract.address} with value 0 and data {data}")
    if not has_contract(owned.web3, target):
        click.echo("         with its key: ape run handover accept")
    created_ms = owned.web3.eth.get_block("latest")["timestamp"] * 1_000
    text = json.dumps(safe_batch(owned.network, owned.contract.address, target, data, created_ms), indent=2) + "\n"
    if safe_file is None:
        click.echo(f"batch for Safe's transaction builder:\n{text}", nl=False)
    else:
        write_whole(safe_file, text)
        click.echo(f"wrote {safe_file}: load it into Safe's transaction builder")


def _calldata(owned: Owned, function: str, *arguments: str) -> str:
    return str(owned.contract.encode_abi(function, args=list(arguments)))


def _send(owned: Owned, signer: Signer, function: str, *arguments: str) -> None:
    """One call of the escrow, journalled like a deployment's, and as many confirmations."""
    folder = Path(os.environ.get("SIGHTLINE_DEPLOYMENTS") or ROOT / "deployments")
    path = folder / f"{owned.network.chain_id}.handover.journal.json"
    data = _calldata(owned, function, *arguments)
    facts = {"escrow": owned.contract.address, "sender": signer.address, "data": data}
    with only_run(folder):
        journal = load_journal(path)
        if journal is None or _is_over(owned, journal):
            journal = Journal(path, genesis(owned.web3), account_nonce(owned.web3, signer.address), facts)
        journal.check_same_plan(facts)
        sender = Sender(owned.web3, signer, owned.network, journal, click.echo)
        sender.send(Step(function, journal.first_nonce, owned.contract.address, bytes.fromhex(data[2:])))
        sender.confirm()
        journal.remove()


def _is_over(owned: Owned, journal: Journal) -> bool:
    """Whether a journal is about another chain, or all that it began was mined before it could be removed."""
    return journal.genesis != genesis(owned.web3) or all(receipt_of(owned.web3, sent.hash) for sent in journal.sent)


def _expect(owned: Owned, getter: str, address: str) -> None:
    held = owned.contract.functions[getter]().call()
    if held != address:
        raise DeploymentRefused(f"{getter} is {held} and not {address}: somebody else was faster. See `status`")


def _ask(owned: Owned, question: str, is_confirmed: bool) -> None:
    if owned.network.is_public and not is_confirmed:
        click.confirm(question, abort=True)


def _signer(alias: str | None) -> Signer:
    return signer_of(alias, os.environ.get("DEPLOYER_KEY"))
