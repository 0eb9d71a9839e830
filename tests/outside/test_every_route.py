"""Everything the OpenAPI document allows, and much that it does not, sent to the running system (L45).

`make test` sends a little to every route; `make fuzz` goes on for ten minutes with every phase of schemathesis, which
follows links from what is created to the routes that take its id. Whoever sends is signed in and an admin.
"""

import os
import subprocess
import sys
from pathlib import Path

from backend.demo.cast import Cast
from backend.demo.system import System

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ADMIN = 2            # as in conftest.py
SECONDS = int(os.environ.get("FUZZ_ROUTES_SECONDS", "0"))
SHORT = ["--phases", "examples,fuzzing,stateful", "--max-examples", "2", "--generation-deterministic"]
LONG = ["--max-time", str(SECONDS)]


def test_every_route__asked_for_anything__answers_as_documented(system: System, cast: Cast) -> None:
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(HERE / "schemathesis" / "config.toml"),
        "run", f"{system.url}/openapi.json", "--exclude-checks", "positive_data_acceptance",
        "--workers", "2", "--continue-on-failure",
        "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30", *(LONG if SECONDS else SHORT),
    ]
    env = os.environ | {
        "SIGHTLINE_URL": system.url, "WALLET_KEY": cast.advertisers[ADMIN].key.hex(), "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1", "COLUMNS": "150",
    }
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECONDS + 1_200)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    system.raise_if_dead()
