"""Answers ad requests, keeps the catalogue fresh, and keeps the purses in step with SQL."""

import asyncio
import contextlib
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping

import redis
import redis.asyncio

from backend.core.budget import CampaignBudget
from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.errors import Conflict, NotFound, Unavailable
from backend.core.reasons import NoBidReason
from backend.core.ruleset import Ruleset
from backend.core.shares import payee
from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.pctr.rate import Counts, Rates, rates
from backend.pctr.store import read_counts
from backend.serving import store
from backend.serving.auction import Sale, auction
from backend.serving.budgets import purse_bases, settled_until_ms
from backend.serving.catalogue import Catalogue, Placement, day_of
from backend.serving.decision import (
    AdRequest,
    Book,
    Decision,
    NoBid,
    contenders,
    count_reasons,
    house,
    open_book,
    test_facts,
    viewer_bytes,
)
from backend.serving.eligibility import Offer, kept_back
from backend.serving.purses import HOLD_GRACE_MS, day_purse, hold_member, total_purse

log = logging.getLogger("sightline.serving")

RANDOM_BYTES = 18               # of a decision: 10 for its id, 8 for the draw
HOLD_TRIES_MAX = 16
RETRY_AFTER_SECONDS = 2
TALLY_MINUTES_KEPT = 10
RATES_MS = 10_000


class CatalogueFeed:
    """The newest catalogue, in memory. Without SQL the last one serves on, for `stale_seconds_max` and no longer."""

    def __init__(
        self, engine: Engine, client: redis.Redis, chain_id: int, *, refresh_seconds: float = 0.5,
        stale_seconds_max: float = 30.0, require_proof: bool = False,
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
        self._counts: dict[tuple[int, int], Counts] = {}
        self._counted_seq = 0
        self._counted_ms = 0
        self._rates = Rates()

    def current(self, now_ms: int) -> Catalogue:
        """Raises Unavailable when there is no catalogue that is fresh enough to spend money on."""
        if self._catalogue is None or now_ms - self._catalogue.loaded_ms > self._stale_ms_max:
            raise Unavailable(
                self._missing, "the catalogue cannot be read", retry_after_seconds=RETRY_AFTER_SECONDS
            )
        return self._catalogue

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
                placements = store.read_placements(connection, self._require_proof)
                line_items, spending = store.read_line_items(connection, _money(budgets, purses), now_ms)
        last = self._catalogue
        terms = (placements, line_items, self._rates)
        changed = last is None or terms != (last.placements, last.line_items, last.rates)
        version = (last.version if last else 0) + changed
        self._catalogue = Catalogue(version, now_ms, *terms, spending)
        if changed:
            self._click_urls |= self._catalogue.click_urls()
        return self._catalogue

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
        fresh, self._counted_seq = read_counts(connection, self._counted_seq)
        self._counted_ms = now_ms
        if fresh:
            for cell, counts in fresh.items():
                self._counts[cell] = self._counts.get(cell, Counts()) + counts
            self._rates = rates(self._counts)


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


class Tallies:
    """Counts answers in memory and adds them to Redis every few seconds.

    For information only: a killed process loses at most what it counted since the last flush.
    """

    def __init__(self, client: redis.asyncio.Redis, flush_seconds: float = 5.0) -> None:
        self._redis = client
        self._flush_seconds = flush_seconds
        self._answers: Counter[tuple[int, Book]] = Counter()
        self._outcomes: Counter[tuple[int, Book, int, str]] = Counter()

    def count(self, now_ms: int, book: Book, refused: Mapping[int, NoBidReason], winner: int | None) -> None:
        """One answer. What is the same for every answer of a book is multiplied out when it is flushed."""
        minute = now_ms // 60_000
        self._answers[minute, book] += 1
        for line_item, reason in refused.items():
            self._outcomes[minute, book, line_item, reason] += 1
        self._outcomes[minute, book, winner or 0, "no_bid" if winner is None else "decision"] += 1

    async def flush(self) -> None:
        """Add everything counted so far to the shared counters; on failure it is kept for the next time."""
        answers, outcomes = self._answers, self._outcomes
        self._answers, self._outcomes = Counter(), Counter()
        try:
            for minute, tallies in _by_minute(answers, outcomes).items():
                await store.add_tallies(self._redis, minute, tallies)
        except redis.RedisError:
            self._answers.update(answers)
            self._outcomes.update(outcomes)
            raise

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._flush_seconds)
            with contextlib.suppress(redis.RedisError):
                await self.flush()


