"""SQL and Redis of asking external bidders: who they are, and what became of asking them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis.asyncio
from sqlalchemy import Connection, text

from backend.openrtb.bidder import Bidder, WorldNames

COUNTS_KEY = "sl:rtb:bidders:"
COUNTS_DAYS = 8

_BIDDERS = text("""
select id, line_item_id, endpoint, seat, timeout_ms, qps_max
  from external_bidder where status = 'active' and approved
""")

# a host is proved by the same ways as for sellers.json
_WORLDS = text("""
select w.id, w.name, w.url, p.listed_name, p.listed_domain,
       w.proof_state = 'verified' and w.proof_method in ('dns', 'file', 'wallet_file') as proved,
       array(select url from world o where o.publisher_index = p.index and o.proof_state = 'verified'
                and o.proof_method in ('dns', 'file', 'wallet_file')) as urls
  from world w join publisher p on p.index = w.publisher_index
 where p.listed_name is not null and exists (select from placement where world_id = w.id and external_demand)
""")


@dataclass(frozen=True, slots=True)
class Outside:
    """Bidders that may be asked, by line item, and by number the worlds that may be named to them."""

    bidders: Mapping[int, Bidder]
    worlds: Mapping[int, WorldNames]


def read_outside(connection: Connection) -> Outside:
    bidders = {
        row.line_item_id: Bidder(row.id, row.line_item_id, row.endpoint, row.seat, row.timeout_ms, row.qps_max)
        for row in connection.execute(_BIDDERS)
    }
    worlds = {
        row.id: WorldNames(row.name, _host(row.url) if row.proved else None, row.listed_name, row.listed_domain)
        for row in (connection.execute(_WORLDS) if bidders else ())
        if row.listed_domain in {_host(url) for url in row.urls}        # or it is not that publisher's any more
    }
    return Outside(bidders, worlds)


def _host(url: str) -> str | None:
    return urlsplit(url).hostname


async def add_counts(client: redis.asyncio.Redis, day: int, counts: Mapping[tuple[int, str], int]) -> None:
    """Add what became of asking, by bidder and outcome, on a UTC day."""
    pipeline = client.pipeline(transaction=False)
    for (bidder, outcome), n in counts.items():
        pipeline.hincrby(f"{COUNTS_KEY}{day}:{bidder}", outcome, n)
    for bidder in {bidder for bidder, _ in counts}:
        pipeline.expire(f"{COUNTS_KEY}{day}:{bidder}", COUNTS_DAYS * 86_400)
    await pipeline.execute()
