"""GET /c/{token}: a click as a link. The viewer always gets where the ad leads, whatever is down behind it."""

import time

from fastapi import APIRouter, Request, Response

from backend.api.problems import responses
from backend.conversions.service import Landing
from backend.core.consent import Processing, allows
from backend.core.errors import NotFound, Unavailable
from backend.ingest.links.service import ClickLinks
from backend.ingest.service import IngestService


def router(ingest: IngestService, links: ClickLinks, landing: Landing) -> APIRouter:
    """The route for worlds that can only open links."""
    api = APIRouter(tags=["ads"])

    @api.get("/c/{token}", status_code=302, summary="Follow an ad", responses=responses("token_unknown"),
             response_class=Response)
    async def follow(token: str, request: Request) -> Response:
        """Counts a click like POST /v1/events does, now or when Redis is back, and redirects to the creative's page.

        The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and the viewer
        does not object (Sec-GPC). A browser that only looks ahead (Sec-Purpose: prefetch) is answered 503 and counts
        for nothing: it asks again when somebody clicks.
        """
        if _looks_ahead(request):
            raise Unavailable("not_followed", "links of ads are followed when somebody clicks on them")
        facts = ingest.read_token(token)
        target = None if facts is None else links.target(facts.creative)
        if facts is None or target is None:
            raise NotFound("token_unknown", "this is not a link of ours, or the ad is gone")
        await links.count(
            token, time.time_ns() // 1_000_000, request.headers.get("user-agent", ""),
            request.client.host if request.client else "",
        )
        if allows(Processing.ATTRIBUTION, request.headers.get("sec-gpc") == "1", None):
            target = await landing.url(target, facts.line_item, facts.decision_id)
        return Response(status_code=302, headers={"Location": target, "Cache-Control": "no-store"})

    return api


def _looks_ahead(request: Request) -> bool:
    """Whether a browser asks in advance of any click (WHATWG Fetch, `Sec-Purpose`; older ones say `Purpose`)."""
    said = request.headers.get("sec-purpose") or request.headers.get("purpose") or request.headers.get("x-moz") or ""
    return "prefetch" in said.lower()
