"""What the main calls cost on a real EVM, in plain numbers: a row of snapshots/gas.json may fall, never grow.

Receipts of anvil, token PlainToken, quorum of three. `UPDATE_GAS=1` writes the file anew.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from escrow_kit.pair import (
    CONTRACTS,
    META,
    NO_ROOT,
    USDC,
    Settlement,
    claim_arguments,
    range_arguments,
    role,
    settlement,
)
from escrow_kit.signing import PERMIT_FIELDS, account, domain, quorum, sign
from vyper.cli.vyper_compile import compile_files
from web3 import Web3

from backend.local import rpc
from scripts.deployment import Parameters
from scripts.export_abi import ROOT, compile_contract

SNAPSHOT = Path(__file__).parent / "snapshots" / "gas.json"
WHO = role(7)
WINDOW = 3
NOW = 2_000_000_000  # fixed, so that the bytes of times cost the same in every run
CAMPAIGNS = 100
PUBLISHERS = 1_000
UNUSED = 10**12


class Chain:
    """The pair over PlainToken on anvil; every call returns its receipt."""

    def __init__(self, rpc_url: str) -> None:
        self.rpc_url, self.now = rpc_url, NOW
        self.web3 = Web3(Web3.HTTPProvider(rpc_url))
        rpc(rpc_url, "anvil_setBalance", WHO, hex(10**24))
        rpc(rpc_url, "anvil_impersonateAccount", WHO)
        (plain,) = compile_files(
            [str(CONTRACTS / "testing" / "PlainToken.vy")], ["abi", "bytecode"], paths=[str(ROOT)]
        ).values()
        payout = compile_contract("PublisherPayout")
        code = bytes.fromhex(str(payout["bytecode"]).removeprefix("0x"))
        self.attestors = [account(number) for number in (11, 12, 13)]
        asked = Parameters(
            WHO, WHO, role(3), role(4), tuple(a.address for a in self.attestors), 3, 250, 2_000, WINDOW, 6, 6, 60
        )
        self.token = self.deploy(plain)
        terms = (self.token.address, code, asked.roles, list(asked.attestors), asked.terms)
        self.escrow = self.deploy(compile_contract("CampaignEscrow"), *terms)
        self.payout = self.web3.eth.contract(self.escrow.functions.payout().call(), abi=payout["abi"])
        self.epoch, self.prev_root = 0, NO_ROOT

    def deploy(self, artifact: Any, *arguments: object) -> Any:
        constructor = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]).constructor(*arguments)
        return self.web3.eth.contract(self.receipt(constructor)["contractAddress"], abi=artifact["abi"])

    def receipt(self, call: Any) -> Any:
        self.now += 1
        rpc(self.rpc_url, "evm_setNextBlockTimestamp", self.now)
        sent = call.transact({"from": WHO, "gas": 16_700_000})
        found = self.web3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.01)
        assert found["status"] == 1, call
        return found

    def gas(self, function: Any, *arguments: object) -> int:
        used: int = self.receipt(function(*arguments))["gasUsed"]
        return used

    def proposal(self, what: Settlement, epoch: int, prev_root: bytes) -> tuple[object, ...]:
        root, words_hash, total, publishers, ruleset, data_hash = what.terms
        message = {
            "epoch": epoch,
            "attempt": 0,
            "prevRoot": prev_root,
            "publishersRoot": root,
            "debitsHash": words_hash,
            "totalDebit": total,
            "publishers": publishers,
            "rulesetHash": ruleset,
            "dataHash": data_hash,
        }
        where = domain("CampaignEscrow", "1", self.web3.eth.chain_id, self.escrow.address)
        return (*what.terms, quorum(self.attestors, where, message))

    def propose(self, what: Settlement) -> int:
        used = self.gas(self.escrow.functions.propose, *self.proposal(what, self.epoch + 1, self.prev_root))
        self.active_at, self.pending = self.now + WINDOW, what
        return used

    def finalize(self) -> int:
        what, self.now = self.pending, self.now + WINDOW
        used = self.gas(self.escrow.functions.finalize, what.root, what.total, self.active_at, what.words)
        self.epoch, self.prev_root = self.epoch + 1, what.root
        return used

    def roll(self, after: Settlement) -> int:
        what, self.now = self.pending, self.now + WINDOW
        arguments = self.proposal(after, self.epoch + 2, what.root)
        used = self.gas(self.escrow.functions.roll, what.root, what.total, self.active_at, what.words, *arguments)
        self.epoch, self.prev_root = self.epoch + 1, what.root
        self.active_at, self.pending = self.now + WINDOW, after
        return used

    def pay_range(self, what: Settlement, start: int, groups: int) -> int:
        used = self.gas(self.payout.functions.pay_range, *range_arguments(what.tree, start, groups))
        return used // (4 * groups)

    def permit_deposit(self, nonce: int) -> int:
        message = {"owner": WHO, "spender": self.escrow.address, "value": USDC, "nonce": nonce, "deadline": UNUSED}
        where = domain("Plain Token", "1", self.web3.eth.chain_id, self.token.address)
        parts = sign(account(7), where, "Permit", PERMIT_FIELDS, message)
        return self.gas(self.escrow.functions.deposit_with_permit, 5, USDC, UNUSED, *parts)


def epoch_of(number: int, campaigns: int) -> Settlement:
    """Epoch `number` debits 1 USDC from each of the first `campaigns`; 1,000 publishers share what is left."""
    earned = number * USDC // 2_000
    return settlement([(role(1_000 + i), earned) for i in range(PUBLISHERS)], dict.fromkeys(range(campaigns), USDC))


def deposit_rows(chain: Chain) -> dict[str, int]:
    chain.gas(chain.token.functions.mint, WHO, 10**15)
    chain.gas(chain.token.functions.approve, chain.escrow.address, 10**14)
    opened = [chain.gas(chain.escrow.functions.open_campaign, WHO, 1_000 * USDC, META) for _ in range(CAMPAIGNS)]
    rows = {
        "open_campaign, first of a word": opened[4],
        "open_campaign, word in use": opened[5],
        "deposit": chain.gas(chain.escrow.functions.deposit, 5, USDC),
    }
    chain.gas(chain.token.functions.approve, chain.escrow.address, 0)
    chain.permit_deposit(0)
    return rows | {"deposit_with_permit": chain.permit_deposit(1)}


def settlement_rows(chain: Chain) -> dict[str, int]:
    chain.propose(epoch_of(1, CAMPAIGNS))
    chain.roll(epoch_of(2, 1))
    rows = {
        "roll, 1 campaign": chain.roll(epoch_of(3, 10)),
        "roll, 10 campaigns": chain.roll(epoch_of(4, 100)),
        "roll, 100 campaigns": chain.roll(epoch_of(5, 10)),
    }
    rows["finalize, 10 campaigns"] = chain.finalize()
    rows["propose"] = chain.propose(epoch_of(6, CAMPAIGNS))
    chain.finalize()
    return rows


def payout_rows(chain: Chain) -> dict[str, int]:
    what = epoch_of(6, CAMPAIGNS)
    claim = chain.payout.functions.claim
    rows = {
        "claim, first, fresh word": chain.gas(claim, *claim_arguments(what.tree, 5)),
        "claim, first, word in use": chain.gas(claim, *claim_arguments(what.tree, 6)),
    }
    for start, groups in ((10, 3), (20, 25), (100, 100)):
        rows[f"pay_range, {4 * groups} first payments, each"] = chain.pay_range(what, start, groups)
    what = epoch_of(7, CAMPAIGNS)
    chain.propose(what)
    chain.finalize()
    rows["claim, later"] = chain.gas(claim, *claim_arguments(what.tree, 5))
    for start, groups in ((10, 3), (20, 25), (100, 100)):
        rows[f"pay_range, {4 * groups} later payments, each"] = chain.pay_range(what, start, groups)
    return rows


def test_gas__main_calls__do_not_grow(rpc_url: str) -> None:
    """L22"""
    chain = Chain(rpc_url)
    rows = deposit_rows(chain) | settlement_rows(chain) | payout_rows(chain)
    if os.environ.get("UPDATE_GAS") == "1":
        SNAPSHOT.write_text(json.dumps(rows, indent=2) + "\n")
    allowed = json.loads(SNAPSHOT.read_text())
    assert allowed.keys() == rows.keys()
    assert {name: (allowed[name], used) for name, used in rows.items() if used > allowed[name]} == {}


@pytest.mark.parametrize(
    ("row", "goal"),
    [
        ("roll, 1 campaign", 105_000),
        ("roll, 10 campaigns", 118_000),
        ("roll, 100 campaigns", 255_000),
        ("claim, first, word in use", 72_500),
        ("claim, later", 55_400),
        ("pay_range, 12 later payments, each", 15_000),
        ("pay_range, 100 later payments, each", 11_400),
        ("pay_range, 400 later payments, each", 11_000),
    ],
)
def test_gas__goals__are_met(row: str, goal: int) -> None:
    assert json.loads(SNAPSHOT.read_text())[row] <= goal
