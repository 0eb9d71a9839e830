"""Audit, webhooks, notices."""

import time

from fastapi import FastAPI

from backend.api import audit, notices, webhooks
from backend.config import Settings
from backend.db.sealed import derived
from backend.jobs.webhooks import WebhooksJob
from backend.main.parts import Loop, ServeParts, WorkerParts, safe_fetcher
from backend.operation.audit.service import AuditService
from backend.operation.notices.service import NoticeService
from backend.operation.webhooks.service import WebhookSender, WebhookService


def include(app: FastAPI, parts: ServeParts) -> None:
    settings = parts.settings
    service = WebhookService(parts.engine, _key(settings), local=settings.fetch_local, clock=parts.clock)
    app.include_router(audit.router(AuditService(parts.engine), parts.access))
    app.include_router(notices.router(NoticeService(parts.engine), parts.access))
    app.include_router(webhooks.router(service, parts.access))


def loops(parts: WorkerParts) -> list[Loop]:
    sender = WebhookSender(parts.engine, safe_fetcher(parts.settings), _key(parts.settings), clock=time.time)
    job = WebhooksJob(sender)
    return [
        Loop("webhooks", job.step, idle_seconds=0.5),
        Loop("webhook history", job.forget, idle_seconds=3_600.0),
    ]


def _key(settings: Settings) -> bytes:
    """Only these two processes have what the secrets of webhooks are made from."""
    return derived(settings.master_key_bytes, "webhook secrets")
