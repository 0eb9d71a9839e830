"""Deploys CampaignEscrow (which creates PublisherPayout) and writes `deployments/<chain id>.json`.

Local, against a running anvil; with no --token it deploys MockUSDC too and --mint hands out test tokens:

    DEPLOYER_KEY=0x... ape run deploy --network http://127.0.0.1:8545 \
        --operator 0x... --guardian 0x... --treasury 0x... --attestors 0x...,0x...,0x... --threshold 2 \
        --window 3 --notice 6 --escape 60 --timelock 60 --mint 0x...:1000000000

Public: `--network polygon:amoy:node` with AMOY_RPC_URL (scripts/deploying/networks.py has the others), `--owner` and
either DEPLOYER_KEY or `--account` with an alias of `ape accounts`. `--dry-run` prints the plan and sends nothing.

A run that was killed is continued by running it again. Do not use `--network ethereum:local:http://...` against an
anvil with chain id 31337: ape would sign for 1337. docs/deploying.md is the guide.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from ape.cli import ConnectedProviderCommand
from requests import RequestException
from web3 import Web3
from web3.types import TxReceipt

from scripts.deploying.chain_facts import account_nonce, genesis, has_contract, l1_fee_wei
from scripts.deploying.deployment import (
    DAY_SECONDS,
    FEE_BPS_MAX,
    DeploymentRefused,
    Parameters,
    check_address,
    check_parameters,
    contract_record,
    deployment,
    write_deployment,
)
from scripts.deploying.journal import Journal, journal_path, load_journal, only_run
from scripts.deploying.networks import Network, UnknownNetwork, network_chosen
from scripts.deploying.plan import Plan, coins, make_plan, render
from scripts.deploying.read_back import differences
from scripts.deploying.role_rules import check_roles
from scripts.deploying.sending import Sender, estimate, gas_limit, price_now
from scripts.deploying.signer import Signer, signer_of
from scripts.deploying.token_check import check_token, choose_token
from scripts.export_abi import ABI_FOLDER, ROOT, export_abi


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to deploy, as the options say."""

    token: str | None
    is_unlisted_wanted: bool
    is_owner_eoa: bool
    is_dry: bool
    is_confirmed: bool
    mints: tuple[tuple[str, int], ...]


@click.command(cls=ConnectedProviderCommand, help=__doc__)
@click.option("--account", "alias", help="Alias of `ape accounts`, instead of DEPLOYER_KEY.")
@click.option("--token", envvar="ESCROW_TOKEN", help="Default: the network's USDC; on local chains a new MockUSDC.")
@click.option("--unlisted-token", is_flag=True, help="Allow a --token that is not the network's USDC.")
@click.option("--owner", envvar="ESCROW_OWNER", help="Default on local chains: the deployer.")
@click.option("--owner-is-eoa", is_flag=True, help="Mainnets: the owner is a plain account until `ape run handover`.")
@click.option("--operator", envvar="ESCROW_OPERATOR", required=True)
@click.option("--guardian", envvar="ESCROW_GUARDIAN", required=True)
@click.option("--treasury", envvar="ESCROW_TREASURY", required=True)
@click.option("--attestors", envvar="ESCROW_ATTESTORS", required=True, help="Addresses, separated by commas.")
@click.option("--threshold", envvar="ESCROW_THRESHOLD", type=int, default=2, show_default=True)
@click.option("--fee-bps", envvar="ESCROW_FEE_BPS", type=int, default=1_000, show_default=True)
@click.option("--fee-bps-max", envvar="ESCROW_FEE_BPS_MAX", type=int, default=FEE_BPS_MAX, show_default=True)
@click.option("--window", envvar="ESCROW_WINDOW_SECONDS", type=int, default=DAY_SECONDS, show_default=True)
@click.option("--notice", envvar="ESCROW_NOTICE_SECONDS", type=int, default=3 * DAY_SECONDS, show_default=True)
@click.option("--timelock", envvar="ESCROW_TIMELOCK_SECONDS", type=int, help="Default: escape and four days.")
@click.option("--escape", envvar="ESCROW_ESCAPE_SECONDS", type=int, default=10 * DAY_SECONDS, show_default=True)
@click.option("--mint", multiple=True, metavar="ADDRESS:MICRO_USDC", help="Test tokens, local chains only.")
@click.option("--dry-run", is_flag=True, help="Print the plan and send nothing.")
@click.option("--yes", is_flag=True, help="Public networks: do not ask before sending.")
def cli(
    alias: str | None,
    token: str | None,
    unlisted_token: bool,
    owner: str | None,
    owner_is_eoa: bool,
    operator: str,
    guardian: str,
    treasury: str,
    attestors: str,
    threshold: int,
    fee_bps: int,
    fee_bps_max: int,
    window: int,
    notice: int,
    timelock: int | None,
    escape: int,
    mint: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    provider: Any,
    network: Any,
) -> None:
    try:
        chosen = network_chosen(network.ecosystem.name, network.name, provider.chain_id)
        signer = signer_of(alias, os.environ.get("DEPLOYER_KEY"))
        parameters = Parameters(
            owner=owner or _local_only(chosen, signer.address, "--owner is required"),
            operator=operator,
            guardian=guardian,
            treasury=treasury,
            attestors=tuple(address.strip() for address in attestors.split(",")),
            threshold=threshold,
            fee_bps=fee_bps,
            fee_bps_max=fee_bps_max,
            window_seconds=window,
            notice_seconds=notice,
            timelock_seconds=escape + 4 * DAY_SECONDS if timelock is None else timelock,
            escape_seconds=escape,
        )
        mints = tuple(_mint(chosen, wish) for wish in mint)
        wishes = Wishes(token, unlisted_token, owner_is_eoa, dry_run, yes, mints)
        deploy(provider.web3, chosen, signer, parameters, wishes)
    except (DeploymentRefused, UnknownNetwork) as refused:
        raise click.ClickException(str(refused)) from refused
    except RequestException as error:
        raise click.ClickException(
            f"the node stopped answering ({type(error).__name__}); run the same command again to continue"
        ) from error


