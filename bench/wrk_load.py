"""Closed-loop load from wrk, whose answers all have to be successes; from our own `bench.load` where wrk is missing."""

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench import load

SCRIPT = Path(__file__).parent / "wrk" / "requests.lua"


def tool() -> str:
    """Who makes the load: `wrk` or `bench.load`."""
    return "wrk" if shutil.which("wrk") else "bench.load"


def run(
    url: str, method: str, path: str, bodies: Sequence[bytes], expected: str, *, connections: int, seconds: float
) -> load.Load:
    """As fast as the server answers. Raises RuntimeError at the end when any answer was not 200 or 202 with `expected`

    in its body: no failure counts as speed.
    """
    if tool() == "wrk":
        return _wrk(url, method, path, bodies, expected, connections, seconds)
    contents = itertools.cycle([load.request(url, method, path, body) for body in bodies or [b""]])

    def right(status: bytes, body: bytes) -> bool:
        return status[9:12] in (b"200", b"202") and expected.encode() in body

    return load.run(url, lambda: next(contents), right, connections=connections, seconds=seconds)


def _wrk(
    url: str, method: str, path: str, bodies: Sequence[bytes], expected: str, connections: int, seconds: float
) -> load.Load:
    with tempfile.NamedTemporaryFile(suffix=".lines") as file:
        file.write(b"\n".join(bodies))
        file.flush()
        command = [
            "wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s",
            "--timeout", "10s", "--script", str(SCRIPT), url,
            "--", method, path, file.name if bodies else "-", expected,
        ]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    result = next((line for line in answer.stdout.splitlines() if line.startswith("RESULT ")), None)
    if result is None:
        raise RuntimeError(f"wrk failed: {answer.stdout[-500:]} {answer.stderr[-500:]}")
    _, requests, microseconds, wrong, broken, p50_us, p99_us, *sample = result.split(" ", 7)
    if int(wrong) or int(broken):
        raise RuntimeError(f"{path}: {wrong} of {requests} answers were wrong, {broken} connections broke: {sample}")
    return load.Load(int(requests), int(microseconds) / 1e6, float(p50_us) / 1e3, float(p99_us) / 1e3)
