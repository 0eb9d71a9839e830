"""GET /c/{token}: a click as a link. The viewer always gets where the ad leads, whatever is down behind it."""

import logging
import time

from fastapi import APIRouter, Request, Response

from backend.api.problems import responses
from backend.conversions.service import Landing
from backend.core.consent import Processing, allows
from backend.core.errors import NotFound, Unavailable
from backend.db.failures import REDIS_UNAVAILABLE
from backend.ingest.service import IngestService
from backend.serving.feed.service import CatalogueFeed

log = logging.getLogger("sightline.api")

NOT_NOW: tuple[type[Exception], ...] = (Unavailable, *REDIS_UNAVAILABLE)


def router(ingest: IngestService, feed: CatalogueFeed, landing: Landing) -> APIRouter:
    """The route for worlds that can only open links."""
    api = APIRouter(tags=["ads"])

    @api.get("/c/{token}", status_code=302, summary="Follow an ad", responses=responses(404), response_class=Response)
    async def follow(token: str, request: Request) -> Response:
        """Counts a click like POST /v1/events does, then redirects to the creative's page.

        The page's address ends with `sl_click`, the click id, when the line item has a conversion goal and the viewer
        does not object (Sec-GPC).
        """
        facts = ingest.read_token(token)
        target = None if facts is None else feed.click_url(facts.creative)
        if facts is None or target is None:
            raise NotFound("token_unknown", "this is not a link of ours, or the ad is gone")
        try:
            ip = request.client.host if request.client else ""
            await ingest.click(token, time.time_ns() // 1_000_000, request.headers.get("user-agent", ""), ip)
        except NOT_NOW as error:
            log.warning("a click was not counted: %s", type(error).__name__)
        if allows(Processing.ATTRIBUTION, request.headers.get("sec-gpc") == "1", None):
            target = await landing.url(target, facts.line_item, facts.decision_id)
        return Response(status_code=302, headers={"Location": target, "Cache-Control": "no-store"})

    return api
