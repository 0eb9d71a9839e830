"""A deployment that is killed anywhere is finished by the same command, with one transaction for each step."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from deploy_kit.proxy import Proxy, proxy_to
from deploy_kit.stand import (
    DEPLOYER,
    ROOT,
    SECONDS_MAX,
    ape,
    ape_command,
    ape_environment,
    options,
    parameters,
    person,
    signer,
)
from web3 import Web3

from backend.demo.waiting import wait_for
from backend.local import fund, rpc
from scripts.deploy import Wishes, deploy
from scripts.deploying.deployment import DeploymentRefused
from scripts.deploying.journal import Journal, journal_path, load_journal, only_run
from scripts.deploying.networks import NETWORKS
from scripts.deploying.sending import Sender, Step

LOCAL = NETWORKS[31337]
STEPS = ("MockUSDC", "mint 1", "CampaignEscrow")
RECIPIENT = person("advertiser").address
MINTED = 12_345
SEND = "eth_sendRawTransaction"
WISHES = Wishes(None, False, False, False, True, ())


class Runs:
    """Runs of one deployment, each a process of its own, through a proxy that may end it with SIGKILL."""

    def __init__(self, proxy: Proxy, runner: "subprocess.Popen[str]") -> None:
        self.proxy = proxy
        self._runner = runner
        self._process: Future[int] = Future()

    def killed(self, method: str, *, is_forwarded: bool) -> None:
        """A run that ends at the first call of `method`, before or after the chain has seen it."""

        def end(request: dict[str, Any]) -> None:
            if request["method"] == method:
                os.kill(self._process.result(60), signal.SIGKILL)
                if not is_forwarded:
                    request["method"] = "web3_clientVersion"

        if is_forwarded:
            self.proxy.after = end
        else:
            self.proxy.before = end
        assert self.run() == -signal.SIGKILL

    def run(self) -> int:
        """The exit code of a run."""
        assert self._runner.stdin
        assert self._runner.stdout
        self._process = Future()
        self._runner.stdin.write("\n")
        self._runner.stdin.flush()
        self._process.set_result(int(self._runner.stdout.readline()))
        code = int(self._runner.stdout.readline())
        self.proxy.before = self.proxy.after = lambda request: None
        return code


@pytest.fixture
def runs(rpc_url: str, tmp_path: Path) -> Iterator[Runs]:
    """Runs into `tmp_path`."""
    with proxy_to(rpc_url) as proxy:
        command = [sys.executable, "-m", "deploy_kit.runner", proxy.url, str(tmp_path), f"{RECIPIENT}:{MINTED}"]
        environment = ape_environment(tmp_path, PYTHONPATH=f"{ROOT}:{ROOT / 'tests' / 'contracts'}")
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as runner:
            yield Runs(proxy, runner)


def _has_sent(rpc_url: str, count: int) -> bool:
    return bool(rpc(rpc_url, "eth_getTransactionCount", DEPLOYER.address, "latest") == hex(count))


def test_deploy__killed_around_every_transaction__is_finished_and_deploys_once(
    runs: Runs, rpc_url: str, tmp_path: Path
) -> None:
    """Killed before and after each transaction reached the chain, at its receipt, and while reading everything back."""
    fund(rpc_url, DEPLOYER.address, 10**20)
    for place, step in enumerate(STEPS, 1):
        runs.killed(SEND, is_forwarded=False)
        assert rpc(rpc_url, "eth_getTransactionCount", DEPLOYER.address, "latest") == hex(place - 1)
        runs.killed(SEND, is_forwarded=True)
        wait_for("the block", partial(_has_sent, rpc_url, place), seconds_max=120)      # anvil answers, then mines
        runs.killed("eth_getTransactionReceipt", is_forwarded=True)
        assert [sent.step for sent in journal(tmp_path).sent] == list(STEPS[:place]), step
    runs.killed("eth_call", is_forwarded=True)
    assert runs.run() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["31337.json"]
    assert rpc(rpc_url, "eth_getTransactionCount", DEPLOYER.address, "latest") == hex(len(STEPS))
    check_deployed(rpc_url, tmp_path)


def test_ape_deploy__killed_while_a_transaction_waits__waits_for_the_same(rpc_url: str, tmp_path: Path) -> None:
    """Killed after sending and before any receipt: the transaction is in the node's pool only."""
    fund(rpc_url, DEPLOYER.address, 10**20)
    rpc(rpc_url, "evm_setAutomine", False)
    with proxy_to(rpc_url) as proxy:
        command = ape_command(
            "deploy", "--network", proxy.url, *options(parameters()), "--mint", f"{RECIPIENT}:{MINTED}"
        )
        environment = ape_environment(tmp_path)
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:

            def kill(request: dict[str, Any]) -> None:
                if request["method"] == SEND:
                    process.kill()

            proxy.after = kill
            assert process.wait(timeout=SECONDS_MAX) == -signal.SIGKILL
        (sent,) = journal(tmp_path).sent
        assert rpc(rpc_url, "eth_getTransactionReceipt", sent.hash) is None

        def mine_again(request: dict[str, Any]) -> None:
            if request["method"] == SEND:
                rpc(rpc_url, "evm_setAutomine", True)
                rpc(rpc_url, "evm_mine")

        proxy.after = mine_again
        done = ape(environment, *command[2:])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"MockUSDC: continuing with {sent.hash}" in done.stdout
    assert json.loads((tmp_path / "31337.json").read_text())["contracts"]["MockUSDC"]["transaction"] == sent.hash
    check_deployed(rpc_url, tmp_path)


