"""A pair of contracts on a real anvil with its deployment's file, and scripts run as operators run them."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from escrow_kit.pair import role
from escrow_kit.signing import account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from backend.chain.client import Chain
from backend.local import fund
from scripts.deploying.deployment import Parameters, contract_record, deployment, write_deployment
from scripts.export_abi import ABI_FOLDER, compile_contract

ROOT = Path(__file__).resolve().parents[2]
SCRIPT_SECONDS_MAX = 400
WEI = 10**20
GAS = 12_000_000
DEPLOYER = account(0x5E)
OWNER, OPERATOR, GUARDIAN, TREASURY, ADVERTISER, PUBLISHER, STRANGER = (account(number) for number in range(1, 8))
ATTESTORS = [account(number) for number in (11, 12, 13)]
PARAMETERS = Parameters(
    owner=OWNER.address,
    operator=OPERATOR.address,
    guardian=GUARDIAN.address,
    treasury=TREASURY.address,
    attestors=tuple(attestor.address for attestor in ATTESTORS),
    threshold=2,
    fee_bps=250,
    fee_bps_max=2_000,
    window_seconds=3_600,
    notice_seconds=7_200,
    timelock_seconds=10_000,
    escape_seconds=9_000,
)


def run_ape(script: str, folder: Path, network: str, *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """`ape run <script>` with the deployments of a folder, and no variable of ours but `env`."""
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    ape = shutil.which("ape", path=path)
    assert ape, "ape is not installed: run make setup"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ESCROW_", "EXPLORER_"))}
    return subprocess.run(
        [ape, "run", script, "--network", network, *options],
        cwd=ROOT,
        env=kept | {"PATH": path, "SIGHTLINE_DEPLOYMENTS": str(folder), "COLUMNS": "200"} | env,
        capture_output=True,
        text=True,
        timeout=SCRIPT_SECONDS_MAX,
        check=False,
    )


def deploy_with_ape(rpc_url: str, folder: Path) -> None:
    """Deploys the pair over a MockUSDC with `ape run deploy`, as operators do."""
    fund(rpc_url, DEPLOYER.address, WEI)
    roles = {"OPERATOR": OPERATOR, "GUARDIAN": GUARDIAN, "TREASURY": TREASURY}
    env = {f"ESCROW_{name}": account.address for name, account in roles.items()}
    env |= {"DEPLOYER_KEY": DEPLOYER.key.to_0x_hex(), "ESCROW_ATTESTORS": ",".join(PARAMETERS.attestors)}
    done = run_ape("deploy", folder, rpc_url, **env)
    assert done.returncode == 0, done.stdout + done.stderr


class LivePair:
    """The deployed pair over MockUSDC. Everybody has coins to pay for gas."""

    def __init__(self, rpc_url: str, chain_id: int, folder: Path) -> None:
        self.rpc_url = rpc_url
        self.chain = Chain(rpc_url, chain_id)
        self.web3 = Web3(Web3.HTTPProvider(rpc_url))
        for number in (*range(1, 8), 0x5E):
            fund(rpc_url, role(number), WEI)
        payout_code = bytes.fromhex(str(compile_contract("PublisherPayout")["bytecode"]).removeprefix("0x"))
        token = self._create("MockUSDC")
        arguments = (token["contractAddress"], payout_code, PARAMETERS.roles, PARAMETERS.attestors, PARAMETERS.terms)
        escrow = self._create("CampaignEscrow", *arguments)
        self.token = self._contract("MockUSDC", token["contractAddress"])
        self.escrow = self._contract("CampaignEscrow", escrow["contractAddress"])
        self.payout = self._contract("PublisherPayout", self.escrow.functions.payout().call())
        created = {"MockUSDC": (self.token, token), "CampaignEscrow": (self.escrow, escrow)}
        created["PublisherPayout"] = (self.payout, escrow)
        records = {name: _record(name, contract, receipt) for name, (contract, receipt) in created.items()}
        write_deployment(folder, deployment(chain_id, "local", records, PARAMETERS))

    def send(self, function: ContractFunction, sender: LocalAccount) -> TxReceipt:
        """Signs, sends and waits. Raises AssertionError when it reverts."""
        return self._mined(sender, function.build_transaction(self._envelope(sender)))

    def now(self) -> int:
        """Unix time of the newest block."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def _create(self, name: str, *arguments: object) -> TxReceipt:
        artifact = compile_contract(name)
        contract = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        return self._mined(DEPLOYER, contract.constructor(*arguments).build_transaction(self._envelope(DEPLOYER)))

    def _envelope(self, sender: LocalAccount) -> Any:
        # No estimate: between it and the block a second may pass, and a clock that is written costs more than one kept.
        return {"nonce": self.web3.eth.get_transaction_count(sender.address), "from": sender.address, "gas": GAS}

    def _mined(self, sender: LocalAccount, transaction: Any) -> TxReceipt:
        sent = self.web3.eth.send_raw_transaction(sender.sign_transaction(transaction).raw_transaction)
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.05)
        assert receipt["status"] == 1
        return receipt

    def _contract(self, name: str, address: Any) -> Contract:
        return self.web3.eth.contract(address=address, abi=compile_contract(name)["abi"])


def _record(name: str, contract: Contract, receipt: TxReceipt) -> dict[str, object]:
    transaction = receipt["transactionHash"].to_0x_hex()
    return contract_record(name, contract.address, receipt["blockNumber"], transaction, DEPLOYER.address, ABI_FOLDER)
