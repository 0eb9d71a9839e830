"""SQL and Redis of serving: the catalogue's tables, the purses with their holds."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import redis
import redis.asyncio
from sqlalchemy import Connection, Row, TextClause, text

from backend.core.events import BidKind
from backend.core.reasons import NoBidReason
from backend.core.week import EVERY_HOUR, mask_of
from backend.serving.auction import Deal
from backend.serving.catalogue import (
    MS_PER_DAY,
    NO_BLOCKS,
    Blocks,
    Creative,
    LineItem,
    Placement,
    Purse,
    Spending,
    frequency_of,
)
from backend.serving.pacing.curve import FLAT
from backend.serving.purses import GIVE_BACK, HOLD, LOWER, NO_CAP, REFUSALS, SYNC, HoldAnswer, hour_key, keys
from backend.serving.wanted import wanted_of

BUDGETS_LOCK = 0x5167_4201
CURSOR_KEY = "sl:budgets:cursor"
TICKET_KEY = "sl:budgets:ticket"
# Gone a minute after the last refresh; health checks look at it.
FRESH_KEY, FRESH_SECONDS = "sl:budgets:fresh", 60
CAMPAIGNS_KEY = "sl:budgets:campaigns"
EVENT_STREAM = "sl:events"
SETTLED_MAX = 20_000


# ---- the catalogue --------------------------------------------------------------------------------------------------

_PLACEMENTS = text("""
select p.id, p.world_id, w.category, w.publisher_index, publisher.wallet, p.kind, p.width, p.height,
       p.floor_micro_usdc, p.status = 'active' as placement_active, w.status = 'active' as world_active,
       w.engine, p.width_mm, p.height_mm, p.external_demand, p.soft_floor_micro_usdc, p.deals_only,
       p.test_mode or (:require_proof and w.proof_state <> 'verified') as test, p.accepted_categories,
       s.indexes, s.basis_points, s.wallets
  from placement p join world w on w.id = p.world_id join publisher on publisher.index = w.publisher_index
  left join (
    select placement_id, array_agg(publisher_index) as indexes, array_agg(basis_points) as basis_points,
           array_agg(payee.wallet) as wallets
      from placement_share join publisher payee on payee.index = publisher_index group by placement_id
  ) s on s.placement_id = p.id
""")

_BLOCKS = text("select publisher_index, world_id, kind, value from publisher_block")
_DEALS = text("""
select id, placement_id, line_item_id, price_kind, price_micro_usdc from deal where status = 'accepted' order by id
""")

_LINE_ITEMS = text("""
select l.id, l.campaign_id, l.bid_kind, l.bid_micro_usdc, l.daily_cap_micro_usdc, l.total_cap_micro_usdc, l.pacing,
       l.starts_at, l.ends_at, l.targeting::text as targeting, l.status, l.hours, l.time_zone, l.frequency_impressions,
       l.frequency_hours, l.recency_minutes, c.owner, coalesce(c.funder, c.owner) as escrow_owner, c.meta, c.category,
       c.status as campaign_status, c.frozen, l.external,
       exists (select from conversion_goal goal where goal.campaign_id = c.id and goal.status = 'active') as has_goal
  from line_item l join campaign c on c.id = l.campaign_id
 where c.status <> 'ended' and l.ends_at > :now
 order by l.id
""")

_WEEK = text("select weights from pacing_week")

_CREATIVES = text("""
select id, line_item_id, kind, width, height, asset_url, asset_sha256, click_url, duration_ms
  from creative where status = 'approved' order by id
""")

_SPENDING = text("""
select s.line_item_id, sum(s.spent_micro_usdc) as total,
       coalesce(sum(s.spent_micro_usdc) filter (where s.day = cast(:now as date)), 0) as today
  from line_item_spend s join line_item l on l.id = s.line_item_id where l.ends_at > :now group by s.line_item_id
""")

_SPEND = text("""
select s.line_item_id, s.day - date '1970-01-01' as day, s.spent_micro_usdc
  from line_item_spend s join line_item l on l.id = s.line_item_id where l.ends_at > :now
