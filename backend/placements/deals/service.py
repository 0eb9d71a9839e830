"""Offers a placement to an advertiser, and takes the answer; every call is one transaction."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from backend.core.errors import Conflict, NotFound
from backend.core.ids import Address, PlacementId
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.db.idempotency import once
from backend.db.notices import notify
from backend.placements.deals import store
from backend.placements.deals.deal import (
    Deal,
    DealStatus,
    DealTerms,
    Party,
    check_answer,
    check_line_item,
    check_offer,
    over,
)


class DealService:
    """Deals of both sides. Whatever is not the caller's own raises NotFound, so that ids cannot be probed.

    An accepted deal is served from with the catalogue's next refresh, and no more when it has ended. `clock` gives Unix
    seconds.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def offer(self, publisher: Address, placement: PlacementId, terms: DealTerms, *, key: str | None = None) -> Deal:
        """Offer the publisher's own placement; the advertiser is told. `key` is the Idempotency-Key.

        Raises NotFound `placement_unknown`, and as `check_offer`.
        """
        def create() -> Deal:
            if not store.owns_placement(connection, publisher, placement):
                raise NotFound("placement_unknown", f"you have no placement {placement}")
            store.lock_offers(connection, publisher)
            check_offer(publisher, terms, store.open_deals(connection, publisher))
            deal = store.insert_deal(connection, publisher, placement, terms)
            record(
                connection, "deal.offer", f"deal:{deal}", placement=placement, price_kind=terms.price_kind,
                price_micro_usdc=terms.price_micro_usdc,
            )
            notify(connection, terms.advertiser, "deal.offered", deal=deal, placement=placement)
            return _own(connection, Party.PUBLISHER, publisher, deal)

        with self._engine.begin() as connection:
            return once(connection, publisher, key, ("deal", placement, terms), Deal, create)

    def deal(self, side: Party, wallet: Address, deal: int) -> Deal:
        """Raises NotFound `deal_unknown`."""
        with self._engine.begin() as connection:
            return _own(connection, side, wallet, deal)

    def deals(self, side: Party, wallet: Address, *, after: int = 0, limit: int = 100) -> list[Deal]:
        """The account's deals on one side of them, by id."""
        with self._engine.begin() as connection:
            return store.deals_of(connection, side, wallet, after, limit)

    def accept(self, advertiser: Address, deal: int, line_item: int) -> Deal:
        """From now on the advertiser's own line item buys the placement by this deal. The same answer twice is one.

        Raises NotFound `deal_unknown` or `line_item_unknown`, Conflict `deal_not_open` or `deal_exists` (the line item
        has another deal for the placement), Unprocessable `deal_for_sponsorship`.
        """
        with self._engine.begin() as connection:
            found = _own(connection, Party.ADVERTISER, advertiser, deal, lock=True)
            if (found.status, found.line_item) == (DealStatus.ACCEPTED, line_item):
                return found
            check_answer(found)
            bid_kind = store.bid_kind_of(connection, advertiser, line_item)
            if bid_kind is None:
                raise NotFound("line_item_unknown", f"you have no line item {line_item}")
            check_line_item(bid_kind)
            return self._decide(connection, found, DealStatus.ACCEPTED, Party.ADVERTISER, line_item)

    def decline(self, advertiser: Address, deal: int) -> Deal:
        """Twice is once. Raises NotFound `deal_unknown`, Conflict `deal_not_open`."""
        with self._engine.begin() as connection:
            found = _own(connection, Party.ADVERTISER, advertiser, deal, lock=True)
            if found.status is DealStatus.DECLINED:
                return found
            check_answer(found)
            return self._decide(connection, found, DealStatus.DECLINED, Party.ADVERTISER)

    def end(self, side: Party, wallet: Address, deal: int) -> None:
        """Take back an offer (publisher), or end what was agreed (either side). What is over stays as it is.

        Raises NotFound `deal_unknown`, Conflict `deal_not_accepted`.
        """
        with self._engine.begin() as connection:
            found = _own(connection, side, wallet, deal, lock=True)
            status = over(found, side)
            if status is not None:
                self._decide(connection, found, status, side)

    def _decide(
        self, connection: Connection, deal: Deal, status: DealStatus, by: Party, line_item: int | None = None
    ) -> Deal:
        """Write it, and tell the other side."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        if not store.decide(connection, deal.id, status, now, line_item):
            raise Conflict("deal_exists", "the line item has another deal for this placement; end that first")
        record(connection, f"deal.{_VERBS[status]}", f"deal:{deal.id}", line_item=line_item)
        other = deal.terms.advertiser if by is Party.PUBLISHER else deal.publisher
        notify(connection, other, f"deal.{status}", deal=deal.id, placement=deal.surface.placement)
        return _own(connection, Party.PUBLISHER, deal.publisher, deal.id)


_VERBS = {
    DealStatus.ACCEPTED: "accept", DealStatus.DECLINED: "decline", DealStatus.WITHDRAWN: "withdraw",
    DealStatus.ENDED: "end",
}


def _own(connection: Connection, side: Party, wallet: Address, deal: int, *, lock: bool = False) -> Deal:
    found = store.deal_of(connection, side, wallet, deal, lock=lock)
    if found is None:
        raise NotFound("deal_unknown", f"you have no deal {deal}")
    return found
