"""Keeps the market of a deciding process fresh: terms and rates from SQL, budgets from Redis, only what is new."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import redis

from backend.core.errors import Unavailable
from backend.core.reasons import NoBidReason
from backend.db.engine import Connection, Engine
from backend.pctr.learning import Learning
from backend.pctr.quality import AS_IT_IS, Bounds
from backend.pctr.rate import Rates
from backend.pctr.store import read_fresh
from backend.serving.catalogue import Catalogue, LineItem, Placement
from backend.serving.feed import store
from backend.serving.feed.described import store as described
from backend.serving.index.market import Known, Market, by_placement, known, order_of
from backend.serving.index.order import Order
from backend.serving.index.pace import Paces, paces_of
from backend.serving.index.terms import Compiler, Terms
from backend.serving.published import Budgets

log = logging.getLogger("sightline.serving")

RETRY_AFTER_SECONDS = 2
RATES_MS = 10_000
READ_MS_MAX = 600_000           # after such a pause everything is read: changes are kept for an hour only
CHANGED_MAX = 20_000            # of more line items at once, everything is read


@dataclass
class _Known:
    """What the feed has read, between two refreshes."""

    seen: store.Seen
    version: int
    placements: Mapping[int, Placement]
    accounts: dict[int, tuple[described.Account, bool]]     # of a line item: who pays, and whether it is active here
    paid_by: dict[described.Account, set[int]]
    read_ms: int


class CatalogueFeed:
    """The newest market, in memory. Without SQL the last one serves on, for `stale_seconds_max` and no longer."""

    def __init__(
        self, engine: Engine, client: redis.Redis, chain_id: int, *, refresh_seconds: float = 0.3,
        stale_seconds_max: float = 30.0, require_proof: bool = False, quality: Bounds = AS_IT_IS,
    ) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id
        self._require_proof = require_proof
        self._refresh_seconds = refresh_seconds
        self._stale_ms_max = int(stale_seconds_max * 1000)
        self._missing = "database_unavailable"
        self._market: Market | None = None
        self._catalogue: tuple[Market, Catalogue] | None = None
        self._compiler = Compiler()
        self._known: _Known | None = None
        self._week: tuple[int, ...] = ()
        self._read: list[described.Described] = []
        self._budgets = Budgets()
        self._click_urls: dict[int, str] = {}
        self._learning = Learning(quality)
        self._generation = 0
        self._counted_ms = 0
        self._rates = Rates()
        self._cells: Mapping[int, tuple[int, ...]] = {}

    def current(self, now_ms: int) -> Market:
        """Raises Unavailable when there is no market that is fresh enough to spend money on."""
        market = self._market
        if market is None or now_ms - market.loaded_ms > self._stale_ms_max:
            raise Unavailable(
                self._missing, "the catalogue cannot be read", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        return market

    def newest(self, now_ms: int) -> Catalogue:
        """The last market, however old, in full, for whoever spends no money on it; loaded when there is none yet."""
        market = self._market or self.refresh(now_ms)
        if self._catalogue is None or self._catalogue[0] is not market:
            items = tuple(market.terms.item(slot) for slot in market.terms.alive.tolist())
            placements, rates = market.placements, market.known.rates
            self._catalogue = (market, Catalogue(market.version, market.loaded_ms, placements, items, rates))
        return self._catalogue[1]

    @property
    def click_urls(self) -> Mapping[int, str]:
        """Where clicks lead, of every creative that was in a catalogue since the process began."""
        return self._click_urls

    def click_url(self, creative: int) -> str | None:
        """Where a click leads, from the last market that knew the creative, however old."""
        return self._click_urls.get(creative)

    def refresh(self, now_ms: int) -> Market:
        """A new market, from one snapshot of SQL and the newest budgets. For one thread at a time."""
        try:
            return self._load(now_ms)
        except Exception as error:
            self._known = None          # what was read and not taken over would not be read again
            self._missing = "redis_unavailable" if isinstance(error, redis.RedisError) else "database_unavailable"
            raise

    async def run(self) -> None:
        """Refresh for ever. A failure is logged once per outage; `current` decides how long it does no harm."""
        failing = False
        while True:
            try:
                await asyncio.to_thread(self.refresh, _now_ms())
                failing = False
            except Exception as error:
                if not failing:
                    log.warning("the catalogue is not refreshed: %s", error)
                failing = True
            await asyncio.sleep(self._refresh_seconds)

    # ---- one refresh --------------------------------------------------------------------------------------------

    def _load(self, now_ms: int) -> Market:
        budgets = store.read_budgets(self._redis, self._budgets)
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            with connection.begin():
                self._count(connection, now_ms)
                changed = self._changed(connection, now_ms)
        terms = self._terms(changed, budgets, now_ms)
        self._budgets = budgets
        self._market = self._made(terms, now_ms)
        return self._market

    def _changed(self, connection: Connection, now_ms: int) -> dict[int, described.Described | None] | None:
        """Line items that may be others now; None: all were read, and `_known` is new."""
        last, week = self._known, described.read_week(connection)
        if last is None or week != self._week or abs(now_ms - last.read_ms) > READ_MS_MAX:
            self._week = week
            self._all(connection, now_ms)
            return None
        changes = store.read_changes(connection, last.seen)
        ids = changes.ids
        items = set(ids.get("line_item", ()))
        if campaigns := ids.get("campaign"):
            items |= described.line_items_of_campaigns(connection, campaigns)
        if len(items) > CHANGED_MAX:
            self._all(connection, now_ms)
            return None
        if members := ids.get("member"):
            theirs = described.placements_of_members(connection, members)
            ids = {**ids, "placement": theirs | ids.get("placement", frozenset())} if theirs else ids
        if ids.keys() & {"placement", "world", "publisher"}:
            last.placements = self._placements(connection, last.placements, ids)
        found: dict[int, described.Described | None] = dict.fromkeys(items)
        if items:
            read = described.read_line_items(connection, now_ms, described.Demand(items), week)
            found |= {one.item.id: one for one in read}
        last.seen, last.version, last.read_ms = changes.seen, last.version + changes.count, now_ms
        return found

    def _all(self, connection: Connection, now_ms: int) -> None:
        """Everything anew."""
        version, seen = store.read_version(connection)
        placements = described.read_placements(connection, self._require_proof)
        self._known = _Known(seen, version, placements, {}, defaultdict(set), now_ms)
        self._read = described.read_line_items(connection, now_ms, week=self._week)

    def _placements(
        self, connection: Connection, last: Mapping[int, Placement], ids: Mapping[str, frozenset[int]]
    ) -> Mapping[int, Placement]:
        placements, worlds, publishers = (ids.get(kind, frozenset()) for kind in ("placement", "world", "publisher"))
        wanted = described.Supply(placements, worlds, publishers)
        kept = {
            one: surface for one, surface in last.items()
            if one not in placements and surface.world not in worlds and surface.publisher not in publishers
        }
        return kept | described.read_placements(connection, self._require_proof, wanted)

    def _terms(
        self, changed: dict[int, described.Described | None] | None, budgets: Budgets, now_ms: int
    ) -> Terms:
        """Line items as they are described and funded now."""
        known = self._known
        assert known is not None
        if changed is None:
            items: list[LineItem] = []
            while self._read:           # each one goes as soon as it is not needed, since there may be many
                one = self._read.pop()
                self._note(known, one)
                items.append(self._funded(one.item, one.item.campaign_active, one.account, budgets))
            self._remember(items)
            return self._compiler.compile(items)
        patch: dict[int, LineItem | None] = {}
        for line_item, read in changed.items():
            self._forget(known, line_item)
            patch[line_item] = None
            if read is not None:
                self._note(known, read)
                patch[line_item] = self._funded(read.item, read.item.campaign_active, read.account, budgets)
        terms = self._compiler.terms
        for line_item in _moved(known, self._budgets, budgets) - patch.keys():
            account, active = known.accounts[line_item]
            patch[line_item] = self._funded(terms.item(terms.slots[line_item]), active, account, budgets)
        for line_item in self._over(terms, now_ms) - {one for one, item in patch.items() if item}:
            self._forget(known, line_item)
            patch[line_item] = None
        self._remember(item for item in patch.values() if item)
        return self._compiler.patch(patch)

    @staticmethod
    def _over(terms: Terms, now_ms: int) -> set[int]:
        if now_ms < terms.ends_next_ms:
            return set()
        return {terms.item(slot).id for slot in terms.alive.tolist() if terms.item(slot).ends_ms <= now_ms}

    @staticmethod
    def _funded(item: LineItem, active: bool, account: described.Account, budgets: Budgets) -> LineItem:
        """With what is known of its campaign on chain."""
        if not budgets.known:
            return replace(item, campaign_active=active, chain_campaign=None, unfunded=NoBidReason.BUDGET_UNKNOWN)
        funds = budgets.funds_of(account)
        if funds is None:
            return replace(item, campaign_active=active, chain_campaign=None, unfunded=NoBidReason.NOT_FUNDED)
        unfunded = None if funds.funded else NoBidReason.NOT_FUNDED
        return replace(
            item, campaign_active=active and funds.active, chain_campaign=funds.chain_campaign, unfunded=unfunded
        )

    @staticmethod
    def _note(known: _Known, one: described.Described) -> None:
        known.accounts[one.item.id] = (one.account, one.item.campaign_active)
        known.paid_by[one.account].add(one.item.id)

    @staticmethod
    def _forget(known: _Known, line_item: int) -> None:
        found = known.accounts.pop(line_item, None)
        if found is not None:
            known.paid_by[found[0]].discard(line_item)

    def _remember(self, items: Iterable[LineItem]) -> None:
        self._click_urls |= {creative.id: creative.click_url for item in items for creative in item.creatives}

    # ---- the market ---------------------------------------------------------------------------------------------

    def _made(self, terms: Terms, now_ms: int) -> Market:
        last, known_now = self._market, self._known
        assert known_now is not None
        learned = self._learned(last, terms)
        paces = self._paces(last, terms)
        order = self._order(last, terms, learned, paces)
        return Market(
            known_now.version, now_ms, known_now.placements, terms, learned, order, paces, self._budgets.version
        )

    def _learned(self, last: Market | None, terms: Terms) -> Known:
        if last is not None and last.terms is terms and last.known.rates is self._rates:
            return last.known
        if last is None or last.known.rates is not self._rates:
            self._cells = by_placement(self._rates)
        return known(terms, self._rates, self._cells, last)

    def _paces(self, last: Market | None, terms: Terms) -> Paces:
        if last is not None and last.terms is terms and last.budgets == self._budgets.version:
            return last.paces
        return paces_of(terms, self._budgets)

    @staticmethod
    def _order(last: Market | None, terms: Terms, learned: Known, paces: Paces) -> Order:
        """The last one, when nobody bids otherwise than then."""
        if (
            last is not None and last.terms is terms and last.known is learned
            and np.array_equal(last.paces.multipliers_ppm, paces.multipliers_ppm)
        ):
            return last.order
        return order_of(terms, learned, paces.multipliers_ppm)

    def _count(self, connection: Connection, now_ms: int) -> None:
        """Click rates move slowly; new ones every half second would only make work."""
        if now_ms - self._counted_ms < RATES_MS:
            return
        fresh = read_fresh(connection, self._generation)
        self._counted_ms = now_ms
        if fresh.generation != self._generation:
            self._generation = fresh.generation
            self._rates = self._learning.learn(fresh.cells, fresh.campaign_of, anew=fresh.all)


def _moved(known: _Known, before: Budgets, now: Budgets) -> set[int]:
    """Line items whose campaign has other money than before."""
    if not before.parts or not now.parts:
        return set() if before is now else set(known.accounts)
    found: set[int] = set()
    for was, part in zip(before.parts, now.parts, strict=True):
        if was is not part:
            for account, _funds in was.funds.items() ^ part.funds.items():
                found |= known.paid_by.get(account, set())
    return found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
