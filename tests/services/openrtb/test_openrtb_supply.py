"""Exchanges ask for bids, and are paid once, at most what was bid, in time (L87, L88)."""

import asyncio
import copy
import gzip
import json
from dataclasses import replace
from typing import Any

import openrtb_examples as examples
import pytest
from openrtb_kit import PUBLIC_URL, Stand, now_ms
from openrtb_schema import BID_RESPONSE, mistakes

from backend.core.decision_token import sign, verify
from backend.openrtb.notices import signing_key
from backend.openrtb.supply.service import ExchangeDirectory, Incoming, OurSide, SupplyService

FIRST_PRICE, SECOND_PRICE = 1, 2


def asking(at: int = FIRST_PRICE, **imp: Any) -> dict[str, Any]:
    request = copy.deepcopy(examples.SIMPLE_BANNER)
    request["at"] = at
    request["imp"][0] |= imp
    return request


async def test_bid__requests_like_the_specifications_examples__get_valid_bids(market: Stand) -> None:
    market.exchange()
    market.buyer(1, 4_000)
    market.buyer(2, 3_000)
    market.refresh()
    kinds = {"SIMPLE_BANNER": 1, "MOBILE_APP": 1, "VIDEO": 2, "NATIVE": 4, "DOOH": 1}
    for name, kind in kinds.items():
        answer = await market.ask(getattr(examples, name))
        assert answer.status_code == 200, (name, answer.status_code, answer.text)
        assert mistakes(answer.json(), BID_RESPONSE) == [], name
        (bid,) = answer.json()["seatbid"][0]["bid"]
        assert (answer.json()["cur"], bid["impid"], bid["mtype"]) == ("USD", "1", kind)
        assert answer.headers["x-openrtb-version"] == "2.6"


async def test_bid__deal_of_ours__is_sold_by_it_and_nobody_elses_is(market: Stand) -> None:
    """The specification's example of a private auction, once with deals of others, once with ours."""
    world = market.exchange()
    item = market.buyer(1, 4_000)
    market.refresh()
    assert (await market.ask(examples.DEAL)).status_code == 204
    placement = market.run("select id from placement where world_id = :world and kind = 'image'", world=world)
    deal = market.run(
        """insert into deal (placement_id, publisher, advertiser, line_item_id, name, price_kind, price_micro_usdc,
                             status, decided_at)
           values (:placement, '0xp', '0xa', :item, 'Autumn', 'fixed', 3500, 'accepted', now()) returning id""",
        placement=placement, item=item,
    )
    market.refresh()
    request = copy.deepcopy(examples.DEAL)
    request["imp"][0]["pmp"]["deals"].append({"id": str(deal), "at": 1, "bidfloor": 3, "wseat": ["sightline"]})
    bid = await market.bid(request)
    assert (bid["dealid"], bid["price"]) == (str(deal), 3.5)
    request["imp"][0]["pmp"]["deals"][-1]["at"] = 2                 # the exchange finds a price below what we bid
    assert (await market.bid(request))["price"] == 3.5
    request["imp"][0]["pmp"]["deals"][-1]["bidfloor"] = 3.6         # more than the deal's price
    assert (await market.ask(request)).status_code == 204
    request["imp"][0]["pmp"]["private_auction"] = 0                 # whoever has a deal buys by it alone
    assert (await market.ask(request)).status_code == 204


async def test_bid__the_exchanges_wallet_is_a_member_of_the_buyer__does_not_bid_for_him(market: Stand) -> None:
    world = market.exchange()
    market.buyer(1, 4_000)
    market.buyer(2, 3_000)
    market.run("""insert into organisation (wallet, name, advertiser, publisher)
                  select owner, 'a', true, false from campaign where id = 1""")
    market.refresh()
    assert (await market.bid(asking(SECOND_PRICE)))["price"] == 4.0
    market.run("""insert into member (account, wallet, role)
                  select campaign.owner, publisher.wallet, 'manager' from campaign, world, publisher
                   where campaign.id = 1 and world.id = :world and index = publisher_index""", world=world)
    market.refresh()
    assert (await market.bid(asking(SECOND_PRICE)))["price"] == 3.0


