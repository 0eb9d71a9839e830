"""Why no ad, why not paid, why not shown: counts and words over HTTP, found by index however much there is."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.placements.explanations import store

WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/"}
PLACEMENT = {"name": "Gate", "kind": "image", "width": 1_024, "height": 512, "floor_vcpm_micro_usdc": 1_500_000}


async def placement_of(client: httpx.AsyncClient, **terms: Any) -> int:
    world = (await client.post("/v1/worlds", json=WORLD)).json()["id"]
    answer = await client.post(f"/v1/worlds/{world}/placements", json=PLACEMENT | terms)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.fixture
def tell(engine: Engine) -> Any:
    """Writes what serving and ingest count."""

    def write(at: datetime, placement: int, outcomes: dict[tuple[int, str], int], dropped: dict[str, int]) -> None:
        with engine.begin() as connection:
            for (line_item, outcome), n in outcomes.items():
                connection.execute(
                    text("insert into serving_tally values (:minute, :placement, :line_item, :outcome, :n)"),
                    {"minute": at.replace(second=0), "placement": placement, "line_item": line_item,
                     "outcome": outcome, "n": n},
                )
            for reason, n in dropped.items():
                connection.execute(
                    text("""insert into dropped_event (stream_id, stream_index, reason, placement_id, received_ms)
                            select :stream, generate_series(1, :n), :reason, :placement, :at"""),
                    {"stream": f"{placement}-{reason}-{at}", "n": n, "reason": reason, "placement": placement,
                     "at": int(at.timestamp() * 1_000)},
                )

    return write


def reasons(answer: httpx.Response) -> dict[str, int]:
    assert answer.status_code == 200, answer.text
    assert all(one["meaning"] and one["advice"] for one in answer.json()["reasons"])
    return {one["reason"]: one["n"] for one in answer.json()["reasons"]}


async def test_no_ad__reasons_of_a_day__counted_in_order_with_words(
    publisher: httpx.AsyncClient, tell: Any, clock: Any
) -> None:
    placement = await placement_of(publisher)
    early = clock.now - timedelta(hours=2)
    tell(early, placement, {(0, "no_bid"): 5, (1, "decision"): 3, (1, "below_floor"): 2, (2, "below_floor"): 4}, {})
    tell(early - timedelta(days=2), placement, {(0, "no_bid"): 100, (3, "budget"): 100}, {})
    answer = await publisher.get(f"/v1/placements/{placement}/explanation")
    assert reasons(answer) == {"below_floor": 6}
    assert (answer.json()["requests"], answer.json()["ads"], answer.json()["standing"]) == (8, 3, [])
    longer = {"from": (clock.now - timedelta(days=3)).isoformat()}
    assert list(reasons(await publisher.get(f"/v1/placements/{placement}/explanation", params=longer))) == [
        "budget", "below_floor",
    ]


async def test_no_ad__placement_in_test_mode__said(publisher: httpx.AsyncClient) -> None:
    placement = await placement_of(publisher, test_mode=True)
    standing = (await publisher.get(f"/v1/placements/{placement}/explanation")).json()["standing"]
    assert len(standing) == 1
    assert "test mode" in standing[0]


async def test_unpaid__by_placement_and_in_all__with_what_the_bid_does_not_pay(
    publisher: httpx.AsyncClient, tell: Any, clock: Any, engine: Engine
) -> None:
    first, second = await placement_of(publisher), await placement_of(publisher)
    at = clock.now - timedelta(hours=1)
    tell(at, first, {}, {"bot": 3, "not_viewable": 1})
    tell(at, second, {}, {"bot": 1})
    with engine.begin() as connection:
        connection.execute(
            text("""insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                                       placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms,
                                       stream_id, stream_index, status)
                    values ('e1', 'd1', 'viewable', 'cpc', 1, 1, 1, :placement, 1, 0, :at, :at, 'x', 1, 'unpaid')"""),
            {"placement": second, "at": int(at.timestamp() * 1_000)},
        )
    answer = await publisher.get("/v1/publisher/unpaid")
    assert reasons(answer) == {"bot": 4, "not_billed_by_bid": 1, "not_viewable": 1}
    assert answer.json()["events"] == 6
    assert answer.json()["placements"] == [
        {"placement_id": first, "reasons": {"bot": 3, "not_viewable": 1}},
        {"placement_id": second, "reasons": {"bot": 1, "not_billed_by_bid": 1}},
    ]
    assert reasons(await publisher.get("/v1/publisher/unpaid", params={"placement": second})) == {
        "bot": 1, "not_billed_by_bid": 1,
    }


async def test_line_item__won_and_refused__as_its_advertiser_sees_it(
    advertiser: httpx.AsyncClient, publisher: httpx.AsyncClient, tell: Any, clock: Any
) -> None:
    placement = await placement_of(publisher)
    campaign = (await advertiser.post("/v1/campaigns", json={"name": "Autumn", "category": "games"})).json()["id"]
    item = (await advertiser.post(f"/v1/campaigns/{campaign}/line-items", json={
        "name": "Everywhere", "bid_kind": "vcpm", "bid_micro_usdc": 5_000,
        "starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z",
    })).json()["id"]
    tell(clock.now - timedelta(hours=1), placement, {(item, "decision"): 4, (item, "outbid"): 6}, {})
    answer = await advertiser.get(f"/v1/line-items/{item}/explanation")
    assert reasons(answer) == {"outbid": 6}
    assert (answer.json()["asked"], answer.json()["won"]) == (10, 4)
    assert answer.json()["reasons"][0]["advice"] == "Raise the bid."
    assert (await publisher.get(f"/v1/line-items/{item}/explanation")).json()["code"] == "line_item_unknown"


async def test_explanations__of_somebody_else__look_like_unknown_ids(
    publisher: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    placement = await placement_of(publisher)
    for path in (f"/v1/placements/{placement}/explanation", f"/v1/publisher/unpaid?placement={placement}"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "placement_unknown")


@pytest.mark.parametrize("span", [
    {"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
    {"from": "2026-01-01T00:00:00Z", "to": "2026-11-01T00:00:00Z"},
    {"from": "2026-11-02T10:00:00Z"},
])
async def test_explanations__span_backwards_empty_or_too_long__refused(
    publisher: httpx.AsyncClient, span: dict[str, str]
) -> None:
    answer = await publisher.get("/v1/publisher/unpaid", params=span)
    assert (answer.status_code, answer.json()["code"]) == (422, "span_not_allowed")


# --- however much there is ------------------------------------------------------------------------------------------


@pytest.fixture
def crowded(fresh_engine: Engine) -> Engine:
    """Two months of 200 placements: 40,000 tallies, 100,000 dropped and 50,000 accepted events."""
    with fresh_engine.begin() as connection:
        connection.execute(text("""
            insert into serving_tally select timestamptz '2026-09-01' + interval '1 hour' * (i / 200), i % 200, i % 50,
                   'outbid', 1 from generate_series(0, 39999) i"""))
        connection.execute(text("""
            insert into dropped_event (stream_id, stream_index, reason, placement_id, received_ms)
            select i::text, 0, 'bot', i % 200, 1788220800000 + i::bigint * 50000 from generate_series(0, 99999) i"""))
        connection.execute(text("""
            insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id,
                               placement_id, publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id,
                               stream_index, status)
            select i::text, i::text, 'click', 'cpc', 1, 1, 1, i % 200, 1, 0, 0, 1788220800000 + i::bigint * 50000,
                   i::text, 0, case when i % 9 = 0 then 'unpaid' else 'billed' end
              from generate_series(0, 49999) i"""))
        connection.execute(text("analyze serving_tally, dropped_event, event"))
    return fresh_engine


DAY = {"since": datetime.fromisoformat("2026-09-20T00:00:00Z"), "until": datetime.fromisoformat("2026-09-21T00:00:00Z")}
DAY_MS = {"since": 1_789_862_400_000, "until": 1_789_948_800_000}


STATEMENTS: list[tuple[Any, dict[str, Any]]] = [
    (store.PLACEMENT_OUTCOMES, DAY | {"placement": 7}), (store.LINE_ITEM_OUTCOMES, DAY | {"line_item": 7}),
    (store.UNPAID_EVENTS, DAY_MS | {
        "publisher": 1, "placement": 7, "reason": "not_billed_by_bid", "most": 100,
    }),
]


def test_statements__big_tables__are_read_by_index(crowded: Engine) -> None:
    with crowded.begin() as connection:
        for statement, bound in STATEMENTS:
            plan = connection.execute(text(f"explain {statement.text}"), bound).scalars().all()
            assert not [line for line in plan if "Seq Scan" in line], "\n".join(plan)
            assert any("Index" in line for line in plan)
