"""docs/openrtb.md tells the truth: its requests get valid bids, its schema is what is read (L87)."""

import json
import re
from pathlib import Path

import msgspec
from jsonschema import Draft202012Validator
from openrtb_kit import Stand
from openrtb_schema import BID_REQUEST, BID_RESPONSE, mistakes

from backend.api.codes import CODES
from backend.api.examples_openrtb import BID_REQUEST as API_REQUEST
from backend.api.examples_openrtb import BID_RESPONSE as API_RESPONSE
from backend.openrtb.bidder import Outcome
from backend.openrtb.request import Geometry

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "openrtb.md").read_text()
REQUESTS = [json.loads(block) for block in re.findall(r"```json request\n(.*?)```", PAGE, re.DOTALL)]
SCHEMA = json.loads((DOCS / "sightline3d.schema.json").read_text())


async def test_page__every_request__gets_a_valid_bid(market: Stand) -> None:
    market.exchange()
    market.buyer(1, 4_000)
    market.refresh()
    assert len(REQUESTS) == 3
    for request in REQUESTS:
        assert mistakes(request, BID_REQUEST) == []
        bid = await market.bid(request)
        assert bid["price"] >= request["imp"][0]["bidfloor"]


def test_page__examples_of_the_api__are_of_the_specification() -> None:
    assert mistakes(API_REQUEST, BID_REQUEST) == []
    assert mistakes(API_RESPONSE, BID_RESPONSE) == []


def test_schema__geometry__has_the_fields_that_are_read() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"].keys() == {field.name for field in msgspec.structs.fields(Geometry)}
    imps = [imp for request in [*REQUESTS, API_REQUEST] for imp in request["imp"]]
    shown = [imp["ext"]["sightline3d"] for imp in imps if "ext" in imp]
    assert len(shown) == 2
    assert not [error for one in shown for error in Draft202012Validator(SCHEMA).iter_errors(one)]


def test_page__codes_and_outcomes__exist() -> None:
    for outcome in Outcome:
        assert f"`{outcome}`" in PAGE
    for code in ("price_above_bid", "bid_expired", "bid_lost", "openrtb_price"):
        assert f"`{code}`" in PAGE
        assert code in CODES