async def test_bid__first_and_second_price__hold_what_may_be_charged(market: Stand) -> None:
    """L87: the winner's own second price where it pays what it bids, else its bid; and that is what is held."""
    market.exchange()
    market.buyer(1, 4_000)
    market.buyer(2, 3_000)
    market.refresh()
    assert (await market.bid(asking(FIRST_PRICE)))["price"] == 3
    assert market.held() == 3_000
    assert (await market.bid(asking(SECOND_PRICE)))["price"] == 4
    assert market.held() == 7_000


async def test_bid__line_item_that_pacing_holds_back__takes_part_as_often_as_elsewhere(market: Stand) -> None:
    """L79: a share of the opportunities, not all of them."""
    market.exchange()
    item = market.buyer(1, 4_000, pacing="even", total_cap_micro_usdc=1_000_000)
    market.parts.redis.hset("sl:pacing", str(item), f"1:0:0:{now_ms()}:1000000:250000")
    market.refresh()
    answers = [(await market.ask(asking())).status_code for _ in range(60)]
    assert 1 <= answers.count(200) <= 40


async def test_burl__once_twice_and_a_hundred_times_at_once__charges_once(market: Stand) -> None:
    """L87."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    first, second = await market.bid(asking(SECOND_PRICE)), await market.bid(asking(SECOND_PRICE))
    for _ in range(2):
        assert (await market.call(first["burl"], "2.3509")).status_code == 204
    assert (await market.call(first["burl"], "3.1", "POST")).status_code == 204     # the first price counts
    many = await asyncio.gather(*(market.call(second["burl"], "1.5") for _ in range(100)))
    assert {answer.status_code for answer in many} == {204}
    market.settle()
    assert market.charged() == [2_350, 1_500]
    market.refresh()
    assert market.held() == 0
    assert market.run("select sum(spent_micro_usdc) from line_item_spend") == 3_850
    assert market.run("select count(distinct publisher_index) from event where publisher_index = 9") == 1


async def test_burl__process_died_in_the_middle__the_next_call_charges_the_first_price(market: Stand) -> None:
    """L87: the notice is known, the event is not yet in the stream."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    bid = await market.bid(asking(SECOND_PRICE))
    market.parts.redis.set(f"sl:rtb:notice:{bid['id']}", "billing:2000", px=60_000)
    assert (await market.call(bid["burl"], "2.5")).status_code == 204
    market.settle()
    assert market.charged() == [2_000]


async def test_burl__above_the_bid_late_lost_or_no_price__charges_nothing(market: Stand) -> None:
    """L87."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    bid = await market.bid(asking(SECOND_PRICE))
    no_price = (422, "openrtb_price")
    for price, found in (("4.0010", (409, "price_above_bid")), ("", no_price), ("NaN", no_price), ("-1", no_price)):
        answer = await market.call(bid["burl"], price)
        assert (answer.status_code, answer.json()["code"]) == found
    unexpanded = await market.http.get(bid["burl"].removeprefix(PUBLIC_URL))
    assert unexpanded.json()["code"] == "openrtb_price"
    late = await market.call(expired(market, bid["burl"]), "2")
    assert (late.status_code, late.json()["code"]) == (409, "bid_expired")
    assert market.held() == 4_000
    assert (await market.call(bid["nurl"], "2", "POST")).status_code == 204
    assert market.held() == 4_000
    assert (await market.call(bid["lurl"].replace("${AUCTION_LOSS}", "0"))).status_code == 204     # the bid won
    assert market.held() == 4_000
    assert (await market.call(bid["lurl"], method="POST")).status_code == 204
    assert market.held() == 0
    assert (await market.call(bid["lurl"])).status_code == 204
    lost = await market.call(bid["burl"], "2")
    assert (lost.status_code, lost.json()["code"]) == (409, "bid_lost")
    market.settle()
    assert market.charged() == []


async def test_lurl__after_the_billing__gives_nothing_back(market: Stand) -> None:
    """L87."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    bid = await market.bid(asking(FIRST_PRICE))
    assert (await market.call(bid["nurl"], "1")).status_code == 204         # for information only
    assert (await market.call(bid["burl"], "1")).status_code == 204
    held = market.held()
    assert (await market.call(bid["lurl"])).status_code == 204
    assert market.held() == held == 1_000
    market.settle()
    assert market.charged() == [1_000]


