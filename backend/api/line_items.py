"""Line items over HTTP: what the signed-in advertiser wants to buy, where, when, to whom and how often."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from backend.api.access import Access
from backend.api.fields import (
    After,
    Amount,
    Body,
    IdempotencyKey,
    Limit,
    Name,
    PathId,
    Pixels,
    Price,
    PricePerMille,
    RowId,
    Time,
    next_after,
)
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.campaigns.line_item import (
    FREQUENCY_HOURS_MAX,
    FREQUENCY_IMPRESSIONS_MAX,
    RECENCY_MINUTES_MAX,
    DayParts,
    FrequencyCap,
    LineItem,
    LineItemStatus,
    LineItemTerms,
    Pacing,
    bid_per_event,
)
from backend.campaigns.service import CampaignService
from backend.campaigns.targeting import LIST_LENGTH_MAX, SizeRange, Targeting
from backend.core.categories import DeviceClass, WorldCategory, WorldEngine
from backend.core.events import BidKind
from backend.core.ids import Address, CampaignId, LineItemId

Value = TypeVar("Value")
Sent = TypeVar("Sent")
Made = TypeVar("Made")
Many = Annotated[tuple[Value, ...], Field(max_length=LIST_LENGTH_MAX)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Format = Annotated[str, StringConstraints(pattern=r"^[a-z]{3,12}$")]
RecencyMinutes = Annotated[StrictInt, Field(ge=1, le=RECENCY_MINUTES_MAX)]
Millimetres = Annotated[StrictInt, Field(gt=0, le=1_000_000)]


class SizeBody(Body):
    """Both ends count. Pixels are of the texture, millimetres of the surface in the world."""

    width_pixels_min: Pixels | None = None
    width_pixels_max: Pixels | None = None
    height_pixels_min: Pixels | None = None
    height_pixels_max: Pixels | None = None
    width_mm_min: Millimetres | None = None
    width_mm_max: Millimetres | None = None
    height_mm_min: Millimetres | None = None
    height_mm_max: Millimetres | None = None


class TargetingBody(Body):
    """Empty lists want everything; several lists must all agree; an exclusion always wins.

    `publishers` are indices, `formats` kinds of placements, `countries` ISO 3166-1 alpha-2, `languages` ISO 639-1. Who
    names a country, language or device, wanted or excluded, is not shown where the ad request does not say it.
    """

    worlds: Many[RowId] = ()
    categories: Many[WorldCategory] = ()
    placements: Many[RowId] = ()
    exclude_worlds: Many[RowId] = ()
    exclude_categories: Many[WorldCategory] = ()
    exclude_placements: Many[RowId] = ()
    publishers: Many[RowId] = ()
    exclude_publishers: Many[RowId] = ()
    formats: Many[Format] = ()
    engines: Many[WorldEngine] = ()
    exclude_engines: Many[WorldEngine] = ()
    countries: Many[Country] = ()
    exclude_countries: Many[Country] = ()
    languages: Many[Language] = ()
    exclude_languages: Many[Language] = ()
    devices: Many[DeviceClass] = ()
    exclude_devices: Many[DeviceClass] = ()
    size: SizeBody = SizeBody()

    def targeting(self) -> Targeting:
        """Each list sorted and without repetitions, so that equal wishes are equal."""
        lists: dict[str, Any] = {
            field.name: tuple(sorted(set(getattr(self, field.name)))) for field in fields(Targeting)
            if field.name != "size"
        }
        return Targeting(**lists, size=SizeRange(**self.size.model_dump()))


class DayPartsBody(Body):
    """Hours of the week on the clocks of an IANA time zone: 168 bits in hex, bit 0 (the last one) is Monday 00:00."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"hours": "0" * 36 + "03ff00", "time_zone": "Europe/Berlin"}]},
    )
    hours: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{42}$")]
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"

    def day_parts(self) -> DayParts:
        return DayParts(self.hours, self.time_zone)


