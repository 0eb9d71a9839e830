"""The operator's process is killed again and again; what is settled in the end is what an undisturbed run settles."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.api import problems, settlements
from backend.chain.signer import LocalSigner
from backend.jobs.verify_epoch import report, verify_epoch
from backend.local import rpc
from backend.settlement.attestor.client import SettlementClient
from backend.settlement.attestor.service import AttestorService
from backend.settlement.publication.service import PublicationService

sys.path.insert(0, str(Path(__file__).resolve().parent))
from settlement_kit.in_process import client_of
from settlement_kit.stage import (
    CHAIN_ID,
    EPOCH_SECONDS,
    START_MS,
    USDC,
    WINDOW_SECONDS,
    Sale,
    Stage,
    address_of,
    key_of,
)

KILLS = 5            # in each phase
EPOCHS = 3
PHASES = EPOCHS + 1  # publishers are paid in the last
SALES_PER_EPOCH = 60
PUBLISHERS = 6
EPOCH_MS = EPOCH_SECONDS * 1_000
PHASE_SECONDS_MAX = 180
KIT = Path(__file__).resolve().parent / "settlement_kit" / "operating.py"

Lives = Sequence[tuple[float, ...]]
"""Seconds after which the operator is killed, for each phase: parts of what the phase takes, however fast that is."""


class Phase(NamedTuple):
    """What a phase took, and how many kills came before its work was done."""

    seconds: float
    interrupted: int


class Operator:
    """Workers forked from one process; `restart` kills the present one with SIGKILL."""

    def __init__(self, stage: Stage) -> None:
        place = {
            "rpc_url": stage.rpc_url, "database_url": stage.database_url, "folder": str(stage.folder),
            "token": stage.token, "escrow": stage.escrow_address, "payout": stage.payout_address,
        }
        root = str(Path(__file__).resolve().parents[2])
        self._log = (stage.folder / "operator.log").open("w")
        self._parent = subprocess.Popen(
            [sys.executable, str(KIT), json.dumps(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": root}, stderr=self._log,
        )
        self._worker = 0

    def restart(self, now_ms: int) -> None:
        self.kill()
        _stream(self._parent.stdin).write(f"{now_ms}\n")
        _stream(self._parent.stdin).flush()
        self._worker = int(_stream(self._parent.stdout).readline())

    def kill(self) -> None:
        if self._worker:
            os.kill(self._worker, signal.SIGKILL)
        self._worker = 0

    def stop(self) -> None:
        self.kill()
        for stream in (self._parent.stdin, self._parent.stdout):
            _stream(stream).close()
        self._parent.wait(10)
        self._log.close()


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture
def operators() -> Iterator[Callable[[Stage], Operator]]:
    started: list[Operator] = []

    def start(stage: Stage) -> Operator:
        started.append(Operator(stage))
        return started[-1]

    yield start
    for operator in started:
        operator.stop()


def sales(epoch: int) -> list[Sale]:
    dice = random.Random(epoch)
    start = START_MS + (epoch - 1) * EPOCH_MS
    return [
        Sale(1_000 * epoch + n, dice.randrange(2), dice.randint(1, PUBLISHERS), dice.randint(1, 9_999), start + n)
        for n in range(SALES_PER_EPOCH)
    ]


def attestors(stage: Stage) -> list[AttestorService]:
    app = FastAPI()
    problems.install(app)
    publication = PublicationService(stage.engine, CHAIN_ID, stage.escrow("stranger"), stage.bundles)
    app.include_router(settlements.router(publication))
    return [
        AttestorService(
            SettlementClient("", client_of(app)), stage.escrow("stranger"), LocalSigner(key_of(role)),
            stage.folder / role,
        )
        for role in ("attestor 1", "attestor 2")
    ]


def run(stage: Stage, operator: Operator, lives: Lives) -> list[Phase]:
    """Settle all epochs: each is sold while the one before is pending, so that all but the last are rolled.

    In each phase the operator is killed after each of its `lives`, then it may end its work.
    """
    signing = attestors(stage)
    escrow = stage.escrow("stranger")
    phases: list[Phase] = []

    def until(reached: Callable[[], bool], now_ms: int) -> None:
        operator.restart(now_ms)
        began = born = time.monotonic()
        left, interrupted = lives[len(phases)], 0
        while left or not reached():
            now = time.monotonic()
            assert now < began + PHASE_SECONDS_MAX, (stage.folder / "operator.log").read_text()[-3_000:]
            if left and now >= born + left[0]:
                interrupted += not reached()
                operator.restart(now_ms)
                born, left = time.monotonic(), left[1:]
            for attestor in signing:
                attestor.step()
            time.sleep(0.02)
        phases.append(Phase(time.monotonic() - began, interrupted))

    for epoch in range(1, EPOCHS + 1):
        stage.sell(sales(epoch))
        now_ms = START_MS + epoch * EPOCH_MS
        if epoch > 1:
            stage.wait(WINDOW_SECONDS)
        until(lambda epoch=epoch: escrow.epoch() == epoch - 1 and escrow.pending() != bytes(32), now_ms)  # type: ignore[misc]
    stage.wait(WINDOW_SECONDS)
    owed = {index: sum_of_nets(stage, index) for index in range(1, PUBLISHERS + 1)}
    until(
        lambda: escrow.epoch() == EPOCHS
        and all(stage.balance(address_of(f"publisher {index}")) == amount for index, amount in owed.items()),
        now_ms,
    )
    operator.kill()
    return phases


def sum_of_nets(stage: Stage, index: int) -> int:
    with stage.engine.connect() as connection:
        return int(connection.execute(
            text("select sum(net_micro_usdc) from epoch_publisher where publisher_index = :index"), {"index": index}
        ).scalar_one())


def outcome(stage: Stage) -> dict[str, object]:
    """All that must not depend on how often the operator died."""
    stage.epochs().facts()
    queries = {
        "epochs": "select epoch, attempt, status, from_ms, to_ms, total_micro_usdc, data_hash from epoch order by 1",
        "accounts": "select account, debits, credits from ledger_account order by 1",
        "transfers": "select kind, debit_account, credit_account, amount_micro_usdc, event_id, epoch "
                     "from ledger_transfer order by 5, 1, 2, 3, 6",
        "events": "select event_id, status from event order by 1",
    }
    with stage.engine.connect() as connection:
        found: dict[str, object] = {
            name: [tuple(row) for row in connection.execute(text(query))] for name, query in queries.items()
        }
    escrow = stage.escrow("stranger")
    found["chain"] = [escrow.epoch(), escrow.last_root(), escrow.fees(), stage.balance(stage.escrow_address),
                      stage.balance(stage.payout_address), escrow.remaining(0), escrow.remaining(1)]
    found["paid"] = [stage.balance(address_of(f"publisher {index}")) for index in range(1, PUBLISHERS + 1)]
    return found


OURS = (
    "event", "dropped_event", "ledger_transfer", "ledger_account", "line_item_spend", "epoch", "epoch_publisher",
    "epoch_debit", "attestation", "publisher", "chain_campaign",
)


def settled(stage: Stage, operator: Operator, lives: Lives) -> tuple[dict[str, object], list[Phase]]:
    for _ in range(2):
        stage.open_campaign(USDC)
    phases = run(stage, operator, lives)
    return outcome(stage), phases


def test_operator__killed_at_any_moment__the_same_settlement(
    rpc_url: str, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path, operators: Callable[[Stage], Operator]
) -> None:
    """L24, L34, L35, L36: kill -9 neither loses nor doubles anything, on chain or in our tables."""
    clean_chain = rpc(rpc_url, "evm_snapshot")
    (tmp_path / "calm").mkdir()
    calm = Stage(rpc_url, fresh_database_url, fresh_engine, tmp_path / "calm")
    expected, undisturbed = settled(calm, operators(calm), [()] * PHASES)
    rpc(rpc_url, "evm_revert", clean_chain)
    with fresh_engine.begin() as connection:
        connection.execute(text(f"truncate {', '.join(OURS)} restart identity cascade"))

    (tmp_path / "killed").mkdir()
    killed = Stage(rpc_url, fresh_database_url, fresh_engine, tmp_path / "killed")
    dice = random.Random(7)
    lives = [tuple(sorted(dice.uniform(0, phase.seconds) for _ in range(KILLS))) for phase in undisturbed]
    found, phases = settled(killed, operators(killed), lives)
    assert found == expected
    assert all(phase.interrupted for phase in phases), f"a phase had no kill while there was work: {phases}"
    for epoch in range(1, EPOCHS + 1):
        statement = killed.bundles.folder(CHAIN_ID, epoch, 0) / "statement.json"
        assert report(verify_epoch(rpc_url, str(statement), escrow=killed.escrow_address)) == "OK"
