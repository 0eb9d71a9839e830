"""Bidders on servers of their own compete for a placement that asks them; their own campaigns pay (L88)."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from openrtb_bidder_fake import FakeBidder, bidding, fake_bidder
from openrtb_kit import Stand, now_ms
from strangers_kit import Authority, reply, serving

from backend.core.exchange import DemandOffer, DemandRequest
from backend.core.ids import Address
from backend.openrtb.bidder import Outcome
from backend.openrtb.demand.client import BidderClient, BidderUnreachable
from backend.openrtb.partners.partner import BidderTerms
from backend.serving.decision import AdRequest, Decision, NoBid

PLACES = {"width": 300, "height": 250}
SECONDS_MAX = 30


@pytest.fixture
async def dsp() -> AsyncIterator[FakeBidder]:
    async with fake_bidder(bidding(3.5)) as bidder:
        yield bidder
        assert bidder.wrong == []


def enter(market: Stand, bidder: FakeBidder, *, asked: bool = True, **terms: object) -> tuple[int, int]:
    """A board that asks outside, and a line item of campaign 1 that bids through its own server, at most 5,000."""
    board = market.market.placement(market.market.world(4), floor_micro_usdc=1_000, **PLACES)
    item = market.buyer(1, 5_000)
    owner = Address(market.run("select owner from campaign order by id limit 1"))
    known = market.partners.add_bidder(owner, item, BidderTerms(**{
        "name": "DSP", "endpoint": bidder.endpoint, "seat": "dsp-1", "timeout_ms": 250, **terms,   # type: ignore[arg-type]
    }))
    market.partners.approve_bidder(known.id, approved=True)
    market.run("update placement set external_demand = :asked where id = :id", asked=asked, id=board)
    market.refresh()
    return board, item


async def decide(market: Stand, board: int, number: int = 0, **viewer: str) -> Decision | NoBid:
    dice = number.to_bytes(10, "big") + bytes(8)
    return await market.decisions.decide(AdRequest(board, "viewer-key-1", **viewer), now_ms(), dice)


async def outcomes(market: Stand) -> dict[str, int]:
    """What became of asking the only bidder, once it is counted."""
    await market.demand.flush()
    found: dict[str, int] = {}
    for key in market.parts.redis.keys("sl:rtb:bidders:*"):
        found |= {name.decode(): int(n) for name, n in market.parts.redis.hgetall(key).items()}
    return found


async def test_decide__outside_bids_more__its_campaign_holds_and_pays(market: Stand, dsp: FakeBidder) -> None:
    """L88: priced by the best bid of another owner, held and charged like any other line item."""
    board, item = enter(market, dsp)
    market.buyer(2, 2_500)
    market.refresh()
    won = await decide(market, board, country="DE", language="de", device="vr")
    assert isinstance(won, Decision)
    assert (won.facts.line_item, won.facts.campaign, won.facts.price_micro_usdc) == (item, 1, 2_500)
    assert market.held(1) == 2_500
    (request,) = dsp.requests
    assert (request["imp"][0]["bidfloor"], request["device"]["geo"]["country"]) == (1, "DEU")
    assert request["source"]["schain"]["nodes"] == [
        {"asi": "ads.example", "sid": "4", "hp": 1, "rid": request["id"]}
    ]
    assert "viewer-key-1" not in json.dumps(request)
    assert "x-openrtb-version: 2.6" in dsp.heads[0]


async def test_decide__ours_bids_more__outside_sets_the_price(market: Stand, dsp: FakeBidder) -> None:
    board, _ = enter(market, dsp)
    ours = market.buyer(2, 4_000)
    market.refresh()
    won = await decide(market, board)
    assert isinstance(won, Decision)
    assert (won.facts.line_item, won.facts.price_micro_usdc) == (ours, 3_500)


async def test_ask__world_and_publisher__are_named_as_they_agreed_to_be(market: Stand, dsp: FakeBidder) -> None:
    """L89: so that a bidder finds their app-ads.txt; who is confidential in sellers.json is so here."""
    board, _ = enter(market, dsp)
    market.run("update world set url = 'https://play.harbour.example/', proof_state = 'verified', proof_method = 'dns'")
    market.run("update publisher set listed_name = 'Harbour Ltd', listed_domain = 'play.harbour.example'")
    market.demand.forget()
    await decide(market, board)
    market.run("update world set proof_state = 'unverified', proof_method = null")
    market.demand.forget()
    await decide(market, board, 1)
    agreed, lapsed = (request["app"] for request in dsp.requests)
    assert (agreed["name"], agreed["domain"]) == ("World", "play.harbour.example")
    assert agreed["publisher"] == {"id": "4", "name": "Harbour Ltd", "domain": "play.harbour.example"}
    assert (lapsed.keys() & {"name", "domain"}, lapsed["publisher"]) == (set(), {"id": "4"})


async def test_decide__placement_does_not_ask__nobody_is_asked_and_its_line_item_stays_away(
    market: Stand, dsp: FakeBidder
) -> None:
    board, _ = enter(market, dsp, asked=False)
    answer = await decide(market, board)
    assert isinstance(answer, NoBid)
    assert answer.reasons == {"external": 1}
    assert dsp.requests == []


async def test_decide__budget_for_one__sixteen_requests_at_once_give_it_one(market: Stand, dsp: FakeBidder) -> None:
    """L31: outside bids are held as all others."""
    board, _ = enter(market, dsp, qps_max=1_000)
    market.run("update chain_campaign set deposited = 1500, remaining = 1500 where campaign = 1")
    market.refresh()
    answers = await asyncio.gather(*(decide(market, board, number) for number in range(16)))
    assert sum(isinstance(answer, Decision) for answer in answers) == 1


REFUSED = {
    Outcome.UNKNOWN_CREATIVE: bidding(3, crid="17000"),
    Outcome.ABOVE_MAXIMUM: bidding(5.001),
    Outcome.BELOW_FLOOR: bidding("0.9995"),
    Outcome.WRONG_CURRENCY: bidding(3, response={"cur": "EUR"}),
    Outcome.MALFORMED: bidding(3, response={"id": "another"}),
    Outcome.BAD_STATUS: lambda _: (500, b""),
    Outcome.NO_BID: lambda _: (204, b""),
    Outcome.UNREACHABLE: lambda _: (200, b" " * 70_000),
}


async def test_decide__answers_that_we_may_not_take__are_counted_and_lose(market: Stand, dsp: FakeBidder) -> None:
    """L88: no creative is shown that was not approved, and nothing below a floor or above a line item's bid."""
    board, _ = enter(market, dsp)
    ours = market.buyer(2, 1_500)
    market.refresh()
    for outcome, answer in REFUSED.items():
        dsp.answer = answer
        won = await decide(market, board)
        assert isinstance(won, Decision)
        assert (won.facts.line_item, won.facts.price_micro_usdc) == (ours, 1_000), outcome
    assert await outcomes(market) == dict.fromkeys(map(str, REFUSED), 1)


