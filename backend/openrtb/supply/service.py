"""Answers bid requests of exchanges, and takes their notices."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

import redis.asyncio

from backend.core.client_ip import Network
from backend.core.decision_token import DecisionToken, TokenError, sign, verify
from backend.core.errors import Conflict, NotAllowed, NotFound, NotSignedIn
from backend.core.exchange import Candidate, DecideSupply, SupplyBid, SupplyRequest
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.db.engine import Engine
from backend.openrtb import asking, iab
from backend.openrtb.answer import CLICK_PATH, Bid, BidResponse, Links, bid_of, response, video
from backend.openrtb.asking import Blocks, Terms, Way
from backend.openrtb.exchange import Exchange
from backend.openrtb.kept import Kept
from backend.openrtb.notices import BILLED, BILLING, LOST, Standing, keep_ms, price_to_charge, signing_key
from backend.openrtb.reading import check_version, read_request, unpacked
from backend.openrtb.request import BidRequest, Imp
from backend.openrtb.supply import store
from backend.openrtb.vast import EVENTS

RANDOM_BYTES = 18
TRIES_MAX = 24                  # placements asked for one impression: an exchange has few formats
TMAX_MS_DEFAULT = 500
TMAX_SHARE = 0.5                # of the exchange's time, the rest is on the wire
BODY_BYTES_MAX = 256 * 1024
MS_PER_DAY = 86_400_000
BID_WON = "0"                   # loss reason code
DIRECTORY_FRESH_SECONDS, DIRECTORY_STALE_SECONDS = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A bid request as it came: `bearer` and `client` say from whom."""

    body: bytes
    bearer: str
    client: str
    version: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class OurSide:
    """What other stages do for an exchange: decide and hold, hold less or nothing, take in what was seen or clicked."""

    decide: DecideSupply
    lower: Callable[[DecisionToken, int], Awaitable[None]]
    give_back: Callable[[DecisionToken], Awaitable[None]]
    seen: Callable[[DecisionToken, int], Awaitable[DropReason | None]]
    clicked: Callable[[DecisionToken, int], Awaitable[DropReason | None]]
    landing: Callable[[DecisionToken], Awaitable[str | None]]


