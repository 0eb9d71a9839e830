"""What advertisers count as a conversion, the reports of their servers, and what became of each."""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.api.access import Access
from backend.api.decisions import schema
from backend.api.fields import ID_MAX, After, Body, IdempotencyKey, Limit, Name, PathId, RowId, next_after
from backend.api.problems import responses
from backend.auth.permissions import Permission
from backend.conversions.conversion import Conversion
from backend.conversions.goal import LOOKBACK_DAYS_MAX, Goal, GoalKind, GoalStatus, GoalTerms
from backend.conversions.postback import OVERLAP_HOURS_MAX, Postback
from backend.conversions.service import GoalService, GoalWithSecret, PostbackService
from backend.core.ids import Address, CampaignId

HEADER_LENGTH_MAX = 100
VERDICTS = "waiting, pending, charged, counted (attributed, but free), or the reason why it is not due to an ad"

Days = Annotated[int, Field(ge=0, le=LOOKBACK_DAYS_MAX)]
Contract = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
EventSignature = Annotated[str, StringConstraints(min_length=3, max_length=300)]


class GoalBody(Body):
    """`contract` and `event` are for goals of the kind on_chain. `view_days` of 0: a view alone is not enough."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"campaign_id": 1, "name": "Orders", "kind": "postback", "click_days": 7, "view_days": 1},
        {"campaign_id": 1, "name": "Mints", "kind": "on_chain", "click_days": 30,
         "contract": "0x" + "c3" * 20, "event": "Minted(address,uint256,bytes32)"},
    ]})
    campaign_id: RowId
    name: Name
    kind: GoalKind
    click_days: Annotated[Days, Field(ge=1)] = LOOKBACK_DAYS_MAX
    view_days: Days = 0
    repeatable: bool = False
    contract: Contract | None = None
    event: EventSignature | None = None

    def terms(self) -> GoalTerms:
        return GoalTerms(
            self.name, self.kind, self.click_days, self.view_days, self.repeatable, self.contract, self.event
        )


class GoalChange(Body):
    """What is left out stays as it is. What counts as a conversion cannot be changed: make another goal."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "archived"}]})
    name: Name | None = None
    status: GoalStatus | None = None


class GoalSecretBody(Body):
    """For how long the secret before stays good, so that servers can be changed one after the other; 0 after a leak."""

    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_HOURS_MAX)] = 24


class GoalAnswer(BaseModel):
    """A goal. `topic0` is the first topic of its logs; `read_number` the last block whose logs were read."""

    id: int
    campaign_id: int
    name: str
    kind: GoalKind
    click_days: int
    view_days: int
    repeatable: bool
    status: GoalStatus
    contract: str | None
    event: str | None
    topic0: str | None
    read_number: int | None
    created_at: datetime


class GoalMade(GoalAnswer):
    """A goal with the secret of its postbacks, which is shown this once."""

    secret: str | None = Field(description="null for goals of the kind on_chain")


class GoalPage(BaseModel):
    items: list[GoalAnswer]
    next_after: int | None


class ConversionAnswer(BaseModel):
    """A conversion. `price_micro_usdc` is what was charged for it; `event_id` names the charge in the settlement."""

    id: int
    goal_id: int
    order_id: str
    verdict: str = Field(description=VERDICTS)
    attributed_to: str | None = Field(description="click or viewable")
    line_item_id: int | None
    price_micro_usdc: int
    occurred_at_ms: int
    received_at_ms: int


class ConversionPage(BaseModel):
    items: list[ConversionAnswer]
    next_after: int | None


class GoalCounts(BaseModel):
    goal_id: int
    verdicts: dict[str, int] = Field(description=f"conversions by verdict: {VERDICTS}", examples=[{"charged": 12}])


class CampaignCounts(BaseModel):
    goals: list[GoalCounts]


class PostbackAnswer(msgspec.Struct):
    """`repeated`: this order id was reported before, and this is what became of it."""

    conversion_id: int
    verdict: str
    repeated: bool


_encode = msgspec.json.Encoder().encode
_OPENAPI: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": schema(Postback, example={"goal_id": 1, "click_id": "AY8D…", "order_id": "2026-11-02/815"}),
    },
    "responses": {"202": {
        "description": "Stored, with its verdict",
        "content": schema(PostbackAnswer, example={"conversion_id": 1, "verdict": "pending", "repeated": False}),
    }},
}


def router(goals: GoalService, postbacks: PostbackService, access: Access) -> APIRouter:
    """Routes under /v1/conversion-goals, /v1/conversions and /v1/campaigns/{campaign}/conversions."""
    api = APIRouter(prefix="/v1", tags=["conversions"])
    _add_goals(api, goals, access)
    _add_reports(api, goals, access)
    _add_postbacks(api, postbacks)
    return api


