"""Fuzzes what the outside can reach: every parser with atheris, the kernel of events with sanitizers, then every route
of a running system with schemathesis.

    python -m scripts.fuzz_outside [--seconds 1200] [--folder .fuzz/outside] [PARSER ...]

Half of the time is the parsers', in turns; the other half, ten minutes at least by default, the routes'. Inputs that
break a parser are kept in the folder, with the command that repeats them. Ends with 1 when anything was found.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.testing.parsers import PARSERS

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 1_200


def fuzz_parser(name: str, seconds: int, folder: Path) -> bool:
    """True when nothing broke the parser. Its corpus is kept, so that the next run goes on from there."""
    corpus, found = folder / "corpus" / name, folder / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    found.mkdir(parents=True, exist_ok=True)
    print(f"fuzz: {name} for {seconds} s …", flush=True)
    command = [sys.executable, "-m", "scripts.testing.fuzz_parser", name, f"-max_total_time={seconds}", "-max_len=4096",
               f"-artifact_prefix={found}/{name}-", str(corpus)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{done.stderr[-3_000:]}\nagain: {' '.join([*command[:4], f'{found}/{name}-…'])}", flush=True)
    return done.returncode == 0


def fuzz_kernel(seconds: int) -> bool:
    """True when the compiled kernel of events stayed within its memory, and said what Python says."""
    print(f"fuzz: the kernel of events for {seconds} s …", flush=True)
    command = [sys.executable, "-m", "scripts.testing.fuzz_kernel", "--seconds", str(seconds)]
    return subprocess.run(command, cwd=ROOT).returncode == 0


def fuzz_routes(seconds: int) -> bool:
    """True when every answer was as documented."""
    print(f"fuzz: every route for {seconds} s …", flush=True)
    env = os.environ | {"FUZZ_ROUTES_SECONDS": str(seconds)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/outside/test_every_route.py"]
    return subprocess.run(command, cwd=ROOT, env=env).returncode == 0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help=f"some of {', '.join(PARSERS)}; then no routes")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("FUZZ_OUTSIDE_SECONDS", SECONDS)))
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz" / "outside")
    options = parser.parse_args(arguments)
    unknown = set(options.parsers) - PARSERS.keys()
    if unknown or options.seconds < 1:
        parser.error(f"no parser {', '.join(sorted(unknown))}" if unknown else "--seconds must be at least 1")
    chosen = options.parsers or list(PARSERS)
    share = options.seconds if options.parsers else options.seconds // 2
    sound = [fuzz_parser(name, max(1, share // len(chosen)), options.folder) for name in chosen]
    if not options.parsers:
        sound.append(fuzz_kernel(max(1, share // len(chosen))))
        sound.append(fuzz_routes(options.seconds - share))
    print("fuzz: no finding" if all(sound) else "fuzz: something was found, see above")
    sys.exit(0 if all(sound) else 1)


if __name__ == "__main__":
    main()
