"""Sign-in, and who may act for whom."""

from fastapi import FastAPI

from backend.api import auth
from backend.main.parts import ServeParts


def include(app: FastAPI, parts: ServeParts) -> None:
    app.include_router(auth.router(parts.auth))
