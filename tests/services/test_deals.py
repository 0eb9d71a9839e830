"""Private deals over HTTP, and how they, soft floors and quality decide on real stores (L76, L77)."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis
from sqlalchemy import Engine, text

from backend.pctr.service import RateCounting
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID, Wiring, unwire, wire
from bench.market import Market

WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/"}
PLACEMENT = {"name": "Gate", "kind": "image", "width": 1_024, "height": 512, "floor_micro_usdc": 1_500}
LINE_ITEM = {
    "name": "Boards", "bid_kind": "vcpm", "bid_micro_usdc": 6_000, "starts_at": "2026-11-02T00:00:00Z",
    "ends_at": "2026-12-02T00:00:00Z",
}


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def placement_of(publisher: httpx.AsyncClient) -> int:
    world = (await created(publisher, "/v1/worlds", WORLD))["id"]
    return int((await created(publisher, f"/v1/worlds/{world}/placements", PLACEMENT))["id"])


async def line_item_of(advertiser: httpx.AsyncClient, **terms: Any) -> int:
    campaign = (await created(advertiser, "/v1/campaigns", {"name": "Autumn", "category": "games"}))["id"]
    return int((await created(advertiser, f"/v1/campaigns/{campaign}/line-items", LINE_ITEM | terms))["id"])


async def offered(publisher: httpx.AsyncClient, advertiser: str, placement: int | None = None) -> Any:
    placement = placement or await placement_of(publisher)
    return await created(publisher, f"/v1/placements/{placement}/deals", {
        "advertiser": advertiser, "name": "At the gate", "price_kind": "fixed", "price_vcpm_micro_usdc": 4_000_000,
    })


@pytest.fixture
def advertiser_wallet(wallet: Any) -> str:
    return str(wallet("advertiser").address)


async def notices(client: httpx.AsyncClient) -> list[str]:
    return [item["kind"] for item in (await client.get("/v1/notices")).json()["items"] if "deal" in item["kind"]]


# --- from offer to end ------------------------------------------------------------------------------------------


async def test_deal__offered_and_accepted__both_sides_see_the_same(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, advertiser_wallet: str
) -> None:
    """L77."""
    deal = await offered(publisher, advertiser_wallet)
    assert (deal["status"], deal["price_micro_usdc"], deal["line_item_id"]) == ("offered", 4_000, None)
    assert (deal["world_name"], deal["placement_name"], deal["width"]) == ("Harbour", "Gate", 1_024)
    assert (await advertiser.get("/v1/deals")).json()["items"] == [deal]
    item = await line_item_of(advertiser)
    for _ in range(2):
        answer = await advertiser.post(f"/v1/deals/{deal['id']}/accept", json={"line_item_id": item})
        assert (answer.status_code, answer.json()["status"], answer.json()["line_item_id"]) == (200, "accepted", item)
    assert (await publisher.get(f"/v1/publisher/deals/{deal['id']}")).json() == answer.json()
    assert await notices(advertiser) == ["deal.offered"]
    assert await notices(publisher) == ["deal.accepted"]


@pytest.mark.parametrize("side", ["publisher", "advertiser"])
async def test_deal__accepted__is_ended_by_either_side_for_good(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, advertiser_wallet: str, side: str
) -> None:
    deal = (await offered(publisher, advertiser_wallet))["id"]
    item = await line_item_of(advertiser)
    await advertiser.post(f"/v1/deals/{deal}/accept", json={"line_item_id": item})
    client, path = (publisher, "/v1/publisher/deals") if side == "publisher" else (advertiser, "/v1/deals")
    for _ in range(2):
        assert (await client.delete(f"{path}/{deal}")).status_code == 204
    assert (await advertiser.get(f"/v1/deals/{deal}")).json()["status"] == "ended"
    again = await advertiser.post(f"/v1/deals/{deal}/accept", json={"line_item_id": item})
    assert refusal(again) == (409, "deal_not_open")
    other, before = (advertiser, "deal.offered") if side == "publisher" else (publisher, "deal.accepted")
    assert await notices(other) == [before, "deal.ended"]


async def test_deal__declined_or_withdrawn__cannot_be_accepted(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, advertiser_wallet: str
) -> None:
    placement, item = await placement_of(publisher), await line_item_of(advertiser)
    declined = (await offered(publisher, advertiser_wallet, placement))["id"]
    withdrawn = (await offered(publisher, advertiser_wallet, placement))["id"]
    assert refusal(await advertiser.delete(f"/v1/deals/{declined}")) == (409, "deal_not_accepted")
    for _ in range(2):
        assert (await advertiser.post(f"/v1/deals/{declined}/decline")).json()["status"] == "declined"
    assert (await publisher.delete(f"/v1/publisher/deals/{withdrawn}")).status_code == 204
    for deal in (declined, withdrawn):
        answer = await advertiser.post(f"/v1/deals/{deal}/accept", json={"line_item_id": item})
        assert refusal(answer) == (409, "deal_not_open")
    assert refusal(await advertiser.post(f"/v1/deals/{withdrawn}/decline")) == (409, "deal_not_open")


async def test_accept__second_deal_of_a_line_item_for_the_placement__is_refused(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, advertiser_wallet: str
) -> None:
    """L77: what a line item pays on a placement is never in doubt."""
    placement, item = await placement_of(publisher), await line_item_of(advertiser)
    one, other = [(await offered(publisher, advertiser_wallet, placement))["id"] for _ in range(2)]
    await advertiser.post(f"/v1/deals/{one}/accept", json={"line_item_id": item})
    answer = await advertiser.post(f"/v1/deals/{other}/accept", json={"line_item_id": item})
    assert refusal(answer) == (409, "deal_exists")
    await publisher.delete(f"/v1/publisher/deals/{one}")
    assert (await advertiser.post(f"/v1/deals/{other}/accept", json={"line_item_id": item})).status_code == 200


async def test_deal__of_others__does_not_exist(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, advertiser_wallet: str
) -> None:
    """L49, L77: nobody offers what is another's, accepts another's offer, or with another's line item."""
    deal, item = await offered(publisher, advertiser_wallet), await line_item_of(advertiser)
    body = {"advertiser": advertiser_wallet, "name": "x", "price_kind": "floor", "price_micro_usdc": 1}
    path = f"/v1/placements/{deal['placement_id']}/deals"
    assert refusal(await stranger.post(path, json=body)) == (404, "placement_unknown")
    for client in (stranger, publisher):
        answer = await client.post(f"/v1/deals/{deal['id']}/accept", json={"line_item_id": item})
        assert refusal(answer) == (404, "deal_unknown")
    others = await line_item_of(stranger)
    answer = await advertiser.post(f"/v1/deals/{deal['id']}/accept", json={"line_item_id": others})
    assert refusal(answer) == (404, "line_item_unknown")
    assert refusal(await advertiser.delete(f"/v1/publisher/deals/{deal['id']}")) == (404, "deal_unknown")


