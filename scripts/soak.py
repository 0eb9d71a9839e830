"""`make soak`: the crash tests and ten minutes of load at 70 % of what this machine can do, on the real processes.

    python -m scripts.soak [--seconds 600]

Ends with 1 when anything failed: an error under load, a process that grows, books that are not equal. The soak's report
(capacity, waits, memory of each process in the middle third and in the last) is printed as one line of JSON.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600
TESTS = ("test_crashes.py", "test_attacks.py", "test_soak.py")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("SOAK_SECONDS", SECONDS)))
    seconds = parser.parse_args(arguments).seconds
    if seconds < 1:
        parser.error("--seconds must be at least 1")
    command = [sys.executable, "-m", "pytest", "-q", "-s", *(f"tests/load/{name}" for name in TESTS)]
    sys.exit(subprocess.run(command, cwd=ROOT, env=os.environ | {"SOAK_SECONDS": str(seconds)}).returncode)


if __name__ == "__main__":
    main()
