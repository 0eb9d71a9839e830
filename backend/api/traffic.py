"""Invalid traffic: flags with their evidence, objections, and what an advertiser did not pay for."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.fields import ID_MAX, After, Body, Day, Limit, PathId, RowId, next_after
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.errors import Unprocessable
from backend.core.ids import Address
from backend.traffic.flags.flag import Flag, FlagStatus, GrantedNetwork
from backend.traffic.flags.service import FlagService

DAYS_MAX = 31
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
FromDay = Annotated[Day | None, Query(description="default: thirty days before `to_day`", examples=["2026-11-01"])]
ToDay = Annotated[Day | None, Query(description="default: today", examples=["2026-11-02"])]
OnePlacement = Annotated[int | None, Query(ge=1, le=ID_MAX, description="only this one")]


class ObjectionBody(Body):
    """What you know that the figures do not say."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"text": "A school's class of thirty visited this world on that morning."},
    ]})
    text: Words


class FlagDecision(Body):
    """Final either way; the note goes to the publisher."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"lifted": True}]})
    lifted: bool
    note: Words | None = None


class NetworkBody(Body):
    """A data centre's network from which worlds are streamed to people. Without a publisher it holds for everybody."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"network": "203.0.113.0/24", "note": "Cloud streaming of headsets"},
    ]})
    network: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    publisher_index: RowId | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class FlagAnswer(BaseModel):
    """A day's events on a placement (`level`: all of it, or of one network, viewer or recording) that are not paid.

    `evidence` has the sums, the threshold of the ruleset and the lists in force. `events` and `amounts_micro_usdc` are
    by what the ledger did: `pending`, `reversed` (given back), `voided` (never charged), `late` (its epoch was closed:
    it stays paid), `missed` (the budget was gone), and after a flag was lifted `lifting`, `reinstated`, `cleared`,
    `forgone` (the budget went to others meanwhile).
    """

    id: int
    day: date
    placement_id: int
    level: str
    rule: str
    scope: str
    evidence: dict[str, Any]
    ruleset: str = Field(description="SHA-256 of the ruleset whose thresholds were passed")
    status: FlagStatus
    created_at: datetime
    objection: str | None
    objected_at: datetime | None
    decided_at: datetime | None
    note: str | None
    events: dict[str, int]
    amounts_micro_usdc: dict[str, int]


class FlagPage(BaseModel):
    items: list[FlagAnswer]
    next_after: int | None


class FilteredAnswer(BaseModel):
    """Of a campaign's events: how many were flagged, and what it did not pay for, or got back, because of that."""

    from_day: date
    to_day: date
    events: dict[str, int] = Field(description="flagged events by what the ledger did with them")
    given_back_micro_usdc: int
    kept_micro_usdc: int = Field(description="flagged too late: the epoch was closed")


class NetworkAnswer(BaseModel):
    id: int
    network: str
    publisher_index: int | None
    note: str
    created_at: datetime


class NetworkPage(BaseModel):
    items: list[NetworkAnswer]
    next_after: int | None


def router(service: FlagService, access: Access) -> APIRouter:
    """Routes for publishers, advertisers and moderators."""
    api = APIRouter(prefix="/v1")
    _add_publisher(api, service, access)
    _add_advertiser(api, service, access)
    _add_moderation(api, service, access)
    _add_networks(api, service, access)
    return api


def _add_publisher(api: APIRouter, service: FlagService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_WRITE))]

    @api.get("/publisher/traffic-flags", tags=["publisher"], summary="Flags of invalid traffic on your placements",
             responses=responses(401))
    def traffic_flags(wallet: Reader, placement: OnePlacement = None, after: After = 0, limit: Limit = 50) -> FlagPage:
        return _page(service.own(wallet, placement, after=after, limit=limit), limit)

    @api.post("/publisher/traffic-flags/{flag}/objection", tags=["publisher"], summary="Object to a flag, once",
              responses=responses(401, 404, 409))
    def object_to_traffic_flag(flag: PathId, body: ObjectionBody, wallet: Writer) -> FlagAnswer:
        """A moderator upholds or lifts the flag; you are told by a notice."""
        return _flag(service.object(wallet, flag, body.text))


