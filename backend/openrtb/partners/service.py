"""Registers exchanges and bidders, and lets placements ask the latter."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import redis

from backend.core.client_ip import networks
from backend.core.errors import Conflict, NotFound, Unprocessable
from backend.core.ids import Address
from backend.db.audit import record
from backend.db.engine import Connection, Engine
from backend.net.addresses import FetchRefused, target_of
from backend.openrtb.partners import store
from backend.openrtb.partners.partner import BidderRecord, BidderTerms, ExchangeRecord, ExchangeTerms
from backend.openrtb.sellers import ads_txt_lines

TOKEN_PREFIX = "slx_"  # noqa: S105 -- the beginning of all tokens of exchanges
SECONDS_PER_DAY = 86_400
FIRST_DAY = date(1970, 1, 1)


class PartnerService:
    """`changed` is called when this process should look again whom it knows."""

    def __init__(
        self, engine: Engine, client: redis.Redis, *, allow_local: bool, domain: str, clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._redis = client
        self._allow_local = allow_local
        self._domain = domain
        self._clock = clock
        self._changed = changed

    # ---- the operator's

    def add_exchange(self, world: int, terms: ExchangeTerms) -> tuple[ExchangeRecord, str]:
        """The exchange and its token, which is never told again. Raises NotFound `world_unknown`, Unprocessable
        `network_malformed`, Conflict `exchange_exists`."""
        _check_networks(terms)
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            if not store.world_exists(connection, world):
                raise NotFound("world_unknown", f"there is no world {world}")
            number = store.insert_exchange(connection, world, terms, _digest(token))
            if number is None:
                raise Conflict("exchange_exists", "an exchange is paid by this world already")
            record(connection, "exchange.create", f"exchange:{number}", world=world)
            found = _exchange(connection, number)
        self._changed()
        return found, token

    def change_exchange(
        self, exchange: int, change: Callable[[ExchangeTerms], ExchangeTerms], *, new_token: bool
    ) -> tuple[ExchangeRecord, str | None]:
        """With `new_token` the old token is dead at once. Raises NotFound `exchange_not_found`, Unprocessable."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32) if new_token else None
        with self._engine.begin() as connection:
            terms = change(_exchange(connection, exchange, lock=True).terms)
            _check_networks(terms)
            store.update_exchange(connection, exchange, terms, _digest(token) if token else None)
            record(connection, "exchange.change", f"exchange:{exchange}", status=terms.status.value)
            found = _exchange(connection, exchange)
        self._changed()
        return found, token

    def exchanges(self) -> list[ExchangeRecord]:
        with self._engine.begin() as connection:
            return store.exchanges(connection)

    def approve_bidder(self, bidder: int, *, approved: bool) -> BidderRecord:
        """Whether it may be asked. Raises NotFound `bidder_unknown`."""
        with self._engine.begin() as connection:
            found = _known(store.bidder(connection, bidder))
            store.update_bidder(connection, bidder, found.terms, approved=approved)
            record(connection, "bidder.approve" if approved else "bidder.refuse", f"bidder:{bidder}")
        self._changed()
        return replace(found, approved=approved)

    def all_bidders(self) -> list[BidderRecord]:
        with self._engine.begin() as connection:
            found = store.bidders(connection)
        return self._counted(found)

    # ---- an advertiser's

    def add_bidder(self, owner: Address, line_item: int, terms: BidderTerms) -> BidderRecord:
        """Only the bidder bids for the line item from now on. Raises NotFound `line_item_unknown`, Conflict
        `bidder_exists`, Unprocessable `bid_kind_not_allowed`, `endpoint_not_allowed`."""
        self._check_endpoint(terms)
        with self._engine.begin() as connection:
            kind = store.bid_kind(connection, owner, line_item)
            if kind is None:
                raise NotFound("line_item_unknown", f"you have no line item {line_item}")
            if kind != "vcpm":
                raise Unprocessable("bid_kind_not_allowed", "bidders buy viewable impressions: the bid must be vcpm")
            number = store.insert_bidder(connection, line_item, terms)
            if number is None:
                raise Conflict("bidder_exists", "the line item has a bidder already")
            record(connection, "bidder.create", f"bidder:{number}", line_item=line_item)
            return _known(store.bidder(connection, number))

    def change_bidder(
        self, owner: Address, bidder: int, change: Callable[[BidderTerms], BidderTerms]
    ) -> BidderRecord:
        """Another endpoint has to be approved again. Raises NotFound `bidder_unknown`, Unprocessable."""
        with self._engine.begin() as connection:
            found = _known(store.bidder(connection, bidder, owner=owner))
            terms = change(found.terms)
            self._check_endpoint(terms)
            approved = found.approved and terms.endpoint == found.terms.endpoint
            store.update_bidder(connection, bidder, terms, approved=approved)
            record(connection, "bidder.change", f"bidder:{bidder}", status=terms.status.value)
        self._changed()
        return replace(found, terms=terms, approved=approved)

    def bidders(self, owner: Address) -> list[BidderRecord]:
        """With what became of asking them today."""
        with self._engine.begin() as connection:
            found = store.bidders(connection, owner=owner)
        return self._counted(found)

    def video_events(self, owner: Address, line_item: int, day: date | None) -> tuple[date, dict[str, int]]:
        """The UTC day (None: today) and what players of its videos told on it. Raises NotFound `line_item_unknown`."""
        day = day or FIRST_DAY + timedelta(seconds=int(self._clock()))
        with self._engine.begin() as connection:
            if not store.owns_line_item(connection, owner, line_item):
                raise NotFound("line_item_unknown", f"you have no line item {line_item}")
        return day, store.read_video_events(self._redis, (day - FIRST_DAY).days, line_item)

    # ---- a publisher's

    def set_external_demand(self, wallet: Address, placement: int, *, asked: bool) -> None:
        """Whether external bidders compete for the placement. Raises NotFound `placement_unknown`."""
        with self._engine.begin() as connection:
            if not store.set_external_demand(connection, wallet, placement, asked=asked):
                raise NotFound("placement_unknown", f"you have no placement {placement}")
            record(connection, "placement.external_demand", f"placement:{placement}", asked=asked)

    def external_demand(self, wallet: Address, placement: int) -> bool:
        """Raises NotFound `placement_unknown`."""
        with self._engine.begin() as connection:
            found = store.external_demand(connection, wallet, placement)
        if found is None:
            raise NotFound("placement_unknown", f"you have no placement {placement}")
        return found

    def ads_txt_lines(self, wallet: Address) -> str:
        """What the publisher adds to its own ads.txt and app-ads.txt. Raises NotFound `publisher_unknown`."""
        with self._engine.begin() as connection:
            seller = store.seller_of(connection, wallet)
        if seller is None:
            raise NotFound("publisher_unknown", "this wallet is not a publisher yet; create a world first")
        return ads_txt_lines(self._domain, seller)

    def _check_endpoint(self, terms: BidderTerms) -> None:
        try:
            target_of(terms.endpoint, allow_local=self._allow_local)
        except FetchRefused as error:
            raise Unprocessable("endpoint_not_allowed", f"the endpoint {error.detail}") from error

    def _counted(self, found: list[BidderRecord]) -> list[BidderRecord]:
        day = int(self._clock()) // SECONDS_PER_DAY
        counts = store.read_counts(self._redis, day, [one.id for one in found]) if found else {}
        return [replace(one, today=counts[one.id]) for one in found]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _check_networks(terms: ExchangeTerms) -> None:
    try:
        networks(terms.networks)
    except ValueError as error:
        raise Unprocessable("network_malformed", "networks are such as 192.0.2.0/24 or 2001:db8::/48") from error


def _exchange(connection: Connection, number: int, *, lock: bool = False) -> ExchangeRecord:
    found = store.exchange(connection, number, lock=lock)
    if found is None:
        raise NotFound("exchange_not_found", f"there is no exchange {number}")
    return found


def _known(found: BidderRecord | None) -> BidderRecord:
    if found is None:
        raise NotFound("bidder_unknown", "you have no bidder of this number")
    return found