async def test_decide__bidder_is_silent__waits_its_time_and_then_leaves_it_alone(
    market: Stand, dsp: FakeBidder
) -> None:
    board, _ = enter(market, dsp, timeout_ms=20)
    market.buyer(2, 1_500)
    market.refresh()
    dsp.silent, market.bidders.patience = True, 1
    for number in range(7):         # the bidder would be silent for ever
        assert isinstance(await decide(market, board, number), Decision)
    assert len(dsp.requests) <= 5
    assert await outcomes(market) == {"timeout": 5, "resting": 2}


async def test_bidder__not_approved_or_moved__is_not_asked(market: Stand, dsp: FakeBidder) -> None:
    board, _ = enter(market, dsp)
    market.partners.approve_bidder(1, approved=False)
    assert isinstance(await decide(market, board), NoBid)
    market.partners.approve_bidder(1, approved=True)
    assert isinstance(await decide(market, board, 1), Decision)
    owner = Address(market.run("select owner from campaign order by id limit 1"))
    market.partners.change_bidder(owner, 1, lambda terms: replace(terms, endpoint=f"{dsp.endpoint}&moved=1"))
    assert isinstance(await decide(market, board, 2), NoBid)
    assert len(dsp.requests) == 1


async def test_ask__video__is_asked_with_what_vast_needs(market: Stand, dsp: FakeBidder) -> None:
    _, item = enter(market, dsp)
    screen = market.market.placement(market.market.world(4), width=1_280, height=720, kind="video")
    market.run("update placement set external_demand = true where id = :id", id=screen)
    market.refresh()
    won = await decide(market, screen)
    assert isinstance(won, Decision)
    assert won.facts.line_item == item
    video = dsp.requests[0]["imp"][0]["video"]
    assert (video["w"], video["h"], video["protocols"]) == (1_280, 720, [13])


