"""Deploys the escrow with its payout contract and writes `deployments/<chain id>.json`.

Local chain that runs already (any anvil; the deployer needs ETH there, its own unlocked accounts are not used):

    DEPLOYER_KEY=0x... ape run deploy --network http://127.0.0.1:8545 \
        --operator 0x... --guardian 0x... --treasury 0x... --attestors 0x...,0x...,0x... --threshold 2 \
        --window 3 --notice 6 --timelock 6 --escape 60 --mint 0x...:1000000000

Public chain: `--network polygon:amoy:node` with AMOY_RPC_URL (or base:sepolia with BASE_SEPOLIA_RPC_URL), `--token`,
`--owner` and either DEPLOYER_KEY or `--account` with an alias of `ape accounts`.

Do not use `--network ethereum:local:http://...` against an anvil with chain id 31337: ape would sign for 1337.
The escrow creates the payout contract in its constructor, so both exist in one transaction or neither does.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ape
import click
from ape.api import AccountAPI, ReceiptAPI, TransactionAPI
from ape.cli import ConnectedProviderCommand
from ape.contracts import ContractContainer, ContractInstance
from ape.types import AddressType, MessageSignature, TransactionSignature
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ethpm_types import ContractType

from scripts.deployment import (
    FEE_BPS_MAX,
    LOCAL_CHAIN_IDS,
    DeploymentRefused,
    Parameters,
    check_deployer,
    check_parameters,
    contract_record,
    deployment,
    write_deployment,
)
from scripts.export_abi import ABI_FOLDER, ROOT, compile_contract, export_abi

DAY_SECONDS = 86_400


class KeyAccount(AccountAPI):  # type: ignore[misc]  # ape ships no types
    """An account whose key lives in this process only; nothing is written to ape's key store."""

    key: str

    @property
    def address(self) -> AddressType:
        """Checksummed address of the key."""
        return AddressType(self._signer.address)

    @property
    def _signer(self) -> LocalAccount:
        signer: LocalAccount = Account.from_key(self.key)
        return signer

    def sign_message(self, msg: Any, **signer_options: Any) -> MessageSignature | None:
        """Messages are not signed here."""
        return None

    def sign_transaction(self, txn: TransactionAPI, **signer_options: Any) -> TransactionAPI | None:
        """The transaction with the key's signature."""
        signed = self._signer.sign_transaction(txn.model_dump(by_alias=True, mode="json", exclude={"sender"}))
        txn.signature = TransactionSignature(v=signed.v, r=_word(signed.r), s=_word(signed.s))
        return txn


@click.command(cls=ConnectedProviderCommand, help=__doc__)
@click.option("--account", "alias", help="Alias of `ape accounts`, instead of DEPLOYER_KEY.")
@click.option("--token", envvar="ESCROW_TOKEN", help="USDC; a MockUSDC is deployed on local chains without it.")
@click.option("--owner", envvar="ESCROW_OWNER", help="Default on local chains: the deployer.")
@click.option("--operator", envvar="ESCROW_OPERATOR", required=True)
@click.option("--guardian", envvar="ESCROW_GUARDIAN", required=True)
@click.option("--treasury", envvar="ESCROW_TREASURY", required=True)
@click.option("--attestors", envvar="ESCROW_ATTESTORS", required=True, help="Addresses, separated by commas.")
@click.option("--threshold", envvar="ESCROW_THRESHOLD", type=int, default=2, show_default=True)
@click.option("--fee-bps", envvar="ESCROW_FEE_BPS", type=int, default=1_000, show_default=True)
@click.option("--fee-bps-max", envvar="ESCROW_FEE_BPS_MAX", type=int, default=FEE_BPS_MAX, show_default=True)
@click.option("--window", envvar="ESCROW_WINDOW_SECONDS", type=int, default=DAY_SECONDS, show_default=True)
@click.option("--notice", envvar="ESCROW_NOTICE_SECONDS", type=int, default=3 * DAY_SECONDS, show_default=True)
@click.option("--timelock", envvar="ESCROW_TIMELOCK_SECONDS", type=int, help="Default: notice, or a week if longer.")
@click.option("--escape", envvar="ESCROW_ESCAPE_SECONDS", type=int, default=30 * DAY_SECONDS, show_default=True)
@click.option("--mint", multiple=True, metavar="ADDRESS:MICRO_USDC", help="Test tokens, local chains only.")
def cli(
    alias: str | None,
    token: str | None,
    owner: str | None,
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
    provider: Any,
    network: Any,
) -> None:
    chain_id: int = provider.chain_id
    try:
        deployer = _deployer(alias)
        parameters = Parameters(
            owner=owner or _local_only(chain_id, deployer.address, "--owner is required"),
            operator=operator,
            guardian=guardian,
            treasury=treasury,
            attestors=tuple(address.strip() for address in attestors.split(",")),
            threshold=threshold,
            fee_bps=fee_bps,
            fee_bps_max=fee_bps_max,
            window_seconds=window,
            notice_seconds=notice,
            timelock_seconds=max(notice, 7 * DAY_SECONDS) if timelock is None else timelock,
            escape_seconds=escape,
        )
        check_deployer(deployer.address, chain_id)
        check_parameters(parameters)
        mints = [_mint(chain_id, wish) for wish in mint]
        records = _deploy(chain_id, deployer, token, parameters, mints)
    except DeploymentRefused as refused:
        raise click.ClickException(str(refused)) from refused
    name = "local" if chain_id in LOCAL_CHAIN_IDS else f"{network.ecosystem.name}:{network.name}"
    path = write_deployment(_deployments_folder(), deployment(chain_id, name, records, parameters))
    click.echo(f"wrote {path}")


