"""Sign-in, and who may act for whom."""

from fastapi import FastAPI

from backend.api import api_keys, auth, organisations, platform_roles
from backend.auth.keys.service import KeyService
from backend.auth.organisations.service import OrganisationService
from backend.auth.platform.service import PlatformService
from backend.main.parts import ServeParts


def include(app: FastAPI, parts: ServeParts) -> None:
    app.include_router(auth.router(parts.auth, parts.access))
    app.include_router(organisations.router(OrganisationService(parts.engine, clock=parts.clock), parts.access))
    app.include_router(api_keys.router(KeyService(parts.engine, clock=parts.clock), parts.access))
    app.include_router(platform_roles.router(PlatformService(parts.engine, parts.settings.admins), parts.access))
