"""Answers ad requests, keeps the catalogue fresh, and keeps the purses in step with SQL."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import redis
import redis.asyncio

from backend.core.budget import CampaignBudget
from backend.core.click_id import click_id, landing_url
from backend.core.consent import allows_frequency_capping
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.errors import Conflict, NotFound, Unavailable
from backend.core.exchange import AskDemand, SupplyBid, SupplyRequest
from backend.core.reasons import NoBidReason
from backend.core.ruleset import Ruleset
from backend.core.shares import payee
from backend.core.sponsored_hour import HOUR_MS, hour_id
from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.pctr.learning import Learning
from backend.pctr.quality import AS_IT_IS, Bounds
from backend.pctr.rate import Rates
from backend.pctr.store import read_fresh
from backend.serving import store
from backend.serving.auction import Sale, asked_floor, auction
from backend.serving.catalogue import NOTHING_SPENT, Catalogue, LineItem, Placement, day_of
from backend.serving.decision import (
    AdRequest,
    Book,
    Decision,
    NoBid,
    Opportunity,
    contenders,
    count_reasons,
    house,
    open_book,
    sponsor,
    test_facts,
    viewer_bytes,
)
from backend.serving.eligibility import Offer, Viewer, kept_back
from backend.serving.outside import askable, candidate, demand_request, with_bids, within
from backend.serving.purses import HOLD_GRACE_MS, day_purse, hold_member, total_purse
from backend.serving.tally import store as tally_store
from backend.serving.tally.counting import Answer, Asked, Refused, audiences, by_hour, by_minute
from backend.serving.views.scripts import VIEW_REFUSALS
from backend.serving.views.store import Views
from backend.serving.views.window import seen_enough

log = logging.getLogger("sightline.serving")

RANDOM_BYTES = 18               # of a decision: 10 for its id, 8 for the draw
HOLD_TRIES_MAX = 16
RETRY_AFTER_SECONDS = 2
RATES_MS = 10_000
OF_THE_VIEWER = frozenset(VIEW_REFUSALS.values())      # not of everybody
TIMED_KINDS = ("video", "audio")     # what takes time has the longer viewing time of the ruleset
SPONSORED_HOLD_MS = 2 * HOUR_MS    # from the start of the hour: by then the ledger has charged it, or never will


class CatalogueFeed:
    """The newest catalogue, in memory. Without SQL the last one serves on, for `stale_seconds_max` and no longer."""

    def __init__(
        self, engine: Engine, client: redis.Redis, chain_id: int, *, refresh_seconds: float = 0.5,
        stale_seconds_max: float = 30.0, require_proof: bool = False, quality: Bounds = AS_IT_IS,
    ) -> None:
        self._engine = engine
        self._require_proof = require_proof
        self._redis = client
        self._chain_id = chain_id
        self._refresh_seconds = refresh_seconds
        self._stale_ms_max = int(stale_seconds_max * 1000)
        self._catalogue: Catalogue | None = None
        self._missing = "database_unavailable"
        self._click_urls: dict[int, str] = {}
        self._learning = Learning(quality)
        self._generation = 0
        self._counted_ms = 0
        self._rates = Rates()
        self._supply_state = self._demand_state = ""
        self._supply: Mapping[int, Placement] = {}
        self._demand = store.Demand((), {})
        self._items: tuple[LineItem, ...] = ()
        self._standing: dict[tuple[str, str], tuple[object, ...]] = {}

    def current(self, now_ms: int) -> Catalogue:
        """Raises Unavailable when there is no catalogue that is fresh enough to spend money on."""
        if self._catalogue is None or now_ms - self._catalogue.loaded_ms > self._stale_ms_max:
            raise Unavailable(
                self._missing, "the catalogue cannot be read", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        return self._catalogue

    def newest(self, now_ms: int) -> Catalogue:
        """The last catalogue, however old, for whoever spends no money on it; loaded when there is none yet."""
        return self._catalogue or self.refresh(now_ms)

    def click_url(self, creative: int) -> str | None:
        """Where a click leads, from the last catalogue that knew the creative, however old."""
        return self._click_urls.get(creative)

    def refresh(self, now_ms: int) -> Catalogue:
        """Load a new catalogue from one snapshot of SQL, and the purses from Redis."""
        try:
            return self._load(now_ms)
        except Exception as error:
            self._missing = "redis_unavailable" if isinstance(error, redis.RedisError) else "database_unavailable"
            raise

    def _load(self, now_ms: int) -> Catalogue:
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            with connection.begin():
                self._count(connection, now_ms)
                budgets = read_budgets(connection, self._chain_id)
                purses = store.read_purses(self._redis, list(budgets))
                money = _money(budgets, purses)
                placements, line_items = self._placements(connection), self._line_items(connection, money, now_ms)
                spending = store.read_spending(connection, self._demand, money, now_ms)
        last = self._catalogue
        terms = (placements, line_items, self._rates)
        changed = last is None or terms != (last.placements, last.line_items, last.rates)
        version = (last.version if last else 0) + changed
        self._catalogue = Catalogue(version, now_ms, *terms, spending)
        if changed:
            self._click_urls |= self._catalogue.click_urls()
        return self._catalogue

    def _placements(self, connection: Connection) -> Mapping[int, Placement]:
        """Read again only when their tables have changed: ten thousand of them take half of a core otherwise."""
        state = store.state_of(connection, store.SUPPLY)
        if state != self._supply_state:
            self._supply, self._supply_state = store.read_placements(connection, self._require_proof), state
        return self._supply

    def _line_items(
        self, connection: Connection, money: Mapping[tuple[str, str], store.Money], now_ms: int
    ) -> tuple[LineItem, ...]:
        """Likewise; they also change with the campaigns' standing on chain, and end."""
        state, standing = store.state_of(connection, store.DEMAND), _standing(money)
        if state != self._demand_state:
            self._demand, self._demand_state = store.read_demand(connection, now_ms), state
        elif standing == self._standing and all(item.ends_ms > now_ms for item in self._items):
            return self._items
        self._items, self._standing = store.line_items_of(self._demand, money, now_ms), standing
        return self._items

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

    def _count(self, connection: Connection, now_ms: int) -> None:
        """Click rates move slowly; a new version every half second would only make work."""
        if now_ms - self._counted_ms < RATES_MS:
            return
        fresh = read_fresh(connection, self._generation)
        self._counted_ms = now_ms
        if fresh.generation != self._generation:
            self._generation = fresh.generation
            self._rates = self._learning.learn(fresh.cells, fresh.campaign_of, anew=fresh.all)