def test_deploy__node_lies_about_a_role__writes_no_file_and_says_what_differs(
    rpc_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path))
    fund(rpc_url, DEPLOYER.address, 10**20)
    selector = "0x" + Web3.keccak(text="guardian()")[:4].hex()

    def lie(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] == "eth_call" and selector in json.dumps(request["params"]):
            return answer | {"result": "0x" + "00" * 12 + person("stranger").address[2:].lower()}
        return answer

    with proxy_to(rpc_url) as proxy:
        proxy.change = lie
        with pytest.raises(DeploymentRefused) as refused:
            deploy(Web3(Web3.HTTPProvider(proxy.url)), LOCAL, signer(), parameters(), WISHES)
    words = str(refused.value)
    assert f"is {person('stranger').address}, planned {parameters().guardian}" in words
    assert words.count(", planned ") == 1
    assert not (tmp_path / "31337.json").exists()


def check_deployed(rpc_url: str, folder: Path) -> None:
    web3 = Web3(Web3.HTTPProvider(rpc_url))
    contracts = json.loads((folder / "31337.json").read_text())["contracts"]
    token = web3.eth.contract(
        address=contracts["MockUSDC"]["address"], abi=json.loads((ROOT / "contracts/abi/MockUSDC.json").read_text())
    )
    assert token.functions.balanceOf(RECIPIENT).call() == MINTED  # minted once
    assert web3.eth.get_code(contracts["CampaignEscrow"]["address"])


def journal(folder: Path) -> Journal:
    found = load_journal(journal_path(folder, 31337))
    assert found
    return found


# --- without ape ----------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(rpc_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Web3, Callable[[], Journal]]:
    """A deployment whose token is on the chain and whose escrow is not."""
    fund(rpc_url, DEPLOYER.address, 10**20)
    monkeypatch.setenv("SIGHTLINE_DEPLOYMENTS", str(tmp_path))
    with proxy_to(rpc_url) as proxy:
        sends = 0

        def refuse_second(request: dict[str, Any]) -> None:
            nonlocal sends
            sends += request["method"] == SEND
            if sends == 2 and request["method"] == SEND:
                request["method"] = "no_such_method"

        def change(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            return (
                {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "out of order"}}
                if sends == 2
                else answer
            )

        proxy.before, proxy.change = refuse_second, change
        with pytest.raises(Exception, match="out of order"):
            deploy(Web3(Web3.HTTPProvider(proxy.url)), LOCAL, signer(), parameters(), WISHES)
    return Web3(Web3.HTTPProvider(rpc_url)), lambda: journal(tmp_path)


