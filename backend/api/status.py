"""GET /v1/status: the live numbers of the status page, for anybody."""

from fastapi import APIRouter, Response

from backend.api.problems import responses
from backend.reports.status.overview import Overview
from backend.reports.status.service import StatusService


def router(service: StatusService) -> APIRouter:
    """Routes over `service`."""
    routes = APIRouter(tags=["status"])

    @routes.get("/v1/status", summary="Live numbers of the whole money path", responses=responses())
    def status(response: Response) -> Overview:
        """Chain, epochs, campaigns, publishers, traffic, and whether deposited = withdrawn + remaining + fee + paid
        + unclaimed. All money in micro-USDC. At most a second old."""
        response.headers["Cache-Control"] = "no-store"
        return service.overview()

    return routes