class FrequencyCapBody(Body):
    """At most so many ads to one viewer within any so many hours of a UTC day; a viewer is known no longer than that.

    Where views must not be counted (no consent, or Sec-GPC), a line item with a cap is not shown.
    """

    impressions: Annotated[StrictInt, Field(ge=1, le=FREQUENCY_IMPRESSIONS_MAX)]
    hours: Annotated[StrictInt, Field(ge=1, le=FREQUENCY_HOURS_MAX)]

    def frequency_cap(self) -> FrequencyCap:
        return FrequencyCap(self.impressions, self.hours)


class LineItemBody(Body):
    """The bid is given per event (`bid_micro_usdc`) or, for vcpm, per thousand (`bid_vcpm_micro_usdc`).

    The bid of a `sponsorship` is the price of one hour of the one placement in `targeting.placements`; it starts and
    ends on whole hours and has no caps and no other targeting. `pacing` spreads caps over their time: `even` as traffic
    comes, `front_loaded` half as fast again at first, `asap` not at all. `recency_minutes` is the least time between
    two ads to one viewer within a UTC day; like a frequency cap it needs viewers who may be counted.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{
            "name": "Boards in game worlds", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000,
            "daily_cap_micro_usdc": 50_000_000, "pacing": "even", "starts_at": "2026-11-02T00:00:00Z",
            "ends_at": "2026-12-02T00:00:00Z", "targeting": {"categories": ["games"], "countries": ["DE", "AT"]},
            "frequency_cap": {"impressions": 3, "hours": 24}, "recency_minutes": 10,
        }]},
    )
    name: Name
    bid_kind: BidKind
    bid_micro_usdc: Price | None = None
    bid_vcpm_micro_usdc: PricePerMille | None = None
    daily_cap_micro_usdc: Amount | None = None
    total_cap_micro_usdc: Amount | None = None
    pacing: Pacing = Pacing.EVEN
    starts_at: Time
    ends_at: Time
    targeting: TargetingBody = TargetingBody()
    day_parts: DayPartsBody | None = None
    frequency_cap: FrequencyCapBody | None = None
    recency_minutes: RecencyMinutes | None = None

    def terms(self) -> LineItemTerms:
        return LineItemTerms(
            name=self.name, bid_kind=self.bid_kind,
            bid_micro_usdc=bid_per_event(self.bid_kind, self.bid_micro_usdc, self.bid_vcpm_micro_usdc),
            daily_cap_micro_usdc=self.daily_cap_micro_usdc, total_cap_micro_usdc=self.total_cap_micro_usdc,
            pacing=self.pacing, starts_at=self.starts_at, ends_at=self.ends_at, targeting=self.targeting.targeting(),
            day_parts=_made(self.day_parts, DayPartsBody.day_parts),
            frequency_cap=_made(self.frequency_cap, FrequencyCapBody.frequency_cap),
            recency_minutes=self.recency_minutes,
        )


class LineItemChange(Body):
    """What is left out stays as it is; null takes a cap or the hours of the week away."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"status": "paused", "daily_cap_micro_usdc": 40_000_000}]}
    )

    name: Name | None = None
    status: LineItemStatus | None = None
    bid_micro_usdc: Price | None = None
    bid_vcpm_micro_usdc: PricePerMille | None = None
    daily_cap_micro_usdc: Amount | None = None
    total_cap_micro_usdc: Amount | None = None
    pacing: Pacing | None = None
    ends_at: Time | None = None
    targeting: TargetingBody | None = None
    day_parts: DayPartsBody | None = None
    frequency_cap: FrequencyCapBody | None = None
    recency_minutes: RecencyMinutes | None = None

    def applied(self, terms: LineItemTerms) -> LineItemTerms:
        sent = self.model_fields_set
        bid_sent = not sent.isdisjoint({"bid_micro_usdc", "bid_vcpm_micro_usdc"})
        return replace(
            terms,
            name=self.name or terms.name, status=self.status or terms.status, pacing=self.pacing or terms.pacing,
            ends_at=self.ends_at or terms.ends_at,
            bid_micro_usdc=bid_per_event(terms.bid_kind, self.bid_micro_usdc, self.bid_vcpm_micro_usdc)
            if bid_sent else terms.bid_micro_usdc,
            daily_cap_micro_usdc=self.daily_cap_micro_usdc
            if "daily_cap_micro_usdc" in sent else terms.daily_cap_micro_usdc,
            total_cap_micro_usdc=self.total_cap_micro_usdc
            if "total_cap_micro_usdc" in sent else terms.total_cap_micro_usdc,
            targeting=self.targeting.targeting() if self.targeting else terms.targeting,
            day_parts=_made(self.day_parts, DayPartsBody.day_parts) if "day_parts" in sent else terms.day_parts,
            frequency_cap=_made(self.frequency_cap, FrequencyCapBody.frequency_cap)
            if "frequency_cap" in sent else terms.frequency_cap,
            recency_minutes=self.recency_minutes if "recency_minutes" in sent else terms.recency_minutes,
        )


