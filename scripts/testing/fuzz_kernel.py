"""Feeds altered bodies to a kernel of events that is built to notice every step outside of memory (ASan, UBSan).

    python -m scripts.testing.fuzz_kernel [--seconds 60] [--seed 1]

What the kernel takes, Python must take with the same record. Ends with 0 when the time is up, and where no compiler has
the sanitizers; else what was found is above.
"""

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from random import Random
from types import ModuleType

import msgspec

from backend.core.decision_token import DecisionToken, decision_id, sign
from backend.core.events import BidKind, Sample
from backend.core.ruleset import Ruleset
from backend.ingest import quick, reports
from backend.ingest.kernel import Kernel
from backend.ingest.pipeline import Circumstances
from scripts.kernel import FOLDERS, build

CHECKS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
CHILD = "SIGHTLINE_CHECKED_KERNEL"
KEY, NOW_MS, CHAIN_ID = b"\x5a" * 32, 1_793_000_000_000, 31_337
PIECES = (
    b"", b"0", b"00", b"-1", b"1e3", b"1.5", b"9" * 18, b"9" * 19, b"9" * 40, b"true", b"false", b"null", b" ", b"\0",
    b"\xff", b'"', b"\\u0041", b"[", b"]", b"{", b"}", b",", b":", b'{"kind":"viewable","token":"', b'"samples":[',
    b',"rendered_at_ms":', b"[0,9800,420,1200,true,true]", b"]}", b"A" * 144,
)


def main() -> None:
    """As a parent: build it, and run this again with the sanitizer's library. As that child: alter bodies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    path = os.environ.get(CHILD)
    if path is not None:
        dice = Random(options.seed)     # noqa: S311 (must repeat)
        tried, taken = alter(loaded(Path(path)), dice, options.seconds)
        print(f"kernel: {tried} bodies, {taken} of them plain")
        return
    with tempfile.TemporaryDirectory(prefix="sightline-kernel-") as folder:
        sys.exit(_checked(Path(folder) / f"_kernel{sysconfig.get_config_var('EXT_SUFFIX')}"))


def _checked(target: Path) -> int:
    outcome = build(FOLDERS["events"] / "kernel.c", target, more=CHECKS)
    library = _library()
    if outcome != "built" or library is None:
        print(f"kernel: {outcome if outcome != 'built' else 'the compiler has no sanitizer'}")
        return 0
    env = os.environ | {
        CHILD: str(target), "LD_PRELOAD": library, "PYTHONMALLOC": "malloc",     # else it knows only of whole arenas
        "ASAN_OPTIONS": "detect_leaks=0",                                        # Python itself keeps what it has
    }
    return subprocess.run([sys.executable, "-m", "scripts.testing.fuzz_kernel", *sys.argv[1:]], env=env).returncode


def _library() -> str | None:
    """Where the sanitizer's library is; the compiler knows."""
    command = [*shlex.split(os.environ.get("CC") or "cc"), "-print-file-name=libasan.so"]
    found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return found if Path(found).is_absolute() else None


def loaded(path: Path) -> Kernel:
    """The kernel in this file."""
    spec = importlib.util.spec_from_file_location("_kernel", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.bind(reports.Viewable, Sample)
    return Kernel(module.judge_views, module.judge_body)


def alter(kernel: Kernel, dice: Random, seconds: float) -> tuple[int, int]:
    """How many bodies were tried, and how many of them the kernel took."""
    request = quick.asked(Circumstances(NOW_MS, "Mozilla/5.0", CHAIN_ID, KEY, Ruleset(), ip="9.9.9.9"))
    tried = taken = 0
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        body = _body(dice)
        for _ in range(dice.choice((0, 1, 1, 2, 5))):
            at = dice.randrange(len(body) + 1)
            body = body[:at] + dice.choice(PIECES) + body[at + dice.choice((0, 1, 2, 9, 99)) :]
        tried += 1
        taken += same(body, request, kernel)
    return tried, taken


def same(body: bytes, request: quick.Asked, kernel: Kernel) -> bool:
    """Whether the kernel took it; then Python has to say the same of it."""
    found = quick.judge_whole(body, request, kernel)
    try:
        events = reports.decode_batch(body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        assert found is None, body
        return False
    alone, together = (quick.judge_all(events, request, one) for one in (None, kernel))
    assert [msgspec.json.encode(one) for one in alone] == [msgspec.json.encode(one) for one in together], body
    if found is not None:
        entry = reports.encode_entry(reports.Written(request.about.now_ms, [one.record for one in alone]))
        assert found.entry == entry, body
    return found is not None


def _body(dice: Random) -> bytes:
    return msgspec.json.encode({"events": [_event(dice, number) for number in range(dice.choice((1, 1, 2, 20)))]})


def _event(dice: Random, number: int) -> dict[str, object]:
    facts = DecisionToken(
        decision_id(NOW_MS - dice.choice((9_000, 99_000)), number.to_bytes(10, "big")), CHAIN_ID, 1, 2, 3, 4, 5,
        dice.choice((0, 1_000, 2**64 - 1)), dice.choice(list(BidKind)), NOW_MS + 60_000 * dice.choice((1, 1, 2)),
        b"\2" * 8, dice.random() < 0.2,
    )
    if dice.random() < 0.2:
        return {"kind": "click", "token": sign(facts, KEY)}
    step_ms = dice.choice((100, 250, 250, 2**40))
    samples = [[place * step_ms, 9_800, 420, 1_200 + place, True, True] for place in range(dice.choice((5, 12, 25)))]
    view: dict[str, object] = {"kind": "viewable", "token": sign(facts, KEY), "samples": samples}
    return view if dice.random() < 0.5 else view | {"rendered_at_ms": NOW_MS - 3_000}


if __name__ == "__main__":
    main()
