"""Contracts on a chain with two funded campaigns, and the public API over them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import Client
from sqlalchemy import Engine

from backend.api import problems, settlements
from backend.settlement.publication.service import PublicationService

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from settlement_kit.in_process import client_of
from settlement_kit.stage import CHAIN_ID, USDC, Stage


@pytest.fixture
def stage(rpc_url: str, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path) -> Stage:
    stage = Stage(rpc_url, fresh_database_url, fresh_engine, tmp_path)
    for _ in range(2):
        stage.open_campaign(5 * USDC)
    return stage


@pytest.fixture
def api(stage: Stage) -> Iterator[Client]:
    app = FastAPI()
    problems.install(app)
    app.include_router(settlements.router(
        PublicationService(stage.engine, CHAIN_ID, stage.escrow("stranger"), stage.bundles)
    ))
    with client_of(app) as client:
        yield client
