"""The commands of docs/deploying.md for this machine work as they stand there, one after the other."""

import json
import os
import re
import subprocess
from pathlib import Path

from deploy_kit.stand import ROOT, SECONDS_MAX, ape_environment
from eth_account import Account
from web3 import Web3

from backend.local import fund

URL = "http://127.0.0.1:8545"
FENCE = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def test_guide__commands_for_this_machine__deploy_and_hand_over(rpc_url: str, tmp_path: Path) -> None:
    section = (ROOT / "docs/deploying.md").read_text().partition("## On this machine")[2].partition("\n## ")[0]
    blocks = FENCE.findall(section)
    assert len(blocks) == 3
    assert URL in section
    for key in re.findall(r"DEPLOYER_KEY=(0x[0-9a-f]{64})", section):
        fund(rpc_url, Account.from_key(key).address, 10**20)  # anvil does that for its own accounts
    done = subprocess.run(
        ["bash", "-e"],
        input="".join(blocks).replace(URL, rpc_url),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=4 * SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dry run: nothing was sent" in done.stdout
    contracts = json.loads((tmp_path / "31337.json").read_text())["contracts"]
    abi = json.loads((ROOT / "contracts/abi/CampaignEscrow.json").read_text())
    escrow = Web3(Web3.HTTPProvider(rpc_url)).eth.contract(address=contracts["CampaignEscrow"]["address"], abi=abi)
    (target,) = re.findall(r"--to (0x\w+)", section)
    assert escrow.functions.owner().call() == target
    assert f"owner    {target}" in done.stdout


def environment(folder: Path) -> dict[str, str]:
    """Everything but the key and the folder is said by the page."""
    mine = ape_environment(folder)
    return {name: value for name, value in mine.items() if name != "DEPLOYER_KEY"} | {"HOME": os.environ["HOME"]}
