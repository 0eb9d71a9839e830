"""A shop that advertises, a world that shows the ad, and everything between a click and the ledger, on real stores."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import redis
import redis.asyncio
from settlement_kit.stage import show_campaign
from sqlalchemy import Connection, Engine, text

from backend.conversions import postback
from backend.core.click_id import click_id
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind
from backend.core.ruleset import Ruleset
from backend.ingest.service import IngestConsumer, IngestService
from backend.ledger.service import LedgerService
from indexer.schema import create_schema

CHAIN_ID = 31_337
TOKEN_KEY = bytes.fromhex("5a" * 32)
SEEN = [[t_ms, 10_000, 400, 1_000 + t_ms % 7, True, True] for t_ms in range(0, 1_500, 100)]
PRICE = 5_000_000
PUBLISHER = 5


def meta_of(campaign: int) -> str:
    return f"0x{campaign:064x}"


@dataclass(frozen=True)
class Shop:
    """What an advertiser and a publisher have; `campaign` is ours, `chain_campaign` its number in the escrow."""

    campaign: int
    chain_campaign: int
    line_item: int
    placement: int


def open_shop(
    connection: Connection, owner: str, number: int = 0, *, kind: BidKind = BidKind.CPA, price: int = PRICE,
    funded: int = 100 * PRICE,
) -> Shop:
    """A campaign with one line item, funded on chain as campaign `number`, and the placement of publisher 5.

    The chain's tables must be there.
    """
    campaign = _id(connection, "campaign (owner, name, category, meta, status)",
                   ":owner, 'Shop', 'games', :meta, 'active'", owner=owner, meta=meta_of(number))
    show_campaign(connection, number, funded, owner=owner, meta=meta_of(number))
    placement = _placement(connection)
    line_item = _id(
        connection,
        "line_item (campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, targeting, status)",
        """:campaign, 'Orders', :kind, :price, 'asap', '2026-01-01Z', '2027-01-01Z',
           jsonb_build_object('placements', jsonb_build_array(cast(:placement as bigint))), 'active'""",
        campaign=campaign, kind=kind.value, price=price, placement=placement,
    )
    return Shop(campaign, number, line_item, placement)


def _placement(connection: Connection) -> int:
    connection.execute(text(
        "insert into publisher (index, wallet, payout_mode) values (:index, :wallet, 'auto') on conflict do nothing"
    ), {"index": PUBLISHER, "wallet": "0x" + "b5" * 20})
    world = _id(connection, "world (publisher_index, name, engine, category, url, status)",
                ":index, 'Square', 'three', 'games', 'https://world.example', 'active'", index=PUBLISHER)
    return _id(connection, "placement (world_id, name, kind, width, height, floor_micro_usdc, status)",
               ":world, 'Board', 'image', 1024, 512, 1, 'active'", world=world)


def _id(connection: Connection, into: str, values: str, **bound: Any) -> int:
    return int(connection.execute(text(f"insert into {into} values ({values}) returning id"), bound).scalar_one())


def decided(shop: Shop, number: int, at_ms: int, kind: BidKind = BidKind.CPA, price: int = PRICE) -> DecisionToken:
    """The token of a decision of `at_ms`; each number has its own viewer."""
    return DecisionToken(
        decision_id=decision_id(at_ms, number.to_bytes(10, "big")), chain_id=CHAIN_ID, campaign=shop.chain_campaign,
        line_item=shop.line_item, creative=3, placement=shop.placement, publisher=PUBLISHER, price_micro_usdc=price,
        bid_kind=kind, expires_ms=at_ms + 120_000, viewer=number.to_bytes(8, "big"),
    )


class World:
    """Reports what a viewer sees and clicks, as an SDK does."""

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self._redis_url = redis_url
        self._client = redis.Redis.from_url(redis_url)
        self._consumer = IngestConsumer(engine, self._client)

    def close(self) -> None:
        self._client.close()

    def report(self, *tokens: DecisionToken, at_ms: int, click: bool = True) -> None:
        """A view of each token's ad, and a click; stored in Redis, not yet in the tables."""
        events: list[dict[str, object]] = [
            {"kind": "viewable", "token": sign(token, TOKEN_KEY), "samples": SEEN} for token in tokens
        ]
        if click:
            events += [{"kind": "click", "token": sign(token, TOKEN_KEY)} for token in tokens]
        asyncio.run(self._send(msgspec.json.encode({"events": events}), at_ms))

    def click(self, token: DecisionToken, at_ms: int) -> None:
        """A click alone; stored in Redis, not yet in the tables."""
        body = msgspec.json.encode({"events": [{"kind": "click", "token": sign(token, TOKEN_KEY)}]})
        asyncio.run(self._send(body, at_ms))

    async def _send(self, body: bytes, at_ms: int) -> None:
        client = redis.asyncio.Redis.from_url(self._redis_url)
        verdicts = await IngestService(client, CHAIN_ID, TOKEN_KEY, Ruleset()).accept(body, at_ms, "Mozilla/5.0")
        assert set(verdicts) == {None}, verdicts
        await client.aclose()

    def store(self) -> None:
        """Until everything is in the tables."""
        while self._consumer.consume():
            pass

    def show(self, *tokens: DecisionToken, at_ms: int, click: bool = True) -> None:
        self.report(*tokens, at_ms=at_ms, click=click)
        self.store()


def name_of(token: DecisionToken) -> str:
    """The click id that the shop's page is told."""
    return click_id(token.decision_id, TOKEN_KEY)


def signed(secret: str, at: int, **report: object) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a postback."""
    body = msgspec.json.encode(report)
    return body, {"Sightline-Timestamp": str(at), "Sightline-Signature": postback.sign(body, at, secret)}


def bill(engine: Engine) -> int:
    return LedgerService(engine, CHAIN_ID).bill(10_000)


def rows(engine: Engine, query: str, **bound: object) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), bound)]


def prepare(database_url: str) -> None:
    """The tables of the indexer."""
    create_schema(database_url)
