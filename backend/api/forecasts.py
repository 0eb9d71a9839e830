"""Forecasts over HTTP: what a line item, saved or only thought of, would win from now until it ends."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.fields import Body, PathId
from backend.api.line_items import LineItemBody
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.campaigns.line_item import LineItemTerms, Pacing
from backend.campaigns.service import CampaignService
from backend.core.categories import CampaignCategory
from backend.core.ids import Address, LineItemId
from backend.core.week import EVERY_HOUR, mask_of
from backend.serving.catalogue import LineItem, frequency_of
from backend.serving.forecasting.service import ForecastService, Outlook
from backend.serving.wanted import wanted_of


class ForecastBody(Body):
    """A line item as it would be sent to a campaign of this category; nothing is saved."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"category": "games", "line_item": {
            "name": "Boards in game worlds", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000,
            "starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-12-02T00:00:00Z",
            "targeting": {"categories": ["games"]},
        }}]},
    )
    category: CampaignCategory
    line_item: LineItemBody


class RangeAnswer(BaseModel):
    """80 % of outcomes lie between `low` and `high`, if days go on to differ as they did."""

    low: int
    expected: int
    high: int


class ForecastAnswer(BaseModel):
    """What the recorded ad requests say. Others are taken to go on bidding as they do; frequency caps are not in it."""

    opportunities: RangeAnswer = Field(description="ad requests that the line item may answer")
    impressions: RangeAnswer = Field(description="viewable impressions")
    spend_micro_usdc: RangeAnswer
    win_share_ppm: int = Field(description="of a million opportunities, won if no cap stopped it", examples=[412_000])
    limited_by: str | None = Field(description="daily_cap or total_cap, when it cuts", examples=["daily_cap"])
    placements: int = Field(description="placements on which it may run", examples=[12])
    recorded_hours: int = Field(description="hours of records behind this, at most four weeks", examples=[336])


def router(service: CampaignService, outlooks: ForecastService, access: Access) -> APIRouter:
    """The forecast of a saved line item, and of one that is not saved."""
    api = APIRouter(prefix="/v1")
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]

    @api.get("/line-items/{line_item}/forecast", tags=["line items"], summary="What a line item will win from now on",
             responses=responses(401, 404))
    def saved(line_item: PathId, wallet: Reader) -> ForecastAnswer:
        found = service.line_item(wallet, LineItemId(line_item))
        campaign = service.campaign(wallet, found.campaign_id).campaign
        item = _wished(wallet, campaign.category, found.terms, found.id)
        return _answer(outlooks.outlook(item, found.spent_micro_usdc))

    @api.post("/forecasts", tags=["line items"], summary="What a line item would win; nothing is saved",
              responses=responses(401))
    def unsaved(body: ForecastBody, wallet: Reader) -> ForecastAnswer:
        terms = body.line_item.terms()
        service.check_line_item(terms)
        return _answer(outlooks.outlook(_wished(wallet, body.category, terms, 0)))

    return api


def _wished(owner: Address, category: CampaignCategory, terms: LineItemTerms, line_item: int) -> LineItem:
    """The terms as serving would know them."""
    cap = terms.frequency_cap
    return LineItem(
        id=line_item, campaign=0, owner=owner, category=category.value, bid_kind=terms.bid_kind,
        bid_micro_usdc=terms.bid_micro_usdc, starts_ms=int(terms.starts_at.timestamp() * 1000),
        ends_ms=int(terms.ends_at.timestamp() * 1000), even_pacing=terms.pacing is not Pacing.ASAP,
        front_loaded=terms.pacing is Pacing.FRONT_LOADED,
        daily_cap_micro_usdc=terms.daily_cap_micro_usdc, total_cap_micro_usdc=terms.total_cap_micro_usdc,
        wanted=wanted_of(msgspec.json.encode(terms.targeting).decode()),
        hours=mask_of(terms.day_parts.hours) if terms.day_parts else EVERY_HOUR,
        time_zone=terms.day_parts.time_zone if terms.day_parts else "UTC",
        frequency=frequency_of(
            cap.impressions if cap else None, cap.hours if cap else None, terms.recency_minutes
        ),
    )


def _answer(outlook: Outlook) -> ForecastAnswer:
    made = outlook.forecast
    return ForecastAnswer(
        opportunities=RangeAnswer(**asdict(made.opportunities)), impressions=RangeAnswer(**asdict(made.impressions)),
        spend_micro_usdc=RangeAnswer(**asdict(made.spend_micro_usdc)), win_share_ppm=made.win_share_ppm,
        limited_by=made.limited_by, placements=outlook.placements, recorded_hours=outlook.recorded_hours,
    )