async def test_offer__bad_terms__are_refused(
    publisher: httpx.AsyncClient, advertiser: httpx.AsyncClient, advertiser_wallet: str, wallet: Any, engine: Engine
) -> None:
    """L45."""
    placement = await placement_of(publisher)
    body = {"advertiser": advertiser_wallet, "name": "x", "price_kind": "floor"}
    for more, code in (
        ({}, "deal_price_missing"),
        ({"price_micro_usdc": 1, "price_vcpm_micro_usdc": 1_000}, "deal_price_missing"),
        ({"price_vcpm_micro_usdc": 1_001}, "deal_price_not_whole"),
        ({"price_micro_usdc": 1, "advertiser": wallet("publisher").address}, "deal_with_oneself"),
        ({"price_micro_usdc": 0}, "invalid_request"), ({"price_micro_usdc": 1, "price_kind": "x"}, "invalid_request"),
    ):
        answer = await publisher.post(f"/v1/placements/{placement}/deals", json=body | more)
        assert refusal(answer) == (422, code)
    sponsorship = await line_item_of(advertiser)
    with engine.begin() as connection:
        connection.execute(text("update line_item set bid_kind = 'sponsorship' where id = :id"), {"id": sponsorship})
    deal = (await offered(publisher, advertiser_wallet, placement))["id"]
    answer = await advertiser.post(f"/v1/deals/{deal}/accept", json={"line_item_id": sponsorship})
    assert refusal(answer) == (422, "deal_for_sponsorship")


async def test_placement__soft_floor__is_above_the_floor_or_none(publisher: httpx.AsyncClient) -> None:
    path = f"/v1/placements/{await placement_of(publisher)}"
    changed = await publisher.patch(path, json={"soft_floor_vcpm_micro_usdc": 3_000_000, "deals_only": True})
    assert (changed.json()["soft_floor_micro_usdc"], changed.json()["deals_only"]) == (3_000, True)
    assert refusal(await publisher.patch(path, json={"floor_micro_usdc": 3_000})) == (422, "soft_floor_too_low")
    both = {"soft_floor_micro_usdc": 3_000, "soft_floor_vcpm_micro_usdc": 3_000_000}
    assert refusal(await publisher.patch(path, json=both)) == (422, "floor_missing")
    assert (await publisher.patch(path, json={"name": "Arch"})).json()["soft_floor_micro_usdc"] == 3_000
    assert (await publisher.patch(path, json={"soft_floor_micro_usdc": None})).json()["soft_floor_micro_usdc"] is None


# --- what they sell ---------------------------------------------------------------------------------------------


