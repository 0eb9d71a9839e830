"""Fills SQL with advertisers and worlds, as the API and the indexer would, for benchmarks and tests of serving."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from indexer.schema import create_schema

SHAPE = (1024, 512)


class Market:
    """Rows of `campaign`, `line_item`, `placement` and so on; `chain_campaign` as if their deposits were confirmed."""

    def __init__(self, engine: Engine, database_url: str, chain_id: int = 31337) -> None:
        self.engine = engine
        self.chain_id = chain_id
        create_schema(database_url)
        self._insert(
            "chain_cursor", chain_id=chain_id, number=100, hash="0x", confirmed_number=100, genesis_hash="0x",
            escrow="0x", payout="0x", schema_version=1,
        )

    def campaign(self, number: int, deposited_micro_usdc: int, owner: str = "") -> int:
        """A campaign described and funded; `number` is its place on chain. Gives the row's id."""
        owner = owner or f"0x{number:040x}"
        meta = f"0x{number:064x}"
        self._insert(
            "chain_campaign", chain_id=self.chain_id, campaign=number, owner=owner, meta=meta,
            deposited=deposited_micro_usdc, withdrawn=0, reserved=0, reserved_executable_at=0, reserved_after_epoch=0,
            debited=0, remaining=deposited_micro_usdc, active=True, epoch_cap=0, epoch_cap_from=0, opened_number=1,
        )
        return self._insert(
            "campaign", "id", owner=owner, name=f"Campaign {number}", category="other", meta=meta, status="active"
        )

    def line_item(self, campaign: int, bid_micro_usdc: int, **columns: Any) -> int:
        """A line item with an image of the usual shape, a day either way, spending as fast as it can."""
        now = datetime.now(UTC)
        defaults = {
            "name": "Line item", "bid_kind": "vcpm", "pacing": "asap", "starts_at": now - timedelta(days=1),
            "ends_at": now + timedelta(days=1), "status": "active", "targeting": "{}",
        }
        item = self._insert(
            "line_item", "id", campaign_id=campaign, bid_micro_usdc=bid_micro_usdc, **(defaults | columns)
        )
        self._insert(
            "creative", "id", line_item_id=item, kind="image", width=SHAPE[0], height=SHAPE[1],
            asset_url=f"https://assets.example/{item}.png", asset_sha256="ab" * 32,
            click_url=f"https://advertiser.example/{item}", status="approved",
        )
        return item

    def world(self, publisher: int, **columns: Any) -> int:
        """A world of that publisher, who is there afterwards."""
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "insert into publisher (index, wallet, payout_mode) values (:index, :wallet, 'auto')"
                    " on conflict do nothing"
                ),
                {"index": publisher, "wallet": f"0xf{publisher:039x}"},
            )
        defaults = {"name": "World", "engine": "three", "category": "social", "url": "https://world.example"}
        defaults["status"] = "active"
        return self._insert("world", "id", publisher_index=publisher, **(defaults | columns))

    def placement(self, world: int, floor_micro_usdc: int = 1_000, **columns: Any) -> int:
        """A surface for images of the usual shape."""
        defaults = {"name": "Board", "kind": "image", "width": SHAPE[0], "height": SHAPE[1], "status": "active"}
        rest = defaults | columns
        return self._insert("placement", "id", world_id=world, floor_micro_usdc=floor_micro_usdc, **rest)

    def block(self, publisher: int, world: int | None, kind: str, value: str) -> int:
        """What the publisher does not show in this world; None: in none of its worlds."""
        return self._insert(
            "publisher_block", "id", publisher_index=publisher, world_id=world, kind=kind, value=value
        )

    def _insert(self, table: str, returning: str = "", **columns: Any) -> int:
        names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
        ending = f" returning {returning}" if returning else ""
        with self.engine.begin() as connection:
            result = connection.execute(text(f"insert into {table} ({names}) values ({values}){ending}"), columns)
            return int(result.scalar_one()) if returning else 0
