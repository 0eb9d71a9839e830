"""`ape run deploy` against chains that look like Amoy, Base Sepolia, Polygon and Base: plan, confirmations, file."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy_kit.stand import (
    DEPLOYER,
    ROOT,
    ape,
    ape_command,
    ape_environment,
    mining,
    options,
    parameters,
    public_chain,
    signer,
)
from web3 import Web3

from backend.local import rpc
from scripts.deploy import Wishes, deploy
from scripts.deploying.deployment import DeploymentRefused
from scripts.deploying.networks import NETWORKS, Network
from scripts.deploying.plan import created_address

PUBLIC = [network for network in NETWORKS.values() if network.is_public]


@pytest.fixture(scope="module", params=PUBLIC, ids=lambda network: network.name)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, str]]:
    """Each public network in turn, and its node's URL."""
    network: Network = request.param
    with public_chain(tmp_path_factory.mktemp(network.ape_choice.replace(":", "-")), network) as url:
        yield network, url


@pytest.mark.parametrize("stand", [NETWORKS[80002], NETWORKS[137]], indirect=True, ids=lambda network: network.name)
def test_ape_deploy__dry_run__prints_the_plan_and_sends_nothing(stand: tuple[Network, str], tmp_path: Path) -> None:
    """A test network and a mainnet; below, the plan of each without `ape`."""
    network, url = stand
    before = chain_state(url)
    environment = ape_environment(tmp_path / "out", **{network.rpc_env: url})
    command = ["--network", network.ape_choice, *options(parameters()), "--dry-run"]
    done = ape(environment, "deploy", *command, *(["--owner-is-eoa"] if network.is_mainnet else []))
    assert done.returncode == 0, done.stdout + done.stderr
    check_plan(done.stdout, network, int(before[1], 16))
    assert "dry run: nothing was sent" in done.stdout
    assert chain_state(url) == before
    assert not (tmp_path / "out").exists()


def check_plan(printed: str, network: Network, nonce: int) -> None:
    escrow = created_address(DEPLOYER.address, nonce)
    for expected in (
        f"{network.name}, chain {network.chain_id}",
        "MAINNET: real money" if network.is_mainnet else "test network",
        f"Confirmations  {network.confirmations}",
        f"{network.usdc_address} (the network's USDC)",
        parameters().guardian,
        "2 of 3 attestors",
        "1000 bp (10 %), never above 2000 bp",
        "7200 s (2 h) before a withdrawal",
        f"CampaignEscrow   {escrow}  creation code",
        f"PublisherPayout  {created_address(escrow, 1)}  creation code",
        f" {network.coin}, at most ",
    ):
        assert expected in printed


def chain_state(url: str) -> tuple[object, str]:
    nonce = rpc(url, "eth_getTransactionCount", DEPLOYER.address, "pending")
    return rpc(url, "eth_blockNumber"), str(nonce)


def test_deploy__public__is_where_the_plan_said_and_waited_for(
    stand: tuple[Network, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network, url = stand
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path))
    web3 = Web3(Web3.HTTPProvider(url))
    nonce = web3.eth.get_transaction_count(DEPLOYER.address)
    escrow = created_address(DEPLOYER.address, nonce)
    wishes = Wishes(None, False, True, False, True, ())
    with mining(url):
        deploy(web3, network, signer(), parameters(), wishes)
    printed = capsys.readouterr().out
    check_plan(printed, network, nonce)
    assert f"waiting for {network.confirmations} confirmations" in printed
    assert [path.name for path in tmp_path.iterdir()] == [f"{network.chain_id}.json"]
    written = json.loads((tmp_path / f"{network.chain_id}.json").read_text())
    assert written["network"] == network.ape_choice.removesuffix(":node")
    assert written["contracts"]["USDC"]["address"] == network.usdc_address
    assert written["contracts"]["CampaignEscrow"]["address"] == escrow
    assert written["contracts"]["PublisherPayout"]["address"] == created_address(escrow, 1)
    assert web3.eth.block_number >= written["contracts"]["CampaignEscrow"]["block"] + network.confirmations
    with pytest.raises(DeploymentRefused, match=f"says that {network.name} has a deployment"):
        deploy(web3, network, signer(), parameters(), wishes)


def test_ape_deploy__asked_and_answered__waits_until_it_is_deep(tmp_path: Path) -> None:
    """The whole of it by hand: the question, the confirmations that come only after it waits for them, the file."""
    network = NETWORKS[137]
    with public_chain(tmp_path / "chain", network) as url:
        environment = ape_environment(tmp_path / "out", **{network.rpc_env: url})
        command = ape_command("deploy", "--network", network.ape_choice, *options(parameters()), "--owner-is-eoa")
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write("y\n")
            process.stdin.flush()
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("waiting for 64 confirmations"):
                    assert not (tmp_path / "out" / "137.json").exists()
                    rpc(url, "anvil_mine", hex(network.confirmations))
        assert process.returncode == 0, "".join(said)
    assert "every role, term and byte of code on the chain is as planned" in "".join(said)
    assert (tmp_path / "out" / "137.json").exists()
