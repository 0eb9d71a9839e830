"""Placements and line items as the tables describe them: all, or those that a change has named."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from backend.core.events import BidKind
from backend.core.week import EVERY_HOUR, mask_of
from backend.serving.auction import Deal
from backend.serving.catalogue import NO_BLOCKS, Blocks, Creative, LineItem, Placement, frequency_of
from backend.serving.pacing.curve import FLAT
from backend.serving.wanted import wanted_of

_PLACEMENTS = """
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
"""
_NAMED_PLACEMENTS = """
 where p.id = any(:placements) or p.world_id = any(:worlds) or w.publisher_index = any(:publishers)
"""

_BLOCKS = text("select publisher_index, world_id, kind, value from publisher_block")
_DEALS = text("""
select id, placement_id, line_item_id, price_kind, price_micro_usdc from deal where status = 'accepted' order by id
""")

_LINE_ITEMS = """
select l.id, l.campaign_id, l.bid_kind, l.bid_micro_usdc, l.daily_cap_micro_usdc, l.total_cap_micro_usdc, l.pacing,
       l.starts_at, l.ends_at, l.targeting::text as targeting, l.status, l.hours, l.time_zone, l.frequency_impressions,
       l.frequency_hours, l.recency_minutes, c.owner, coalesce(c.funder, c.owner) as escrow_owner, c.meta, c.category,
       c.status as campaign_status, c.frozen, l.external,
       exists (select from conversion_goal goal where goal.campaign_id = c.id and goal.status = 'active') as has_goal
  from line_item l join campaign c on c.id = l.campaign_id
 where c.status <> 'ended' and l.ends_at > :now {named} order by l.id
"""
_NAMED_LINE_ITEMS = "and (l.id = any(:line_items) or l.campaign_id = any(:campaigns))"

_NAMED_CREATIVES = """
   and line_item_id in (select id from line_item where id = any(:line_items) or campaign_id = any(:campaigns))
"""

# Two accounts belong together when whoever stands for one of them (its wallet, its owners) is a member of the other.
_KIN = text("""
with named as (
    select unnest(cast(:accounts as text[])) as account
), person as (
    select account, account as wallet, true as stands_for_it from named
    union all
    select member.account, member.wallet, member.role = 'owner' from named join member using (account)
)
select account, wallet as kin from person where wallet <> account
union
select person.account, member.account from person
  join member on member.wallet = person.wallet and (person.stands_for_it or member.role = 'owner')
 where member.account <> person.account
""")

# What the memberships of some wallets (hashes, see the triggers of `member`) bear on: their own accounts and those of
# which they are members; on placements by owner and by share.
_OF_MEMBERS = text("""
with touched as (
    select index from publisher
     where hashtextextended(wallet, 0) = any(:hashes)
        or wallet in (select account from member where hashtextextended(member.wallet, 0) = any(:hashes))
)
select p.id from placement p join world w on w.id = p.world_id join touched on touched.index = w.publisher_index
union select placement_id from placement_share join touched on touched.index = publisher_index
""")

_WEEK = text("select weights from pacing_week")

_CREATIVES = """
select id, line_item_id, kind, width, height, asset_url, asset_sha256, click_url, duration_ms, alt_text
  from creative where status = 'approved' {named} order by id
"""

SOME_AT_ONCE = {"yield_per": 2_000}
NOBODY: frozenset[str] = frozenset()
Account = tuple[str, str]
"""Owner and meta of an escrow account: by them a chain campaign belongs to one that is described."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Which placements are meant."""

    placements: Collection[int] = ()
    worlds: Collection[int] = ()
    publishers: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """Which line items are meant."""

    line_items: Collection[int] = ()
    campaigns: Collection[int] = ()


class Described(NamedTuple):
    """A line item, as if nothing were known of its money; and the account that pays."""

    item: LineItem
    account: Account


def read_placements(connection: Connection, require_proof: bool, only: Supply | None = None) -> dict[int, Placement]:
    """Placements by id, paused ones too: their answer is not that of an unknown one.

    With `require_proof` the surfaces of worlds whose control is not proved are in test mode (L57).
    """
    statement = text(_PLACEMENTS + (_NAMED_PLACEMENTS if only else ""))
    named = {} if only is None else {
        "placements": list(only.placements), "worlds": list(only.worlds), "publishers": list(only.publishers),
    }
    rows = connection.execute(statement, {"require_proof": require_proof, **named}).all()
    blocks, deals = _blocks(connection), _deals(connection)
    kin = _kin(connection, {wallet for row in rows for wallet in (row.wallet, *(row.wallets or ()))})
    return {row.id: _placement(row, blocks, deals, kin) for row in rows}


def placements_of_members(connection: Connection, hashes: Collection[int]) -> frozenset[int]:
    """Whatever may have other `kin` since these wallets (`hashes`, as a change names them) joined, left or rose."""
    return frozenset(connection.execute(_OF_MEMBERS, {"hashes": list(hashes)}).scalars())


