"""POST /v1/decisions: which ad a placement shows now. The hot path: no session, no SQL, one call to Redis."""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import product
from string import ascii_lowercase, ascii_uppercase
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials

from backend.api.access import Access
from backend.api.dice import random_pieces
from backend.api.front import Head, HotRoute, Later
from backend.api.problems import responses
from backend.auth.caller import Caller
from backend.auth.permissions import Permission
from backend.core.categories import DeviceClass
from backend.core.client_class import client_class, origin_mark
from backend.core.errors import BadRequest, Unprocessable
from backend.core.ruleset import Ruleset
from backend.serving.decision import AdRequest, Decision, NoBid
from backend.serving.explain import Sees, Trace
from backend.serving.service import RANDOM_BYTES, DecisionService

ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}      # worlds live on origins of their own; nothing here is personal
PREFLIGHT = ANY_ORIGIN | {
    "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "content-type",
    "Access-Control-Max-Age": "86400",
}


def _two(pattern: str) -> msgspec.Meta:
    """Two letters. The pattern is for readers of the schema: `_body` has a list of all."""
    return msgspec.Meta(min_length=2, max_length=2, extra_json_schema={"pattern": pattern})


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
    country: Annotated[str, _two("^[A-Z]{2}$")] | None = None
    language: Annotated[str, _two("^[a-z]{2}$")] | None = None
    device: DeviceClass | None = None
    privacy: PrivacyBody | None = None


class CreativeAnswer(msgspec.Struct):
    """What to show. The SDK refuses an asset whose SHA-256 differs. `alt_text`: what the ad says, for who cannot see or
    hear it; may be empty."""

    id: int
    kind: str
    width: int
    height: int
    asset_url: str
    asset_sha256: str
    click_url: str
    alt_text: str


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
    version: int


class NoBidAnswer(msgspec.Struct):
    """No ad now: how many line items fell away for which reason. `version`: of what was decided by, as in an ad."""

    no_bid: dict[str, int]
    version: int


class FateAnswer(msgspec.Struct):
    """A line item, where its numbers may be seen. `reason` null: it won. The eCPM is that of those who were compared.
    """

    line_item: int | None
    step: str
    reason: str | None
    bid_micro_usdc: int | None
    ecpm_nano_usdc: int | None
    deal: int | None


class TraceAnswer(msgspec.Struct):
    """How the request would be decided, with `explain=1`. `version` counts changes of what is sold and bought, the same
    on every server; `budgets` names what was known of money. `refused` counts line items by step and reason. `test`:
    the placement shows the house ad now, for free; the rest is what would be decided without the test."""

    version: int
    budgets: str
    placement: int
    floor_micro_usdc: int
    line_items: int
    refused: dict[str, dict[str, int]]
    price_micro_usdc: int | None
    seen: list[FateAnswer]
    test: bool


_decode = msgspec.json.Decoder(AdRequestBody).decode
_encode = msgspec.json.Encoder().encode
_COUNTRIES = frozenset({None, *map("".join, product(ascii_uppercase, repeat=2))})
_LANGUAGES = frozenset({None, *map("".join, product(ascii_lowercase, repeat=2))})
_ACCOUNT = re.compile("0x[0-9a-fA-F]{40}")


class Decide:
    """From the bytes of an ad request to the bytes of the answer, for the route and for the front."""

    def __init__(self, service: DecisionService) -> None:
        self._service = service
        self._dice = random_pieces(RANDOM_BYTES)
        self._rules = {video: _encode(_rules(service.ruleset, video=video)) for video in (False, True)}
        self._closing = lru_cache(16)(self._closing_of)

    async def answer(self, raw: bytes, head: Head) -> bytes:
        """`head`: Sec-GPC objects, User-Agent and Origin say coarsely who asks."""
        return self._encoded(await self._service.decide(*self._question(raw, head)))

    def start(self, raw: bytes, head: Head, _ip: str) -> bytes | Later | None:
        """The same, where one hold is all that is waited for; see `front.Start`."""
        started = self._service.begin(*self._question(raw, head))
        if not isinstance(started, tuple):
            return self._encoded(started) if started is not None else None
        ask, finish = started

        def content(reply: int) -> bytes | None:
            decision = finish(reply)
            return None if decision is None else self._encoded(decision)

        return ask, content

    def _question(self, raw: bytes, head: Head) -> tuple[AdRequest, int, bytes]:
        return _asked(raw, head), time.time_ns() // 1_000_000, next(self._dice)

    def _encoded(self, answer: Decision | NoBid) -> bytes:
        if isinstance(answer, NoBid):
            return _encode(_no_bid(answer))
        return b"".join((answer.opening, answer.shown, self._closing(answer.video, answer.test, answer.version)))

    def _closing_of(self, video: bool, test: bool, version: int) -> bytes:
        """How a DecisionAnswer ends. The price stays with us: both sides see it in their reports."""
        return b',"rules":%b,"test":%b,"version":%d}' % (self._rules[video], b"true" if test else b"false", version)

    async def explanation(self, raw: bytes, head: Head, caller: Caller) -> bytes:
        """What `answer` would decide, as far as the caller may see it."""
        sees = Sees(caller.account, everything=Permission.ADMIN_READ in caller.permissions)
        return _encode(_trace(await self._service.explain(*self._question(raw, head), sees)))

    def hot(self) -> HotRoute:
        """The route without FastAPI."""
        return HotRoute("/v1/decisions", 200, lambda raw, head, _: self.answer(raw, head), self.start)


