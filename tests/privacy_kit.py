"""A row in every table that holds data of accounts, with a mark in every text that a person could have written."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Column, Connection, Engine, Table
from sqlmodel import SQLModel

from backend.api import limits, problems
from backend.config import Settings
from backend.core.ids import Address
from backend.db import tables  # noqa: F401 -- declares the metadata
from backend.db.sealed import seal
from backend.main import serve
from backend.main.areas import accounts, privacy
from backend.privacy.holdings import HOLDINGS, Holding

WALLETS = ("account", "wallet", "owner", "created_by", "invited_by", "actor", "publisher", "advertiser")
# columns of rows that stay after an erasure, and that never hold what a person wrote: references, words of ours, hashes
HARMLESS = frozenset({
    "reference", "payment_intent", "session", "tier", "status", "dispute", "outcome", "warning", "tx_hash",
    "order_reference", "stripe_id", "category", "meta", "owner", "funder", "account", "kind", "wallet",
    "payout_mode", "engine", "proof_token", "proof_state", "proof_method", "ads_txt_state", "bid_kind", "pacing",
    "hours", "time_zone", "asset_sha256", "decided_by", "claimed_by", "appeal", "moderator", "action", "actor",
    "subject", "contract", "event", "topic0", "decision_id", "state", "reason", "touch", "event_id", "sha256",
    "raw", "number", "targeting", "reasons", "details", "done", "accepted_categories",
    "level", "rule", "scope", "evidence", "ruleset", "publisher", "advertiser", "price_kind",
})
# what constraints ask for
VALUES: dict[str, Any] = {
    "traffic_flag.scope": "all", "traffic_flag.status": "standing",
    "exchange.status": "active", "external_bidder.status": "active", "external_bidder.timeout_ms": 100,
    "external_bidder.qps_max": 100,
    "session.expires_at": datetime(2026, 12, 1, tzinfo=UTC),
    "session.last_used_at": datetime(2026, 11, 2, 10, tzinfo=UTC),
    "member.role": "owner", "invitation.role": "reporter", "platform_role.role": "moderator",
    "line_item.bid_kind": "vcpm", "line_item.hours": None, "line_item.time_zone": None,
    "line_item.booked_placement_id": None, "line_item.frequency_impressions": None, "line_item.frequency_hours": None,
    "line_item.ends_at": datetime(2027, 1, 1, tzinfo=UTC), "line_item.pacing": "even",
    "deal.price_kind": "fixed", "deal.status": "accepted", "placement.soft_floor_micro_usdc": None,
    "campaign.status": "active", "line_item.status": "active", "conversion_goal.status": "active",
    "creative.kind": "image", "creative.status": "approved", "creative.appeal": None, "creative.lineage_id": None,
    "asset.kind": "image", "conversion_goal.kind": "postback", "conversion_goal.contract": None,
    "conversion_goal.topic0": None, "conversion_goal.view_days": 0, "conversion.state": "counted",
    "conversion.reason": None, "conversion.touch": "click",
    "card_payment.status": "deposited", "card_refund.status": "succeeded", "treasury_order.status": "done",
    "billing_document.kind": "invoice",
    "onramp_session.status": "fulfillment_complete",
    "publisher.payout_mode": "auto", "world.proof_state": "unverified", "world.proof_method": None,
    "world.ads_txt_state": None, "world.status": "active", "placement.kind": "image", "placement.status": "active",
    "publisher_block.kind": "advertiser", "webhook.status": "active", "webhook_delivery.status": "delivered",
    "privacy_export.status": "deleted",
}
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def fill(connection: Connection, account: Address, mark: str, number: int) -> dict[str, dict[str, Any]]:
    """A row of every table of accounts, all of one account, by table; texts contain `mark`, numbers are `number`."""
    rows: dict[str, dict[str, Any]] = {}
    for holding in reversed(HOLDINGS):      # parents first
        if holding.of is None or holding.table == "erasure":
            continue
        table = table_of(holding.table)
        row = {
            column.name: value
            for column in table.columns
            if (value := _value(connection, holding, column, account, mark, number, rows)) is not _SKIP
        }
        stored = connection.execute(table.insert().values(row).returning(table)).mappings().one()
        rows[table.name] = dict(stored)
    return rows


_SKIP = object()


def _value(
    connection: Connection, holding: Holding, column: Column[Any], account: Address, mark: str, number: int,
    rows: dict[str, dict[str, Any]],
) -> Any:
    place = f"{holding.table}.{column.name}"
    if column.identity is not None:
        return _SKIP
    if place in VALUES:
        return VALUES[place]
    if column.name in WALLETS and type(column.type).__name__ != "Boolean":     # organisation.advertiser is a side
        return account
    if parent := _parent(holding, column):
        return rows[parent[0]][parent[1]]
    return _of_type(connection, holding, column, account, f"{mark} {place}", number)


def _parent(holding: Holding, column: Column[Any]) -> tuple[str, str] | None:
    """Table and column that this one refers to."""
    for key in column.foreign_keys:
        return key.column.table.name, key.column.name
    if holding.of and holding.of.through and column.name == holding.of.columns[0]:
        return holding.of.through, holding.of.key
    return None


def _of_type(
    connection: Connection, holding: Holding, column: Column[Any], account: Address, mark: str, number: int
) -> Any:
    kind = type(column.type).__name__
    harmless = holding.erase != "deleted" and column.name in HARMLESS
    if kind in ("Text", "AutoString"):
        text = f"{holding.table}-{column.name}-{number}" if harmless else mark
        return seal(connection, account, text) if column.name in holding.sealed else text
    if kind == "JSONB":
        return {} if harmless else {"text": mark}
    if kind == "ARRAY":
        return [] if harmless else [mark]
    if kind == "Boolean":
        return column.name != "test_mode"
    if kind == "DateTime":
        return NOW
    return date(2026, 11, 1) if kind == "Date" else number


def table_of(name: str) -> Table:
    return SQLModel.metadata.tables[name]


def small_app(settings: Settings, engine: Engine, clock: Callable[[], float]) -> FastAPI:
    """Sign-in and privacy only, wired as in production: the whole API takes seconds to build."""
    parts = serve._parts(settings, engine, clock)
    app = FastAPI()
    problems.install(app)
    for area in (accounts, privacy):
        area.include(app, parts)
    limits.protect(app)
    return app
