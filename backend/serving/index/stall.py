"""A placement in the market: who may compete there for good, in order, and who decides one auction."""

from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from functools import cached_property
from operator import neg

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.auction import PPM, QUALITY_NEUTRAL, Bid, auction, floor_ecpm_nano_usdc
from backend.serving.catalogue import Frequency, Placement
from backend.serving.eligibility import Offer, offer, offer_at
from backend.serving.index.audience import Audience, Said, spoken_objections
from backend.serving.index.codes import CODE, Codes, Flags, Numbers
from backend.serving.index.market import Market, paced_bid
from backend.serving.index.moment import Moment
from backend.serving.index.order import CHUNK, Bits, Order
from backend.serving.index.standing import personal, standing_codes, standing_of
from backend.serving.index.terms import Column
from backend.serving.pacing.controller import takes_part

OK = 0
FLOOR_SCALE = floor_ecpm_nano_usdc(1) * QUALITY_NEUTRAL
Sold = tuple["Lot", int]
"""Who won, and micro-USDC for one billable event."""
Away = Container[int]
NOBODY: Away = frozenset()


class Lot:
    """A line item that may compete on a placement, as it bids now. `wire`: what a service has prepared for it."""

    __slots__ = ("bid", "line_item", "offer", "owner", "participation_ppm", "score", "slot", "tier", "weight", "wire")

    def __init__(self, slot: int, owner: int, made: Offer, bid: Bid, participation_ppm: int = PPM) -> None:
        self.slot, self.owner, self.offer, self.bid = slot, owner, made, bid
        self.line_item, self.participation_ppm = bid.line_item, participation_ppm
        self.score, self.tier, self.weight = bid.score, bid.tier, bid.rate_ppm * QUALITY_NEUTRAL
        self.wire: object | None = None

    def price(self, floor_micro_usdc: int, rival_score: int) -> int:
        """`Bid.price` of a bid that is nothing special here: neutral quality, no deal."""
        floor_score = floor_micro_usdc * FLOOR_SCALE
        score = rival_score if rival_score > floor_score else floor_score
        return -(-score // self.weight) or 1

    def takes_part(self, random: bytes) -> bool:
        """Whether pacing lets it take part in the decision made of these random bytes."""
        return self.participation_ppm == PPM or takes_part(random, self.line_item, self.participation_ppm)


class Walk:
    """One request's way down the order."""

    __slots__ = ("_mine", "_now", "_order", "_wanted")

    def __init__(self, stall: "Stall", moment: Moment, audience: Audience) -> None:
        self._order, self._mine, self._now, self._wanted = stall.order, stall.bits, moment.bits, audience

    def left(self, number: int) -> int:
        """Who of a chunk may compete."""
        return self._mine.chunk(number) & self._now.chunk(number) & self._wanted.chunk(number)

    def rival(self, number: int, left: int, owner: int, least: int) -> int:
        """The best score of another owner from here on, if it is at least `least`; else 0."""
        while True:
            _, scores, owners = self._order.listed(number)
            while left:
                low = left & -left
                left ^= low
                place = low.bit_length() - 1
                if scores[place] < least:
                    return 0
                if owners[place] != owner:
                    return scores[place]
            number += 1
            if number >= self._order.chunks:
                return 0
            left = self.left(number)

    def tied(self, number: int, best: int) -> list[tuple[int, int]]:
        """Chunks, from this one on, and who there has the best score."""
        found: list[tuple[int, int]] = []
        for one in range(number, self._order.chunks):
            scores = self._order.listed(one)[1]
            end = bisect_right(scores, -best, key=neg)
            found.append((one, self.left(one) & ((1 << end) - 1)))
            if end < len(scores):
                break
        return found


def nth_bit(number: int, n: int) -> int:
    """Place of the bit that n others come before; there are more than n.

    >>> [nth_bit(0b1011000, n) for n in range(3)]
    [3, 4, 6]
    """
    place, width = 0, CHUNK
    while width > 1:
        width >>= 1
        low = number & ((1 << width) - 1)
        below = low.bit_count()
        if n < below:
            number = low
        else:
            n, number, place = n - below, number >> width, place + width
    return place


def sold_of(lots: Sequence[Lot], floor_micro_usdc: int, seed: int) -> Sold | None:
    """As `auction`, of lots instead of bids."""
    sale = auction([lot.bid for lot in lots], floor_micro_usdc, seed)
    if sale is None:
        return None
    return next(lot for lot in lots if lot.bid is sale.bid), sale.price_micro_usdc


class Stall:
    """One placement with one version of terms and rates; `follow` brings it up to another order of the same."""

    def __init__(self, market: Market, placement: Placement, last: "Stall | None" = None) -> None:
        self.placement, self.terms, self.known = placement, market.terms, market.known
        self.market = market
        self._here = market.known.here(market.terms, placement.id)
        self._personal = personal(market.terms, placement)
        self.codes = self._standing(last)
        cells, competing = market.terms.cells, self.unopposed
        special = self._here.keys() | set(self._personal)
        self._apart = [slot for slot in sorted(special) if competing[slot] and not cells[Column.SPONSOR, slot]]
        self.sponsors = self._sponsors()
        external = CODE[NoBidReason.EXTERNAL]
        self.external: tuple[Offer, ...] = ()
        if placement.external_demand:
            self.external = tuple(self._offer(slot) for slot in np.flatnonzero(self.codes == external).tolist())
        self.has_capped = bool((competing & (cells[Column.CAPPED] != 0)).any()) or any(
            one.line_item.frequency for one in self.external
        )
        competing[self._apart] = False
        self._in_order = competing
        self._follow(market)

    @property
    def unopposed(self) -> Flags:
        """Slots without a standing objection. Made when asked for: there are many stalls."""
        found: Flags = self.codes == OK
        return found

    def follow(self, market: Market) -> bool:
        """The same in another market; False: its terms are others, so that a new stall must be opened."""
        if market.terms is not self.terms or market.known is not self.known:
            return False
        if market.placements.get(self.placement.id) is not self.placement:
            return False
        self.market = market
        if market.order is not self.order or market.paces is not self.paces:
            self._follow(market)
        return True

    def _follow(self, market: Market) -> None:
        self.order: Order = market.order
        self.paces = market.paces
        self.bits: Bits = market.order.bits(lambda slots: self._in_order[slots])
        self.lots: dict[int, Lot] = {}
        self.apart: list[Lot] = sorted(
            (self.lot(slot) for slot in self._apart), key=lambda lot: (-lot.tier, -lot.score, lot.bid.line_item)
        )

    def lot(self, slot: int) -> Lot:
        """The line item of a slot as it bids here now."""
        found = self.lots.get(slot)
        if found is None:
            made = self._offer(slot)
            bid = paced_bid(made.bid, int(self.paces.multipliers_ppm[slot]))
            owner, participation_ppm = int(self.terms.cells[Column.OWNER, slot]), self.paces.participation_ppm[slot]
            found = self.lots[slot] = Lot(slot, owner, made, bid, int(participation_ppm))
        return found

    def sell(
        self, moment: Moment, audience: Audience, floor_micro_usdc: int, seed: int, away: Away = NOBODY,
        outside: Sequence[Lot] = (), random: bytes = b"",
    ) -> Sold | None:
        """The sale that `auction` would make of everybody who may compete; None: nobody reaches the floor.

        `floor_micro_usdc` is what this request asks; whoever is in `away` (line items) does not take part in it; the
        bids `outside` compete as well. `random` bytes of the decision draw who takes part, where some do not always.
        """
        if self.apart or outside or away is not NOBODY or self.paces.throttles:
            lots = self.contenders(moment, audience, floor_micro_usdc, away, random)
            return sold_of([*lots, *(lot for lot in outside if lot.line_item not in away)], floor_micro_usdc, seed)
        least = floor_micro_usdc * FLOOR_SCALE
        mine, now, lists = self.bits, moment.bits, self.order.lists
        country, language, device, counted = audience.country, audience.language, audience.device, audience.counted
        for number in range(self.order.chunks):
            try:
                left = (
                    mine[number] & now[number] & country[number] & language[number]  # type: ignore[operator] # None:
                    & device[number] & counted[number]                               # see below
                )
            except TypeError:
                left = mine.chunk(number) & now.chunk(number) & audience.chunk(number)
            if not left:
                continue
            slots, scores, owners = lists[number] or self.order.listed(number)
            first = (left & -left).bit_length() - 1
            best = scores[first]
            if best < least:
                return None
            rest = left & (left - 1)
            second = (rest & -rest).bit_length() - 1
            if second < 0 or scores[second] == best:
                return self._draw(Walk(self, moment, audience), number, best, floor_micro_usdc, seed)
            rival = scores[second]
            if owners[second] == owners[first]:
                rival = Walk(self, moment, audience).rival(number, rest, owners[first], least)
            slot = slots[first]
            lot = self.lots.get(slot) or self.lot(slot)
            return lot, lot.price(floor_micro_usdc, rival)
        return None

    def _draw(self, walk: Walk, number: int, best: int, floor_micro_usdc: int, seed: int) -> Sold:
        """Several may have the best score, however many: none but the one who is drawn is looked at."""
        tied = walk.tied(number, best)
        draw, place = seed % sum(left.bit_count() for _, left in tied), 0
        while draw >= tied[place][1].bit_count():
            draw -= tied[place][1].bit_count()
            place += 1
        number, left = tied[place]
        lot = self.lot(self.order.listed(number)[0][nth_bit(left, draw)])
        rival = walk.rival(tied[0][0], walk.left(tied[0][0]), lot.owner, floor_micro_usdc * FLOOR_SCALE)
        return lot, lot.price(floor_micro_usdc, rival)

    def contenders(
        self, moment: Moment, audience: Audience, floor_micro_usdc: int, away: Away = NOBODY, random: bytes = b""
    ) -> list[Lot]:
        """All with the highest score, and the best of another owner: see `decision.contenders`."""
        found: list[Lot] = []
        for lot in self.walk(moment, audience):
            if found and _decided(found, lot):
                break
            if lot.line_item in away or not lot.bid.reaches(floor_micro_usdc):
                continue
            if lot.takes_part(random):
                found.append(lot)
        return found

    def walk(self, moment: Moment, audience: Audience) -> Iterator[Lot]:
        """Whoever may compete now for this audience, the highest tier and score first."""
        apart = iter(self.apart)
        other = next(apart, None)
        for number in range(self.order.chunks):
            left = self.bits.chunk(number) & moment.bits.chunk(number) & audience.chunk(number)
            if not left:
                continue
            slots, scores, _ = self.order.listed(number)
            while left:
                low = left & -left
                left ^= low
                place = low.bit_length() - 1
                while other is not None and (other.tier or other.score >= scores[place]):
                    if self._may(other, moment, audience):
                        yield other
                    other = next(apart, None)
                yield self.lot(slots[place])
        while other is not None:
            if self._may(other, moment, audience):
                yield other
            other = next(apart, None)

    def _may(self, lot: Lot, moment: Moment, audience: Audience) -> bool:
        number, place = divmod(int(self.order.ranks[lot.slot]), CHUNK)
        return bool((moment.bits.chunk(number) & audience.chunk(number)) >> place & 1)

    # ---- why not ------------------------------------------------------------------------------------------------

    def objections(self, moment: Moment, said: Said, slots: Numbers) -> Codes:
        """The first objection of moment and audience to slots that have no standing one."""
        terms = self.terms
        codes = moment.objections(slots)
        spoken = spoken_objections(terms, said, slots)
        late = np.zeros(len(slots), np.uint8)
        if not said[3]:
            late[terms.cells[Column.CAPPED][slots] != 0] = CODE[NoBidReason.NO_CONSENT]
        late[~moment.in_hours(slots)] = CODE[NoBidReason.DAY_PARTS]
        spoken = np.where(spoken != OK, spoken, late)
        found: Codes = np.where(codes != OK, codes, spoken)
        return found

    @cached_property
    def frequencies(self) -> dict[int, Frequency]:
        """By line item, of whoever competes with a cap on what one viewer sees."""
        found = np.flatnonzero(self.unopposed & (self.terms.cells[Column.CAPPED] != 0)).tolist()
        items = [self.terms.item(slot) for slot in found]
        return {item.id: item.frequency for item in items if item.frequency is not None}

    def competing(self) -> Numbers:
        """Slots without a standing objection, sponsorships left out."""
        cells = self.terms.cells
        return np.flatnonzero(self.unopposed & (cells[Column.SPONSOR] == 0))

    # ---- opening ------------------------------------------------------------------------------------------------

    def _standing(self, last: "Stall | None") -> Codes:
        """Of all slots; or of those that have changed since the `last` stall of the same placement."""
        terms, surface = self.terms, self.placement
        rates_ppm = self.known.ppm
        if self._here:
            rates_ppm = rates_ppm.copy()
            for slot, (ppm, _) in self._here.items():
                rates_ppm[slot] = ppm
        alike = last is not None and last.placement == surface and last.known.rates is self.known.rates
        changed = terms.since(last.terms.serial) if last is not None and alike else None
        if last is None or changed is None:
            codes = standing_codes(terms, surface, rates_ppm)
        else:
            codes = np.zeros(terms.size, np.uint8)
            codes[: len(last.codes)] = last.codes
            codes[changed] = standing_codes(terms, surface, rates_ppm, changed)
            codes[len(last.codes):] = standing_codes(
                terms, surface, rates_ppm, np.arange(len(last.codes), terms.size)
            )
        for slot in self._personal:
            codes[slot] = standing_of(terms, surface, self.known.rates, slot)
        return codes

    def _offer(self, slot: int) -> Offer:
        item = self.terms.item(slot)
        if slot in self._here or slot in self._personal:
            return offer_at(item, self.placement, self.known.rates)
        rates = self.known.rates
        return offer(item, self.placement, rates.ppm(item.id, 0), rates.conversion_ppm(item.id))

    def _sponsors(self) -> tuple[Offer, ...]:
        """As `decision.open_book` puts them: the highest price of an hour first."""
        slots = np.flatnonzero(self.unopposed & (self.terms.cells[Column.SPONSOR] != 0)).tolist()
        made = [self._offer(slot) for slot in slots]
        return tuple(sorted(made, key=lambda one: (-one.bid.tier, -one.bid.score, one.line_item.id)))


def _decided(found: list[Lot], lot: Lot) -> bool:
    """Whether neither this lot nor any below can win or set the price; see `decision.contenders`."""
    best = found[0]
    if lot.tier != best.tier:
        return True
    return lot.score < best.score and any(one.owner != best.owner for one in found)