async def test_bid__budget_for_one__sixteen_requests_at_once_get_one_bid(market: Stand) -> None:
    """L31, over OpenRTB too; and a bid that has lost can be sold again."""
    market.exchange()
    market.buyer(1, 4_000, deposit=4_500)
    market.refresh()
    answers = await asyncio.gather(*(market.ask(asking(SECOND_PRICE)) for _ in range(16)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} == {200, 204}
    await market.call(won[0].json()["seatbid"][0]["bid"][0]["lurl"])
    market.refresh()
    assert (await market.ask(asking(SECOND_PRICE))).status_code == 200


async def test_token__of_an_exchange__is_no_decision_token(market: Stand) -> None:
    """L88: whoever gets a bid cannot report it as seen, nor send it as its own click."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    token = token_of((await market.bid(asking()))["burl"])
    sample = [[t, 9_800, 420, 1_250, True, True] for t in range(0, 1_300, 100)]
    body = json.dumps({"events": [{"kind": "viewable", "token": token, "samples": sample}]}).encode()
    assert await market.ingest.accept(body, now_ms() + 2_000, "Mozilla/5.0") == ["bad_token"]
    assert (await market.http.get(f"/openrtb2/click/{token[:-2]}AA")).status_code == 404


async def test_bid__who_asks__is_known_by_token_and_network(market: Stand) -> None:
    market.exchange(networks=("192.0.2.0/24",))
    market.buyer(1, 4_000)
    market.refresh()
    elsewhere = await market.ask(asking())
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "exchange_network")
    market.headers = {"Authorization": "Bearer slx_somebody"}
    stranger = await market.ask(asking())
    assert (stranger.status_code, stranger.json()["code"]) == (401, "exchange_unknown")


async def test_burl__exchange_is_paused__is_its_own_still(market: Stand) -> None:
    """L87: what was bid before may be billed, from its networks and from nowhere else."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    bid = await market.bid(asking(SECOND_PRICE))
    market.run("update exchange set status = 'paused', networks = '{192.0.2.0/24}'")
    async with market.again() as later:
        assert (await later.ask(asking())).status_code == 401
        answer = await later.call(bid["burl"], "1")
        assert (answer.status_code, answer.json()["code"]) == (403, "exchange_network")
    market.run("update exchange set networks = '{127.0.0.0/8}'")
    async with market.again() as later:
        assert (await later.call(bid["burl"], "1")).status_code == 204
    market.settle()
    assert market.charged() == [1_000]


async def test_bid__hundreds_of_deals__take_no_more_than_the_time_there_is(market: Stand) -> None:
    """Exchanges name the deals of everybody; a number among them may be none of ours."""
    market.exchange()
    asked = 0

    async def nobody(*_: object) -> None:
        nonlocal asked
        asked += 1

    ours = OurSide(
        nobody, market.decisions.lower, market.decisions.give_back, market.ingest.outside, market.ingest.outside_click,
        nobody,
    )
    settings = market.parts.settings
    service = SupplyService(
        ExchangeDirectory(market.engine), ours, settings.token_key_bytes, settings.ruleset, PUBLIC_URL
    )
    banner = {"format": [{"w": 300 * size, "h": 250 * size} for size in range(1, 13)]}
    deals = [{"id": str(number), "bidfloor": 1} for number in range(1_000)]
    body = json.dumps(asking(banner=banner, pmp={"private_auction": 1, "deals": deals}) | {"tmax": 5}).encode()
    assert await service.answer(Incoming(body, market.token, "127.0.0.1"), now_ms()) is None
    assert asked < 12_000


NOTHING_FOR_US: dict[str, dict[str, Any]] = {
    "another seat is wanted": {"wseat": ["Agency1"]},
    "our seat is blocked": {"bseat": ["sightline"]},
    "other money": {"cur": ["EUR", "JPY"]},
    "a test": {"test": 1},
    "the category is blocked": {"bcat": ["IAB24"]},
    "other categories are wanted": {"acat": ["IAB17"]},
    "blocked categories of another taxonomy": {"bcat": ["552"], "cattax": 6},
    "the advertiser is blocked": {"badv": ["shop1.example"]},
    "the floor is too high": {"imp": {"bidfloor": 4.001}},
    "the floor is no number": {"imp": {"bidfloor": "1,25"}},
    "only creatives in one language": {"wlang": ["en"]},
    "pictures in links are blocked": {"imp": {"banner": {"w": 300, "h": 250, "btype": [2]}}},
    "another shape": {"imp": {"banner": {"format": [{"wratio": 16, "hratio": 9, "wmin": 300}]}}},
    "the floor is in other money": {"imp": {"bidfloorcur": "EUR"}},
    "no such size": {"imp": {"banner": {"w": 728, "h": 90}}},
    "no such picture": {"imp": {"banner": {"w": 300, "h": 250, "mimes": ["image/gif"]}}},
    "many people at once": {"imp": {"qty": {"multiplier": 12.5, "sourcetype": 1}}},
    "hidden": {"imp": {"ext": {"sightline3d": {"v": 1, "visible_bp": 4_999}}}},
    "too small on the screen": {"imp": {"ext": {"sightline3d": {"v": 1, "screen_bp": 149}}}},
    "from the side": {"imp": {"ext": {"sightline3d": {"v": 1, "angle_cdeg": 5_500}}}},
    "a closed auction": {"imp": {"pmp": {"private_auction": 1}}},
    "a native request for a video": {"imp": {
        "banner": None, "native": {"request": '{"assets":[{"id":1,"required":1,"video":{}}]}'},
    }},
}


async def test_bid__requests_that_are_not_for_us__get_204(market: Stand) -> None:
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    assert (await market.ask(asking())).status_code == 200
    for why, change in NOTHING_FOR_US.items():
        request = asking(**change.get("imp", {})) | {name: value for name, value in change.items() if name != "imp"}
        answer = await market.ask(request)
        assert (answer.status_code, answer.content) == (204, b""), why
        assert answer.headers["x-openrtb-version"] == "2.6"


async def test_bid__reasons_of_the_specification__are_told(market: Stand) -> None:
    """L89: chains that do not end with whom we pay, or leave somebody out, are not bought through."""
    market.exchange(needs_schain=True)
    market.buyer(1, 4_000)
    market.refresh()
    node = {"asi": "exchange.example", "sid": "8953", "hp": 1}
    good = {"ver": "1.0", "complete": 1, "nodes": [node]}
    asked = {
        "both a site and an app": ({"app": {"id": "1"}, "source": {"schain": good}}, 2),
        "no time": ({"tmax": 3, "source": {"schain": good}}, 15),
        "no chain": ({}, 16),
        "not complete": ({"source": {"schain": good | {"complete": 0}}}, 16),
        "somebody without an account": ({"source": {"schain": good | {"nodes": [{"asi": "a.example", "hp": 1}]}}}, 16),
        "somebody who is not paid": ({"source": {"schain": good | {"nodes": [node | {"hp": 0}]}}}, 16),
        "another exchange is paid": (
            {"source": {"ext": {"schain": good | {"nodes": [node | {"asi": "x.example"}]}}}}, 17
        ),
    }
    for why, (change, reason) in asked.items():
        answer = await market.ask(asking() | change)
        assert (answer.status_code, answer.json()) == (200, {"id": asking()["id"], "nbr": reason}), why
        assert mistakes(answer.json(), BID_RESPONSE) == []
    assert (await market.ask(asking() | {"source": {"schain": good}})).status_code == 200


async def test_bid__nonsense__is_a_bad_request(market: Stand) -> None:
    market.exchange()
    twice = asking()
    twice["imp"] *= 2
    nonsense: list[tuple[Any, str]] = [
        (b"", "malformed_json"), (b"{", "malformed_json"), (b"[" * 50_000, "openrtb_request"),
        (b"\xff", "malformed_json"), ([], "openrtb_request"), ({"id": "1"}, "openrtb_request"),
        ({"id": "1", "imp": []}, "openrtb_request"), ({"id": "1", "imp": [{}]}, "openrtb_request"),
        ({"id": "", "imp": [{"id": "1"}]}, "openrtb_request"), (twice, "openrtb_request"),
        ({"id": "1", "imp": {"banner": {"w": 300, "h": 250}}}, "openrtb_request"),
    ]
    for body, code in nonsense:
        answer = await market.ask(body)
        assert (answer.status_code, answer.json()["code"]) == (400, code), body
        assert answer.headers["content-type"] == "application/problem+json"
    other = await market.ask(asking(), **{"x-openrtb-version": "3.0"})
    assert (other.status_code, other.json()["code"]) == (400, "openrtb_version")
    bomb = await market.ask(gzip.compress(b" " * 10_000_000), **{"Content-Encoding": "gzip"})
    assert (bomb.status_code, bomb.json()["code"]) == (413, "body_too_large")
    assert (await market.ask(b"no gzip", **{"Content-Encoding": "gzip"})).status_code == 400


async def test_bid__lenient_and_strict__read_what_exchanges_send_and_what_the_specification_says(
    market: Stand
) -> None:
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    loose = {
        "id": 4_711, "at": "2", "cur": "usd", "tmax": "100", "bcat": None, "badv": "other.example", "new": {"a": []},
        "imp": {"id": 1, "bidfloor": "1.5", "bidfloorcur": "usd", "banner": {"w": "300", "h": 250.0, "format": None},
                "secure": None, "ext": {"vendor": [1]}},
        "device": {"geo": {"country": "de"}, "language": "de-AT", "devicetype": "1", "dnt": "0"},
    }
    zipped = await market.ask(gzip.compress(json.dumps(loose).encode()), **{"Content-Encoding": "gzip"})
    assert zipped.status_code == 200, zipped.text
    assert zipped.json()["id"] == "4711"
    market.run("update exchange set strict = true")
    market.partners.change_exchange(1, lambda terms: terms, new_token=False)
    market.parts.redis.flushdb()
    async with market.again() as strict:
        refused = await strict.ask(loose)
        assert (refused.status_code, refused.json()["code"]) == (400, "openrtb_request")
        strict.refresh()
        assert (await strict.ask(asking())).status_code == 200


async def test_bid__targeting_and_formats__follow_the_request(market: Stand) -> None:
    world = market.exchange()
    market.market.placement(world, floor_micro_usdc=1_000, width=300, height=250, name="tag:vip")
    item = market.buyer(1, 4_000, targeting='{"countries": ["DE"], "languages": ["de"], "devices": ["vr"]}')
    market.refresh()
    geometry = {"sightline3d": {"v": 1, "width_mm": 3_000, "height_mm": 2_500, "headset": True, "normal": [0, 0, 1]}}
    device = {"geo": {"country": "DEU"}, "language": "de", "devicetype": 6}
    assert (await market.ask(asking())).status_code == 204
    bid = await market.bid(asking(ext=geometry) | {"device": device})
    assert (bid["adomain"], bid["cat"], bid["w"], bid["h"]) == (["shop1.example"], ["IAB24"], 300, 250)
    assert bid["crid"] == str(market.run("select id from creative where line_item_id = :id and kind = 'image' "
                                         "and status = 'approved'", id=item))
    formats = {"w": 970, "h": 90, "format": [{"w": 970, "h": 90}, {"w": 600, "h": 500}]}
    bid = await market.bid(asking(ext=geometry, banner=formats) | {"device": device})
    assert (bid["w"], bid["h"]) == (600, 500)
    tagged = await market.bid(asking(ext=geometry, tagid="vip") | {"device": device})
    await market.call(tagged["burl"], "1")
    market.settle()
    assert market.run("select name from placement join event on placement_id = placement.id") == "tag:vip"


async def test_bid__objections_and_children__are_not_counted(market: Stand) -> None:
    """L64: a line item with a frequency cap needs consent; what reads like an objection is one."""
    market.exchange()
    market.buyer(1, 4_000, frequency_impressions=1, frequency_hours=24)
    market.refresh()
    for change in (
        {}, {"device": {"lmt": 1, "ifa": "a"}}, {"regs": {"coppa": 1}}, {"regs": {"us_privacy": "1YYN"}},
        {"regs": {"ext": {"gpc": 1}}}, {"user": {"id": "1", "consent": "no consent string"}},
        {"regs": {"gpp": "DBABBg~BVoYYYI", "gpp_sid": [8]}},
    ):
        assert (await market.ask(asking() | change)).status_code == 204
    assert not market.parts.redis.keys("*view*")


@pytest.mark.usefixtures("own_redis_url")
async def test_click__redis_takes_nothing__leads_on_and_counts_later(market: Stand) -> None:
    """L44, L82: as links of our own worlds."""
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    banner = await market.bid(asking())
    await market.call(banner["burl"], "1")
    market.parts.redis.config_set("min-replicas-to-write", 1)
    try:
        landed = await market.http.get(f"/openrtb2/click/{token_of(banner['burl'])}")
    finally:
        market.parts.redis.config_set("min-replicas-to-write", 0)
    assert (landed.status_code, landed.headers["location"]) == (302, "https://www.shop1.example/autumn")
    assert await market.links.replay() == 1
    market.settle()
    assert market.run("select array_agg(kind order by kind) from event") == ["click", "viewable"]


async def test_markup__click_video_and_macro__lead_to_us_and_on(market: Stand) -> None:
    market.exchange(click_macro="https://exchange.example/click?to=")
    market.buyer(1, 4_000)
    market.refresh()
    banner = await market.bid(asking(secure=1))
    token = token_of(banner["burl"])
    target = f"https%3A%2F%2Fads.example%2Fopenrtb2%2Fclick%2F{token}"
    assert f'href="https://exchange.example/click?to={target}"' in banner["adm"]
    landed = await market.http.get(f"/openrtb2/click/{token}")
    assert (landed.status_code, landed.headers["location"]) == (302, "https://www.shop1.example/autumn")
    await market.call(banner["burl"], "1")
    market.settle()
    assert market.run("select array_agg(kind order by kind) from event") == ["click", "viewable"]

    film = await market.bid(examples.VIDEO)
    assert (film["dur"], film["protocol"], film["mtype"]) == (15, 13, 2)
    token = token_of(film["burl"])
    document = await market.http.get(f"/openrtb2/vast/{token}")
    assert document.headers["content-type"].startswith("application/xml")
    for event, status in (("start", 204), ("complete", 204), ("viewable", 204), ("bogus", 404)):
        assert (await market.http.get(f"/openrtb2/track/{token}/{event}")).status_code == status
    counted = market.parts.redis.hgetall(market.parts.redis.keys("sl:rtb:video:*")[0])
    assert counted == {b"start": b"1", b"complete": b"1", b"viewable": b"1"}
    assert (await market.http.get(f"/openrtb2/vast/{token_of(banner['burl'])}")).status_code == 404


def token_of(url: str) -> str:
    return url.removeprefix(f"{PUBLIC_URL}/openrtb2/burl/").partition("?")[0]


def expired(market: Stand, burl: str) -> str:
    """The address of the same bid, whose time is over."""
    key = signing_key(market.parts.settings.token_key_bytes)
    facts = verify(token_of(burl), key)
    return burl.replace(token_of(burl), sign(replace(facts, expires_ms=now_ms() - 1), key))
