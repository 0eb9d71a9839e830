"""A small application for workers: who answers, and an answer that waits until a file is there."""

import asyncio
import os
from pathlib import Path

from fastapi import FastAPI


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/pid")
    async def pid() -> int:
        return os.getpid()

    @app.get("/late")
    async def late(asked: str, release: str) -> int:
        Path(asked).touch()
        while not Path(release).exists():
            await asyncio.sleep(0.01)
        return os.getpid()

    return app


def broken_app() -> FastAPI:
    raise RuntimeError("it cannot be made")
