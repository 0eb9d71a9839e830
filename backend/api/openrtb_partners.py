"""Whom we buy from and whom we ask, over HTTP: exchanges (admins), bidders (advertisers), placements that ask them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import Body, Day, Name, PathId, RowId, Url
from backend.api.listings import CACHED
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.openrtb.partners.partner import (
    BidderRecord,
    BidderTerms,
    ExchangeRecord,
    ExchangeTerms,
    PartnerStatus,
)
from backend.openrtb.partners.service import PartnerService
from backend.openrtb.sellers import app_ads_txt

Seat = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
Domain = Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}$")]
Networks = Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=64)]
Macro = Annotated[str, Field(max_length=100, pattern=r"^[\x21-\x7e]*$")]
TimeoutMs = Annotated[int, Field(ge=10, le=300)]
Qps = Annotated[int, Field(ge=1, le=10_000)]


class ExchangeBody(Body):
    """An exchange that sells to us. It is paid as the publisher of `world_id`, whose placements are its formats."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "world_id": 7, "name": "Northern Exchange", "domain": "exchange.example", "seat": "sightline",
        "networks": ["192.0.2.0/24"],
    }]})
    world_id: RowId
    name: Name
    domain: Domain
    seat: Seat = Field(description="our name at the exchange")
    networks: Networks = Field(default_factory=list)
    strict: bool = False
    needs_schain: bool = False
    click_macro: Macro = ""

    def terms(self) -> ExchangeTerms:
        return ExchangeTerms(
            self.name, self.domain, self.seat, tuple(self.networks), self.strict, self.needs_schain, self.click_macro
        )


class ExchangeChange(Body):
    """What is left out stays as it is. `new_token` ends the old token at once."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "paused"}]})
    name: Name | None = None
    seat: Seat | None = None
    networks: Networks | None = None
    strict: bool | None = None
    needs_schain: bool | None = None
    click_macro: Macro | None = None
    status: PartnerStatus | None = None
    new_token: bool = False

    def applied(self, terms: ExchangeTerms) -> ExchangeTerms:
        given = self.model_dump(exclude={"new_token"}, exclude_none=True)
        if "networks" in given:
            given["networks"] = tuple(given["networks"])
        return replace(terms, **given)


class ExchangeAnswer(BaseModel):
    """`token` is there once: when it is made."""

    id: int
    world_id: int
    publisher_index: int
    name: str
    domain: str
    seat: str
    networks: list[str]
    strict: bool
    needs_schain: bool
    click_macro: str
    status: PartnerStatus
    token: str | None = None
    created_at: datetime


class ExchangeList(BaseModel):
    items: list[ExchangeAnswer]


class BidderBody(Body):
    """A server that bids for a line item of yours (bid kind vcpm), whose bid is then the most that it may bid.

    It is asked once the operator has approved it, for placements that ask external bidders.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{
        "line_item_id": 12, "name": "Our DSP", "endpoint": "https://bidder.example/openrtb2", "seat": "dsp-1",
        "timeout_ms": 120, "qps_max": 200,
    }]})
    line_item_id: RowId
    name: Name
    endpoint: Url
    seat: Seat
    timeout_ms: TimeoutMs = 120
    qps_max: Qps = 100

    def terms(self) -> BidderTerms:
        return BidderTerms(self.name, self.endpoint, self.seat, self.timeout_ms, self.qps_max)


class BidderChange(Body):
    """What is left out stays as it is. Another endpoint has to be approved again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"timeout_ms": 80}]})
    name: Name | None = None
    endpoint: Url | None = None
    seat: Seat | None = None
    timeout_ms: TimeoutMs | None = None
    qps_max: Qps | None = None
    status: PartnerStatus | None = None

    def applied(self, terms: BidderTerms) -> BidderTerms:
        return replace(terms, **self.model_dump(exclude_none=True))


class ApprovalBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"approved": True}]})
    approved: bool


class BidderAnswer(BaseModel):
    """`today`: what became of asking it on this UTC day, by outcome; a few seconds behind."""

    id: int
    line_item_id: int
    name: str
    endpoint: str
    seat: str
    timeout_ms: int
    qps_max: int
    approved: bool
    status: PartnerStatus
    today: dict[str, int]
    created_at: datetime


class BidderList(BaseModel):
    items: list[BidderAnswer]


class VideoEvents(BaseModel):
    """How often players told each event of VAST on a UTC day; kept for a month. Nothing is charged by them."""

    day: date
    events: dict[str, int]


class ExternalDemand(Body):
    """Whether bidders on servers of their own compete for the placement; each ad request then waits for them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"asked": True}]})
    asked: bool


def router(service: PartnerService, access: Access, domain: str) -> APIRouter:
    """`domain` is ours, for app-ads.txt."""
    api = APIRouter()
    _add_exchanges(api, service, access)
    _add_bidders(api, service, access)
    _add_publishers(api, service, access)
    _add_files(api, domain)
    return api


