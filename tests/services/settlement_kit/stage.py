"""The stage of a settlement: our contracts, deployed by the test, and everybody who acts on it, named by role."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_account import Account
from sqlalchemy import Connection, Engine, text
from web3 import Web3

from backend.chain.client import Chain, EscrowClient, PayoutClient
from backend.core.events import BILLS, KIND_BYTE, EventKind
from backend.core.keccak import keccak256
from backend.core.ruleset import Ruleset
from backend.ledger.service import LedgerService
from backend.local import fund, rpc
from backend.settlement.keeper.service import KeeperService
from backend.settlement.publication.store import BundleFiles
from backend.settlement.service import EpochService
from indexer.schema import create_schema

ROOT = Path(__file__).resolve().parents[3]
CHAIN_ID = 31337
WINDOW_SECONDS = 60
EPOCH_SECONDS = 600
START_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z
ATTESTORS = ("attestor 1", "attestor 2", "attestor 3")
ROLES = ("owner", "operator", "guardian", "treasury", "advertiser", "stranger", *ATTESTORS)
USDC = 1_000_000
PAYS_FOR = {event: bid for bid, event in BILLS.items()}


def key_of(role: str) -> str:
    return "0x" + keccak256(role.encode()).hex()


def address_of(role: str) -> str:
    return str(Account.from_key(key_of(role)).address).lower()


@cache
def creation_code(name: str) -> bytes:
    sys.path.insert(0, str(ROOT))
    from scripts.export_abi import compile_contract

    return bytes.fromhex(str(compile_contract(name)["bytecode"]).removeprefix("0x"))


class Clock:
    """Wall-clock seconds that stand still until a test moves them."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> float:
        return self.now_ms / 1_000


@dataclass(frozen=True)
class Sale:
    """An accepted event to be billed: `number` makes its id unique, `at_ms` is when it was decided."""

    number: int
    campaign: int
    publisher: int
    price: int
    at_ms: int = START_MS
    kind: EventKind = EventKind.VIEWABLE