ASKED = DemandRequest("r1", 1, "image", 300, 250, None, None, 1_000, 4, 1, "games", "three", ("finance",), ())


async def test_client__private_addresses_and_redirects__are_not_followed(dsp: FakeBidder) -> None:
    """L58, for connections that are kept."""
    asked: list[str] = []

    def resolve(host: str, _: float) -> list[str]:
        asked.append(host)
        return ["10.0.0.1"] if host == "inside.example" else ["127.0.0.1"]

    safe, local = BidderClient(resolve, allow_local=False), BidderClient(resolve, allow_local=True)
    for endpoint in (dsp.endpoint, "https://inside.example/", "https://localhost/", "ftp://a.example/"):
        with pytest.raises(BidderUnreachable):
            await safe.post(endpoint, b"{}", {}, SECONDS_MAX)
    dsp.answer = lambda _: (302, b"")
    body = json.dumps({"id": "1", "imp": [{"id": "1"}]}).encode()
    named = f"http://bidder.example:{dsp.port}/rtb"
    assert [(await local.post(named, body, {}, SECONDS_MAX)).status for _ in range(3)] == [302] * 3
    assert asked.count("bidder.example") == 1
    assert f"host: bidder.example:{dsp.port}" in dsp.heads[0].lower()
    await safe.aclose()
    await local.aclose()


async def test_client__cookies_and_packed_answers__are_not_taken(dsp: FakeBidder) -> None:
    """L58: nothing of a stranger's is kept or sent again, and nothing is unpacked that was not asked for."""
    client = BidderClient(lambda *_: ["127.0.0.1"], allow_local=True)
    body = json.dumps({"id": "1", "imp": [{"id": "1"}]}).encode()
    dsp.answer = lambda _: (200, gzip.compress(b" " * 10_000_000))
    for number in range(3):
        dsp.headers = f"Set-Cookie: c{number}=1; Path=/\r\nContent-Encoding: gzip\r\n"
        assert len((await client.post(dsp.endpoint, body, {}, SECONDS_MAX)).body) < 20_000
    assert not any("cookie" in head.lower() for head in dsp.heads)
    await client.aclose()


async def test_ask__unknown_kind_or_bidder__asks_nobody(market: Stand) -> None:
    offer = DemandOffer(1, (1,), 5_000)
    assert await market.demand.ask(replace(ASKED, kind="audio", offers=(offer,))) == []
    assert await market.demand.ask(replace(ASKED, offers=(offer,))) == []


async def test_client__tls__is_of_the_name_that_was_asked_for() -> None:
    """L58: the connection goes to the address that was checked, and the certificate must be the name's."""
    authority = Authority()
    client = BidderClient(lambda *_: ["127.0.0.1"], allow_local=True, trust=authority.trust)
    with serving(authority.context("bidder.example")) as server:
        server.answer = reply(b"{}")
        answer = await client.post(server.url("/rtb", host="bidder.example"), b"{}", {}, SECONDS_MAX)
        assert (answer.status, answer.body, server.names) == (200, b"{}", ["bidder.example"])
        with pytest.raises(BidderUnreachable):
            await client.post(server.url("/rtb", host="other.example"), b"{}", {}, SECONDS_MAX)
        assert server.names == ["bidder.example", "other.example"]      # never over the other's connection
    await client.aclose()