def _money(
    budgets: Mapping[int, CampaignBudget], purses: Mapping[int, store.PurseState]
) -> dict[tuple[str, str], store.Money]:
    """Chain campaigns by (owner, meta). Of two with the same the older one counts, as everywhere."""
    money: dict[tuple[str, str], store.Money] = {}
    for campaign in sorted(budgets):
        budget, state = budgets[campaign], purses[campaign]
        money.setdefault(
            (budget.owner, budget.meta), store.Money(campaign, budget.active, state.campaign, state.held)
        )
    return money


def _standing(money: Mapping[tuple[str, str], store.Money]) -> dict[tuple[str, str], tuple[object, ...]]:
    """Of a campaign's money, what its line items depend on."""
    return {key: (one.chain_campaign, one.active, store.unfunded(one)) for key, one in money.items()}


class Tallies:
    """Counts answers in memory and adds them to Redis every few seconds.

    For information only: a killed process loses at most what it counted since the last flush.
    """

    def __init__(self, client: redis.asyncio.Redis, flush_seconds: float = 5.0) -> None:
        self._redis = client
        self._flush_seconds = flush_seconds
        self._answers: Counter[Answer] = Counter()
        self._refused: Counter[Refused] = Counter()
        self._audience: Counter[Asked] = Counter()

    def count(
        self, now_ms: int, book: Book, request: AdRequest, refused: Mapping[int, NoBidReason], sale: Sale | None,
        sponsor: int = 0,
    ) -> None:
        """One answer: a sale, a sponsorship (its line item), or neither.

        What is the same for every answer of a book is multiplied out when it is flushed.
        """
        minute = now_ms // 60_000
        if sale is not None:
            bid = sale.bid
            beaten = sale.price_micro_usdc * bid.rate_ppm
            self._answers[minute, book, bid.line_item, bid.ecpm_nano_usdc, beaten] += 1
        else:
            self._answers[minute, book, sponsor, -1 if sponsor else 0, 0] += 1
        for line_item, reason in refused.items():
            self._refused[minute, book, line_item, reason] += 1
        if request.country or request.language or request.device:
            self._audience[
                minute // 60, book.placement.id, request.country, request.language, request.device
            ] += 1

    async def flush(self) -> None:
        """Add everything counted so far to the shared counters; on failure it is kept for the next time."""
        answers, refused, audience = self._answers, self._refused, self._audience
        self._answers, self._refused, self._audience = Counter(), Counter(), Counter()
        try:
            for minute, tallies in by_minute(answers, refused).items():
                await tally_store.add_tallies(self._redis, minute, tallies)
            said = audiences(audience)
            for hour, sold in by_hour(answers).items():
                await tally_store.add_hour(self._redis, hour, sold, said.get(hour, []))
        except redis.RedisError:
            self._answers.update(answers)
            self._refused.update(refused)
            self._audience.update(audience)
            raise

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._flush_seconds)
            with contextlib.suppress(redis.RedisError):
                await self.flush()


