"""Load at a fixed rate, as an open loop: what is late waits in line and is measured from when it should have gone out.

So no pause of the server hides behind requests that were never sent ("coordinated omission", Gil Tene). `rate.c` makes
the load, since wrk cannot do it and the load shares a core with the server's stores; it is built when first used. Where
there is no C compiler, `bench.rate_loop` takes its place.
"""

import hashlib
import json
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import rate_loop
from bench.rate_loop import HEAD_END

SOURCE = Path(__file__).with_suffix(".c")
BUILT = Path(__file__).parent.parent / ".tools" / "bench"
FLAGS = ("-O2", "-std=gnu11")
BUILD_SECONDS_MAX, MORE_SECONDS_MAX = 60, 60
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Waits:
    """Milliseconds from the moment a request was due until its answer was complete, of `requests` right answers.

    `errors` had another answer or none in time (what was still waited for counts in the percentiles), or are idle
    connections that the server closed. `late_p99_ms` is how late the load itself was, `cpu_seconds` what it took.
    """

    requests: int
    errors: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    late_p99_ms: float
    cpu_seconds: float
    tool: str
    about_errors: str = ""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def program() -> Path | None:
    """The compiled load, built from this source if it is not there yet; None where there is no compiler for it."""
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(FLAGS).encode()).hexdigest()
    target = BUILT / f"rate-{digest[:16]}"
    return target if target.is_file() or _build(target) else None


def _build(target: Path) -> bool:
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:     # somebody else may build it as well
            part = Path(folder) / "rate"
            command = [*compiler, *FLAGS, "-o", str(part), str(SOURCE)]
            done = subprocess.run(command, capture_output=True, timeout=BUILD_SECONDS_MAX, check=False)
            if done.returncode == 0:
                part.replace(target)
            return done.returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def tool() -> str:
    """Who makes the load: `bench/rate.c` or `bench.rate_loop`."""
    return "bench/rate.c" if program() else "bench.rate_loop"


def run(
    url: str, contents: Sequence[bytes], expected: str, *, rate: float, seconds: float, connections: int,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Waits:
    """`rate` requests a second for `seconds`, the `contents` in turns, on connections that are kept.

    Right is an answer of 200 or 202 with `expected` in its body. Raises RuntimeError when no load can be made.
    """
    compiled = program()
    if compiled is None:
        return _loop(url, contents, expected, rate, seconds, connections)
    parts = urlsplit(url)
    values = [parts.hostname or "", parts.port or 80, connections, rate, seconds, timeout_seconds, expected]
    done = subprocess.run(
        [compiled, *map(str, values)], input=b"".join(struct.pack("<I", len(one)) + one for one in contents),
        capture_output=True, timeout=seconds + MORE_SECONDS_MAX, check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip() or f"rate ended with {done.returncode}")
    return _waits(json.loads(done.stdout))


def _waits(found: dict[str, int | float | str]) -> Waits:
    kinds = ("wrong", "broken", "timeouts", "unanswered", "idle_lost")
    numbers = {name: float(value) for name, value in found.items() if name != "sample"}
    errors = {kind: int(numbers[kind]) for kind in kinds if numbers[kind]}
    about = ", ".join(f"{count} {kind}" for kind, count in errors.items())
    return Waits(
        int(numbers["right"]), sum(errors.values()), numbers["seconds"], p50_ms=numbers["p50_us"] / 1e3,
        p99_ms=numbers["p99_us"] / 1e3, p999_ms=numbers["p999_us"] / 1e3, max_ms=numbers["max_us"] / 1e3,
        late_p99_ms=numbers["late_p99_us"] / 1e3, cpu_seconds=numbers["cpu_us"] / 1e6, tool="bench/rate.c",
        about_errors=f"{about}: {found['sample']}" if found["sample"] else about,
    )


def _loop(
    url: str, contents: Sequence[bytes], expected: str, rate: float, seconds: float, connections: int
) -> Waits:
    wanted = expected.encode()

    def right(answer: bytes) -> bool:
        return answer[9:12] in (b"200", b"202") and wanted in answer.partition(HEAD_END)[2]

    before = time.process_time()
    sent = rate_loop.run(url, contents, right, rate=rate, seconds=seconds, connections=connections)
    return Waits(
        len(sent.waits), sent.errors, seconds, p50_ms=_at(sent.waits, 0.5), p99_ms=_at(sent.waits, 0.99),
        p999_ms=_at(sent.waits, 0.999), max_ms=_at(sent.waits, 1.0), late_p99_ms=_at(sent.late, 0.99),
        cpu_seconds=time.process_time() - before, tool="bench.rate_loop",
    )


def _at(seconds: Sequence[float], share: float) -> float:
    """Milliseconds; infinite where nothing was right."""
    ordered = sorted(seconds) or [float("inf")]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3