def _by_minute(
    answers: Mapping[tuple[int, Book], int], outcomes: Mapping[tuple[int, Book, int, str], int]
) -> dict[int, list[store.Tally]]:
    """Every line item has one outcome per answer: refused for good, refused at the moment, won, or else outbid."""
    total: Counter[tuple[int, int, int, str]] = Counter()
    known: Counter[tuple[int, Book, int]] = Counter()
    for (minute, book, line_item, outcome), n in outcomes.items():
        total[minute, book.placement.id, line_item, outcome] += n
        known[minute, book, line_item] += n
    for (minute, book), n in answers.items():
        for line_item, reason in book.refused.items():
            total[minute, book.placement.id, line_item, reason] += n
        for offer in book.offers:
            outbid = n - known[minute, book, offer.line_item.id]
            total[minute, book.placement.id, offer.line_item.id, NoBidReason.OUTBID] += outbid
    by_minute: dict[int, list[store.Tally]] = {}
    for (minute, placement, line_item, outcome), n in total.items():
        if n:
            by_minute.setdefault(minute, []).append(store.Tally(placement, line_item, str(outcome), n))
    return by_minute


class DecisionService:
    """Decides what is shown. Every process decides by itself; what they share are the purses in Redis."""

    def __init__(
        self, feed: CatalogueFeed, client: redis.asyncio.Redis, chain_id: int, token_key: bytes, ruleset: Ruleset, *,
        public_url: str = "",
    ) -> None:
        self.ruleset = ruleset
        self._public_url = public_url.rstrip("/")
        self.feed = feed
        self.tallies = Tallies(client)
        self._purses = store.Purses(client)
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
        for _ in range(HOLD_TRIES_MAX):
            offers, refused = contenders(book, catalogue.spending, now_ms, self._blocked)
            sale = auction([offer.bid for offer in offers], book.placement.floor_micro_usdc, seed)
            if sale is None:
                break
            offer = next(offer for offer in offers if offer.bid is sale.bid)
            facts = self._facts(offer, sale, request, now_ms, random, seed)
            reason = await self._hold(offer, facts, now_ms)
            if reason is None:
                self.tallies.count(now_ms, book, refused, offer.line_item.id)
                creative = next(creative for creative in offer.creatives if creative.id == facts.creative)
                return Decision(sign(facts, self._token_key), facts, creative)
            self._blocked[offer.line_item.id] = reason
        # so many could not pay that the last of them were not asked
        unasked = {offer.line_item.id: NoBidReason.BUDGET_UNKNOWN for offer in book.offers}
        refused = unasked | refused
        self.tallies.count(now_ms, book, refused, None)
        return NoBid(count_reasons([*book.refused.values(), *refused.values()]))

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
        self, offer: Offer, sale: Sale, request: AdRequest, now_ms: int, random: bytes, seed: int
    ) -> DecisionToken:
        item, placement = offer.line_item, offer.placement
        assert item.chain_campaign is not None      # the standing check `funded`
        decision = decision_id(now_ms, random[:10])
        return DecisionToken(
            decision_id=decision,
            chain_id=self._chain_id,
            campaign=item.chain_campaign,
            line_item=item.id,
            creative=offer.creatives[seed % len(offer.creatives)].id,
            placement=placement.id,
            publisher=payee(placement.shares, decision) if placement.shares else placement.publisher,
            price_micro_usdc=sale.price_micro_usdc,
            bid_kind=item.bid_kind,
            expires_ms=now_ms + self.ruleset.token_seconds * 1000,
            viewer=viewer_bytes(request.viewer_key, self._token_key, now_ms),
            video=placement.kind == "video",
        )

    async def _hold(self, offer: Offer, facts: DecisionToken, now_ms: int) -> NoBidReason | None:
        item, day = offer.line_item, day_of(now_ms)
        kept = kept_back(item, now_ms)
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


def _sellable(catalogue: Catalogue, placement_id: int) -> Placement:
    placement = catalogue.placements.get(placement_id)
    if placement is None:
        raise NotFound("placement_unknown", f"there is no placement {placement_id}")
    if not placement.world_active:
        raise Conflict("world_paused", f"the world of placement {placement_id} is paused")
    if not placement.placement_active:
        raise Conflict("placement_paused", f"placement {placement_id} is paused")
    return placement