class DecisionService:
    """Decides what is shown. Every process decides by itself; what they share are the purses in Redis."""

    def __init__(
        self, feed: CatalogueFeed, client: redis.asyncio.Redis, chain_id: int, token_key: bytes, ruleset: Ruleset, *,
        public_url: str = "", tcf_vendor: int | None = None, ask_demand: AskDemand | None = None,
    ) -> None:
        self.ruleset = ruleset
        self._ask_demand = ask_demand
        self._tcf_vendor = tcf_vendor
        self._public_url = public_url.rstrip("/")
        self.feed = feed
        self.tallies = Tallies(client)
        self._purses = store.Purses(client)
        self._views = Views(client)
        self._held_hours: set[tuple[int, int]] = set()
        self._chain_id = chain_id
        self._token_key = token_key
        self._books: dict[int, Book] = {}
        self._blocked: dict[int, NoBidReason] = {}
        self._catalogue: Catalogue | None = None
        self._version = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the catalogue if SQL answers, and keep it fresh from now on."""
        with contextlib.suppress(Exception):
            await asyncio.to_thread(self.feed.refresh, _now_ms())
        self._tasks = [asyncio.create_task(self.feed.run()), asyncio.create_task(self.tallies.run())]

    async def stop(self) -> None:
        """End the background tasks and hand over what is counted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(redis.RedisError):
            await self.tallies.flush()

    async def decide(self, request: AdRequest, now_ms: int, random: bytes) -> Decision | NoBid:
        """The ad for this request with its price held, or why there is none. `random` is 18 random bytes.

        Raises NotFound (placement), Conflict (paused) or Unavailable; then nothing is held.
        """
        catalogue = self.feed.current(now_ms)
        book = self._book(catalogue, request.placement_id)
        if book.placement.test:
            return self._test(book.placement, request, now_ms, random)
        seed = int.from_bytes(random[10:RANDOM_BYTES], "big")
        away: dict[int, NoBidReason] = {}
        if book.sponsors:
            chosen, away = await self._sponsor(book, now_ms)
            if chosen is not None:
                self.tallies.count(now_ms, book, request, away, None, chosen.line_item.id)
                return self._decision(chosen, self._facts(chosen, 0, request, now_ms, random, seed))
        one = Opportunity(book, request, await self._viewer(book, request, now_ms), away)
        if book.external:
            await self._ask_outside(one, now_ms, random)
        sold = await self._sell(one, catalogue, now_ms, random)
        if isinstance(sold, tuple):
            return self._decision(*sold)
        return NoBid(count_reasons([*book.refused.values(), *sold.values()]))

    async def _sell(
        self, one: Opportunity, catalogue: Catalogue, now_ms: int, random: bytes
    ) -> tuple[Offer, DecisionToken] | dict[int, NoBidReason]:
        """Auction and hold, until somebody can pay; or why nobody could."""
        book, request, viewer, away = one.book, one.request, one.viewer, one.away
        counted, seed = one.counted or book, int.from_bytes(random[10:RANDOM_BYTES], "big")
        floor = asked_floor(book.placement.floor_micro_usdc, book.placement.soft_floor_micro_usdc, seed)
        for _ in range(HOLD_TRIES_MAX):
            offers, refused = contenders(book, catalogue.spending, now_ms, self._blocked, viewer, floor)
            if one.outside:
                outside, more = askable(one.outside, catalogue.spending, now_ms, self._blocked, viewer)
                offers, refused = [*offers, *outside], refused | more
            sale = auction([offer.bid for offer in offers], floor, seed)
            if sale is None:
                break
            offer = next(offer for offer in offers if offer.bid is sale.bid)
            price = sale.bid.bid_micro_usdc if one.pays_bid else sale.price_micro_usdc
            facts = self._facts(offer, price, request, now_ms, random, seed)
            reason = await self._take(offer, facts, now_ms)
            if reason is None:
                self.tallies.count(now_ms, counted, request, away | refused if away else refused, sale)
                return offer, facts
            if reason in OF_THE_VIEWER:
                viewer = replace(viewer, seen_enough={**viewer.seen_enough, offer.line_item.id: reason})
            else:
                self._blocked[offer.line_item.id] = reason
        # so many could not pay that the last of them were not asked
        unasked = {offer.line_item.id: NoBidReason.BUDGET_UNKNOWN for offer in book.offers}
        refused = away | unasked | refused
        self.tallies.count(now_ms, counted, request, refused, None)
        return refused

    async def supply(self, asked: SupplyRequest, now_ms: int, random: bytes) -> SupplyBid | None:
        """What we bid for an opportunity of another exchange, the price held; None when nobody wants it.

        Raises as `decide`. Sponsorships, house ads and external bidders are not for other exchanges.
        """
        catalogue = self.feed.current(now_ms)
        whole = self._book(catalogue, asked.placement)
        book, away = within(whole, asked)
        if book.placement.test or not book.offers:
            return None
        request = AdRequest(
            asked.placement, asked.viewer_key, asked.country, asked.language, asked.device, asked.gpc, asked.tcf
        )
        viewer = await self._viewer(book, request, now_ms)
        one = Opportunity(book, request, viewer, away, counted=whole, pays_bid=asked.pays_bid)
        sold = await self._sell(one, catalogue, now_ms, random)
        if not isinstance(sold, tuple):
            return None
        return SupplyBid(sold[1], candidate(sold[0].line_item, self._decision(*sold).creative))

    async def give_back(self, facts: DecisionToken) -> None:
        """Another exchange has sold to somebody else: what was held for `facts` can be spent again."""
        await self._purses.give_back(facts.campaign, _member(facts))

    async def lower(self, facts: DecisionToken, price_micro_usdc: int) -> None:
        """Another exchange charges less than was held for `facts`."""
        await self._purses.lower(
            facts.campaign, _member(facts), price_micro_usdc, facts.expires_ms + HOLD_GRACE_MS,
            _member(replace(facts, price_micro_usdc=price_micro_usdc)),
        )

    async def _ask_outside(self, one: Opportunity, now_ms: int, random: bytes) -> None:
        """Let line items whose own servers bid compete, within their time."""
        spending = self.feed.current(now_ms).spending
        offers, refused = askable(one.book.external, spending, now_ms, self._blocked, one.viewer)
        if offers and self._ask_demand is not None:
            name = decision_id(now_ms, random[:10]).hex()
            asked = demand_request(one.book.placement, one.request, offers, name)
            one.outside = with_bids(offers, await self._ask_demand(asked))
        bidding = {offer.line_item.id for offer in one.outside}
        silent = [offer.line_item.id for offer in offers if offer.line_item.id not in bidding]
        one.away |= refused | dict.fromkeys(silent, NoBidReason.EXTERNAL)

    async def _viewer(self, book: Book, request: AdRequest, now_ms: int) -> Viewer:
        """Who looks; what they have seen is read only where somebody has a frequency cap and it may be read."""
        countable = bool(book.capped) and _countable(request.gpc, request.tcf, self._tcf_vendor)
        seen: dict[int, NoBidReason] = {}
        if countable:
            counters = await self._views.seen(viewer_bytes(request.viewer_key, self._token_key, now_ms))
            seen = seen_enough(counters, book.capped, now_ms)
        return Viewer(request.country, request.language, request.device, countable, seen)

    async def _sponsor(self, book: Book, now_ms: int) -> tuple[Offer | None, dict[int, NoBidReason]]:
        """The sponsorship that has the placement now, with this hour's price held; and why the others do not."""
        hour_ms = now_ms - now_ms % HOUR_MS
        while True:
            chosen, refused = sponsor(book, now_ms, self._blocked)
            if chosen is None or (chosen.line_item.id, hour_ms) in self._held_hours:
                return chosen, refused
            reason = await self._hold_hour(chosen.line_item, hour_ms)
            if reason is None:
                self._held_hours = {one for one in self._held_hours if one[1] == hour_ms}
                self._held_hours.add((chosen.line_item.id, hour_ms))
                return chosen, refused
            self._blocked[chosen.line_item.id] = reason

    async def _hold_hour(self, item: LineItem, hour_ms: int) -> NoBidReason | None:
        """Hold the price under the name by which the ledger will charge it; whoever is first does it for all.

        If we die between the two steps, the hour is served without a hold: then the ledger decides who pays for it.
        """
        campaign, until_ms, day = _chain_campaign(item), hour_ms + SPONSORED_HOLD_MS, day_of(hour_ms)
        if not await self._purses.begin_hour(campaign, item.id, hour_ms, until_ms):
            return None
        name = hour_id(self._chain_id, item.id, hour_ms).hex()
        reason = await self._purses.hold(
            campaign, item.bid_micro_usdc, until_ms, hold_member(item.id, day, item.bid_micro_usdc, name),
            total_purse(item.id), day_purse(item.id, day), None, None,
        )
        if reason is not None:
            await self._purses.forget_hour(campaign, item.id, hour_ms)
        return reason

    async def _take(self, offer: Offer, facts: DecisionToken, now_ms: int) -> NoBidReason | None:
        """Count the ad against its frequency cap and hold its price: both or neither."""
        item = offer.line_item
        if item.frequency:
            seen_enough = await self._views.take(facts.viewer, item.id, item.frequency, now_ms)
            if seen_enough is not None:
                return seen_enough
        reason = await self._hold(offer, facts, now_ms)
        if reason is not None and item.frequency:
            await self._views.give_back(facts.viewer, item.id, item.frequency, now_ms)
        return reason

    def _decision(self, offer: Offer, facts: DecisionToken) -> Decision:
        creative = next(creative for creative in offer.creatives if creative.id == facts.creative)
        if offer.line_item.has_goal:
            name = click_id(facts.decision_id, self._token_key)
            creative = replace(creative, click_url=landing_url(creative.click_url, name))
        return Decision(sign(facts, self._token_key), facts, creative)

    def _test(self, placement: Placement, request: AdRequest, now_ms: int, random: bytes) -> Decision:
        """The house creative, for nothing: line item 0 marks the token of a test."""
        facts = test_facts(
            placement, self._chain_id, decision_id(now_ms, random[:10]),
            now_ms + self.ruleset.token_seconds * 1000, viewer_bytes(request.viewer_key, self._token_key, now_ms),
        )
        return Decision(sign(facts, self._token_key), facts, house(placement, self._public_url))

    def _book(self, catalogue: Catalogue, placement_id: int) -> Book:
        if catalogue is not self._catalogue:
            self._catalogue, self._blocked = catalogue, {}
        if catalogue.version != self._version:
            self._version, self._books = catalogue.version, {}
        book = self._books.get(placement_id)
        if book is None:
            book = self._books[placement_id] = open_book(catalogue, _sellable(catalogue, placement_id))
        return book

    def _facts(
        self, offer: Offer, price_micro_usdc: int, request: AdRequest, now_ms: int, random: bytes, seed: int
    ) -> DecisionToken:
        item, placement = offer.line_item, offer.placement
        decision = decision_id(now_ms, random[:10])
        return DecisionToken(
            decision_id=decision,
            chain_id=self._chain_id,
            campaign=_chain_campaign(item),
            line_item=item.id,
            creative=offer.creatives[seed % len(offer.creatives)].id,
            placement=placement.id,
            publisher=payee(placement.shares, decision) if placement.shares else placement.publisher,
            price_micro_usdc=price_micro_usdc,
            bid_kind=item.bid_kind,
            expires_ms=now_ms + self.ruleset.token_seconds * 1000,
            viewer=viewer_bytes(request.viewer_key, self._token_key, now_ms),
            video=placement.kind in TIMED_KINDS,
        )

    async def _hold(self, offer: Offer, facts: DecisionToken, now_ms: int) -> NoBidReason | None:
        item, day = offer.line_item, day_of(now_ms)
        spending = self._catalogue.spending if self._catalogue else {}
        kept = kept_back(item, now_ms, spending.get(item.id, NOTHING_SPENT))
        return await self._purses.hold(
            facts.campaign,
            facts.price_micro_usdc,
            facts.expires_ms + HOLD_GRACE_MS,
            hold_member(item.id, day, facts.price_micro_usdc, facts.decision_id.hex()),
            total_purse(item.id),
            day_purse(item.id, day),
            kept.total,
            kept.day,
        )


@lru_cache(maxsize=4_096)
def _countable(gpc: bool, tcf: str | None, vendor: int | None) -> bool:
    return allows_frequency_capping(gpc, tcf, vendor=vendor)


def _member(facts: DecisionToken) -> str:
    day = day_of(facts.decided_ms)
    return hold_member(facts.line_item, day, facts.price_micro_usdc, facts.decision_id.hex())


def _chain_campaign(item: LineItem) -> int:
    assert item.chain_campaign is not None      # the standing check `funded`
    return item.chain_campaign


def _sellable(catalogue: Catalogue, placement_id: int) -> Placement:
    placement = catalogue.placements.get(placement_id)
    if placement is None:
        raise NotFound("placement_unknown", f"there is no placement {placement_id}")
    if not placement.world_active:
        raise Conflict("world_paused", f"the world of placement {placement_id} is paused")
    if not placement.placement_active:
        raise Conflict("placement_paused", f"placement {placement_id} is paused")
    return placement


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
