"""Assets, moderation, and where assets are served."""

from fastapi import FastAPI

from backend.api import assets, creatives, moderation
from backend.config import Settings
from backend.creatives.assets.service import AssetService
from backend.creatives.files.store import AssetFiles, AssetFolder
from backend.creatives.moderation.service import ModerationService
from backend.creatives.service import CreativeService
from backend.jobs.assets import AssetsJob
from backend.main.parts import Loop, ServeParts, WorkerParts

SWEEP_SECONDS = 60.0                # 256 of them look at every file


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    asset_service = AssetService(parts.engine, _files(settings))
    creative_service = CreativeService(
        parts.engine, settings.asset_url or settings.public_url, approves_at_once=settings.approves_at_once,
        clock=parts.clock,
    )
    moderation_service = ModerationService(parts.engine, clock=parts.clock)
    app.include_router(assets.router(asset_service, parts.access))
    app.include_router(creatives.router(creative_service, parts.access))
    app.include_router(moderation.router(moderation_service, asset_service, parts.access))


def loops(parts: WorkerParts) -> list[Loop]:
    job = AssetsJob(AssetService(parts.engine, _files(parts.settings)))
    return [Loop("assets", job.step, idle_seconds=SWEEP_SECONDS)]


def _files(settings: Settings) -> AssetFiles:
    return AssetFolder(settings.data_dir / "assets")