def deploy(web3: Web3, network: Network, signer: Signer, parameters: Parameters, wishes: Wishes) -> None:
    """Checks, prints the plan, and unless it is a dry run carries it out.

    Raises DeploymentRefused, before anything is sent, for whatever should not be deployed like this; and after sending
    when the chain is not as planned, in which case no deployment file is written.
    """
    check_parameters(parameters)
    parameters = _with_checksums(parameters)
    token = choose_token(network, wishes.token, wishes.is_unlisted_wanted)
    if token is not None and wishes.mints:
        raise DeploymentRefused("--mint works on the MockUSDC that this run deploys, not on --token")
    check_roles(parameters, signer.address, token or "", network)
    if token is not None:
        token = _checksum(token)
        check_token(web3, network, token, parameters.treasury)
    _check_owner(web3, network, parameters.owner, wishes.is_owner_eoa)
    path = journal_path(_deployments_folder(), network.chain_id)
    found = load_journal(path)
    journal = _journal_of(web3, network, path)
    first_nonce = journal.first_nonce if journal else account_nonce(web3, signer.address)
    plan = make_plan(network, signer.address, first_nonce, parameters, token, wishes.mints)
    if journal:
        journal.check_same_plan(plan.facts)
    _announce(web3, plan, journal)
    if wishes.is_dry:
        click.echo("\ndry run: nothing was sent")
        return
    if network.is_public and not wishes.is_confirmed:
        click.confirm(f"\nDeploy this to {network.name}?", abort=True)
    with only_run(path.parent):
        if load_journal(path) != found:
            raise DeploymentRefused(f"{path} has changed meanwhile: another run was here. Run the command again")
        _carry_out(web3, signer, plan, journal or Journal(path, genesis(web3), first_nonce, plan.facts))


def _carry_out(web3: Web3, signer: Signer, plan: Plan, journal: Journal) -> None:
    export_abi()
    journal.save()
    sender = Sender(web3, signer, plan.network, journal, click.echo)
    for step in plan.steps:
        sender.send(step)
    receipts = sender.confirm()
    wrong = differences(web3, plan, web3.eth.block_number)
    if wrong:
        raise DeploymentRefused(
            "what is on the chain is not what was planned; no deployment file is written:\n"
            + "\n".join(f"  - {line}" for line in wrong)
            + f"\nDo not use these contracts. Move {journal.path} away to deploy again"
        )
    content = deployment(plan.network.chain_id, _network_name(plan.network), _records(plan, receipts), plan.parameters)
    written = write_deployment(journal.path.parent, content)
    journal.remove()
    click.echo(f"every role, term and byte of code on the chain is as planned\nwrote {written}")


