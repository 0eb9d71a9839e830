"""OpenRTB 2.6 for exchanges that sell to us: POST /openrtb2/bid, and the notices about our bids."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from backend.api.examples_openrtb import BID_REQUEST, BID_REQUEST_SCHEMA, BID_RESPONSE, BID_RESPONSE_SCHEMA
from backend.api.problems import responses
from backend.openrtb.answer import encode
from backend.openrtb.reading import VERSION, VERSION_HEADER
from backend.openrtb.supply.service import Incoming, NoticeService, SupplyService

Token = Annotated[str, Path(max_length=256)]
Price = Annotated[str | None, Query(max_length=64, description="${AUCTION_PRICE}, dollars per thousand")]
Loss = Annotated[str | None, Query(max_length=64, description="${AUCTION_LOSS}")]
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
ANSWERED = {VERSION_HEADER: VERSION}
NOT_KEPT = {"Cache-Control": "no-store"}


def router(supply: SupplyService, notices: NoticeService) -> APIRouter:
    """The exchange's token is checked by the service; notices are proved by the token in their address."""
    api = APIRouter(prefix="/openrtb2", tags=["openrtb"])
    _add_bid(api, supply)
    _add_notices(api, notices)
    _add_players(api, notices)
    return api


def _add_bid(api: APIRouter, supply: SupplyService) -> None:
    @api.post("/bid", summary="Bids for the impressions of another exchange (OpenRTB 2.6)", openapi_extra=_OPENAPI,
              responses=responses("openrtb_request", "exchange_unknown", "exchange_network", 413),
              response_class=Response)
    async def bid(request: Request) -> Response:
        """200 with bids, or with `nbr` where the specification has a reason for none; 204 when nobody bids.

        A bid's price is held for the seconds of its `exp`, and charged when `burl` is called, once.
        """
        headers = request.headers
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        answer = await supply.answer(
            Incoming(
                await request.body(), bearer.strip() if scheme.lower() == "bearer" else "",
                request.client.host if request.client else "", headers.get(VERSION_HEADER),
                headers.get("content-encoding"),
            ),
            _now_ms(),
        )
        if answer is None:
            return Response(status_code=204, headers=ANSWERED)
        return Response(encode(answer), media_type="application/json", headers=ANSWERED)


def _add_notices(api: APIRouter, notices: NoticeService) -> None:
    @api.post("/burl/{token}", status_code=204, summary="As GET, for exchanges that post their notices",
              responses=responses("exchange_network", "token_unknown", "bid_expired"), response_class=Response)
    async def billed_posted(token: Token, request: Request, price: Price = None) -> Response:
        return await billed(token, request, price)

    @api.get("/burl/{token}", status_code=204, summary="The impression is billable: charge it, once",
             responses=responses("exchange_network", "token_unknown", "bid_expired"), response_class=Response)
    async def billed(token: Token, request: Request, price: Price = None) -> Response:
        """Call it when the impression was viewable (decision 0014). It may be called again: it is charged once."""
        await notices.billed(token, price, _client(request), _now_ms())
        return Response(status_code=204, headers=NOT_KEPT)

    @api.post("/nurl/{token}", status_code=204, summary="As GET, for exchanges that post their notices",
              responses=responses("exchange_network", "token_unknown"), response_class=Response)
    async def won_posted(token: Token, request: Request, price: Price = None) -> Response:
        return await won(token, request, price)

    @api.get("/nurl/{token}", status_code=204, summary="The bid has won; nothing is charged yet",
             responses=responses("exchange_network", "token_unknown"), response_class=Response)
    async def won(token: Token, request: Request, price: Price = None) -> Response:
        await notices.won(token, _client(request))
        return Response(status_code=204, headers=NOT_KEPT)

    @api.post("/lurl/{token}", status_code=204, summary="As GET, for exchanges that post their notices",
              responses=responses("exchange_network", "token_unknown"), response_class=Response)
    async def lost_posted(token: Token, request: Request, loss: Loss = None) -> Response:
        return await lost(token, request, loss)

    @api.get("/lurl/{token}", status_code=204, summary="The bid has lost: what was held is given back",
             responses=responses("exchange_network", "token_unknown"), response_class=Response)
    async def lost(token: Token, request: Request, loss: Loss = None) -> Response:
        """A bid that was said to have lost cannot be billed any more."""
        await notices.lost(token, loss, _client(request), _now_ms())
        return Response(status_code=204, headers=NOT_KEPT)


def _add_players(api: APIRouter, notices: NoticeService) -> None:
    @api.get("/click/{token}", status_code=302, summary="Follow an ad that another exchange shows",
             responses=responses("token_unknown"), response_class=Response)
    async def click(token: Token) -> Response:
        target = await notices.clicked(token, _now_ms())
        return Response(status_code=302, headers={"Location": target, **NOT_KEPT})

    @api.get("/track/{token}/{event}", status_code=204, summary="A video player tells how far it has come (VAST)",
             responses=responses("token_unknown"), response_class=Response)
    async def track(token: Token, event: Annotated[str, Path(max_length=32)]) -> Response:
        """Counted for the advertiser's report; nothing is charged by it."""
        await notices.played(token, event, _now_ms())
        return Response(status_code=204, headers=ANY_ORIGIN | NOT_KEPT)

    @api.get("/vast/{token}", summary="The VAST 4.2 document of a video ad",
             responses=responses("token_unknown") | _VAST, response_class=Response)
    async def vast(token: Token) -> Response:
        """For players that fetch it: with the token of a bid, or of a decision for a world of ours."""
        document = await notices.vast(token, _now_ms())
        return Response(document, media_type="application/xml", headers=ANY_ORIGIN | NOT_KEPT)


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


_VAST: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {"schema": {"type": "string"}, "example": '<VAST version="4.2"/>'}}},
}
_OPENAPI: dict[str, object] = {
    "security": [{"HTTPBearer": []}],
    "requestBody": {"required": True, "content": {
        "application/json": {"schema": BID_REQUEST_SCHEMA, "example": BID_REQUEST},
    }},
    "responses": {
        "200": {"description": "Bids, or why there are none", "content": {
            "application/json": {"schema": BID_RESPONSE_SCHEMA, "example": BID_RESPONSE},
        }},
        "204": {"description": "No bid"},
    },
}