def _kin(connection: Connection, accounts: Collection[str]) -> dict[str, frozenset[str]]:
    """Who belongs to these accounts; those to whom nobody does are left out."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(_KIN, {"accounts": list(accounts)}):
        found[row.account].add(row.kin)
    return {account: frozenset(kin) for account, kin in found.items()}


def _kin_of_all(kin: Mapping[str, frozenset[str]], row: Any) -> frozenset[str]:
    """Of whoever is paid for the placement. Most have one publisher, whose placements have one set in common."""
    found = kin.get(row.wallet, NOBODY)
    return found.union(*(kin.get(wallet, NOBODY) for wallet in row.wallets)) if row.wallets else found


def _placement(
    row: Any, blocks: Mapping[tuple[int, int | None], Blocks], deals: Mapping[int, tuple[tuple[int, Deal], ...]],
    kin: Mapping[str, frozenset[str]],
) -> Placement:
    return Placement(
        id=row.id, world=row.world_id, category=row.category, publisher=row.publisher_index, owner=row.wallet,
        kind=row.kind, width=row.width, height=row.height, floor_micro_usdc=row.floor_micro_usdc,
        placement_active=row.placement_active, world_active=row.world_active, test=row.test,
        accepts=frozenset(row.accepted_categories),
        shares=tuple(zip(row.indexes or (), row.basis_points or (), strict=True)),
        paid=frozenset(row.wallets or ()), kin=_kin_of_all(kin, row), engine=row.engine, width_mm=row.width_mm,
        height_mm=row.height_mm,
        external_demand=row.external_demand, soft_floor_micro_usdc=row.soft_floor_micro_usdc,
        deals=deals.get(row.id, ()), deals_only=row.deals_only,
        blocks=_merged(blocks.get((row.publisher_index, None)), blocks.get((row.publisher_index, row.world_id))),
    )


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


def read_week(connection: Connection) -> tuple[int, ...]:
    """How traffic spreads over the hours of the week, for pacing."""
    week: list[int] | None = connection.execute(_WEEK).scalar()
    return tuple(week or FLAT)


def read_line_items(
    connection: Connection, now_ms: int, only: Demand | None = None, week: tuple[int, ...] = FLAT
) -> list[Described]:
    """Line items that are not over, with what is approved for them.

    Rows come some at a time, and texts that many have in common are kept once: a hundred thousand line items take a
    third of a gigabyte otherwise.
    """
    bound: dict[str, Any] = {"now": _when(now_ms)}
    named = ""
    if only is not None:
        named = _NAMED_LINE_ITEMS
        bound |= {"line_items": list(only.line_items), "campaigns": list(only.campaigns)}
    creatives = _creatives(connection, None if only is None else only)
    accounts: dict[Account, Account] = {}
    found: list[Described] = []
    for row in connection.execute(text(_LINE_ITEMS.format(named=named)), bound, execution_options=SOME_AT_ONCE):
        account = accounts.setdefault((row.escrow_owner, row.meta), (row.escrow_owner, row.meta))
        owner = account[0] if row.owner == account[0] else row.owner
        found.append(Described(_line_item(row, owner, creatives.pop(row.id, ()), week), account))
    return found


def line_items_of_campaigns(connection: Connection, campaigns: Collection[int]) -> frozenset[int]:
    """Whatever belongs to them, over or not."""
    statement = text("select id from line_item where campaign_id = any(:campaigns)")
    return frozenset(connection.execute(statement, {"campaigns": list(campaigns)}).scalars())


def _creatives(connection: Connection, only: Demand | None) -> dict[int, tuple[Creative, ...]]:
    found: dict[int, tuple[Creative, ...]] = {}
    named = "" if only is None else _NAMED_CREATIVES
    bound = {} if only is None else {"line_items": list(only.line_items), "campaigns": list(only.campaigns)}
    for row in connection.execute(text(_CREATIVES.format(named=named)), bound, execution_options=SOME_AT_ONCE):
        one = Creative(
            row.id, intern(row.kind), row.width, row.height, row.asset_url, row.asset_sha256, row.click_url,
            row.duration_ms, row.alt_text,
        )
        found[row.line_item_id] = (*found.get(row.line_item_id, ()), one)
    return found


def _line_item(row: Any, owner: str, creatives: tuple[Creative, ...], week: tuple[int, ...]) -> LineItem:
    return LineItem(
        id=row.id, campaign=row.campaign_id, owner=owner, bid_kind=BidKind(row.bid_kind),
        bid_micro_usdc=row.bid_micro_usdc, starts_ms=_ms(row.starts_at), ends_ms=_ms(row.ends_at),
        even_pacing=row.pacing != "asap", front_loaded=row.pacing == "front_loaded",
        daily_cap_micro_usdc=row.daily_cap_micro_usdc,
        total_cap_micro_usdc=row.total_cap_micro_usdc, category=intern(row.category), wanted=wanted_of(row.targeting),
        hours=EVERY_HOUR if row.hours is None else mask_of(row.hours), time_zone=intern(row.time_zone or "UTC"),
        frequency=frequency_of(row.frequency_impressions, row.frequency_hours, row.recency_minutes),
        creatives=creatives, line_item_active=row.status == "active",
        campaign_active=row.campaign_status == "active" and not row.frozen, has_goal=row.has_goal,
        external=row.external, week=week,
    )


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


def _when(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)
