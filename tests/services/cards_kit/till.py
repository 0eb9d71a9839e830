"""Cleared payments for the treasury, on a stage with contracts; and a process that dies at a chosen moment.

Run as a program it reads numbers: for each it forks a worker that carries out all orders and kills itself, as by
`kill -9`, at that moment (0: never). It answers `killed` or `done`.
"""

import json
import os
import secrets
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from settlement_kit.stage import CHAIN_ID, Stage, address_of, key_of
from sqlalchemy import Connection, Engine, event, text

from backend.chain.client import Chain
from backend.chain.signer import LocalSigner
from backend.db.engine import make_engine
from backend.local import rpc
from backend.onramp import store
from backend.onramp.book import cleared, heard
from backend.onramp.payment import Paid
from backend.onramp.treasury.client import TreasuryClient
from backend.onramp.treasury.service import TreasuryService

CONFIRMATIONS = 1
CENT = 10_000
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
ADVERTISER = address_of("advertiser")


def client_of(rpc_url: str, escrow: str, token: str) -> TreasuryClient:
    key = key_of("treasury")
    return TreasuryClient(Chain(rpc_url, CHAIN_ID, key=key), LocalSigner(key), escrow, token, CONFIRMATIONS)


class Till:
    """Payments that came, and what the chain says about their deposits."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.client = client_of(stage.rpc_url, stage.escrow_address, stage.token)
        self.service = TreasuryService(stage.engine, self.client)

    def fund(self, micro_usdc: int) -> None:
        """Give the treasury USDC."""
        checksum = self.client.chain.web3.to_checksum_address
        self.stage.send("owner", "MockUSDC", self.stage.token, "mint", checksum(address_of("treasury")), micro_usdc)

    def campaign(self) -> int:
        with self.stage.engine.begin() as connection:
            return int(connection.execute(
                text("insert into campaign (owner, funder, name, category, meta, status) "
                     "values (:owner, :funder, 'Autumn', 'games', :meta, 'active') returning id"),
                {"owner": ADVERTISER, "funder": address_of("treasury"), "meta": "0x" + secrets.token_hex(32)},
            ).scalar_one())

    def cleared(self, campaign: int, cents: int) -> int:
        """A payment whose hold is over, with an order for the treasury."""
        with self.stage.engine.begin() as connection:
            row = store.lock_campaign(connection, campaign)
            payment = store.insert_payment(connection, row, secrets.token_hex(16), cents, "new", 0, NOW).id
            order = secrets.token_hex(16)
            store.change_book(connection, campaign, partial(heard, payment=payment, fact=Paid(cents, NOW)))
            store.change_book(connection, campaign, partial(cleared, payment=payment, order=order, now=NOW))
        return payment

    def status(self, payment: int) -> str:
        return str(self.read("select status from card_payment where id = :id", id=payment))

    def read(self, statement: str, **values: Any) -> Any:
        with self.stage.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def mine(self) -> None:
        rpc(self.stage.rpc_url, "anvil_mine", "0x1")

    def run(self) -> None:
        """Steps until no order is left."""
        run(self.service, self.stage.engine, self.mine)

    def deposits(self) -> list[int]:
        """Cents of every deposit that the treasury ever made, from the logs of the escrow."""
        events = self.client.chain.contract("CampaignEscrow", self.stage.escrow_address).events
        logs = [*events.CampaignOpened().get_logs(from_block=0), *events.Deposited().get_logs(from_block=0)]
        treasury = address_of("treasury")
        ours = [log["args"] for log in logs
                if (log["args"].get("owner") or log["args"].get("payer")).lower() == treasury]
        return sorted(int(log["amount"]) // CENT for log in ours)


def run(service: TreasuryService, engine: Engine, mine: Callable[[], None]) -> None:
    while True:
        if not service.step():
            with engine.connect() as connection:
                if not connection.execute(text("select count(*) from treasury_order where status <> 'done'")).scalar():
                    return
            mine()


class Moments:
    """Counts what happens, and kills this process at the chosen one."""

    def __init__(self, fatal: int) -> None:
        self.left = fatal

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Mortal:
    """A treasury client that may die before each of its calls; what comes after the last one is a commit."""

    def __init__(self, client: TreasuryClient, moment: Moments) -> None:
        self._client, self._moment = client, moment

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or isinstance(found, Chain):
            return found

        def call(*arguments: Any) -> Any:
            self._moment()
            return found(*arguments)

        return call


def work(place: dict[str, str], fatal: int) -> None:
    engine = make_engine(place["database_url"])
    moment = Moments(fatal)

    @event.listens_for(engine, "commit")
    def before_commit(_: Connection) -> None:
        moment()

    client: Any = Mortal(client_of(place["rpc_url"], place["escrow"], place["token"]), moment)
    run(TreasuryService(engine, client), engine, lambda: rpc(place["rpc_url"], "anvil_mine", "0x1"))


def main() -> None:
    place = json.loads(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            work(place, int(line))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        word = "done" if status == 0 else "killed" if os.WTERMSIG(status) == signal.SIGKILL else "failed"
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