""")


SUPPLY = ("placement", "world", "publisher", "placement_share", "publisher_block", "deal")
DEMAND = ("line_item", "campaign", "creative", "conversion_goal", "pacing_week")
# every version of a row has a place and a transaction of its own
_STATE = "(select count(*) || ':' || coalesce(sum(hashtextextended(ctid::text || xmin::text, 0)), 0) from {table})"
_STATES: dict[tuple[str, ...], TextClause] = {
    tables: text("select " + " || ' ' || ".join(_STATE.format(table=table) for table in tables))
    for tables in (SUPPLY, DEMAND)
}


def state_of(connection: Connection, tables: tuple[str, ...]) -> str:
    """A text that differs once any row of SUPPLY or DEMAND has: ten times cheaper than reading them, and without us."""
    return str(connection.execute(_STATES[tables]).scalar_one())


@dataclass(frozen=True, slots=True)
class Money:
    """What serving knows of the chain campaign behind a line item's campaign."""

    chain_campaign: int
    active: bool
    purse: Purse | None
    held: Mapping[str, int]


def read_placements(connection: Connection, require_proof: bool) -> dict[int, Placement]:
    """All placements by id, paused ones too: their answer is not that of an unknown one.

    With `require_proof` the surfaces of worlds whose control is not proved are in test mode (L57).
    """
    blocks, deals = _blocks(connection), _deals(connection)
    return {
        row.id: Placement(
            id=row.id, world=row.world_id, category=row.category, publisher=row.publisher_index, owner=row.wallet,
            kind=row.kind, width=row.width, height=row.height, floor_micro_usdc=row.floor_micro_usdc,
            placement_active=row.placement_active, world_active=row.world_active, test=row.test,
            accepts=frozenset(row.accepted_categories),
            shares=tuple(zip(row.indexes or (), row.basis_points or (), strict=True)),
            paid=frozenset(row.wallets or ()), engine=row.engine, width_mm=row.width_mm, height_mm=row.height_mm,
            external_demand=row.external_demand, soft_floor_micro_usdc=row.soft_floor_micro_usdc,
            deals=deals.get(row.id, ()), deals_only=row.deals_only,
            blocks=_merged(blocks.get((row.publisher_index, None)), blocks.get((row.publisher_index, row.world_id))),
        )
        for row in connection.execute(_PLACEMENTS, {"require_proof": require_proof})
    }


def _deals(connection: Connection) -> dict[int, tuple[tuple[int, Deal], ...]]:
    """Accepted deals, (line item, deal), by placement."""
    deals: dict[int, tuple[tuple[int, Deal], ...]] = defaultdict(tuple)
    for row in connection.execute(_DEALS):
        deal = Deal(row.id, row.price_micro_usdc, row.price_kind == "fixed")
        deals[row.placement_id] += ((row.line_item_id, deal),)
    return deals