class BudgetSync:
    """Copies SQL's budgets into the purses and releases the holds that those budgets have absorbed (L31)."""

    def __init__(self, engine: Engine, client: redis.Redis, chain_id: int) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id

    def sync(self, now_ms: int) -> bool:
        """One pass over all campaigns; True when more is waiting. Does nothing while another process does it.

        The order matters: the lock comes before the SQL snapshot, which is taken by the first statement of a
        transaction, so that no pass writes what it saw before another one. The stream is looked at and the ticket taken
        before it too, so that the snapshot contains whatever had left the stream, and a pass whose lock was lost with
        its connection is refused.
        """
        with self._engine.begin() as lock:
            if not store.lock_budgets(lock):
                return False
            in_stream_ms = store.oldest_in_stream_ms(self._redis)
            ticket = store.take_ticket(self._redis)
            with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                with connection.begin():
                    return self._sync(connection, ticket, in_stream_ms, now_ms)

    def _sync(self, connection: Connection, ticket: int, in_stream_ms: int | None, now_ms: int) -> bool:
        until_ms = settled_until_ms(now_ms, in_stream_ms, store.oldest_accepted_ms(connection))
        cursor, last = store.read_cursor(self._redis), store.last_settled(connection)
        # A new Redis has no holds, so there is nothing to release from the past; tables that were lost count anew.
        cursor = last if cursor is None else min(cursor, last)
        settled = store.read_settled(connection, cursor)
        bases = self._bases(connection, now_ms)
        released: dict[int, list[str]] = defaultdict(list)
        for event in settled:
            released[event.chain_campaign].append(_hold_of(event))
        store.remember_campaigns(self._redis, bases)
        for campaign in bases.keys() | store.known_campaigns(self._redis):
            # a campaign that a reorganisation took away has nothing left
            if not self._write(campaign, ticket, until_ms, bases.get(campaign, {"campaign": 0}), released[campaign]):
                return False
        store.write_cursor(self._redis, settled[-1].settled_seq if settled else cursor)
        return len(settled) == store.SETTLED_MAX

    def _bases(self, connection: Connection, now_ms: int) -> dict[int, dict[str, int]]:
        budgets = read_budgets(connection, self._chain_id)
        spend = store.read_spend(connection, now_ms - 86_400_000)
        caps: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = defaultdict(list)
        for item in store.read_capped_line_items(connection, now_ms):
            caps[item.escrow_owner, item.meta].append((item.id, item.total_cap_micro_usdc, item.daily_cap_micro_usdc))
        return {
            campaign: purse_bases(budget.spendable, caps[budget.owner, budget.meta], spend, now_ms)
            for campaign, budget in budgets.items()
        }

    def _write(self, campaign: int, ticket: int, until_ms: int, bases: Mapping[str, int], holds: list[str]) -> bool:
        """False when another pass has overtaken this one."""
        chunk = 2_000           # arguments of one script call
        lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, holds[:chunk])
        for start in range(chunk, len(holds), chunk):
            # the bases contain these events already; until their holds go, they count twice, never not at all
            lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, holds[start : start + chunk])
        while lapsed == 1_000:
            lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, ())
        return lapsed >= 0


def _hold_of(event: store.SettledEvent) -> str:
    decided_ms = int(event.decision_id[:12], 16)
    return hold_member(event.line_item, day_of(decided_ms), event.price_micro_usdc, event.decision_id)


class TallyFlush:
    """Copies the shared counters of each minute into `serving_tally`; totals, so that writing twice changes nothing."""

    def __init__(self, engine: Engine, client: redis.Redis) -> None:
        self._engine = engine
        self._redis = client

    def flush(self, now_ms: int) -> bool:
        """Write all minutes that are still counted, and forget those that are over for ten minutes."""
        for minute in store.tallied_minutes(self._redis):
            tallies = store.read_tallies(self._redis, minute)
            with self._engine.begin() as connection:
                store.write_tallies(connection, minute, tallies)
            if minute < now_ms // 60_000 - TALLY_MINUTES_KEPT:
                store.forget_tallies(self._redis, minute)
        return False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
