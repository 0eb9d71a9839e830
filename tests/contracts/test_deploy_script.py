"""`ape run deploy` against a real anvil: what it writes down is what is on the chain, and what it refuses."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from escrow_kit.pair import role
from eth_account import Account
from web3 import Web3

from backend.local import rpc
from scripts.deploying.deployment import DeploymentRefused, Parameters, check_parameters, write_deployment

ROOT = Path(__file__).resolve().parents[2]
DEPLOYER_KEY = "0x" + "5e" * 32
DEPLOYER = Account.from_key(DEPLOYER_KEY).address
ATTESTORS = [role(number) for number in (11, 12, 13)]
DEPLOY_SECONDS_MAX = 400


def deploy(
    rpc_url: str, folder: Path, *options: str, key: str = DEPLOYER_KEY, answers: str = ""
) -> "subprocess.CompletedProcess[str]":
    """`ape run deploy` as the local stack runs it, with roles from the options or from ESCROW_… variables."""
    ape = shutil.which("ape", path=f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}")
    assert ape, "ape is not installed: run make setup"
    env = os.environ | {
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "DEPLOYER_KEY": key,
        "SIGHTLINE_DEPLOYMENTS": str(folder),
        "ESCROW_OPERATOR": role(2),
        "ESCROW_GUARDIAN": role(3),
        "ESCROW_TREASURY": role(4),
    }
    command = [ape, "run", "deploy", "--network", rpc_url, "--attestors", ",".join(ATTESTORS), *options]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        input=answers,
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS_MAX,
        check=False,
        start_new_session=True,  # without a terminal a passphrase is read from the input
    )


def fund(rpc_url: str, address: str) -> None:
    rpc(rpc_url, "anvil_setBalance", address, hex(10**20))


def test_deploy__local_chain__file_and_chain_agree(rpc_url: str, tmp_path: Path) -> None:
    """L15: no role or term on the chain differs from what was asked."""
    fund(rpc_url, DEPLOYER)
    times = ("--window", "3", "--notice", "6", "--timelock", "61", "--escape", "60")
    done = deploy(rpc_url, tmp_path, *times, "--fee-bps", "500", "--mint", f"{role(5)}:12345")
    assert done.returncode == 0, done.stdout + done.stderr
    web3 = Web3(Web3.HTTPProvider(rpc_url))
    written = json.loads((tmp_path / f"{web3.eth.chain_id}.json").read_text())
    assert (written["schema"], written["chain_id"], written["network"]) == (1, web3.eth.chain_id, "local")
    assert list(tmp_path.iterdir()) == [tmp_path / f"{web3.eth.chain_id}.json"]

    contracts = {}
    for name, record in written["contracts"].items():
        abi_file = ROOT / record["abi"]
        assert hashlib.sha256(abi_file.read_bytes()).hexdigest() == record["abi_sha256"]
        receipt = web3.eth.get_transaction_receipt(record["transaction"])
        assert (receipt["status"], receipt["blockNumber"], receipt["from"]) == (1, record["block"], DEPLOYER)
        assert record["deployer"] == DEPLOYER
        contracts[name] = web3.eth.contract(record["address"], abi=json.loads(abi_file.read_text()))
    token, escrow, payout = (contracts[name].functions for name in ("MockUSDC", "CampaignEscrow", "PublisherPayout"))
    assert escrow.payout().call() == contracts["PublisherPayout"].address
    assert payout.escrow().call() == contracts["CampaignEscrow"].address
    assert escrow.token().call() == payout.token().call() == contracts["MockUSDC"].address
    assert token.balanceOf(role(5)).call() == 12345

    assert written["parameters"] == {
        "owner": escrow.owner().call(),
        "operator": escrow.operator().call(),
        "guardian": escrow.guardian().call(),
        "treasury": escrow.treasury().call(),
        "attestors": [attestor for attestor in ATTESTORS if escrow.is_attestor(attestor).call()],
        "threshold": escrow.threshold().call(),
        "fee_bps": escrow.fee_bps().call(),
        "fee_bps_max": escrow.fee_bps_max().call(),
        "window_seconds": escrow.window().call(),
        "notice_seconds": escrow.notice().call(),
        "timelock_seconds": escrow.timelock().call(),
        "escape_seconds": escrow.escape().call(),
    }
    assert (written["parameters"]["owner"], written["parameters"]["operator"]) == (DEPLOYER, role(2))
    assert (written["parameters"]["window_seconds"], written["parameters"]["fee_bps"]) == (3, 500)


def test_deploy__window_not_below_notice__is_refused_and_writes_nothing(rpc_url: str, tmp_path: Path) -> None:
    fund(rpc_url, DEPLOYER)
    done = deploy(rpc_url, tmp_path, "--window", "6", "--notice", "6")
    assert done.returncode != 0
    assert "window < notice" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_deploy__alias_of_ape__signs_after_it_was_asked(
    rpc_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key store of its own, as an operator's is: encrypted, and each signature is asked for."""
    fund(rpc_url, DEPLOYER)
    passphrase = "pass word"
    code = (
        "import os; from ape_accounts import import_account_from_private_key as add; "
        f"add('deployer', '{passphrase}', os.environ['DEPLOYER_KEY'])"
    )
    env = os.environ | {"HOME": str(tmp_path), "DEPLOYER_KEY": DEPLOYER_KEY}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True, capture_output=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    # Sign the first? The passphrase. Leave it unlocked? Sign the second?
    answers = f"y\n{passphrase}\ny\ny\n"
    done = deploy(rpc_url, tmp_path / "out", "--account", "deployer", key="", answers=answers)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = json.loads((tmp_path / "out" / "31337.json").read_text())["contracts"]
    assert contracts["CampaignEscrow"]["deployer"] == DEPLOYER
    assert rpc(rpc_url, "eth_getTransactionCount", DEPLOYER, "latest") == "0x2"


