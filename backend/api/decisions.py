"""POST /v1/decisions: which ad a placement shows now. The hot path: no session, no SQL, one call to Redis."""

import time
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from backend.api.dice import random_pieces
from backend.api.front import HotRoute
from backend.api.problems import responses
from backend.core.categories import DeviceClass
from backend.core.errors import BadRequest, Unprocessable
from backend.core.ruleset import Ruleset
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.service import RANDOM_BYTES, DecisionService

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}      # worlds live on origins of their own; nothing here is personal
PREFLIGHT = ANY_ORIGIN | {
    "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}


class PrivacyBody(msgspec.Struct, forbid_unknown_fields=True):
    """What the viewer says: Global Privacy Control (the Sec-GPC header counts too), an IAB TCF consent string.

    Without consent nothing is counted under the viewer's key, and line items with a frequency cap are not shown.
    """

    gpc: bool = False
    tcf: Annotated[str, msgspec.Meta(max_length=8_192)] | None = None


class AdRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """`viewer_key`: random, made by the SDK, forgotten after a day at the latest.

    `country` (ISO 3166-1 alpha-2), `language` (ISO 639-1) and `device` may be left out: then line items that target
    them, or exclude some, are not shown.
    """

    placement_id: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    viewer_key: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", max_length=2)] | None = None
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2}$", max_length=2)] | None = None
    device: DeviceClass | None = None
    privacy: PrivacyBody | None = None


class CreativeAnswer(msgspec.Struct):
    """What to show. The SDK refuses an asset whose SHA-256 differs."""

    id: int
    kind: str
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str


class RulesAnswer(msgspec.Struct):
    """When a sample counts and how long it must last; shares in basis points, the angle in 1/100 degree."""

    visible_bp_min: int
    screen_bp_min: int
    angle_cdeg_below: int
    viewable_ms_min: int
    sample_gap_ms_max: int


class DecisionAnswer(msgspec.Struct):
    """An ad. `token` goes back with every event about it, until `expires_at_ms`. `test`: the house ad, for free."""

    decision_id: str
    token: str
    expires_at_ms: int
    creative: CreativeAnswer
    rules: RulesAnswer
    test: bool


class NoBidAnswer(msgspec.Struct):
    """No ad now: how many line items fell away for which reason."""

    no_bid: dict[str, int]


_decode = msgspec.json.Decoder(AdRequestBody).decode
_encode = msgspec.json.Encoder().encode


class Decide:
    """From the bytes of an ad request to the bytes of the answer, for the route and for the front."""

    def __init__(self, service: DecisionService) -> None:
        self._service = service
        self._dice = random_pieces(RANDOM_BYTES)
        self._rules = {video: _rules(service.ruleset, video=video) for video in (False, True)}

    async def answer(self, raw: bytes, *, gpc: bool) -> bytes:
        """`gpc`: whether the header Sec-GPC objects."""
        asked = read_ad_request(raw, gpc=gpc)
        answer = await self._service.decide(asked, time.time_ns() // 1_000_000, next(self._dice))
        if isinstance(answer, NoBid):
            return _encode(_no_bid(answer))
        return _encode(_decision(answer, self._rules[answer.facts.video]))

    def hot(self) -> HotRoute:
        """The route without FastAPI."""
        return HotRoute("/v1/decisions", 200, lambda raw, head, _: self.answer(raw, gpc=head.get(b"sec-gpc") == b"1"))


def router(service: DecisionService) -> APIRouter:
    """The route for SDKs; bodies are read by msgspec, so OpenAPI is told what they look like."""
    api = APIRouter(tags=["ads"])
    decide_raw = Decide(service).answer

    @api.post(
        "/v1/decisions", summary="Which ad does this placement show now?", openapi_extra=_OPENAPI,
        responses=responses(400, 404, 409),
    )
    async def decide(request: Request) -> Response:
        """An ad whose price is held until it was seen or the token expires, or the reasons why there is none."""
        content = await decide_raw(await request.body(), gpc=request.headers.get("sec-gpc") == "1")
        return Response(content, media_type="application/json", headers=ANY_ORIGIN)

    @api.options("/v1/decisions", include_in_schema=False)
    async def preflight() -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    return api


def read_ad_request(raw: bytes, *, gpc: bool) -> AdRequest:
    """The ad request in a body. Raises Unprocessable or BadRequest. `gpc`: whether the header objects."""
    return _ad_request(_body(raw), gpc=gpc)


def _body(raw: bytes) -> AdRequestBody:
    try:
        return _decode(raw)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error


def _ad_request(body: AdRequestBody, *, gpc: bool) -> AdRequest:
    said = body.privacy
    return AdRequest(
        body.placement_id, body.viewer_key, body.country, body.language, body.device,
        gpc=gpc or (said is not None and said.gpc), tcf=said.tcf if said else None,
    )


def _no_bid(answer: NoBid) -> NoBidAnswer:
    return NoBidAnswer({reason.value: n for reason, n in answer.reasons.items()})


def _decision(answer: Decision, rules: RulesAnswer) -> DecisionAnswer:
    """The price stays with us: publishers and advertisers see it in their reports."""
    shown = answer.creative
    return DecisionAnswer(
        decision_id=answer.facts.decision_id.hex(),
        token=answer.token,
        expires_at_ms=answer.facts.expires_ms,
        creative=CreativeAnswer(
            shown.id, shown.kind, shown.width, shown.height, shown.asset_url, shown.asset_sha256, shown.click_url
        ),
        rules=rules,
        test=answer.facts.test,
    )


def _rules(ruleset: Ruleset, *, video: bool) -> RulesAnswer:
    return RulesAnswer(
        visible_bp_min=ruleset.visible_bp_min,
        screen_bp_min=ruleset.screen_bp_min,
        angle_cdeg_below=ruleset.angle_cdeg_below,
        viewable_ms_min=ruleset.viewable_video_ms_min if video else ruleset.viewable_ms_min,
        sample_gap_ms_max=ruleset.sample_gap_ms_max,
    )


def schema(*kinds: type, key: str = "application/json", example: object = None) -> dict[str, object]:
    """OpenAPI content for msgspec types, with everything they refer to written in place."""
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    variants = [_inlined(components[kind.__name__], components) for kind in kinds]
    content: dict[str, object] = {"schema": variants[0] if len(variants) == 1 else {"oneOf": variants}}
    return {key: content if example is None else content | {"example": example}}


def _inlined(part: object, components: dict[str, object]) -> object:
    if isinstance(part, dict):
        if "$ref" in part:
            return _inlined(components[str(part["$ref"]).rsplit("/", 1)[-1]], components)
        # a discriminator points to named schemas; `kind` is a constant in each of the variants anyway
        return {name: _inlined(value, components) for name, value in part.items() if name != "discriminator"}
    return [_inlined(value, components) for value in part] if isinstance(part, list) else part


_OPENAPI: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": schema(AdRequestBody, example={
            "placement_id": 1, "viewer_key": "bG9uZ2VyIHRoYW4gOA", "country": "DE", "language": "de", "device": "vr",
            "privacy": {"gpc": False},
        }),
    },
    "responses": {
        "200": {"description": "An ad, or why there is none", "content": schema(DecisionAnswer, NoBidAnswer)},
    },
}