def _add_goals(api: APIRouter, service: GoalService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CONVERSIONS_READ))]
    Writer = Annotated[Address, Depends(access.account(Permission.CONVERSIONS_WRITE))]
    GoalId = Annotated[int, Path(ge=1, le=ID_MAX)]

    @api.post("/conversion-goals", status_code=201, summary="Say what counts as a conversion",
              responses=responses(401, 403, 404, 409))
    def create(body: GoalBody, wallet: Writer, key: IdempotencyKey = None) -> GoalMade:
        return _made(service.create(wallet, CampaignId(body.campaign_id), body.terms(), key=key))

    @api.get("/conversion-goals", summary="Your conversion goals", responses=responses(401))
    def goals(
        wallet: Reader, campaign_id: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None, after: After = 0,
        limit: Limit = 50,
    ) -> GoalPage:
        wanted = None if campaign_id is None else CampaignId(campaign_id)
        items = [_goal(goal) for goal in service.goals(wallet, wanted, after=after, limit=limit)]
        return GoalPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/conversion-goals/{goal}", summary="One conversion goal", responses=responses(401, 404))
    def goal(goal: GoalId, wallet: Reader) -> GoalAnswer:
        return _goal(service.goal(wallet, goal))

    @api.patch("/conversion-goals/{goal}", summary="Rename, archive or take up a goal again",
               responses=responses(401, 403, 404))
    def change(goal: GoalId, body: GoalChange, wallet: Writer) -> GoalAnswer:
        return _goal(service.change(wallet, goal, name=body.name, status=body.status))

    @api.post("/conversion-goals/{goal}/secret", summary="Replace the secret of a goal's postbacks",
              responses=responses(401, 403, 404, 409))
    def rotate(goal: GoalId, body: GoalSecretBody, wallet: Writer, key: IdempotencyKey = None) -> GoalMade:
        return _made(service.rotate(wallet, goal, body.overlap_hours, key=key))


def _add_reports(api: APIRouter, service: GoalService, access: Access) -> None:
    Reader = Annotated[Address, Depends(access.account(Permission.CONVERSIONS_READ))]

    @api.get("/campaigns/{campaign}/conversions", summary="Conversions of a campaign, each with its verdict",
             responses=responses(401, 404))
    def page(campaign: PathId, wallet: Reader, after: After = 0, limit: Limit = 50) -> ConversionPage:
        found = service.conversions(wallet, CampaignId(campaign), after=after, limit=limit)
        items = [_conversion(one) for one in found]
        return ConversionPage(items=items, next_after=next_after([item.id for item in items], limit))

    @api.get("/campaigns/{campaign}/conversion-counts", summary="How many conversions have which verdict",
             responses=responses(401, 404))
    def counts(campaign: PathId, wallet: Reader) -> CampaignCounts:
        found = service.counts(wallet, CampaignId(campaign))
        goals = [GoalCounts(goal_id=goal, verdicts=dict(found[goal].most_common())) for goal in sorted(found)]
        return CampaignCounts(goals=goals)


def _add_postbacks(api: APIRouter, service: PostbackService) -> None:
    Timestamp = Annotated[str, Header(
        alias="Sightline-Timestamp", max_length=HEADER_LENGTH_MAX, description="Unix seconds", examples=["1793613600"],
    )]
    Signature = Annotated[str, Header(
        alias="Sightline-Signature", max_length=HEADER_LENGTH_MAX, examples=["v1=" + "5d" * 32],
        description="`v1=` and HMAC-SHA-256 of `<timestamp>.<raw body>` under the goal's secret, in hex",
    )]

    @api.post("/conversions", status_code=202, summary="Report a conversion from a server, signed",
              openapi_extra=_OPENAPI, responses=responses(400, 401), response_class=Response)
    async def report(request: Request, timestamp: Timestamp, signature: Signature) -> Response:
        """Stored once for each goal and order id. 202 with the verdict; anything else means that nothing was stored."""
        body = await request.body()
        receipt = await asyncio.to_thread(service.receive, body, timestamp, signature)
        answer = PostbackAnswer(receipt.conversion_id, receipt.verdict, receipt.repeated)
        return Response(_encode(answer), 202, media_type="application/json")


def _goal(goal: Goal) -> GoalAnswer:
    return GoalAnswer(**_fields(goal))


def _made(made: GoalWithSecret) -> GoalMade:
    return GoalMade(**_fields(made.goal), secret=made.secret)


def _fields(goal: Goal) -> dict[str, object]:
    terms = goal.terms
    return {
        "id": goal.id, "campaign_id": goal.campaign_id, "name": terms.name, "kind": terms.kind,
        "click_days": terms.click_days, "view_days": terms.view_days, "repeatable": terms.repeatable,
        "status": goal.status, "contract": terms.contract, "event": terms.event, "topic0": terms.topic0,
        "read_number": goal.read_number, "created_at": goal.created_at,
    }


def _conversion(row: Conversion) -> ConversionAnswer:
    return ConversionAnswer(
        id=row.id, goal_id=row.goal_id, order_id=row.order_id, verdict=row.verdict, attributed_to=row.touch,
        line_item_id=row.line_item_id, price_micro_usdc=row.price_micro_usdc, occurred_at_ms=row.occurred_ms,
        received_at_ms=row.received_ms,
    )