class Shop:
    """One placement with a floor of 1,000, and two advertisers with 10,000 events' worth of money."""

    def __init__(self, market: Market, wiring: Wiring, client: redis.Redis) -> None:
        self.market, self.wiring, self.client = market, wiring, client
        self.placement = market.placement(market.world(1), floor_micro_usdc=1_000)
        self.items = [market.line_item(market.campaign(number, 10**9), bid) for number, bid in ((1, 3_000), (2, 9_000))]
        self.now_ms = time.time_ns() // 1_000_000
        self.asked = 0

    def execute(self, statement: str, **values: object) -> None:
        with self.market.engine.begin() as connection:
            connection.execute(text(statement), {"placement": self.placement, **values})

    def deal(self, line_item: int, price_micro_usdc: int, kind: str) -> None:
        self.execute(
            """insert into deal (placement_id, publisher, advertiser, line_item_id, name, price_kind, price_micro_usdc,
                                 status) values (:placement, 'p', 'a', :item, 'x', :kind, :price, 'accepted')""",
            item=line_item, kind=kind, price=price_micro_usdc,
        )

    def refresh(self) -> None:
        """Eleven seconds later, when rates are looked at again."""
        self.now_ms += 11_000
        BudgetSync(self.market.engine, self.client, CHAIN_ID).sync(self.now_ms)
        self.wiring.feed.refresh(self.now_ms)

    async def ask(self, draw: int = 0) -> Decision | NoBid:
        self.asked += 1
        random = self.asked.to_bytes(10, "big") + draw.to_bytes(8, "big")
        request = AdRequest(self.placement, f"viewer-{self.asked}")
        return await self.wiring.decisions.decide(request, self.now_ms, random)

    async def sold(self, draw: int = 0) -> tuple[int, int]:
        answer = await self.ask(draw)
        assert isinstance(answer, Decision)
        return self.items.index(answer.facts.line_item), answer.facts.price_micro_usdc


@pytest.fixture
async def shop(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, redis_client: redis.Redis
) -> AsyncIterator[Shop]:
    wiring = wire(fresh_database_url, redis_url)
    yield Shop(Market(fresh_engine, fresh_database_url, CHAIN_ID), wiring, redis_client)
    await unwire(wiring)


async def test_decide__deal__buys_first_at_its_price_until_it_ends(shop: Shop) -> None:
    """L77."""
    shop.deal(shop.items[0], 2_000, "fixed")
    shop.refresh()
    assert await shop.sold() == (0, 2_000)
    shop.execute("update deal set status = 'ended'")
    shop.refresh()
    assert await shop.sold() == (1, 3_000)


async def test_decide__deal_without_money__the_open_auction_sells(shop: Shop) -> None:
    """L77."""
    shop.deal(shop.items[0], 2_000, "fixed")
    shop.execute("update chain_campaign set deposited = 2_500 where campaign = 1")
    shop.refresh()
    assert [await shop.sold() for _ in range(2)] == [(0, 2_000), (1, 1_000)]


async def test_decide__deals_only__nobody_else_buys(shop: Shop) -> None:
    """L77."""
    shop.execute("update placement set deals_only = true")
    shop.refresh()
    answer = await shop.ask()
    assert isinstance(answer, NoBid)
    assert {str(reason): n for reason, n in answer.reasons.items()} == {"deal_only": 2}
    shop.deal(shop.items[1], 5_000, "floor")
    shop.refresh()
    assert await shop.sold() == (1, 5_000)


async def test_decide__soft_floor__asks_each_request_for_something_between(shop: Shop) -> None:
    """L76."""
    shop.execute("update placement set soft_floor_micro_usdc = 11_000")
    shop.refresh()
    assert await shop.sold(draw=0) == (1, 3_000)                           # the floor, and the second bid above it
    assert await shop.sold(draw=1 << 62) == (1, 3_500)                     # a quarter of the way: above the second bid
    answer = await shop.ask(draw=2**64 - 1)
    assert isinstance(answer, NoBid)
    assert {str(reason): n for reason, n in answer.reasons.items()} == {"below_soft_floor": 2}


async def test_decide__learnt_quality__weighs_and_is_paid_in_money(shop: Shop) -> None:
    """L76, L78: of the dearer ad nothing was ever seen, so it weighs half and wins no more at 5,800 against 3,000."""
    shop.execute("update line_item set bid_micro_usdc = 5_800 where id = :item", item=shop.items[1])
    for item in shop.items:
        shop.execute(
            """insert into serving_tally (minute, placement_id, line_item_id, outcome, n)
               values (now() - interval '1 hour', :placement, :item, 'decision', 100000), (now(), 0, 0, 'no_bid', 1)
                   on conflict do nothing""", item=item,
        )
    shop.execute(
        """insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                              placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id,
                              stream_index, status)
           select 'e' || n, 'd' || n, 'viewable', 'vcpm', 1, :item, 1, :placement, 1, 0, 0, 0, 's', n, 'accepted'
             from generate_series(1, 3000) n""", item=shop.items[0],
    )
    shop.execute("update event set status = 'unpaid'")
    while RateCounting(shop.market.engine).step():
        pass
    shop.refresh()
    won = Counter([await shop.sold() for _ in range(3)])
    assert [item for item, _ in won] == [0]
