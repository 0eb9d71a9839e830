"""The moderators' queues. Who decides is the person who signed in, whatever account it acts for."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.access import Access
from backend.api.assets import FILE, PRIVATE, THUMBNAIL, RangeHeader, send
from backend.api.creatives import CreativeAnswer, LongText, answer
from backend.api.fields import After, Body, Limit, PathId, next_after
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.ids import CreativeId
from backend.creatives.assets.service import THUMBNAIL_TYPE, AssetService
from backend.creatives.moderation.service import ModerationService
from backend.creatives.review import RejectionReason
from backend.creatives.review_file import ReviewEntry, ReviewFile


class RefusalBody(Body):
    """Why; the note goes to the advertiser and is needed with the reason `other`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reasons": ["misleading"], "note": "The button in the picture is none."}]},
    )
    reasons: Annotated[tuple[RejectionReason, ...], Field(min_length=1, max_length=5)]
    note: LongText | None = None


class AppealDecision(Body):
    """Final either way; the note goes to the advertiser."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"granted": True}]})
    granted: bool
    note: LongText | None = None


class ReviewAnswer(CreativeAnswer):
    """A creative as moderators see it. `appeal_text` is the advertiser's, `claimed_by` the moderator who has it now."""

    owner: str
    campaign_name: str
    category: str
    decided_by: str | None
    appeal_text: str | None
    appealed_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None


class ReviewPage(BaseModel):
    items: list[ReviewAnswer]
    next_after: int | None


class ReviewEntryAnswer(BaseModel):
    """`moderator` is null for what the advertiser did, or a setting."""

    action: str
    moderator: str | None
    reasons: list[RejectionReason]
    note: str | None
    created_at: datetime


class ReviewFileAnswer(BaseModel):
    """A creative with all that happened to it, oldest first."""

    creative: ReviewAnswer
    history: list[ReviewEntryAnswer]


def router(service: ModerationService, assets: AssetService, access: Access) -> APIRouter:
    """Routes under /v1/moderation."""
    api = APIRouter(prefix="/v1/moderation", tags=["moderation"])
    _add_queues(api, service, access)
    _add_previews(api, assets, access)
    _add_claims(api, service, access)
    _add_decisions(api, service, access)
    return api


def _add_queues(api: APIRouter, service: ModerationService, access: Access) -> None:
    guard = Depends(access.may(Permission.MODERATION_READ))

    @api.get("/creatives", summary="Creatives that wait for a decision, oldest first", responses=responses(401, 403))
    def pending(_: Annotated[Caller, guard], after: After = 0, limit: Limit = 50) -> ReviewPage:
        return _page(service.pending(after=after, limit=limit), limit)

    @api.get("/appeals", summary="Appeals that wait for a decision, oldest creative first",
             responses=responses(401, 403))
    def appeals(_: Annotated[Caller, guard], after: After = 0, limit: Limit = 50) -> ReviewPage:
        return _page(service.appeals(after=after, limit=limit), limit)

    @api.get("/creatives/{creative}", summary="One creative with its history", responses=responses(401, 403, 404))
    def read(creative: PathId, _: Annotated[Caller, guard]) -> ReviewFileAnswer:
        file, history = service.file(CreativeId(creative))
        return ReviewFileAnswer(creative=_review(file), history=[_entry(entry) for entry in history])


def _add_previews(api: APIRouter, assets: AssetService, access: Access) -> None:
    guard = Depends(access.may(Permission.MODERATION_READ))

    @api.get("/creatives/{creative}/content", summary="The bytes that a creative would show", response_class=Response,
             responses=FILE | responses(401, 403, 404, 416))
    def content(
        request: Request, creative: PathId, _: Annotated[Caller, guard], wanted: RangeHeader = None
    ) -> Response:
        return send(request, assets.reviewed_file(CreativeId(creative)), wanted, PRIVATE)

    @api.get("/creatives/{creative}/thumbnail", summary="A small picture of a creative", response_class=Response,
             responses=THUMBNAIL | responses(401, 403, 404))
    def thumbnail(creative: PathId, _: Annotated[Caller, guard]) -> Response:
        return Response(
            assets.reviewed_thumbnail(CreativeId(creative)), media_type=THUMBNAIL_TYPE, headers=PRIVATE
        )


def _add_claims(api: APIRouter, service: ModerationService, access: Access) -> None:
    Moderator = Annotated[Caller, Depends(access.may(Permission.MODERATION_WRITE))]

    @api.post("/creatives/{creative}/claim", summary="Keep a creative for yourself for 15 minutes",
              responses=responses(401, 403, 404, 409))
    def claim(creative: PathId, moderator: Moderator) -> ReviewAnswer:
        return _review(service.claim(moderator.member, CreativeId(creative)))

    @api.post("/creatives/{creative}/release", summary="Give a creative back to the queue",
              responses=responses(401, 403, 404, 409))
    def release(creative: PathId, moderator: Moderator) -> ReviewAnswer:
        return _review(service.release(moderator.member, CreativeId(creative)))


def _add_decisions(api: APIRouter, service: ModerationService, access: Access) -> None:
    Moderator = Annotated[Caller, Depends(access.may(Permission.MODERATION_WRITE))]

    @api.post("/creatives/{creative}/approve", summary="Approve a creative", responses=responses(401, 403, 404, 409))
    def approve(creative: PathId, moderator: Moderator) -> ReviewAnswer:
        return _review(service.approve(moderator.member, CreativeId(creative)))

    @api.post("/creatives/{creative}/reject", summary="Reject a creative", responses=responses(401, 403, 404, 409))
    def reject(creative: PathId, body: RefusalBody, moderator: Moderator) -> ReviewAnswer:
        return _review(service.reject(moderator.member, CreativeId(creative), body.reasons, body.note))

    @api.post("/creatives/{creative}/take-down", summary="Stop showing an approved creative",
              responses=responses(401, 403, 404, 409))
    def take_down(creative: PathId, body: RefusalBody, moderator: Moderator) -> ReviewAnswer:
        return _review(service.take_down(moderator.member, CreativeId(creative), body.reasons, body.note))

    @api.post("/appeals/{creative}", summary="Decide an appeal; another moderator than the first does",
              responses=responses(401, 403, 404, 409))
    def decide_appeal(creative: PathId, body: AppealDecision, moderator: Moderator) -> ReviewAnswer:
        return _review(service.decide_appeal(moderator.member, CreativeId(creative), body.granted, body.note))


def _page(files: list[ReviewFile], limit: int) -> ReviewPage:
    items = [_review(file) for file in files]
    return ReviewPage(items=items, next_after=next_after([item.id for item in items], limit))


def _review(file: ReviewFile) -> ReviewAnswer:
    standing = file.creative.standing
    return ReviewAnswer(
        **answer(file.creative).model_dump(), owner=file.owner, campaign_name=file.campaign_name,
        category=file.category, decided_by=standing.decided_by, appeal_text=standing.appeal_text,
        appealed_at=standing.appealed_at, claimed_by=standing.claimed_by, claimed_until=standing.claimed_until,
    )


def _entry(entry: ReviewEntry) -> ReviewEntryAnswer:
    return ReviewEntryAnswer(
        action=entry.action, moderator=entry.moderator, reasons=list(entry.reasons), note=entry.note,
        created_at=entry.created_at,
    )
