"""The Python examples of docs/contracts.md run as they stand, in their order, against contracts on anvil."""

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from escrow_kit.pair import META, USDC, Settlement, settlement
from escrow_kit.signing import account, domain, quorum
from web3 import Web3

from backend.local import rpc
from scripts.export_abi import ABI_FOLDER, compile_contract

PAGE = Path(__file__).parents[2] / "docs" / "contracts.md"
WINDOW, NOTICE, ESCAPE = 60, 120, 10**6
OPERATOR, ADVERTISER, PUBLISHER, SECOND, RELAYER, COLD = (account(number) for number in (2, 5, 6, 7, 8, 9))
ATTESTORS = sorted((account(number) for number in (11, 12)), key=lambda one: int(one.address, 16))


def examples() -> list[str]:
    """The Python blocks of the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


class Proofs(BaseHTTPRequestHandler):
    """The one route of the API that a claim needs."""

    def __init__(self, settled: dict[int, Settlement], *arguments: Any) -> None:
        self.settled = settled
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Entries and proof of `/v1/settlements/<epoch>/proof/<index>`, as the API gives them."""
        epoch, index = (int(number) for number in re.findall(r"/(\d+)", self.path))
        tree = self.settled[epoch].tree
        proof = ["0x" + node.hex() for node in tree.claim_proof(index)]
        body = json.dumps({"entries": [str(entry) for entry in tree.group(index)], "proof": proof}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


class Stage:
    """Contracts on anvil, and the epochs that operator and attestors settle between the examples."""

    def __init__(self, rpc_url: str, folder: Path) -> None:
        self.rpc_url, self.web3 = rpc_url, Web3(Web3.HTTPProvider(rpc_url))
        self.settled: dict[int, Settlement] = {}
        for who in (OPERATOR, ADVERTISER, PUBLISHER, RELAYER):
            rpc(rpc_url, "anvil_setBalance", who.address, hex(10**24))
            rpc(rpc_url, "anvil_impersonateAccount", who.address)
        self.usdc = self.deploy("MockUSDC")
        code = bytes.fromhex(str(compile_contract("PublisherPayout")["bytecode"]).removeprefix("0x"))
        roles = tuple(account(number).address for number in (1, 2, 3, 4))
        terms = (2, 250, 2_000, WINDOW, NOTICE, ESCAPE, ESCAPE)
        attestors = [one.address for one in ATTESTORS]
        self.escrow = self.deploy("CampaignEscrow", self.usdc.address, code, roles, attestors, terms)
        self.write(folder)

    def deploy(self, name: str, *arguments: object) -> Any:
        artifact: Any = compile_contract(name)
        made = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]).constructor(*arguments)
        return self.web3.eth.contract(self.receipt(made)["contractAddress"], abi=artifact["abi"])

    def receipt(self, call: Any) -> Any:
        sent = call.transact({"from": OPERATOR.address, "gas": 16_700_000})
        found = self.web3.eth.wait_for_transaction_receipt(sent, timeout=120, poll_latency=0.01)
        assert found["status"] == 1, call
        return found

    def write(self, folder: Path) -> None:
        """The files that the first example reads."""
        addresses = {"CampaignEscrow": self.escrow.address, "PublisherPayout": self.escrow.functions.payout().call()}
        content = {"contracts": {name: {"address": address} for name, address in addresses.items()}}
        (folder / "deployments").mkdir()
        (folder / "deployments" / f"{self.web3.eth.chain_id}.json").write_text(json.dumps(content))
        (folder / "contracts").mkdir()
        (folder / "contracts" / "abi").symlink_to(ABI_FOLDER)

    def wait(self, seconds: int) -> None:
        rpc(self.rpc_url, "evm_increaseTime", seconds)
        rpc(self.rpc_url, "evm_mine")

    def settle(self, cumulative: int, debit: int) -> None:
        """Makes the next epoch final: two publishers earned `cumulative` each, campaign 0 pays `debit`."""
        what = settlement(
            [(COLD.address, 0), (PUBLISHER.address, cumulative), (SECOND.address, cumulative)], {0: debit}
        )
        escrow, epoch = self.escrow.functions, self.escrow.functions.epoch().call() + 1
        names = ("publishersRoot", "debitsHash", "totalDebit", "publishers", "rulesetHash", "dataHash")
        message = dict(zip(names, what.terms, strict=True)) | {
            "epoch": epoch,
            "attempt": 0,
            "prevRoot": escrow.last_root().call(),
        }
        where = domain("CampaignEscrow", "1", self.web3.eth.chain_id, self.escrow.address)
        logs = self.receipt(escrow.propose(*what.terms, quorum(ATTESTORS, where, message)))
        (proposed,) = self.escrow.events.Proposed().process_receipt(logs)
        self.wait(WINDOW)
        self.receipt(escrow.finalize(what.root, what.total, proposed["args"]["active_at"], what.words))
        self.settled[epoch] = what

    def balance(self, who: Any) -> int:
        amount: int = self.usdc.functions.balanceOf(getattr(who, "address", who)).call()
        return amount


@pytest.fixture
def stage(rpc_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(rpc_url, tmp_path)


@pytest.fixture
def api(stage: Stage) -> Iterator[str]:
    """The address of a server that gives proofs of what the stage has settled."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Proofs, stage.settled))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def given(stage: Stage, api: str) -> dict[str, Any]:
    """What the page leaves to the reader."""
    return {
        "rpc_url": stage.rpc_url,
        "usdc_abi": stage.usdc.abi,
        "advertiser": ADVERTISER.address,
        "account": ADVERTISER,
        "payer": ADVERTISER,
        "relayer": RELAYER.address,
        "anybody": RELAYER.address,
        "publisher": SECOND,
        "cold_wallet": COLD.address,
        "meta": META,
        "deadline": 2**40,
        "valid_before": 2**40,
        "api": api,
        "index": 1,
    }


def test_python_examples__in_their_order__do_what_the_page_says(stage: Stage, api: str) -> None:
    setting_up, opening, permitting, authorizing, withdrawing, claiming, signing = examples()
    requesting, leaving = re.split(r"^# when .*\n", withdrawing, flags=re.MULTILINE)
    names = given(stage, api)
    stage.receipt(stage.usdc.functions.mint(ADVERTISER.address, 1_000 * USDC))
    remaining = stage.escrow.functions.remaining

    exec(setting_up, names)
    exec(opening, names)
    campaign = names["campaign"]
    assert remaining(campaign).call() == 250 * USDC
    exec(permitting, names)
    assert remaining(campaign).call() == 500 * USDC
    exec(authorizing, names)
    assert remaining(campaign).call() == 750 * USDC

    exec(requesting, names)
    assert (names["reserved"], names["after_epoch"]) == (250 * USDC, 2)
    stage.settle(39 * USDC, 80 * USDC)
    stage.settle(78 * USDC, 80 * USDC)
    stage.wait(NOTICE)
    exec(leaving, names)
    assert stage.balance(ADVERTISER) == 500 * USDC

    exec(claiming, names)
    assert names["due"] == stage.balance(PUBLISHER) == 78 * USDC
    tree = stage.settled[2].tree
    names |= {"index": 2, "arguments": (2, tree.group(2), tree.claim_proof(2))}
    exec(signing, names)
    assert (stage.balance(SECOND), stage.balance(COLD)) == (0, 78 * USDC)