def router(service: DecisionService, access: Access | None = None) -> APIRouter:
    """The route for SDKs; bodies are read by msgspec, so OpenAPI is told what they look like.

    With `access`, whoever may read reports is told how a request would be decided (`explain=1`).
    """
    api = APIRouter(tags=["ads"])
    decide_raw = Decide(service)
    guard = access.may(Permission.REPORTS_READ) if access else None

    @api.post(
        "/v1/decisions", summary="Which ad does this placement show now?", openapi_extra=_OPENAPI,
        responses=responses(400, "placement_unknown", "placement_paused"),
    )
    async def decide(request: Request) -> Response:
        """An ad whose price is held until it was seen or the token expires, or the reasons why there is none.

        With `explain=1`, a session or an API key that may read reports: every step of the decision instead, and nothing
        is held. One sees price and bids on one's own placements, one's own line items, and all counts.
        """
        body, head = await request.body(), dict(request.headers.raw)
        explain = request.query_params.get("explain", "0")
        if explain not in ("0", "1"):       # a price would be held for whoever only wanted to look
            raise Unprocessable("invalid_request", "`explain` is 1 or 0")
        if guard is not None and explain == "1":
            content = await decide_raw.explanation(body, head, await run_in_threadpool(_caller, guard, request))
            return Response(content, media_type="application/json")
        return Response(await decide_raw.answer(body, head), media_type="application/json", headers=ANY_ORIGIN)

    @api.options("/v1/decisions", include_in_schema=False)
    async def preflight() -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    return api


def read_ad_request(raw: bytes, *, gpc: bool, client: int = 0, origin: int = 0) -> AdRequest:
    """The ad request in a body. Raises Unprocessable or BadRequest. `gpc`: whether the header objects."""
    body = _body(raw)
    said = body.privacy
    return AdRequest(
        body.placement_id, body.viewer_key, body.country, body.language, body.device,
        gpc or (said is not None and said.gpc), said.tcf if said else None, client, origin,
    )


def _asked(raw: bytes, head: Head) -> AdRequest:
    agent, origin = head.get(b"user-agent"), head.get(b"origin")
    return read_ad_request(
        raw, gpc=head.get(b"sec-gpc") == b"1", client=client_class(agent.decode("latin-1")) if agent else 0,
        origin=origin_mark(origin.decode("latin-1")) if origin else 0,
    )


def _caller(guard: Callable[..., Caller], request: Request) -> Caller:
    """Who wants an explanation. Raises as guards of other routes do."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = HTTPAuthorizationCredentials(scheme=scheme, credentials=token) if scheme.lower() == "bearer" else None
    account = request.headers.get("sightline-account")
    if account is not None and not _ACCOUNT.fullmatch(account):
        said = "Sightline-Account is a wallet"
        raise Unprocessable("invalid_request", said, errors=[{"path": "header.sightline-account", "message": said}])
    return guard(request, bearer, None, account)


def _body(raw: bytes) -> AdRequestBody:
    try:
        body = _decode(raw)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error
    if body.country not in _COUNTRIES:
        raise Unprocessable("invalid_request", "two capital letters are expected at `$.country`")
    if body.language not in _LANGUAGES:
        raise Unprocessable("invalid_request", "two small letters are expected at `$.language`")
    return body


def _no_bid(answer: NoBid) -> NoBidAnswer:
    return NoBidAnswer({reason.value: n for reason, n in answer.reasons.items()}, answer.version)


def _trace(seen: Trace) -> TraceAnswer:
    return TraceAnswer(
        seen.version, seen.budgets, seen.placement, seen.floor_micro_usdc, seen.line_items,
        {step: {reason.value: n for reason, n in counts.items()} for step, counts in seen.refused.items()},
        seen.price_micro_usdc,
        [
            FateAnswer(
                fate.line_item or None, fate.step, fate.reason.value if fate.reason else None,
                fate.bid_micro_usdc or None, fate.ecpm_nano_usdc, fate.deal,
            )
            for fate in seen.fates
        ],
        seen.test,
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


_EXAMPLE = {
    "decision_id": "019a44d1c7f0a1b2c3d4e5f60718293a", "token": "AQGL…", "expires_at_ms": 1_793_613_720_000,
    "creative": {
        "id": 31, "kind": "image", "width": 1024, "height": 512, "asset_url": "https://ads.example/a/" + "9f" * 32,
        "asset_sha256": "9f" * 32, "click_url": "https://shop.example/autumn",
        "alt_text": "Autumn sale at Shop",
    },
    "rules": {
        "visible_bp_min": 5_000, "screen_bp_min": 150, "angle_cdeg_below": 5_500, "viewable_ms_min": 1_000,
        "sample_gap_ms_max": 300,
    },
    "test": False, "version": 4_711,
}
_OPENAPI: dict[str, object] = {
    "parameters": [{
        "name": "explain", "in": "query", "required": False, "schema": {"type": "string", "enum": ["0", "1"]},
        "description": "1: tell how the request is decided, and hold nothing; needs `reports.read`",
    }],
    "requestBody": {
        "required": True,
        "content": schema(AdRequestBody, example={
            "placement_id": 1, "viewer_key": "bG9uZ2VyIHRoYW4gOA", "country": "DE", "language": "de", "device": "vr",
            "privacy": {"gpc": False},
        }),
    },
    "responses": {
        "200": {
            "description": "An ad, or why there is none, or how it is decided",
            "content": schema(DecisionAnswer, NoBidAnswer, TraceAnswer, example=_EXAMPLE),
        },
    },
}