class Stage:
    """Contracts and people on one chain, with the services of the operator on one database and folder."""

    def __init__(self, rpc_url: str, database_url: str, engine: Engine, folder: Path, *, deploy: bool = True) -> None:
        self.rpc_url, self.database_url, self.engine, self.folder = rpc_url, database_url, engine, folder
        self.bundles = BundleFiles(folder / "bundles")
        self.clock = Clock()
        self.ruleset = Ruleset()
        self.confirmations = 0
        self._chains: dict[str, Chain] = {}
        if deploy:
            create_schema(database_url)
            for role in ROLES:
                fund(rpc_url, address_of(role), 10**21)
            self.token, self.escrow_address = self._deploy()
            self.payout_address = self.escrow("stranger").payout

    def chain(self, role: str) -> Chain:
        """A connection that signs as `role`, always the same."""
        if role not in self._chains:
            self._chains[role] = Chain(self.rpc_url, CHAIN_ID, key=key_of(role))
        return self._chains[role]

    def escrow(self, role: str) -> EscrowClient:
        return EscrowClient(self.chain(role), self.escrow_address)

    def payout(self, role: str = "operator") -> PayoutClient:
        return PayoutClient(self.chain(role), self.payout_address)

    def send(self, role: str, contract: str, at: str, function: str, *arguments: object) -> None:
        chain = self.chain(role)
        chain.send(chain.contract(contract, at).get_function_by_name(function)(*arguments))

    def open_campaign(self, amount: int) -> int:
        """Open a funded campaign as the advertiser, and show it to our tables as the indexer would."""
        checksum = Web3.to_checksum_address
        advertiser = checksum(address_of("advertiser"))
        self.send("owner", "MockUSDC", self.token, "mint", advertiser, amount)
        self.send("advertiser", "MockUSDC", self.token, "approve", checksum(self.escrow_address), amount)
        self.send("advertiser", "CampaignEscrow", self.escrow_address, "open_campaign", advertiser, amount, b"\7" * 32)
        with self.engine.begin() as connection:
            number = connection.execute(text("select count(*) from chain_campaign")).scalar_one()
            show_campaign(connection, number, amount)
        return int(number)

    def balance(self, account: str) -> int:
        chain = self.chain("stranger")
        token = chain.contract("MockUSDC", self.token)
        return int(chain.read(token.functions.balanceOf(chain.web3.to_checksum_address(account))))

    def wait(self, seconds: int) -> None:
        """Let the chain's time pass."""
        rpc(self.rpc_url, "evm_increaseTime", seconds)
        rpc(self.rpc_url, "anvil_mine", "0x1")

    def sell(self, sales: Iterable[Sale]) -> None:
        """Events as ingest writes them."""
        with self.engine.begin() as connection:
            insert_sales(connection, sales)

    def bill(self) -> int:
        return LedgerService(self.engine, CHAIN_ID).bill(10_000)

    def epochs(self) -> EpochService:
        return EpochService(
            self.engine, self.escrow("operator"), self.bundles, self.ruleset, EPOCH_SECONDS, self.confirmations,
            clock=self.clock,
        )

    def keeper(self) -> KeeperService:
        return KeeperService(self.engine, self.escrow("operator"), self.payout(), self.bundles)

    def _deploy(self) -> tuple[str, str]:
        web3 = Web3(Web3.HTTPProvider(self.rpc_url))
        token = self._create(web3, "MockUSDC")
        roles = tuple(Web3.to_checksum_address(address_of(role)) for role in ROLES[:4])
        attestors = [Web3.to_checksum_address(address_of(role)) for role in ATTESTORS]
        terms = (2, 1_000, 2_000, WINDOW_SECONDS, 3_600, 86_400, 86_400)
        escrow = self._create(web3, "CampaignEscrow", token, creation_code("PublisherPayout"), roles, attestors, terms)
        return token.lower(), escrow.lower()

    def _create(self, web3: Web3, name: str, *arguments: object) -> str:
        abi = (ROOT / "contracts" / "abi" / f"{name}.json").read_text()
        factory = web3.eth.contract(abi=json.loads(abi), bytecode=creation_code(name))
        owner = Account.from_key(key_of("owner"))
        transaction = factory.constructor(*arguments).build_transaction({
            "from": owner.address, "nonce": web3.eth.get_transaction_count(owner.address), "gas": 15_000_000,
        })
        sent = web3.eth.send_raw_transaction(owner.sign_transaction(transaction).raw_transaction)
        return str(web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.02)["contractAddress"])


def show_campaign(connection: Connection, number: int, deposited: int, **more: Any) -> None:
    """A row of chain_campaign, as the indexer writes it."""
    values = {
        "chain_id": CHAIN_ID, "campaign": number, "owner": address_of("advertiser"), "meta": "0x" + "07" * 32,
        "deposited": deposited, "withdrawn": 0, "reserved": 0, "reserved_executable_at": 0, "reserved_after_epoch": 0,
        "debited": 0, "remaining": deposited, "active": True, "epoch_cap": 0, "epoch_cap_from": 0, "opened_number": 1,
    } | more
    columns = ", ".join(values)
    bound = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"insert into chain_campaign ({columns}) values ({bound})"), values)


def insert_sales(connection: Connection, sales: Iterable[Sale]) -> None:
    """Rows of `event`, accepted, and the publishers that they name."""
    rows = [
        {
            "event_id": sale.at_ms.to_bytes(6, "big").hex() + f"{sale.number:020x}" + KIND_BYTE[sale.kind],
            "kind": sale.kind.value, "bid_kind": PAYS_FOR[sale.kind].value,
            "campaign": sale.campaign, "publisher": sale.publisher, "price": sale.price, "at_ms": sale.at_ms,
            "wallet": address_of(f"publisher {sale.publisher}"), "number": sale.number,
        }
        for sale in sales
    ]
    connection.execute(
        text(
            "insert into publisher (index, wallet, payout_mode) values (:publisher, :wallet, 'auto') "
            "on conflict do nothing"
        ),
        rows,
    )
    connection.execute(text("""
        insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                           placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id,
                           stream_index, status)
        values (:event_id, left(:event_id, 32), :kind, :bid_kind, :campaign, 1, 2, 3, :publisher, :price, :at_ms,
                :at_ms, 'test-' || :number, 0, 'accepted')
    """), rows)