def _add_advertiser(api: APIRouter, service: FlagService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]

    @api.get("/campaigns/{campaign}/invalid-traffic", tags=["campaigns"],
             summary="What of a campaign's events was invalid", responses=responses(401, 404))
    def invalid_traffic(
        campaign: PathId, wallet: Reader, from_day: FromDay = None, to_day: ToDay = None
    ) -> FilteredAnswer:
        """UTC days, both included, at most 31. What the door refused never became an event, and is not counted here."""
        last = to_day or service.today()
        first = from_day or last - timedelta(days=DAYS_MAX - 1)
        if not 0 <= (last - first).days < DAYS_MAX:
            raise Unprocessable("span_not_allowed", f"`to_day` must not be before `from_day`, at most {DAYS_MAX} days")
        found = service.filtered(wallet, campaign, first, last)
        return FilteredAnswer(
            from_day=first, to_day=last, events=dict(found.events),
            given_back_micro_usdc=found.amounts.get("reversed", 0), kept_micro_usdc=found.amounts.get("late", 0),
        )


def _add_moderation(api: APIRouter, service: FlagService, access: Access) -> None:
    Reader = Annotated[Caller, Depends(access.may(Permission.MODERATION_READ))]
    Moderator = Annotated[Caller, Depends(access.may(Permission.MODERATION_WRITE))]
    Waiting = Annotated[bool, Query(description="only those with an objection that waits for a decision")]

    @api.get("/moderation/traffic-flags", tags=["moderation"], summary="Flags of invalid traffic, the oldest first",
             responses=responses(401, 403))
    def traffic_flags(_: Reader, objected: Waiting = False, after: After = 0, limit: Limit = 50) -> FlagPage:
        return _page(service.everybodys(objected=objected, after=after, limit=limit), limit)

    @api.post("/moderation/traffic-flags/{flag}/decide", tags=["moderation"], summary="Uphold or lift a flag",
              responses=responses(401, 403, 404, 409))
    def decide_traffic_flag(flag: PathId, body: FlagDecision, moderator: Moderator) -> FlagAnswer:
        """What was given back under a lifted flag is charged again as far as the campaign's budget still goes."""
        return _flag(service.decide(moderator.member, flag, lifted=body.lifted, note=body.note))


def _add_networks(api: APIRouter, service: FlagService, access: Access) -> None:
    read = Depends(access.may(Permission.MODERATION_READ))
    write = Depends(access.may(Permission.MODERATION_WRITE))

    @api.get("/moderation/traffic-allowances", tags=["moderation"], responses=responses(401, 403),
             summary="Networks of data centres from which worlds are streamed", dependencies=[read])
    def traffic_allowances(after: After = 0, limit: Limit = 50) -> NetworkPage:
        found = [_network(one) for one in service.networks(after=after, limit=limit)]
        return NetworkPage(items=found, next_after=next_after([one.id for one in found], limit))

    @api.post("/moderation/traffic-allowances", tags=["moderation"], summary="Allow a network of a data centre",
              status_code=201, responses=responses(401, 403, 404), dependencies=[write])
    def allow_traffic(body: NetworkBody) -> NetworkAnswer:
        return _network(service.allow(body.network, body.publisher_index, body.note))

    @api.delete("/moderation/traffic-allowances/{allowance}", tags=["moderation"], status_code=204,
                summary="Allow a network no longer", responses=responses(401, 403, 404), dependencies=[write])
    def disallow_traffic(allowance: PathId) -> Response:
        service.disallow(allowance)
        return Response(status_code=204)


def _page(flags: list[Flag], limit: int) -> FlagPage:
    items = [_flag(one) for one in flags]
    return FlagPage(items=items, next_after=next_after([one.id for one in items], limit))


def _flag(one: Flag) -> FlagAnswer:
    return FlagAnswer(
        id=one.id, day=one.day, placement_id=one.placement, level=one.level, rule=one.rule, scope=one.scope,
        evidence=dict(one.evidence), ruleset=one.ruleset, status=one.status, created_at=one.created_at.astimezone(UTC),
        objection=one.objection, objected_at=one.objected_at, decided_at=one.decided_at, note=one.note,
        events=dict(one.events), amounts_micro_usdc=dict(one.amounts),
    )


def _network(one: GrantedNetwork) -> NetworkAnswer:
    return NetworkAnswer(
        id=one.id, network=one.network, publisher_index=one.publisher_index, note=one.note, created_at=one.created_at
    )
