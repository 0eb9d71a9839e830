"""The whole system as its users reach it: real processes behind HTTP, for tests that know nothing of the inside."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.demo.cast import Cast, cast_from_seed
from backend.demo.client import ApiClient
from backend.demo.system import System, Terms, start_system
from backend.demo.waiting import wait_for
from backend.local import remove_data
from backend.local.ports import free_port

TERMS = Terms(
    epoch_seconds=3, window_seconds=2, notice_seconds=6, timelock_seconds=600, escape_seconds=600, token_seconds=120,
    confirmations=1,
)
USDC = 10**6


@pytest.fixture(scope="session")
def cast() -> Cast:
    return cast_from_seed(7)


@pytest.fixture(scope="session")
def system(cast: Cast) -> Iterator[System]:
    """Contracts deployed, everything running; advertisers have USDC."""
    base = Path(tempfile.mkdtemp(prefix="sightline-outside-"))
    base.chmod(0o755)       # PostgreSQL may run as another user than ours
    try:
        with start_system(base, cast, TERMS, free_port(), {"PATH": os.environ["PATH"]}) as running:
            running.prepare({person.address: 1_000 * USDC for person in cast.advertisers})
            running.start_processes()
            visitor = ApiClient(running.url)
            ready = wait_for(
                "the API", lambda: visitor.status_of("/readyz") == 200, seconds_max=60, alive=running.raise_if_dead
            )
            visitor.close()
            assert ready
            yield running
    finally:
        remove_data(base)
        shutil.rmtree(base, ignore_errors=True)
