"""One site for all tests of this folder that run in the same worker: its start costs more than most of them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from load_kit import Site, running_site


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """Two workers of `serve`, one `worker`, PostgreSQL and Redis on disks of their own."""
    with running_site() as site:
        yield site
