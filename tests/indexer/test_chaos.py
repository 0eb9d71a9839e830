"""Killed again and again while chain and node misbehave: the end is a fresh index (L40, L41, L42)."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

USDC = 1_000_000
ADVERTISER = "0x" + "a1" * 20
ROOT = Path(__file__).parents[2]
KILLS = 6
SECONDS_MAX = 120


class Life:
    """Random things that happen on the chain, some of which the contracts refuse."""

    def __init__(self, market: Any, dice: random.Random) -> None:
        self.market, self.dice = market, dice
        self.earned = [0] * 7
        self.reorgs = self.refused = 0

    def happen(self) -> None:
        action = self.dice.choices(
            [self.open, self.deposit, self.request, self.cancel, self.settle, self.pay, self.reorganise],
            weights=[3, 6, 2, 1, 4, 3, 2],
        )[0]
        try:
            action()
        except Exception as error:
            if type(error).__name__ != "Reverted":
                raise
            self.refused += 1

    def campaign(self) -> int:
        return self.dice.randrange(max(1, self.market.escrow.read("campaign_count")))

    def open(self) -> None:
        self.market.open(self.dice.randint(1, 5) * USDC)

    def deposit(self) -> None:
        self.market.deposit(self.campaign(), self.dice.randint(1, USDC))

    def request(self) -> None:
        self.market.escrow.send(ADVERTISER, "request_withdrawal", self.campaign(), self.dice.randint(1, USDC))

    def cancel(self) -> None:
        self.market.escrow.send(ADVERTISER, "cancel_withdrawal", self.campaign())

    def settle(self) -> None:
        """The next step of the epoch: propose, then veto or finalise."""
        if self.market.escrow.read("pending") != bytes(32):
            self.market.veto() if self.dice.random() < 0.2 else self.market.finalize()
            return
        campaign = self.campaign()
        budget = self.market.escrow.read("remaining", campaign)
        debit = self.dice.randint(1, max(1, budget // 3))
        self.earned[self.dice.randrange(7)] += debit // 2
        self.market.propose({campaign: debit}, self.market.cumulative(*self.earned).root)

    def pay(self) -> None:
        if self.market.payout.read("root") in self.market.trees:
            self.market.claim(self.dice.randrange(7)) if self.dice.random() < 0.5 else self.market.pay_range(0, 2)

    def reorganise(self) -> None:
        above = self.market.node.head() - self.market.start_block - 8
        if above > 0:
            self.market.node.reorg(self.dice.randint(1, min(above, 12)))
            self.reorgs += 1


def misbehave(dice: random.Random) -> Callable[[list[Any], list[Any]], Any]:
    """One answer in twenty is wrong in some way."""

    def fault(calls: list[Any], answers: list[Any]) -> Any:
        if dice.random() > 0.05:
            return answers
        kind = dice.choice(["hang up", "429", "null", "short", "lie"])
        if kind in ("hang up", "429"):
            return None if kind == "hang up" else 429
        if kind == "short":
            return answers[:-1]
        chosen = dice.choice(answers)
        if kind == "lie" and isinstance(chosen.get("result"), list) and chosen["result"]:
            dice.choice(chosen["result"])["logs"] = []
        else:
            chosen["result"] = None
        return answers

    return fault


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9__at_random_points__same_as_undisturbed(
    market: Any, mirror: Any, proxy: Any, fresh_mirror: Callable[..., Any], tmp_path: Path, seed: int
) -> None:
    """L40, L41, L42: six times kill -9, reorganisations in between, every twentieth answer wrong."""
    dice = random.Random(seed)
    life = Life(market, dice)
    proxy.fault = misbehave(random.Random(seed))
    command = indexer_command(market, mirror.config.database_url, proxy.url, tmp_path / "deployment.json")
    for number in range(KILLS):
        with (tmp_path / f"life{number}.log").open("w") as said:
            indexer = subprocess.Popen(command, cwd=ROOT, stderr=said)
        try:
            progress_then_kill(indexer, life, mirror, dice)
        finally:
            indexer.kill()
            indexer.wait()
    proxy.fault = lambda calls, answers: answers
    while life.reorgs == 0:
        life.happen()
    mirror.catch_up()
    while mirror.value("SELECT count(*) FROM chain_event") <= 20:   # little happened, or was taken away again
        life.open()
        mirror.catch_up()
    again = fresh_mirror(mirror.config)
    again.catch_up()
    assert mirror.digest() == again.digest()


def progress_then_kill(indexer: "subprocess.Popen[bytes]", life: Life, mirror: Any, dice: random.Random) -> None:
    """Lets the indexer live until it has moved the cursor some random number of times, then kills it in mid-flight."""
    moves, last, deadline = dice.randint(1, 6), None, time.monotonic() + SECONDS_MAX
    while moves > 0:
        assert time.monotonic() < deadline, "the indexer does not move"
        assert indexer.poll() is None, f"the indexer left with {indexer.returncode}"
        life.happen()
        time.sleep(dice.random() * 0.04)
        tip = mirror.select("SELECT hash FROM chain_cursor") if mirror.value(EXISTS) else None
        moves -= tip != last
        last = tip
    time.sleep(dice.random() * 0.03)  # a random point inside its next step
    indexer.send_signal(signal.SIGKILL)
    indexer.wait()


EXISTS = "SELECT to_regclass('chain_cursor') IS NOT NULL"


def indexer_command(market: Any, database_url: str, rpc_url: str, path: Path) -> list[str]:
    contracts = {
        "CampaignEscrow": {"address": market.escrow.address, "block": market.start_block},
        "PublisherPayout": {"address": market.payout.address, "block": market.start_block},
    }
    path.write_text(json.dumps({"schema": 1, "chain_id": 31337, "contracts": contracts}))
    options = {
        "--database-url": database_url,
        "--rpc-url": rpc_url,
        "--deployment": str(path),
        "--poll-seconds": "0.02",
    }
    return [sys.executable, "-m", "indexer", *(word for option in options.items() for word in option)]


def test_sigterm__stops_cleanly_after_the_transaction(market: Any, mirror: Any, tmp_path: Path) -> None:
    market.open(USDC)
    command = indexer_command(market, mirror.config.database_url, market.node.url, tmp_path / "deployment.json")
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=subprocess.DEVNULL) as indexer:
        deadline = time.monotonic() + SECONDS_MAX
        while not (mirror.value(EXISTS) and mirror.select("SELECT 1 FROM chain_campaign")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        indexer.send_signal(signal.SIGTERM)
        assert indexer.wait(SECONDS_MAX) == 0


def test_command__wrong_deployment_file__says_what_to_do(tmp_path: Path) -> None:
    """L45."""
    path = tmp_path / "none.json"
    command = [sys.executable, "-m", "indexer", "--database-url", "postgresql://x", "--rpc-url", "http://127.0.0.1:1"]
    command += ["--deployment", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert done.returncode == 2
    assert "deploy the contracts first" in done.stderr
