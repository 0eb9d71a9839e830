"""Answers ad requests. The path of one: who may compete, an auction, the price held in Redis, a signed token."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Protocol

import msgspec
import numpy as np
import redis

from backend.core.click_id import click_id, landing_url
from backend.core.consent import allows_frequency_capping
from backend.core.decision_token import (
    BID_KINDS,
    VERSION,
    DecisionToken,
    Facts,
    body_of,
    decision_id,
    facts_of,
    sign_body,
    token_of,
)
from backend.core.events import BidKind
from backend.core.exchange import AskDemand, SupplyBid, SupplyRequest
from backend.core.reasons import NoBidReason
from backend.core.ruleset import Ruleset
from backend.core.sponsored_hour import HOUR_MS, hour_id
from backend.net.resp import Resp, Then
from backend.serving import kernel as compiled
from backend.serving import store
from backend.serving.auction import asked_floor
from backend.serving.catalogue import LineItem, Spending, day_of
from backend.serving.decision import (
    AdRequest,
    Decision,
    NoBid,
    drawn,
    house,
    opening_of,
    shown_json,
    sponsor,
    viewer_bytes,
)
from backend.serving.explain import Sees, Trace, trace
from backend.serving.index.audience import Audience, Said
from backend.serving.index.codes import reason_of
from backend.serving.index.market import Market
from backend.serving.index.moment import Moment
from backend.serving.index.stall import NOBODY, Lot, Sold, Stall, sold_of
from backend.serving.kernel import Stamp
from backend.serving.outside import candidate, demand_request, with_bids, within
from backend.serving.purses import HOLD_GRACE_MS, REFUSALS, hold_member
from backend.serving.shelf import Shelf
from backend.serving.tally.store import Tallies
from backend.serving.views.scripts import VIEW_REFUSALS
from backend.serving.views.store import TAKE_SCRIPT, Views
from backend.serving.views.window import seen_enough
from backend.serving.why import why_none
from backend.serving.wire import Wire

KERNEL = None if os.environ.get("SIGHTLINE_KERNEL") == "python" else compiled.load()
RANDOM_BYTES = 18               # of a decision: 10 for its id, 8 for the draw
HOLD_TRIES_MAX = 16
OF_THE_VIEWER = frozenset(VIEW_REFUSALS.values())      # not of everybody
SPONSORED_HOLD_MS = 2 * HOUR_MS    # from the start of the hour: by then the ledger has charged it, or never will


class Feed(Protocol):
    """Where the market comes from: `feed.service.CatalogueFeed`."""

    def current(self, now_ms: int) -> Market: ...
    def refresh(self, now_ms: int) -> Market: ...
    async def run(self) -> None: ...


class Asking(msgspec.Struct, eq=False):
    """One ad request on its way to a sale. `away`: line items that take no part in it, and why."""

    request: AdRequest
    stall: Stall
    moment: Moment
    said: Said
    now_ms: int
    random: bytes
    seed: int
    floor: int
    away: dict[int, NoBidReason] = msgspec.field(default_factory=dict)
    outside: list[Lot] = msgspec.field(default_factory=list)

    def leave(self, line_item: int, reason: NoBidReason) -> None:
        """Out of this request."""
        self.away[line_item] = reason


class Hold(msgspec.Struct, gc=False):
    """`packed` is the call that holds the price; `body`, `signed` and `opening` are what a Decision has. `place`: which
    of the creatives is shown."""

    packed: bytes
    body: bytes
    signed: bytes
    opening: bytes
    wire: Wire
    place: int


Later = tuple[Callable[[Then], None], Callable[[int], Decision | None]]
"""What asks Redis for the hold, and what makes the ad of its reply; None: `decide` has to be asked after all."""


class DecisionService:
    """Decides what is shown. Every process decides by itself; what they share are the purses in Redis."""

    def __init__(
        self, feed: Feed, client: Resp, chain_id: int, token_key: bytes, ruleset: Ruleset, *,
        public_url: str = "", tcf_vendor: int | None = None, ask_demand: AskDemand | None = None,
        kernel: Stamp | None = KERNEL,
    ) -> None:
        self.ruleset = ruleset
        self._kernel = kernel
        self.feed = feed
        self.tallies = Tallies(client)
        self._ask_demand = ask_demand
        self._tcf_vendor = tcf_vendor
        self._public_url = public_url.rstrip("/")
        self._shelf = Shelf(lambda now_ms: self.feed.current(now_ms))
        self._purses = store.Purses(client)
        self._views = Views(client)
        self._held_hours: set[tuple[int, int]] = set()
        self._chain_id = chain_id
        self._token_key = token_key
        self._token_ms = ruleset.token_seconds * 1000
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the catalogue if SQL answers, and keep it fresh from now on."""
        with contextlib.suppress(Exception):
            await asyncio.to_thread(self.feed.refresh, time.time_ns() // 1_000_000)
        self._tasks = [asyncio.create_task(self.feed.run()), asyncio.create_task(self.tallies.run(self._shelf))]

    async def stop(self) -> None:
        """End the background tasks and hand over what is counted."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(redis.RedisError):
            await self.flush()

    async def flush(self) -> None:
        """Hand over what is counted. Raises RedisError; then it is kept."""
        await self.tallies.flush(self._shelf)

    async def decide(self, request: AdRequest, now_ms: int, random: bytes) -> Decision | NoBid:
        """The ad for this request with its price held, or why there is none. `random` is 18 random bytes.

        Raises NotFound (placement), Conflict (paused) or Unavailable; then nothing is held.
        """
        one = self._asking(request, now_ms, random)
        stall = one.stall
        if stall.placement.test:
            return self._test(stall, request, now_ms, random)
        if stall.sponsors:
            chosen = await self._sponsor(one)
            if chosen is not None:
                return chosen
        if stall.external:
            await self._ask_outside(one)
        return await self._sell(one) or self._no_bid(one)

    def begin(self, request: AdRequest, now_ms: int, random: bytes) -> NoBid | Later | None:
        """As `decide`, where one hold decides: it is to be asked for, and its reply given to the second function. None:
        ask `decide`. Raises as `decide`."""
        one = self._asking(request, now_ms, random)
        stall = one.stall
        if stall.placement.test or stall.sponsors or stall.external:
            return None
        sold = self._sold(one)
        if sold is None:
            return self._no_bid(one)
        lot, price = sold
        if lot.offer.line_item.frequency is not None:
            return None
        hold = self._hold(one, lot, price)
        return partial(self._purses.ask, hold.packed), lambda reply: self._held(
            one, lot, price, REFUSALS.get(reply), hold
        )

    def _asking(self, request: AdRequest, now_ms: int, random: bytes) -> Asking:
        stall, moment = self._shelf.look_up(request.placement_id, now_ms)
        countable = stall.has_capped and _countable(request.gpc, request.tcf, self._tcf_vendor)
        said = (request.country, request.language, request.device, countable)
        seed = int.from_bytes(random[10:RANDOM_BYTES], "big")
        surface = stall.placement
        floor, soft_floor = surface.floor_micro_usdc, surface.soft_floor_micro_usdc
        if soft_floor is not None:
            floor = asked_floor(floor, soft_floor, seed)
        return Asking(request, stall, moment, said, now_ms, random, seed, floor)

    async def explain(self, request: AdRequest, now_ms: int, random: bytes, sees: Sees) -> Trace:
        """What `decide` would do, step by step; nothing is held, counted or read of the viewer. Raises as `decide`."""
        one = self._asking(request, now_ms, random)
        return trace(one.stall, one.moment, one.said, one.seed, random, sees)

    # ---- auction and hold ---------------------------------------------------------------------------------------

    async def _sell(self, one: Asking) -> Decision | None:
        """Auction and hold, until somebody can pay; None: nobody could."""
        for _ in range(HOLD_TRIES_MAX):
            sold = self._sold(one)
            if sold is None:
                break
            decision = await self._taken(one, sold)
            if decision is not None:
                return decision
            # there may be another market by now
            one.stall, one.moment = self._shelf.look_up(
                one.stall.placement.id, max(one.now_ms, self._shelf.now_ms)
            )
        return None

    def _sold(self, one: Asking) -> Sold | None:
        """The auction."""
        audience = Audience(one.stall.order, one.said)
        return one.stall.sell(one.moment, audience, one.floor, one.seed, one.away or NOBODY, one.outside, one.random)

    async def _taken(self, one: Asking, sold: Sold) -> Decision | None:
        """The decision, with its price held; None when it could not be held: then somebody else may buy."""
        lot, price = sold
        hold = self._hold(one, lot, price)
        if lot.offer.line_item.frequency is None:
            reason = await self._purses.take(hold.packed)
        else:
            reason = await self._take_both(one, lot, hold)
        if reason in OF_THE_VIEWER:
            one.leave(lot.line_item, reason)
            await self._look_what_was_seen(one, facts_of(hold.body)[11])
            self.tallies.refused(one.now_ms, one.stall.placement.id, lot.line_item, reason)
            return None
        return self._held(one, lot, price, reason, hold)

    def _hold(self, one: Asking, lot: Lot, price_micro_usdc: int) -> Hold:
        """How to hold the price, and the token; by the kernel where that is plain."""
        wire = _wire(lot)
        place = drawn(one.seed, len(wire.creatives))

        def held(day: int) -> Spending:
            return one.stall.market.paces.held(lot.slot, day)

        if self._kernel is not None:
            request = one.request
            written = wire.stamp(
                self._kernel, self._token_key, one.random, self._chain_id, place, price_micro_usdc,
                one.now_ms + self._token_ms, one.now_ms, held, request.viewer_key, request.client, request.origin,
            )
            if written is not None:
                body, signed, packed, opening = written
                return Hold(packed, body, signed, opening, wire, place)
        facts = self._facts(one, wire, place, price_micro_usdc)
        packed = wire.hold(price_micro_usdc, facts[1].hex(), facts[10], one.now_ms, held)
        return Hold(packed, *self._signed(facts), wire, place)

    def _signed(self, facts: Facts) -> tuple[bytes, bytes, bytes]:
        """The token's body, the token, and how an answer begins that has it."""
        body = body_of(facts)
        signed = sign_body(body, self._token_key)
        return body, signed, opening_of(facts[1], signed, facts[10])

    def _held(
        self, one: Asking, lot: Lot, price_micro_usdc: int, reason: NoBidReason | None, hold: Hold
    ) -> Decision | None:
        """After the answer to the hold: the decision, or None, and nobody tries again to hold for this line item."""
        if reason is None:
            self.tallies.sold(one.now_ms, one.stall.placement.id, one.said, lot, price_micro_usdc)
            return self._decision(one, hold)
        one.moment.block(lot.slot, reason)
        if one.outside or one.stall.apart:
            one.leave(lot.line_item, reason)
        self.tallies.refused(one.now_ms, one.stall.placement.id, lot.bid.line_item, reason)
        return None

    async def _take_both(self, one: Asking, lot: Lot, hold: Hold) -> NoBidReason | None:
        """Count the ad against the viewer's cap and hold its price, at the same time: both or neither."""
        item, facts = lot.offer.line_item, facts_of(hold.body)
        viewer = facts[11]
        assert item.frequency is not None
        taking = self._views.packed_take(viewer, item.id, item.frequency, one.now_ms)
        seen, unpaid = await self._purses.take_with(TAKE_SCRIPT, taking, hold.packed)
        refused = self._views.refusal(seen)
        if refused is not None and unpaid is None:
            await self._purses.give_back(facts[3], _member(token_of(facts)))
        elif refused is None and unpaid is not None:
            await self._views.give_back(viewer, item.id, item.frequency, one.now_ms)
        return refused or unpaid

    async def _look_what_was_seen(self, one: Asking, viewer: bytes) -> None:
        """Once a viewer has seen enough of one line item, the others are asked for at once."""
        seen = seen_enough(await self._views.seen(viewer), one.stall.frequencies, one.now_ms)
        for line_item, reason in seen.items():
            one.away.setdefault(line_item, reason)

    def _facts(self, one: Asking, wire: Wire, place: int, price_micro_usdc: int) -> Facts:
        """What the token will say."""
        request = one.request
        return wire.facts(
            decision_id(one.now_ms, one.random[:10]), self._chain_id, place, price_micro_usdc,
            one.now_ms + self._token_ms, viewer_bytes(request.viewer_key, self._token_key, one.now_ms), request.client,
            request.origin,
        )

    def _decision(self, one: Asking, hold: Hold) -> Decision:
        wire = hold.wire
        creative, shown = wire.creatives[hold.place], wire.shown[hold.place]
        if wire.has_goal:
            name = click_id(facts_of(hold.body)[1], self._token_key)
            creative = replace(creative, click_url=landing_url(creative.click_url, name))
            shown = shown_json(creative)
        version = one.stall.market.version
        return Decision(hold.body, hold.signed, hold.opening, creative, shown, version, wire.timed)

    def _no_bid(self, one: Asking) -> NoBid:
        """Why nobody could buy; the same for all who ask the same at the same moment."""
        stall, moment = one.stall, one.moment
        self.tallies.nobody(one.now_ms, stall.placement.id, one.said)
        if one.away or stall.placement.soft_floor_micro_usdc is not None or stall.paces.throttles:
            reasons = why_none(stall, moment, one.said, one.floor, one.away)
        else:
            key = (stall.placement.id, one.said)
            reasons = moment.answers.get(key) or moment.answers.setdefault(
                key, why_none(stall, moment, one.said, one.floor, one.away)
            )
        return NoBid(reasons, stall.market.version)

    # ---- tests, sponsorships, other exchanges -------------------------------------------------------------------

    def _test(self, stall: Stall, request: AdRequest, now_ms: int, random: bytes) -> Decision:
        """The house creative, for nothing: line item 0 marks the token of a test."""
        surface = stall.placement
        creative = house(surface, self._public_url)
        facts: Facts = (
            VERSION, decision_id(now_ms, random[:10]), self._chain_id, 0, 0, 0, surface.id, surface.publisher, 0,
            BID_KINDS.index(BidKind.VCPM), now_ms + self._token_ms,
            viewer_bytes(request.viewer_key, self._token_key, now_ms), surface.kind == "video", request.client,
            request.origin,
        )
        shown, version = shown_json(creative), stall.market.version
        return Decision(*self._signed(facts), creative, shown, version, surface.kind == "video", test=True)

    async def _sponsor(self, one: Asking) -> Decision | None:
        """The sponsorship that has the placement now, with this hour's price held; it is noted why the others do not.
        """
        hour_ms = one.now_ms - one.now_ms % HOUR_MS
        slots = one.stall.terms.slots
        while True:
            blocked = one.moment.blocked
            named = {
                item: blocked[slots[item]] for item in (each.line_item.id for each in one.stall.sponsors)
                if slots[item] in blocked
            }
            chosen, refused = sponsor(one.stall.sponsors, one.now_ms, named)
            if chosen is None or (chosen.line_item.id, hour_ms) in self._held_hours:
                break
            reason = await self._hold_hour(chosen.line_item, hour_ms)
            if reason is None:
                self._held_hours = {held for held in self._held_hours if held[1] == hour_ms}
                self._held_hours.add((chosen.line_item.id, hour_ms))
                break
            one.moment.block(slots[chosen.line_item.id], reason)
        for line_item, why in refused.items():
            one.leave(line_item, why)
            self.tallies.refused(one.now_ms, one.stall.placement.id, line_item, why)
        if chosen is None:
            return None
        lot = one.stall.lot(slots[chosen.line_item.id])
        wire = _wire(lot)
        place = drawn(one.seed, len(wire.creatives))
        self.tallies.sponsored(one.now_ms, one.stall.placement.id, one.said, chosen.line_item.id)
        return self._decision(one, Hold(b"", *self._signed(self._facts(one, wire, place, 0)), wire, place))

    async def _hold_hour(self, item: LineItem, hour_ms: int) -> NoBidReason | None:
        """Hold the price under the name by which the ledger will charge it; whoever is first does it for all."""
        campaign, price = item.chain_campaign, item.bid_micro_usdc
        assert campaign is not None             # the standing check `funded`
        member = hold_member(item.id, day_of(hour_ms), price, hour_id(self._chain_id, item.id, hour_ms).hex())
        return await self._purses.hold_hour(campaign, item.id, hour_ms, price, hour_ms + SPONSORED_HOLD_MS, member)

    async def _ask_outside(self, one: Asking) -> None:
        """Let line items whose own servers bid compete, within their time."""
        stall = one.stall
        slots = [stall.terms.slots[offer.line_item.id] for offer in stall.external]
        codes = stall.objections(one.moment, one.said, np.array(slots, np.int64)).tolist()
        offers = [offer for offer, code in zip(stall.external, codes, strict=True) if not code]
        for offer, code in zip(stall.external, codes, strict=True):
            one.leave(offer.line_item.id, reason_of(code) or NoBidReason.EXTERNAL)
        if not offers or self._ask_demand is None:
            return
        name = decision_id(one.now_ms, one.random[:10]).hex()
        asked = demand_request(stall.placement, one.floor, one.request, offers, name)
        for bidding in with_bids(offers, await self._ask_demand(asked)):
            one.away.pop(bidding.line_item.id)
            one.outside.append(Lot(stall.terms.slots[bidding.line_item.id], -1, bidding, bidding.bid))

    async def supply(self, asked: SupplyRequest, now_ms: int, random: bytes) -> SupplyBid | None:
        """What we bid for an opportunity of another exchange, the price held; None when nobody wants it.

        Raises as `decide`. Sponsorships, house ads and external bidders are not for other exchanges.
        """
        request = AdRequest(
            asked.placement, asked.viewer_key, asked.country, asked.language, asked.device, asked.gpc, asked.tcf
        )
        one = self._asking(request, now_ms, random)
        if one.stall.placement.test:
            return None
        one.floor = max(one.floor, asked.floor_micro_usdc)
        lots = one.stall.walk(one.moment, Audience(one.stall.order, one.said))
        offers = within((lot for lot in lots if lot.takes_part(random)), one.floor, asked)
        for _ in range(HOLD_TRIES_MAX):
            sold = sold_of([lot for lot in offers if lot.line_item not in one.away], one.floor, one.seed)
            if sold is None:
                break
            lot, price = sold
            # what was agreed on is the price, however the exchange finds its own
            agreed = lot.bid.deal is not None and lot.bid.deal.fixed
            held = lot.bid.bid_micro_usdc if asked.pays_bid and not agreed else price
            decision = await self._taken(one, (lot, held))
            if decision is not None:
                return SupplyBid(decision.facts, candidate(lot.offer.line_item, decision.creative))
            one.away.setdefault(lot.line_item, NoBidReason.BUDGET)
        self.tallies.nobody(now_ms, one.stall.placement.id, one.said)
        return None

    async def give_back(self, facts: DecisionToken) -> None:
        """Another exchange has sold to somebody else: what was held for `facts` can be spent again."""
        await self._purses.give_back(facts.campaign, _member(facts))

    async def lower(self, facts: DecisionToken, price_micro_usdc: int) -> None:
        """Another exchange charges less than was held for `facts`."""
        await self._purses.lower(
            facts.campaign, _member(facts), price_micro_usdc, facts.expires_ms + HOLD_GRACE_MS,
            _member(replace(facts, price_micro_usdc=price_micro_usdc)),
        )


def _wire(lot: Lot) -> Wire:
    """What is prepared of the lot, made when it is first sold."""
    wire = lot.wire
    if not isinstance(wire, Wire):
        wire = lot.wire = Wire(lot.offer)
    return wire


@lru_cache(maxsize=4_096)
def _countable(gpc: bool, tcf: str | None, vendor: int | None) -> bool:
    return allows_frequency_capping(gpc, tcf, vendor=vendor)


def _member(facts: DecisionToken) -> str:
    day = day_of(facts.decided_ms)
    return hold_member(facts.line_item, day, facts.price_micro_usdc, facts.decision_id.hex())
