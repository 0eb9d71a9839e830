"""What a process has at hand while the market lasts: stalls of placements and the moment."""

from collections.abc import Callable

from backend.core.errors import Conflict, NotFound
from backend.serving.catalogue import Placement
from backend.serving.index.market import Market
from backend.serving.index.moment import Moment
from backend.serving.index.stall import Stall

STALL_BYTES_MAX = 128 * 1024 * 1024     # of all stalls; each has two bytes a line item
STALLS_MIN = 64


class Shelf:
    """`current` gives the newest market for a time in Unix milliseconds, or raises Unavailable."""

    def __init__(self, current: Callable[[int], Market]) -> None:
        self._current = current
        self._market: Market | None = None
        self._moment: Moment | None = None
        self._stalls: dict[int, Stall] = {}

    @property
    def now_ms(self) -> int:
        """The time of the moment; 0 before the first one."""
        return self._moment.now_ms if self._moment else 0

    def look_up(self, placement_id: int, now_ms: int) -> tuple[Stall, Moment]:
        """The stall of a placement that sells, and the moment.

        Raises NotFound `placement_unknown`, Conflict `world_paused` or `placement_paused`, and Unavailable.
        """
        market = self._current(now_ms)
        moment = self._moment
        if market is not self._market or moment is None or not moment.now_ms <= now_ms < moment.until_ms:
            moment = self._turn(market, now_ms)
        stall = self._stalls.get(placement_id)
        if stall is None or stall.market is not market:
            stall = self._stall(market, placement_id)
        return stall, moment

    def _turn(self, market: Market, now_ms: int) -> Moment:
        """To newer budgets, or to a time when others run: then who could not hold still cannot."""
        moment = Moment(market.order, market.paces.objections, now_ms)
        if market is self._market and self._moment is not None:
            for slot, reason in self._moment.blocked.items():
                moment.block(slot, reason)
        self._market, self._moment = market, moment
        return moment

    def _stall(self, market: Market, placement_id: int) -> Stall:
        surface = sellable(market, placement_id)
        last = self._stalls.get(placement_id)
        if last is not None and last.follow(market):
            return last
        stall = self._stalls[placement_id] = Stall(market, surface, last)
        while len(self._stalls) > max(STALLS_MIN, STALL_BYTES_MAX // (2 * max(1, market.terms.size))):
            self._stalls.pop(next(iter(self._stalls)))
        return stall


def sellable(market: Market, placement_id: int) -> Placement:
    """The placement. Raises as `Shelf.look_up`."""
    placement = market.placements.get(placement_id)
    if placement is None:
        raise NotFound("placement_unknown", f"there is no placement {placement_id}")
    if not placement.world_active:
        raise Conflict("world_paused", f"the world of placement {placement_id} is paused")
    if not placement.placement_active:
        raise Conflict("placement_paused", f"placement {placement_id} is paused")
    return placement