class ExchangeDirectory:
    """The exchanges, as this process knows them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept = Kept(
            self._load, time.monotonic, fresh=DIRECTORY_FRESH_SECONDS, stale=DIRECTORY_STALE_SECONDS
        )
        self.forget = self._kept.forget

    async def all(self) -> store.Directory:
        return await self._kept.get()

    async def of(self, bearer: str, client: str) -> Exchange:
        """Raises NotSignedIn `exchange_unknown`, NotAllowed `exchange_network`."""
        digest = hashlib.sha256(bearer.encode()).hexdigest()
        found = (await self.all()).exchanges.get(digest)
        if found is None:
            raise NotSignedIn("exchange_unknown", "send the token of an exchange: Authorization: Bearer …")
        check_network(found, client)
        return found

    def _load(self) -> store.Directory:
        with self._engine.connect() as connection:
            return store.read_directory(connection)


def check_network(exchange: Exchange, client: str) -> None:
    """Raises NotAllowed `exchange_network` when the exchange does not ask from there."""
    if exchange.networks and not _inside(client, exchange.networks):
        raise NotAllowed("exchange_network", "this exchange does not ask from your network")


def _inside(client: str, networks: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in networks)


class SupplyService:
    """Bids for what exchanges offer. What is bid is held until it is billed, lost, or over."""

    def __init__(
        self, directory: ExchangeDirectory, ours: OurSide, token_key: bytes, ruleset: Ruleset, public_url: str,
        known: asking.Known | None = None,
    ) -> None:
        self._directory = directory
        self._ours = ours
        self._key = signing_key(token_key)
        self._ruleset = ruleset
        self._known = known
        self._base = public_url.rstrip("/")

    async def answer(self, incoming: Incoming, now_ms: int) -> BidResponse | None:
        """Bids, or the specification's reason for none; None (204) when there is nothing to say.

        Raises BadRequest (`openrtb_request`, `openrtb_version`, `malformed_json`), NotSignedIn, NotAllowed,
        Unavailable.
        """
        exchange = await self._directory.of(incoming.bearer, incoming.client)
        check_version(incoming.version)
        body = unpacked(incoming.body, incoming.encoding, BODY_BYTES_MAX)
        request = read_request(body, strict=exchange.strict)
        reason = asking.refusal(request, exchange, self._known)
        if reason is not None:
            return BidResponse(request.id, nbr=int(reason))
        if asking.not_for_us(request, exchange):
            return None
        bids = await self._bids(request, exchange, now_ms)
        return response(request.id, exchange.seat, bids) if bids else None

    async def _bids(self, request: BidRequest, exchange: Exchange, now_ms: int) -> list[Bid]:
        """One bid at most for each impression, as many as there is time for."""
        media = (await self._directory.all()).media
        clock = asyncio.get_running_loop().time
        until = clock() + (request.tmax or TMAX_MS_DEFAULT) * TMAX_SHARE / 1_000
        bids: list[Bid] = []
        blocks = Blocks.of(request)
        for imp in request.imp:
            if clock() >= until:
                break
            bid = await self._bid(request, imp, exchange, blocks, media, now_ms, lambda: clock() < until)
            if bid is not None:
                bids.append(bid)
        return bids

    async def _bid(
        self, request: BidRequest, imp: Imp, exchange: Exchange, blocks: Blocks, media: Mapping[int, str], now_ms: int,
        in_time: Callable[[], bool],
    ) -> Bid | None:
        """The first way that somebody bids for. A request may name hundreds of deals: there is no bid without time."""
        ways = asking.ways(imp, exchange, self._ruleset)[:TRIES_MAX]
        for terms in asking.terms_of(imp, request, exchange) if ways else ():
            for way in ways:
                if not in_time():
                    return None
                won = await self._decide(request, imp, exchange, way, terms, blocks, media, now_ms)
                if won is not None:
                    links = Links(self._base, sign(won.facts, self._key))
                    version = asking.vast_version(imp)
                    return bid_of(won, imp.id, way, terms.deal, exchange, links, media, version, now_ms)
        return None

    async def _decide(
        self, request: BidRequest, imp: Imp, exchange: Exchange, way: Way, terms: Terms, blocks: Blocks,
        media: Mapping[int, str], now_ms: int,
    ) -> SupplyBid | None:
        device, signals = request.device, asking.signals(request, exchange)
        asked = SupplyRequest(
            placement=way.slot.placement, viewer_key=signals.key, floor_micro_usdc=terms.floor_micro_usdc,
            pays_bid=terms.pays_bid, deal=terms.deal,
            admits=asking.admits(
                blocks, imp, way, terms, media, secure_links=self._base.startswith("https://")
            ),
            country=iab.country(device.geo.country) if device and device.geo else None,
            language=iab.language(device.language or device.langb) if device else None,
            device=iab.device(device.devicetype if device else None, headset=asking.headset(imp)),
            gpc=signals.gpc, tcf=signals.tcf,
        )
        try:
            return await self._ours.decide(asked, now_ms, secrets.token_bytes(RANDOM_BYTES))
        except (NotFound, Conflict):            # the placement was paused a moment ago
            return None


class NoticeService:
    """What exchanges and players tell of our bids. Everything may be told again; money moves once."""

    def __init__(
        self, directory: ExchangeDirectory, engine: Engine, client: redis.asyncio.Redis, ours: OurSide,
        token_key: bytes, public_url: str,
    ) -> None:
        self._directory = directory
        self._engine = engine
        self._notices = store.Notices(client)
        self._ours = ours
        self._key, self._own_key = signing_key(token_key), token_key
        self._base = public_url.rstrip("/")

    async def billed(self, token: str, cleared: str | None, client: str, now_ms: int) -> None:
        """The impression is billable: charge its clearing price, once. Raises NotFound, NotAllowed, and what
        `price_to_charge` raises; Conflict `bid_lost` when the exchange has said that it sold to somebody else.
        """
        facts = await self._theirs(token, client)
        price, decision, keep = price_to_charge(facts, cleared, now_ms), facts.decision_id.hex(), keep_ms(facts, now_ms)
        said = Standing(BILLING, price)
        before = Standing.of(await self._notices.first(decision, said.text(), keep))
        if before.word == LOST:
            raise Conflict("bid_lost", "you said that this bid has lost; nothing was charged")
        if before.word == BILLED:
            return
        # somebody began before us, who may have died: the event is the same, and counts once
        price = before.price_micro_usdc if before.word == BILLING else price
        await self._ours.lower(facts, price)
        refused = await self._ours.seen(replace(facts, price_micro_usdc=price), now_ms)
        if refused not in (None, DropReason.REPLAYED):
            raise Conflict("not_counted", f"the impression does not count: {refused}")
        await self._notices.put(decision, Standing(BILLED, price).text(), keep)

    async def won(self, token: str, client: str) -> None:
        """For information: a win is no impression, so nothing follows from it."""
        await self._theirs(token, client)

    async def lost(self, token: str, reason: str | None, client: str, now_ms: int) -> None:
        """Give back what was held, unless it is billed already. Some tell of wins here too, by the reason 0."""
        facts = await self._theirs(token, client)
        if now_ms > facts.expires_ms or (reason or "").strip() == BID_WON:
            return
        said = Standing(LOST).text()
        before = await self._notices.first(facts.decision_id.hex(), said, keep_ms(facts, now_ms))
        if before in (None, said):
            await self._ours.give_back(facts)

    async def clicked(self, token: str, now_ms: int) -> str:
        """Where the ad leads; the click is counted while the bid is good. Raises NotFound."""
        facts = self._facts(token, self._key)
        target = await self._ours.landing(facts)
        if target is None:
            raise NotFound("token_unknown", "the ad is gone")
        if now_ms <= facts.expires_ms:
            await self._ours.clicked(facts, now_ms)
        return target

    async def played(self, token: str, event: str, now_ms: int) -> None:
        """Count an event of a video player, for reports alone. Raises NotFound."""
        facts = self._any(token)
        if event not in EVENTS:
            raise NotFound("not_found", "there is no such event")
        if now_ms <= facts.expires_ms:
            await self._notices.count(facts.decided_ms // MS_PER_DAY, facts.line_item, event)

    async def vast(self, token: str, now_ms: int) -> str:
        """The VAST document of a decision, for a player that would rather fetch it. Raises NotFound."""
        facts, own = self._any(token), self._is_own(token)
        found = await asyncio.to_thread(self._creative, facts.creative)
        if found is None or found[0].kind != "video" or now_ms > facts.expires_ms:
            raise NotFound("token_unknown", "this is no video of ours, or its time is over")
        shown, media = found
        links = Links(self._base, token, click_path="c" if own else CLICK_PATH)
        seconds = max(1, (facts.expires_ms - now_ms) // 1_000)
        media = media or iab.media_type(shown.asset_url) or "video/mp4"
        return video(SupplyBid(facts, shown), links, media, "4.2", seconds)

    def _creative(self, creative: int) -> tuple[Candidate, str | None] | None:
        with self._engine.connect() as connection:
            return store.read_creative(connection, creative)

    async def _theirs(self, token: str, client: str) -> DecisionToken:
        """The facts of a bid, when it is the exchange that speaks."""
        facts = self._facts(token, self._key)
        exchange = (await self._directory.all()).selling.get(facts.placement)
        if exchange is not None:
            check_network(exchange, client)
        return facts

    def _any(self, token: str) -> DecisionToken:
        """Facts of a bid, or of a decision for a world of ours."""
        return self._facts(token, self._own_key if self._is_own(token) else self._key)

    def _is_own(self, token: str) -> bool:
        """Whether it is the token of a decision for a world of ours, whose clicks are followed at /c."""
        try:
            verify(token, self._own_key)
        except TokenError:
            return False
        return True

    def _facts(self, token: str, key: bytes) -> DecisionToken:
        try:
            return verify(token, key)
        except TokenError as error:
            raise NotFound("token_unknown", "this is not a bid of ours") from error
