"""Consent, exports, erasure, retention."""

from fastapi import FastAPI

from backend.api import privacy
from backend.config import Settings
from backend.db import sealed
from backend.jobs.privacy import ExportsJob, RetentionJob
from backend.main.parts import Loop, ServeParts, WorkerParts
from backend.privacy.erasure.service import ErasureService
from backend.privacy.export.service import ExportMaker, ExportService
from backend.privacy.export.store import ExportFiles
from backend.privacy.retention.service import RetentionService


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    sealed.unlock(settings.master_key_bytes)
    link_key = sealed.derived(settings.master_key_bytes, "export links")
    exports = ExportService(parts.engine, _files(settings), link_key, settings.public_url, parts.clock)
    app.include_router(privacy.router(exports, ErasureService(parts.engine, parts.clock), parts.access))


def loops(parts: WorkerParts) -> list[Loop]:
    sealed.unlock(parts.settings.master_key_bytes)
    maker = ExportMaker(parts.engine, _files(parts.settings))
    retention = RetentionService(parts.engine, parts.redis, parts.settings.chain_id)
    return [
        Loop("exports", ExportsJob(maker).step, idle_seconds=2.0),
        Loop("retention", RetentionJob(retention, maker, ErasureService(parts.engine)).step, idle_seconds=60.0),
    ]


def _files(settings: Settings) -> ExportFiles:
    return ExportFiles(settings.data_dir / "exports")
