"""SQL and Redis of answering exchanges: who they are, what a creative is, what was said of a bid."""

from collections.abc import Mapping
from dataclasses import dataclass

import redis.asyncio
from sqlalchemy import Connection, text

from backend.core.client_ip import networks
from backend.core.exchange import Candidate
from backend.openrtb.exchange import Exchange, Slot, tag_of

NOTICE_KEY = "sl:rtb:notice:"
VIDEO_KEY = "sl:rtb:video:"
VIDEO_DAYS = 32

_EXCHANGES = text("""
select e.id, e.name, e.domain, e.seat, e.token_digest, e.networks, e.strict, e.needs_schain, e.click_macro,
       w.publisher_index, e.status = 'active' and w.status = 'active' as active
  from exchange e join world w on w.id = e.world_id
""")

_SLOTS = text("""
select e.id as exchange, p.id, p.name, p.kind, p.width, p.height, p.status = 'active' as active
  from exchange e join placement p on p.world_id = e.world_id order by p.id
""")

# of hosted assets: their addresses do not end like files
_MEDIA = text("""
select c.id, max(a.media_type) as media_type
  from creative c join asset a on a.sha256 = c.asset_sha256
 where c.status = 'approved' and c.hosted and c.kind in ('image', 'video') group by c.id
""")

_CREATIVE = text("""
select c.id, c.line_item_id, l.campaign_id, campaign.category, c.kind, c.width, c.height, c.duration_ms, c.asset_url,
       c.click_url, c.alt_text, (select max(a.media_type) from asset a where a.sha256 = c.asset_sha256) as media_type
  from creative c join line_item l on l.id = c.line_item_id join campaign on campaign.id = l.campaign_id
 where c.id = :creative
""")


@dataclass(frozen=True, slots=True)
class Directory:
    """Exchanges by the digest of their token; media types of creatives whose addresses do not tell them.

    `selling` tells by placement whose it is, paused or not: what was bid before may be billed by it alone.
    """

    exchanges: Mapping[str, Exchange]
    media: Mapping[int, str]
    selling: Mapping[int, Exchange]


def read_directory(connection: Connection) -> Directory:
    slots: dict[int, list[Slot]] = {}
    placements: dict[int, list[int]] = {}
    for row in connection.execute(_SLOTS):
        placements.setdefault(row.exchange, []).append(row.id)
        if row.active:
            slot = Slot(row.id, row.kind, row.width, row.height, tag_of(row.name))
            slots.setdefault(row.exchange, []).append(slot)
    exchanges: dict[str, Exchange] = {}
    selling: dict[int, Exchange] = {}
    for row in connection.execute(_EXCHANGES):
        found = Exchange(
            row.id, row.name, row.domain, row.seat, row.publisher_index, networks(row.networks), row.strict,
            row.needs_schain, row.click_macro, tuple(slots.get(row.id, ())),
        )
        selling |= dict.fromkeys(placements.get(row.id, ()), found)
        if row.active:
            exchanges[row.token_digest] = found
    media = {row.id: row.media_type for row in connection.execute(_MEDIA)} if exchanges else {}
    return Directory(exchanges, media, selling)


def read_creative(connection: Connection, creative: int) -> tuple[Candidate, str | None] | None:
    """A creative, approved or not any more, and its media type where we host it."""
    row = connection.execute(_CREATIVE, {"creative": creative}).one_or_none()
    if row is None:
        return None
    return Candidate(
        row.line_item_id, row.campaign_id, row.category, row.id, row.kind, row.width, row.height, row.duration_ms,
        row.asset_url, row.click_url, row.alt_text,
    ), row.media_type


class Notices:
    """The first notice of each bid, which all workers see, and how far videos were played."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client

    async def first(self, decision: str, said: str, keep_ms: int) -> str | None:
        """Remember `said` if nothing was said of this bid yet; else what was. One of any number at once is the first.
        """
        key = NOTICE_KEY + decision
        if await self._redis.set(key, said, nx=True, px=keep_ms):
            return None
        before = await self._redis.get(key)
        return _decoded(before) if before is not None else said

    async def put(self, decision: str, said: str, keep_ms: int) -> None:
        """What is said from now on."""
        await self._redis.set(NOTICE_KEY + decision, said, px=keep_ms)

    async def count(self, day: int, line_item: int, event: str) -> None:
        """One more event of a player on that UTC day."""
        key = f"{VIDEO_KEY}{day}:{line_item}"
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hincrby(key, event, 1)
        pipeline.expire(key, VIDEO_DAYS * 86_400)
        await pipeline.execute()


def _decoded(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