class LineItemAnswer(BaseModel):
    """A line item; `bid_micro_usdc` is for one event, `spent_micro_usdc` is what it was charged so far."""

    id: int
    campaign_id: int
    name: str
    bid_kind: BidKind
    bid_micro_usdc: int
    daily_cap_micro_usdc: int | None
    total_cap_micro_usdc: int | None
    pacing: Pacing
    starts_at: datetime
    ends_at: datetime
    targeting: Targeting
    day_parts: DayParts | None
    frequency_cap: FrequencyCap | None
    recency_minutes: int | None
    status: LineItemStatus
    spent_micro_usdc: int
    created_at: datetime


class LineItemPage(BaseModel):
    items: list[LineItemAnswer]
    next_after: int | None


def router(service: CampaignService, access: Access) -> APIRouter:
    """Line items of campaigns, and /v1/line-items."""
    api = APIRouter(prefix="/v1")
    Reader = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CAMPAIGNS_WRITE))]

    @api.post("/campaigns/{campaign}/line-items", status_code=201, tags=["line items"], summary="Add a line item",
              responses=responses(401, 403, 404, 409))
    def create(campaign: PathId, body: LineItemBody, wallet: Writer, key: IdempotencyKey = None) -> LineItemAnswer:
        return line_item_answer(service.create_line_item(wallet, CampaignId(campaign), body.terms(), key=key))

    @api.get("/campaigns/{campaign}/line-items", tags=["line items"], summary="Line items of a campaign",
             responses=responses(401, 404))
    def page(campaign: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> LineItemPage:
        found = service.line_items(wallet, CampaignId(campaign), after=after, limit=limit)
        items = [line_item_answer(item) for item in found]
        return LineItemPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/line-items/{line_item}", tags=["line items"], summary="One line item", responses=responses(401, 404))
    def read(line_item: PathId, wallet: Reader) -> LineItemAnswer:
        return line_item_answer(service.line_item(wallet, LineItemId(line_item)))

    @api.patch("/line-items/{line_item}", tags=["line items"], summary="Pause, resume, or change bid, caps, targeting",
               responses=responses(401, 403, 404, 409))
    def change(line_item: PathId, body: LineItemChange, wallet: Writer) -> LineItemAnswer:
        return line_item_answer(service.change_line_item(wallet, LineItemId(line_item), body.applied))

    return api


def _made(sent: Sent | None, make: Callable[[Sent], Made]) -> Made | None:
    return None if sent is None else make(sent)


def line_item_answer(item: LineItem) -> LineItemAnswer:
    terms = item.terms
    return LineItemAnswer(
        id=item.id, campaign_id=item.campaign_id, name=terms.name, bid_kind=terms.bid_kind,
        bid_micro_usdc=terms.bid_micro_usdc, daily_cap_micro_usdc=terms.daily_cap_micro_usdc,
        total_cap_micro_usdc=terms.total_cap_micro_usdc, pacing=terms.pacing, starts_at=terms.starts_at,
        ends_at=terms.ends_at, targeting=terms.targeting, status=terms.status,
        day_parts=terms.day_parts, frequency_cap=terms.frequency_cap, recency_minutes=terms.recency_minutes,
        spent_micro_usdc=item.spent_micro_usdc, created_at=item.created_at,
    )