def _add_exchanges(api: APIRouter, service: PartnerService, access: Access) -> None:
    reader, writer = Depends(access.may(Permission.ADMIN_READ)), Depends(access.may(Permission.ADMIN_WRITE))

    @api.post("/v1/admin/exchanges", status_code=201, tags=["admin"], summary="Register an exchange that sells to us",
              responses=responses(401, 403, 404, 409))
    def add(body: ExchangeBody, _: Annotated[Caller, writer]) -> ExchangeAnswer:
        return _exchange(*service.add_exchange(body.world_id, body.terms()))

    @api.get("/v1/admin/exchanges", tags=["admin"], summary="Exchanges that sell to us", responses=responses(401, 403))
    def exchanges(_: Annotated[Caller, reader]) -> ExchangeList:
        return ExchangeList(items=[_exchange(one) for one in service.exchanges()])

    @api.patch("/v1/admin/exchanges/{exchange}", tags=["admin"], summary="Change an exchange, or give it a new token",
               responses=responses(401, 403, 404))
    def change(exchange: PathId, body: ExchangeChange, _: Annotated[Caller, writer]) -> ExchangeAnswer:
        return _exchange(*service.change_exchange(exchange, body.applied, new_token=body.new_token))

    @api.get("/v1/admin/external-bidders", tags=["admin"], summary="All external bidders",
             responses=responses(401, 403))
    def bidders(_: Annotated[Caller, reader]) -> BidderList:
        return BidderList(items=[_bidder(one) for one in service.all_bidders()])

    @api.patch("/v1/admin/external-bidders/{bidder}", tags=["admin"], summary="Approve an external bidder, or not",
               responses=responses(401, 403, 404))
    def approve(bidder: PathId, body: ApprovalBody, _: Annotated[Caller, writer]) -> BidderAnswer:
        return _bidder(service.approve_bidder(bidder, approved=body.approved))


def _add_bidders(api: APIRouter, service: PartnerService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/v1/external-bidders", status_code=201, tags=["external bidders"],
              summary="Let a server of yours bid for a line item", responses=responses(401, 403, 404, 409))
    def add(body: BidderBody, owner: Writer) -> BidderAnswer:
        return _bidder(service.add_bidder(owner, body.line_item_id, body.terms()))

    @api.get("/v1/external-bidders", tags=["external bidders"], summary="Your bidders, and how they do today",
             responses=responses(401))
    def page(owner: Reader) -> BidderList:
        return BidderList(items=[_bidder(one) for one in service.bidders(owner)])

    @api.patch("/v1/external-bidders/{bidder}", tags=["external bidders"], summary="Change or pause a bidder",
               responses=responses(401, 403, 404))
    def change(bidder: PathId, body: BidderChange, owner: Writer) -> BidderAnswer:
        return _bidder(service.change_bidder(owner, bidder, body.applied))


    @api.get("/v1/line-items/{line_item}/video-events", tags=["line items"],
             summary="How far videos of a line item were played (VAST)", responses=responses(401, 404))
    def video_events(line_item: PathId, owner: Reader, day: Day | None = None) -> VideoEvents:
        """Of today, when no day is named."""
        found, events = service.video_events(owner, line_item, day)
        return VideoEvents(day=found, events=events)


def _add_publishers(api: APIRouter, service: PartnerService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.get("/v1/placements/{placement}/external-demand", tags=["placements"],
             summary="Whether external bidders compete for the placement", responses=responses(401, 404))
    def external_demand(placement: PathId, wallet: Reader) -> ExternalDemand:
        return ExternalDemand(asked=service.external_demand(wallet, placement))

    @api.put("/v1/placements/{placement}/external-demand", tags=["placements"],
             summary="Let external bidders compete for the placement, or not", responses=responses(401, 403, 404))
    def set_external_demand(placement: PathId, body: ExternalDemand, wallet: Writer) -> ExternalDemand:
        service.set_external_demand(wallet, placement, asked=body.asked)
        return body

    @api.get("/v1/publisher/ads-txt", tags=["publisher"], summary="What to add to your own ads.txt and app-ads.txt",
             response_class=Response, responses=responses(401, 404) | _TEXT)
    def ads_txt(wallet: Reader) -> Response:
        return Response(service.ads_txt_lines(wallet), media_type="text/plain; charset=utf-8")


def _add_files(api: APIRouter, domain: str) -> None:
    @api.get("/app-ads.txt", tags=["public files"], summary="Who sells space in apps of this site (IAB app-ads.txt)",
             response_class=Response, responses=responses() | _TEXT)
    def app_ads() -> Response:
        return Response(app_ads_txt(domain), media_type="text/plain; charset=utf-8", headers=CACHED)


def _exchange(found: ExchangeRecord, token: str | None = None) -> ExchangeAnswer:
    terms = found.terms
    return ExchangeAnswer(
        id=found.id, world_id=found.world, publisher_index=found.publisher, name=terms.name, domain=terms.domain,
        seat=terms.seat, networks=list(terms.networks), strict=terms.strict, needs_schain=terms.needs_schain,
        click_macro=terms.click_macro, status=terms.status, token=token, created_at=found.created_at,
    )


def _bidder(found: BidderRecord) -> BidderAnswer:
    terms = found.terms
    return BidderAnswer(
        id=found.id, line_item_id=found.line_item, name=terms.name, endpoint=terms.endpoint, seat=terms.seat,
        timeout_ms=terms.timeout_ms, qps_max=terms.qps_max, approved=found.approved, status=terms.status,
        today=dict(found.today), created_at=found.created_at,
    )


_TEXT: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "sightline.example, 12, DIRECT"}}},
}
