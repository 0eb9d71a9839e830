"""Plugin of pytest: FUZZ_SEED makes hypothesis repeatable.

Unlike `--hypothesis-seed` it leaves the database in use, so that a failure outlives a round that is ended early. The
tests of scripts/fuzz.py fail when hypothesis no longer looks for its random numbers here.
"""

import os
from random import Random

from hypothesis import core


def pytest_configure() -> None:
    core.threadlocal._hypothesis_global_random = Random(int(os.environ["FUZZ_SEED"]))  # noqa: S311 (must repeat)