def _deploy(
    chain_id: int, deployer: AccountAPI, token: str | None, parameters: Parameters, mints: list[tuple[str, int]]
) -> dict[str, Mapping[str, object]]:
    export_abi()
    records: dict[str, Mapping[str, object]] = {}
    if token is None:
        _local_only(chain_id, "", "--token is required")
        mock, receipt = _create(deployer, "MockUSDC")
        records["MockUSDC"] = _record("MockUSDC", mock.address, receipt, deployer)
        token = mock.address
        for recipient, amount in mints:
            mock.mint(recipient, amount, sender=deployer)
    elif mints:
        raise DeploymentRefused("--mint works on the MockUSDC that this run deploys, not on --token")
    payout_code = bytes.fromhex(str(compile_contract("PublisherPayout")["bytecode"]).removeprefix("0x"))
    arguments = (token, payout_code, parameters.roles, list(parameters.attestors), parameters.terms)
    escrow, receipt = _create(deployer, "CampaignEscrow", *arguments)
    records["CampaignEscrow"] = _record("CampaignEscrow", escrow.address, receipt, deployer)
    records["PublisherPayout"] = _record("PublisherPayout", escrow.payout(), receipt, deployer)
    if "MockUSDC" not in records:
        # Where the token is not ours, only its address matters.
        records["USDC"] = {"address": token, "abi": "contracts/abi/MockUSDC.json"}
    return records


def _create(deployer: AccountAPI, name: str, *arguments: object) -> tuple[ContractInstance, ReceiptAPI]:
    artifact = compile_contract(name)
    contract_type = ContractType.model_validate(
        {
            "contractName": name,
            "abi": artifact["abi"],
            "deploymentBytecode": {"bytecode": artifact["bytecode"]},
        }
    )
    instance = deployer.deploy(ContractContainer(contract_type), *arguments)
    receipt = ape.chain.provider.get_receipt(instance.txn_hash)
    click.echo(f"{name} at {instance.address}, block {receipt.block_number}")
    return instance, receipt


def _record(name: str, address: str, receipt: ReceiptAPI, deployer: AccountAPI) -> dict[str, object]:
    return contract_record(name, address, receipt.block_number, receipt.txn_hash, deployer.address, ABI_FOLDER)


def _deployer(alias: str | None) -> AccountAPI:
    key = os.environ.get("DEPLOYER_KEY")
    if alias:
        return ape.accounts.load(alias)
    if not key:
        raise DeploymentRefused("set DEPLOYER_KEY (hex) or give --account")
    try:
        Account.from_key(key)
    except ValueError as error:
        raise DeploymentRefused("DEPLOYER_KEY is not a private key of 32 bytes in hex") from error
    return KeyAccount(key=key)


def _deployments_folder() -> Path:
    return Path(os.environ.get("SIGHTLINE_DEPLOYMENTS") or ROOT / "deployments")


def _local_only(chain_id: int, answer: str, otherwise: str) -> str:
    if chain_id not in LOCAL_CHAIN_IDS:
        raise DeploymentRefused(f"{otherwise} on chain {chain_id}, which is not a local one")
    return answer


def _mint(chain_id: int, wish: str) -> tuple[str, int]:
    _local_only(chain_id, "", "--mint is not possible")
    address, _, amount = wish.partition(":")
    if not amount.isdigit():
        raise DeploymentRefused(f"--mint {wish}: not ADDRESS:MICRO_USDC")
    return address, int(amount)


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")