def _blocks(connection: Connection) -> dict[tuple[int, int | None], Blocks]:
    """What publishers show not, by publisher and world (None: in none of its worlds)."""
    lists: dict[tuple[int, int | None], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in connection.execute(_BLOCKS):
        lists[row.publisher_index, row.world_id][row.kind].add(row.value)
    return {
        where: Blocks(
            frozenset(kinds["advertiser"]), frozenset(kinds["category"]), frozenset(map(int, kinds["creative"]))
        )
        for where, kinds in lists.items()
    }


def _merged(everywhere: Blocks | None, here: Blocks | None) -> Blocks:
    if everywhere is None or here is None:
        return everywhere or here or NO_BLOCKS
    return Blocks(
        everywhere.advertisers | here.advertisers, everywhere.categories | here.categories,
        everywhere.creatives | here.creatives,
    )


@dataclass(frozen=True, slots=True)
class Demand:
    """Line items as the tables describe them, without what their campaigns have on chain."""

    rows: Sequence[Row[Any]]
    creatives: Mapping[int, tuple[Creative, ...]]
    week: tuple[int, ...] = FLAT        # how traffic spreads over it, for pacing


def read_demand(connection: Connection, now_ms: int) -> Demand:
    """Of line items that are not over."""
    rows = connection.execute(_LINE_ITEMS, {"now": _when(now_ms)}).all()
    week: list[int] | None = connection.execute(_WEEK).scalar()
    return Demand(rows, _creatives(connection), tuple(week or FLAT))


def line_items_of(demand: Demand, money: Mapping[tuple[str, str], Money], now_ms: int) -> tuple[LineItem, ...]:
    """Line items that are not over. `money` is by owner and meta of the escrow account."""
    items = (
        _line_item(row, demand.creatives.get(row.id, ()), money.get((row.escrow_owner, row.meta)), demand.week)
        for row in demand.rows
    )
    return tuple(item for item in items if item.ends_ms > now_ms)


def read_spending(
    connection: Connection, demand: Demand, money: Mapping[tuple[str, str], Money], now_ms: int
) -> dict[int, Spending]:
    """What each line item has spent and may spend; of days, today is enough."""
    spent = {row.line_item_id: row for row in connection.execute(_SPENDING, {"now": _when(now_ms)})}
    today = now_ms // MS_PER_DAY
    return {
        row.id: _spending(row.id, spent.get(row.id), today, money.get((row.escrow_owner, row.meta)))
        for row in demand.rows
    }


def read_line_items(
    connection: Connection, money: Mapping[tuple[str, str], Money], now_ms: int
) -> tuple[tuple[LineItem, ...], dict[int, Spending]]:
    """Both at once, from what the tables hold now."""
    demand = read_demand(connection, now_ms)
    return line_items_of(demand, money, now_ms), read_spending(connection, demand, money, now_ms)


def read_spend(connection: Connection, now_ms: int) -> dict[int, dict[int, int]]:
    """Charged micro-USDC by line item and UTC day (days since 1970), of line items that are not over."""
    spend: dict[int, dict[int, int]] = defaultdict(dict)
    for row in connection.execute(_SPEND, {"now": _when(now_ms)}):
        spend[row.line_item_id][row.day] = row.spent_micro_usdc
    return spend


def _creatives(connection: Connection) -> dict[int, tuple[Creative, ...]]:
    found: dict[int, tuple[Creative, ...]] = defaultdict(tuple)
    for row in connection.execute(_CREATIVES):
        found[row.line_item_id] += (
            Creative(
                row.id, row.kind, row.width, row.height, row.asset_url, row.asset_sha256, row.click_url,
                row.duration_ms,
            ),
        )
    return found


def _line_item(
    row: Any, creatives: tuple[Creative, ...], money: Money | None, week: tuple[int, ...]
) -> LineItem:
    return LineItem(
        id=row.id, campaign=row.campaign_id, owner=row.owner, bid_kind=BidKind(row.bid_kind),
        bid_micro_usdc=row.bid_micro_usdc, starts_ms=_ms(row.starts_at), ends_ms=_ms(row.ends_at),
        even_pacing=row.pacing != "asap", front_loaded=row.pacing == "front_loaded",
        daily_cap_micro_usdc=row.daily_cap_micro_usdc,
        total_cap_micro_usdc=row.total_cap_micro_usdc, category=row.category, wanted=wanted_of(row.targeting),
        hours=EVERY_HOUR if row.hours is None else mask_of(row.hours), time_zone=row.time_zone or "UTC",
        frequency=frequency_of(row.frequency_impressions, row.frequency_hours, row.recency_minutes),
        creatives=creatives, line_item_active=row.status == "active",
        campaign_active=row.campaign_status == "active" and not row.frozen and (money is None or money.active),
        chain_campaign=money.chain_campaign if money else None, unfunded=unfunded(money), has_goal=row.has_goal,
        external=row.external, week=week,
    )


def unfunded(money: Money | None) -> NoBidReason | None:
    """Why there is no money at all, if there is none."""
    if money is None:
        return NoBidReason.NOT_FUNDED
    if money.purse is None:
        return NoBidReason.BUDGET_UNKNOWN
    return NoBidReason.NOT_FUNDED if money.purse.base <= 0 else None


def _spending(line_item: int, spent: Row[Any] | None, today: int, money: Money | None) -> Spending:
    held = money.held if money else {}
    prefix = f"line:{line_item}:"
    own = {purse.removeprefix(prefix): amount for purse, amount in held.items() if purse.startswith(prefix)}
    return Spending(
        left_micro_usdc=money.purse.left if money and money.purse else 0,
        spent_total_micro_usdc=int(spent.total) if spent else 0, held_total_micro_usdc=own.pop("total", 0),
        spent_by_day_micro_usdc={today: int(spent.today)} if spent else {},
        held_by_day_micro_usdc={int(day): amount for day, amount in own.items()},
    )


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _when(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


# ---- purses ---------------------------------------------------------------------------------------------------------


class Purses:
    """Holds of the deciding processes, on the asynchronous client."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._hold = client.register_script(HOLD)
        self._give_back = client.register_script(GIVE_BACK)
        self._lower = client.register_script(LOWER)

    async def hold(
        self, chain_campaign: int, price_micro_usdc: int, expires_ms: int, member: str, total: str, day: str,
        kept_total: int | None, kept_day: int | None,
    ) -> NoBidReason | None:
        """Take the price from every purse of the line item at once, or say why not. See `backend.serving.purses`."""
        answer = await self._hold(
            keys=keys(chain_campaign),
            args=[
                price_micro_usdc, expires_ms, member, total, day,
                NO_CAP if kept_total is None else kept_total, NO_CAP if kept_day is None else kept_day,
            ],
        )
        return REFUSALS.get(HoldAnswer(answer))

    async def give_back(self, chain_campaign: int, member: str) -> None:
        """Release a hold whose decision will never be charged; one that is gone is gone."""
        await self._give_back(keys=keys(chain_campaign), args=[member])

    async def lower(
        self, chain_campaign: int, member: str, price_micro_usdc: int, expires_ms: int, lowered: str
    ) -> None:
        """Hold less than before: `lowered` names the hold at its new price, and is what the settled event finds."""
        await self._lower(keys=keys(chain_campaign), args=[member, expires_ms, price_micro_usdc, lowered])

    async def begin_hour(self, chain_campaign: int, line_item: int, hour_ms: int, until_ms: int) -> bool:
        """Whether nobody has held the price of this hour of a sponsorship yet; from now on somebody has."""
        key = hour_key(chain_campaign, line_item, hour_ms)
        return bool(await self._redis.set(key, b"1", nx=True, pxat=until_ms))

    async def forget_hour(self, chain_campaign: int, line_item: int, hour_ms: int) -> None:
        """The price could not be held."""
        await self._redis.delete(hour_key(chain_campaign, line_item, hour_ms))


@dataclass(frozen=True, slots=True)
class PurseState:
    """Base and held micro-USDC of a campaign's purses, by purse."""

    base: Mapping[str, int]
    held: Mapping[str, int]

    @property
    def campaign(self) -> Purse | None:
        """None while the counters are unknown."""
        base = self.base.get("campaign")
        return None if base is None else Purse(base, self.held.get("campaign", 0))


def read_purses(client: redis.Redis, chain_campaigns: Sequence[int]) -> dict[int, PurseState]:
    """State of the purses of these campaigns, in one round trip."""
    pipeline = client.pipeline(transaction=False)
    for chain_campaign in chain_campaigns:
        base, held, _ = keys(chain_campaign)
        pipeline.hgetall(base)
        pipeline.hgetall(held)
    answers = [_integers(answer) for answer in pipeline.execute()]
    return {
        chain_campaign: PurseState(answers[2 * place], answers[2 * place + 1])
        for place, chain_campaign in enumerate(chain_campaigns)
    }


def _integers(answer: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in answer.items()}


# ---- keeping the purses in step with SQL ----------------------------------------------------------------------------

_LOCK = text("select pg_try_advisory_xact_lock(:lock)")

_CAPPED = text("""
select l.id, coalesce(c.funder, c.owner), c.meta, l.daily_cap_micro_usdc, l.total_cap_micro_usdc
  from line_item l join campaign c on c.id = l.campaign_id
 where (l.daily_cap_micro_usdc is not null or l.total_cap_micro_usdc is not null) and l.ends_at > :now
""")

_SETTLED = text("""
select settled_seq, chain_campaign, line_item_id, price_micro_usdc, decision_id
  from event where settled_seq > :cursor and price_micro_usdc > 0 order by settled_seq limit :most
""")

_LAST_SETTLED = text("select coalesce(max(settled_seq), 0) from event")
_OLDEST_ACCEPTED = text("select min(received_ms) from event where status = 'accepted'")


@dataclass(frozen=True, slots=True)
class CappedLineItem:
    id: int
    escrow_owner: str
    meta: str
    daily_cap_micro_usdc: int | None
    total_cap_micro_usdc: int | None


@dataclass(frozen=True, slots=True)
class SettledEvent:
    """An event that the ledger has decided; `price_micro_usdc` was held for it."""

    settled_seq: int
    chain_campaign: int
    line_item: int
    price_micro_usdc: int
    decision_id: str


def lock_budgets(connection: Connection) -> bool:
    """Whether this transaction is the one that syncs budgets."""
    return bool(connection.execute(_LOCK, {"lock": BUDGETS_LOCK}).scalar())


def read_capped_line_items(connection: Connection, now_ms: int) -> list[CappedLineItem]:
    rows = connection.execute(_CAPPED, {"now": _when(now_ms - MS_PER_DAY)})
    return [CappedLineItem(*row) for row in rows]


def read_settled(connection: Connection, cursor: int) -> list[SettledEvent]:
    """Billable events settled after the cursor, in the order of settlement, at most 20,000."""
    return [SettledEvent(*row) for row in connection.execute(_SETTLED, {"cursor": cursor, "most": SETTLED_MAX})]


def last_settled(connection: Connection) -> int:
    return int(connection.execute(_LAST_SETTLED).scalar_one())


def oldest_accepted_ms(connection: Connection) -> int | None:
    """When the oldest event came in that the ledger has not decided yet."""
    oldest: int | None = connection.execute(_OLDEST_ACCEPTED).scalar()
    return oldest


def oldest_in_stream_ms(client: redis.Redis) -> int | None:
    """When the oldest event came in that is not in SQL yet; what the consumer has stored, it deletes."""
    first = cast("list[tuple[bytes, object]]", client.xrange(EVENT_STREAM, count=1))
    return int(first[0][0].split(b"-")[0]) if first else None


def take_ticket(client: redis.Redis) -> int:
    """A number that grows: who reads SQL after a later ticket knows more, and is not overwritten by who knows less."""
    with client.pipeline() as pipe:
        pipe.incr(TICKET_KEY)
        pipe.set(FRESH_KEY, b"1", ex=FRESH_SECONDS)
        return int(pipe.execute()[0])


def read_cursor(client: redis.Redis) -> int | None:
    cursor = cast("bytes | None", client.get(CURSOR_KEY))
    return None if cursor is None else int(cursor)


def write_cursor(client: redis.Redis, cursor: int) -> None:
    client.set(CURSOR_KEY, cursor)


def known_campaigns(client: redis.Redis) -> set[int]:
    """Campaigns that have purses."""
    return {int(member) for member in cast("set[bytes]", client.smembers(CAMPAIGNS_KEY))}


def remember_campaigns(client: redis.Redis, chain_campaigns: Iterable[int]) -> None:
    if members := list(chain_campaigns):
        client.sadd(CAMPAIGNS_KEY, *members)


def sync_purses(
    client: redis.Redis, chain_campaign: int, ticket: int, settled_until_ms: int, bases: Mapping[str, int],
    settled_holds: Sequence[str],
) -> int:
    """Replace a campaign's bases and release holds; see `backend.serving.purses.SYNC` for the answer."""
    pairs = [part for pair in bases.items() for part in pair]
    arguments = [ticket, settled_until_ms, len(bases), *pairs, *settled_holds]
    return int(client.register_script(SYNC)(keys=keys(chain_campaign), args=arguments))
