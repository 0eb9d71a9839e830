"""What happened after an ad was seen."""

from fastapi import FastAPI

from backend.main.parts import Loop, ServeParts, WorkerParts


def include(app: FastAPI, parts: ServeParts) -> None:
    """No routes yet."""


def loops(parts: WorkerParts) -> list[Loop]:
    """No jobs yet."""
    return []
