"""What publishers offer."""

from fastapi import FastAPI

from backend.api import placements
from backend.main.parts import ServeParts
from backend.placements.service import PlacementService


def include(app: FastAPI, parts: ServeParts) -> None:
    app.include_router(placements.router(PlacementService(parts.engine, parts.settings.chain_id), parts.access))