def test_deploy__changed_plan_over_a_journal__is_refused_with_the_difference(
    begun: tuple[Web3, Callable[[], Journal]], tmp_path: Path
) -> None:
    web3, read = begun
    before = read()
    with pytest.raises(DeploymentRefused) as refused:
        deploy(web3, LOCAL, signer(), parameters(fee_bps=900, guardian=person("stranger").address), WISHES)
    words = str(refused.value)
    assert "fee_bps: begun with 1000, now 900" in words
    assert f"guardian: begun with {parameters().guardian}, now {person('stranger').address}" in words
    assert words.count("begun with") == 2
    assert f"{journal_path(tmp_path, 31337)}" in words
    assert read() == before


def test_deploy__same_plan_over_a_journal__finishes_it(
    begun: tuple[Web3, Callable[[], Journal]], tmp_path: Path
) -> None:
    web3, read = begun
    assert [sent.step for sent in read().sent] == ["MockUSDC", "CampaignEscrow"]
    deploy(web3, LOCAL, signer(), parameters(), WISHES)
    assert web3.eth.get_transaction_count(DEPLOYER.address) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["31337.json"]


def test_deploy__journal_of_a_local_chain_that_is_gone__begins_anew(
    begun: tuple[Web3, Callable[[], Journal]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web3, read = begun
    stale = read()
    stale.genesis = "0x" + "ab" * 32
    stale.save()
    deploy(web3, LOCAL, signer(), parameters(), WISHES)
    assert "is about a local chain that is gone" in capsys.readouterr().out
    assert (tmp_path / "31337.json").exists()


@pytest.mark.parametrize("text", ["", "{", '{"schema": 2, "sent": []}', '{"schema": 1, "sent": [{"step": 1}]}', "[]"])
def test_load_journal__another_file__is_refused(tmp_path: Path, text: str) -> None:
    path = journal_path(tmp_path, 31337)
    path.write_text(text)
    with pytest.raises(DeploymentRefused, match="cannot be read as the journal"):
        load_journal(path)
    assert path.read_text() == text


def test_only_run__second_run__is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with only_run(tmp_path / "out"):
        with pytest.raises(DeploymentRefused, match="another deployment is writing"):
            with only_run(tmp_path / "out"):
                pass
    with only_run(tmp_path / "out"):
        assert (tmp_path / "out").is_dir()


def test_sender__nonce_used_by_another_transaction__is_refused_and_sends_nothing(rpc_url: str, tmp_path: Path) -> None:
    """The journal's transaction can never be mined any more; a new one would be a second deployment."""
    fund(rpc_url, DEPLOYER.address, 10**20)
    web3 = Web3(Web3.HTTPProvider(rpc_url))
    journal = Journal(tmp_path / "journal.json", "", 0, {})
    sender = Sender(web3, signer(), LOCAL, journal, print, patience_seconds=0.05)
    step = Step("transfer", 0, RECIPIENT, b"")
    journal.record(sender._signed(step))
    fields = {
        "to": RECIPIENT,
        "value": 1,
        "nonce": 0,
        "gas": 21_000,
        "chainId": 31337,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 1,
    }
    web3.eth.wait_for_transaction_receipt(
        web3.eth.send_raw_transaction(DEPLOYER.sign_transaction(fields).raw_transaction)
    )
    with pytest.raises(DeploymentRefused, match=r"nonce 0 of .* was used by another transaction"):
        sender.send(step)
    assert web3.eth.get_transaction_count(DEPLOYER.address) == 1