def _announce(web3: Web3, plan: Plan, journal: Journal | None) -> None:
    """Prints the plan. Raises DeploymentRefused when the deployer cannot pay for what is still to be sent."""
    done = [sent.step for sent in journal.sent] if journal else []
    gas = {step.name: None if step.name in done else _gas(web3, plan, place) for place, step in enumerate(plan.steps)}
    price = price_now(web3)
    data_fee = sum(l1_fee_wei(web3, step.data) for step in plan.steps if step.name not in done)
    click.echo(render(plan, gas, price, data_fee, done))
    need = sum(gas_limit(amount) for amount in gas.values() if amount) * price.most + data_fee
    balance = web3.eth.get_balance(Web3.to_checksum_address(plan.deployer))
    if balance < need:
        raise DeploymentRefused(
            f"the deployer {plan.deployer} has {coins(balance, plan.network)} and may need "
            f"{coins(need, plan.network)}: send it {coins(need - balance, plan.network)}"
        )


def _gas(web3: Web3, plan: Plan, place: int) -> int | None:
    """Gas of a step; for one that uses a token which is not there yet, as if it were."""
    if place == 0:
        return estimate(web3, plan.deployer, plan.steps[0])
    try:
        token = {"code": "0x" + plan.contracts["MockUSDC"].runtime.hex()}
        return estimate(web3, plan.deployer, plan.steps[place], {plan.token: token})
    except DeploymentRefused:
        # Not every node of a local chain can pretend; when its turn comes it is estimated again.
        return None


def _journal_of(web3: Web3, network: Network, path: Path) -> Journal | None:
    """The unfinished deployment to continue. Raises DeploymentRefused where a public network has a finished one."""
    journal = load_journal(path)
    if journal and journal.genesis != genesis(web3):
        if network.is_public:
            raise DeploymentRefused(f"{path} is about another chain with id {network.chain_id}; move it away")
        click.echo(f"{path} is about a local chain that is gone; beginning anew")
        return None
    finished = path.with_name(f"{network.chain_id}.json")
    if journal is None and network.is_public and finished.exists():
        raise DeploymentRefused(f"{finished} says that {network.name} has a deployment; move it away to make another")
    return journal


def _check_owner(web3: Web3, network: Network, owner: str, is_owner_eoa: bool) -> None:
    if network.is_mainnet and not is_owner_eoa and not has_contract(web3, owner):
        raise DeploymentRefused(
            f"the owner {owner} has no code on {network.name}: one stolen key could change every role. Name a "
            "multisig, or add --owner-is-eoa and give the ownership to one with `ape run handover` right after"
        )


def _records(plan: Plan, receipts: Mapping[str, TxReceipt]) -> dict[str, Mapping[str, object]]:
    records: dict[str, Mapping[str, object]] = {}
    for name, address in plan.created.items():
        receipt = receipts["CampaignEscrow" if name == "PublisherPayout" else name]
        transaction = receipt["transactionHash"].to_0x_hex()
        records[name] = contract_record(name, address, receipt["blockNumber"], transaction, plan.deployer, ABI_FOLDER)
    if "MockUSDC" not in records:
        # Where the token is not ours, only its address matters.
        records["USDC"] = {"address": plan.token, "abi": "contracts/abi/MockUSDC.json"}
    return records


def _network_name(network: Network) -> str:
    return "local" if network.is_local else network.ape_choice.rpartition(":")[0]


def _deployments_folder() -> Path:
    return Path(os.environ.get("SIGHTLINE_DEPLOYMENTS") or ROOT / "deployments")


def _with_checksums(parameters: Parameters) -> Parameters:
    return replace(
        parameters,
        owner=_checksum(parameters.owner),
        operator=_checksum(parameters.operator),
        guardian=_checksum(parameters.guardian),
        treasury=_checksum(parameters.treasury),
        attestors=tuple(_checksum(attestor) for attestor in parameters.attestors),
    )


def _checksum(address: str) -> str:
    check_address(address)
    return str(Web3.to_checksum_address(address))


def _local_only(network: Network, answer: str, otherwise: str) -> str:
    if network.is_public:
        raise DeploymentRefused(f"{otherwise} on chain {network.chain_id}, which is not a local one")
    return answer


def _mint(network: Network, wish: str) -> tuple[str, int]:
    _local_only(network, "", "--mint is not possible")
    address, _, amount = wish.partition(":")
    if not amount.isdigit():
        raise DeploymentRefused(f"--mint {wish}: not ADDRESS:MICRO_USDC")
    return _checksum(address), int(amount)
