"""`sightline index`: the mirror of the chain."""

import threading

from backend.config import Settings
from indexer.config import Config as IndexerConfig
from indexer.config import ConfigError, Proof, load_deployment
from indexer.main import Halted, Refused
from indexer.main import run as index


def run_indexer(settings: Settings, *, proof: Proof, stop: threading.Event) -> None:
    """Follow the chain until `stop` is set; what a person has to change ends the process with its reason."""
    try:
        index(_config(settings, proof), stop)
    except (ConfigError, Refused, Halted) as error:
        raise SystemExit(f"sightline: index: {error}") from error


def _config(settings: Settings, proof: Proof) -> IndexerConfig:
    return IndexerConfig(
        database_url=settings.database_url,
        rpc_url=settings.rpc_url,
        deployment=load_deployment(settings.deployment),
        confirmations=settings.confirmations,
        poll_seconds=0.25,
        proof=proof,
    )
