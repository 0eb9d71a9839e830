"""The whole API without its stores: enough to be described, not to be asked."""

import json
import tempfile
from pathlib import Path

from fastapi import FastAPI

from backend.config import Settings
from backend.main.serve import create_app

NOWHERE = {"database_url": "postgresql+psycopg://nobody@127.0.0.1:9/none", "redis_url": "redis://127.0.0.1:9/0",
           "rpc_url": "http://127.0.0.1:9", "token_key": "00" * 32}


def described_app() -> FastAPI:
    """All routes, over stores that do not exist."""
    with tempfile.TemporaryDirectory() as folder:
        deployment = Path(folder, "deployment.json")
        names = ("CampaignEscrow", "PublisherPayout", "MockUSDC")
        contracts = {name: {"address": "0x" + "00" * 20, "block": 0} for name in names}
        deployment.write_text(json.dumps({"chain_id": 31_337, "contracts": contracts}))
        return create_app(Settings.model_validate({**NOWHERE, "deployment": deployment, "data_dir": folder}))