# --- the checks alone -----------------------------------------------------------------------------------------------


def parameters(**changes: object) -> Parameters:
    good: dict[str, object] = {
        "owner": role(1),
        "operator": role(2),
        "guardian": role(3),
        "treasury": role(4),
        "attestors": tuple(ATTESTORS),
        "threshold": 2,
        "fee_bps": 1_000,
        "fee_bps_max": 2_000,
        "window_seconds": 3,
        "notice_seconds": 6,
        "timelock_seconds": 90,
        "escape_seconds": 60,
    }
    return Parameters(**(good | changes))  # type: ignore[arg-type]


def test_check_parameters__good__is_silent() -> None:
    check_parameters(parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operator": "0x12"}, "not an address"),
        ({"treasury": "0x" + "00" * 20}, "not an address"),
        ({"attestors": (role(11), role(11).lower())}, "listed twice"),
        ({"threshold": 0}, "threshold 0 of 3"),
        ({"threshold": 4}, "threshold 4 of 3"),
        ({"fee_bps": 2_001}, "fee 2001"),
        ({"operator": role(2)[:-1] + "a"}, "wrong checksum"),
        ({"window_seconds": 0}, "window < notice"),
        ({"notice_seconds": 3}, "window < notice"),
        ({"escape_seconds": 5}, "notice <= escape"),
        ({"timelock_seconds": 59}, "escape <= timelock"),
        (
            {
                "window_seconds": 2592001,
                "notice_seconds": 2592002,
                "escape_seconds": 2592002,
                "timelock_seconds": 2592002,
            },
            "window of 2592001 s is above its bound of 2592000 s",
        ),
        ({"timelock_seconds": 7776001}, "timelock of 7776001 s is above .* 90 days"),
    ],
)
def test_check_parameters__bad__says_what_to_change(changes: dict[str, object], message: str) -> None:
    with pytest.raises(DeploymentRefused, match=message):
        check_parameters(parameters(**changes))


def test_write_deployment__again__replaces_the_file_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        path = write_deployment(tmp_path / "deployments", {"chain_id": 5, "number": number})
    assert json.loads(path.read_text()) == {"chain_id": 5, "number": 2}
    assert list(path.parent.iterdir()) == [path]
