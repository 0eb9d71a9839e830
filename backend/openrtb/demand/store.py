"""SQL and Redis of asking external bidders: who they are, and what became of asking them."""

from collections.abc import Mapping

import redis.asyncio
from sqlalchemy import Connection, text

from backend.openrtb.bidder import Bidder

COUNTS_KEY = "sl:rtb:bidders:"
COUNTS_DAYS = 8

_BIDDERS = text("""
select id, line_item_id, endpoint, seat, timeout_ms, qps_max
  from external_bidder where status = 'active' and approved
""")


def read_bidders(connection: Connection) -> dict[int, Bidder]:
    """Bidders that may be asked, by line item."""
    return {
        row.line_item_id: Bidder(row.id, row.line_item_id, row.endpoint, row.seat, row.timeout_ms, row.qps_max)
        for row in connection.execute(_BIDDERS)
    }


async def add_counts(client: redis.asyncio.Redis, day: int, counts: Mapping[tuple[int, str], int]) -> None:
    """Add what became of asking, by bidder and outcome, on a UTC day."""
    pipeline = client.pipeline(transaction=False)
    for (bidder, outcome), n in counts.items():
        pipeline.hincrby(f"{COUNTS_KEY}{day}:{bidder}", outcome, n)
    for bidder in {bidder for bidder, _ in counts}:
        pipeline.expire(f"{COUNTS_KEY}{day}:{bidder}", COUNTS_DAYS * 86_400)
    await pipeline.execute()
