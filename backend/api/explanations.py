"""Why there was no ad, why something was not paid, why a line item was not shown: counts per reason, with words."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from backend.api.access import Access
from backend.api.fields import ID_MAX, PathId, Time
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.core.ids import Address
from backend.placements.explanations.explanation import Reason
from backend.placements.explanations.service import ExplanationService

From = Annotated[
    Time | None, Query(alias="from", description="default: a day before `to`", examples=["2026-11-01T00:00:00Z"])
]
To = Annotated[Time | None, Query(alias="to", description="default: now", examples=["2026-11-02T00:00:00Z"])]
OnePlacement = Annotated[int | None, Query(ge=1, le=ID_MAX, description="only this one")]


class ReasonAnswer(BaseModel):
    """A reason: how often it was the one, what it means, and what you can do about it."""

    reason: str
    n: int
    meaning: str
    advice: str


class Explained(BaseModel):
    """From `since` up to, but not including, `until`; reasons by how frequent they are."""

    since: datetime
    until: datetime
    reasons: list[ReasonAnswer]


class NoAdAnswer(Explained):
    """Why a placement showed no ad. A reason counts line items, once for each request in which it was theirs."""

    requests: int = Field(description="ad requests that were answered")
    ads: int = Field(description="how many of them with an ad")
    standing: list[str] = Field(description="what keeps every paid ad away now")


class UnpaidPlacement(BaseModel):
    placement_id: int
    reasons: dict[str, int]


class UnpaidAnswer(Explained):
    """Events that were not paid, in all and for the hundred placements with the most of them."""

    events: int
    placements: list[UnpaidPlacement]


class LineItemExplanation(Explained):
    """What became of a line item: in how many ad requests it was asked, and won."""

    asked: int
    won: int


def router(service: ExplanationService, access: Access, clock: Callable[[], float]) -> APIRouter:
    """`clock` gives Unix seconds."""
    api = APIRouter(prefix="/v1")
    Publisher = Annotated[Address, Depends(access.account(Permission.PLACEMENTS_READ))]
    Advertiser = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]

    @api.get("/placements/{placement}/explanation", tags=["placements"], summary="Why was there no ad here?",
             responses=responses(401, 404))
    def no_ad(placement: PathId, wallet: Publisher, since: From = None, until: To = None) -> NoAdAnswer:
        found = service.no_ad(wallet, placement, since, until, _now(clock))
        return NoAdAnswer(
            since=found.span.since, until=found.span.until, requests=found.requests, ads=found.ads,
            standing=list(found.standing), reasons=_reasons(found.reasons),
        )

    @api.get("/publisher/unpaid", tags=["publisher"], summary="Why was this not paid?", responses=responses(401, 404))
    def unpaid(
        wallet: Publisher, since: From = None, until: To = None, placement: OnePlacement = None
    ) -> UnpaidAnswer:
        found = service.unpaid(wallet, placement, since, until, _now(clock))
        return UnpaidAnswer(
            since=found.span.since, until=found.span.until, events=found.events, reasons=_reasons(found.reasons),
            placements=[
                UnpaidPlacement(placement_id=one, reasons=dict(counts)) for one, counts in found.placements.items()
            ],
        )

    @api.get("/line-items/{line_item}/explanation", tags=["line items"], summary="Why was this line item not shown?",
             responses=responses(401, 404))
    def line_item(line_item: PathId, wallet: Advertiser, since: From = None, until: To = None) -> LineItemExplanation:
        found = service.line_item(wallet, line_item, since, until, _now(clock))
        return LineItemExplanation(
            since=found.span.since, until=found.span.until, asked=found.asked, won=found.won,
            reasons=_reasons(found.reasons),
        )

    return api


def _now(clock: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(clock(), UTC)


def _reasons(reasons: tuple[Reason, ...]) -> list[ReasonAnswer]:
    return [
        ReasonAnswer(reason=one.reason, n=one.n, meaning=one.meaning, advice=one.advice) for one in reasons
    ]
