"""POST /v1/events: what happened to the ads that were shown. Answers when Redis has it on disk."""

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from backend.api.decisions import ANY_ORIGIN, PREFLIGHT, schema
from backend.api.front import HotRoute
from backend.api.problems import responses
from backend.core.reasons import DropReason
from backend.ingest.reports import EVENTS_MAX, Click, Viewable
from backend.ingest.service import IngestService


class Verdict(msgspec.Struct, omit_defaults=True):
    """`accepted`, or `dropped` with the reason."""

    status: str
    reason: DropReason | None = None


class Verdicts(msgspec.Struct):
    """One verdict per event, in order. An accepted event can still turn out to be a replay (reports say so)."""

    results: list[Verdict]


class Events(msgspec.Struct):
    """At most 100 events; a malformed one spoils only itself."""

    events: Annotated[list[Viewable | Click], msgspec.Meta(min_length=1, max_length=EVENTS_MAX)]


_VERDICTS: dict[DropReason | None, bytes] = {
    None: msgspec.json.encode(Verdict("accepted")),
    **{reason: msgspec.json.encode(Verdict("dropped", reason)) for reason in DropReason},
}


def _results(verdicts: Sequence[DropReason | None]) -> bytes:
    return b'{"results":[%b]}' % b",".join([_VERDICTS[reason] for reason in verdicts])


@lru_cache(EVENTS_MAX)
def _all_accepted(events: int) -> bytes:
    return _results([None] * events)


class Accept:
    """From the bytes of a batch to the bytes of the verdicts, for the route and for the front."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def answer(self, raw: bytes, user_agent: str, ip: str, origin: str) -> bytes:
        """Verdicts, when every event is stored. The address is looked up and forgotten."""
        verdicts = await self._service.accept(raw, time.time_ns() // 1_000_000, user_agent, origin, ip=ip)
        return _results(verdicts) if any(verdicts) else _all_accepted(len(verdicts))

    def hot(self) -> HotRoute:
        """The route without FastAPI."""
        return HotRoute(
            "/v1/events", 202,
            lambda raw, head, ip: self.answer(
                raw, head.get(b"user-agent", b"").decode("latin-1"), ip, head.get(b"origin", b"").decode("latin-1")
            ),
        )


def router(service: IngestService) -> APIRouter:
    """The route for SDKs; `navigator.sendBeacon` sends text/plain, so the content type is not asked for."""
    api = APIRouter(tags=["ads"])
    accept_raw = Accept(service).answer

    @api.post(
        "/v1/events", status_code=202, summary="Report exposure samples and clicks", openapi_extra=_OPENAPI,
        responses=responses(413),
    )
    async def accept(request: Request) -> Response:
        """202 means: every event is stored with its verdict. Anything else means: nothing was, send again."""
        ip = request.client.host if request.client else ""
        content = await accept_raw(
            await request.body(), request.headers.get("user-agent", ""), ip, request.headers.get("origin", "")
        )
        return Response(content, 202, media_type="application/json", headers=ANY_ORIGIN)

    @api.options("/v1/events", include_in_schema=False)
    async def preflight() -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    return api


_EXAMPLE = {
    "events": [
        {"kind": "viewable", "token": "AQGL…", "samples": [[0, 9800, 420, 1250, True, True]]},
        {"kind": "click", "token": "AQGL…"},
    ]
}
_TOLD = {"results": [{"status": "accepted"}, {"status": "dropped", "reason": "replayed"}]}
_OPENAPI: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": schema(Events, example=_EXAMPLE) | schema(Events, key="text/plain", example=_EXAMPLE),
    },
    "responses": {"202": {"description": "Stored, one verdict per event", "content": schema(Verdicts, example=_TOLD)}},
}
