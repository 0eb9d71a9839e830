"""What advertisers describe."""

from fastapi import FastAPI

from backend.api import campaigns, forecasts, line_items
from backend.campaigns.service import CampaignService
from backend.main.parts import ServeParts
from backend.serving.forecasting.service import ForecastService


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    service = CampaignService(parts.engine, settings.chain_id, clock=parts.clock)
    escrow = settings.contract("CampaignEscrow")
    app.include_router(campaigns.router(service, parts.access, chain_id=settings.chain_id, escrow=escrow))
    app.include_router(line_items.router(service, parts.access))
    outlooks = ForecastService(parts.engine, parts.feed.newest, clock=parts.clock)
    app.include_router(forecasts.router(service, outlooks, parts.access))
