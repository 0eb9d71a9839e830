"""Fuzzes the contracts for as long as it is told: rounds of one test each, every one with a new, printed seed.

    python -m scripts.fuzz [--seconds 3600] [--workers 1] [--round-seconds 180] [TARGET ...]

A target is a test as pytest names it; without any, every stateful machine and every property below tests/contracts.
What happened is in .fuzz: log.jsonl (a line per round), findings/, examples/. docs/fuzzing.md tells how to read them.
Ends with 1 when there was a finding, with 2 when it could not begin.
"""

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import count, cycle
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/contracts"
CHOSEN = "(stateful and machine) or property"
SECONDS = 3_600
ROUND_SECONDS = 180
# The first round of a target only measures how long its examples take.
EXAMPLES_FIRST = 20
EXAMPLES_MAX = 50_000
# A round that takes this many times longer than it should is ended; shrinking a failure takes up to five minutes.
PATIENCE = 4
SHRINK_SECONDS = 400
# At the end of the time a round may still finish what it is doing.
FINISH_SECONDS = 120
PASSING = re.compile(r"(\d+) passing")
# pytest ends with 1 when a test failed; other codes mean that it could not test at all.
FAILED = 1
SEEDED = ("-p", "scripts.testing.fuzz_seed")


class CannotStart(Exception):
    """Nothing to run, in words for the terminal."""


@dataclass(frozen=True)
class Round:
    """One run of one target. `result` is "passed", "finding", "stopped" (time was up) or "broken"."""

    number: int
    target: str
    seed: int
    examples_max: int
    result: str = ""
    examples: int = 0
    seconds: float = 0.0
    finding: int | None = None


@dataclass
class Campaign:
    """What all workers share: where things go, when to stop, what was found."""

    folder: Path
    deadline: float
    round_seconds: int
    started: float = field(default_factory=time.monotonic)
    rounds: list[Round] = field(default_factory=list)
    pace: dict[str, float] = field(default_factory=dict)
    running: set["subprocess.Popen[str]"] = field(default_factory=set)
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds_left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def findings(self) -> list[Round]:
        return [one for one in self.rounds if one.result in ("finding", "broken")]

    def examples_for(self, target: str) -> int:
        """As many as fill a round at the target's pace, or what is left of the time."""
        if target not in self.pace:
            return EXAMPLES_FIRST
        seconds = min(self.round_seconds, max(1.0, self.seconds_left))
        return max(1, min(EXAMPLES_MAX, int(seconds * self.pace[target])))


def collect(targets: Sequence[str]) -> list[str]:
    """What to rotate through: the targets as they were given, or every test that fits.

    Raises CannotStart when pytest finds nothing or cannot read it.
    """
    chosen = list(targets) or [TESTS, "-k", CHOSEN]
    done = subprocess.run(
        [*pytest_command(), "--collect-only", *chosen], cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    found = [line for line in done.stdout.splitlines() if "::" in line and " " not in line.split("::")[0]]
    if done.returncode != 0 or not found:
        output = (done.stdout + done.stderr)[-2000:]
        raise CannotStart(f"pytest collects nothing from {' '.join(chosen)}:\n{output}")
    return list(targets) or found


def pytest_command() -> list[str]:
    """With the project's settings, also for a target outside the project."""
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *settings]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"HYPOTHESIS_PROFILE": "fuzz", "COLUMNS": "200", "PYTHONUNBUFFERED": "1"} | more


def variables(one: Round, database: Path) -> dict[str, str]:
    """What a round is told through the environment; scripts/testing/fuzz_seed.py and tests/conftest.py read it."""
    return {"FUZZ_SEED": str(one.seed), "FUZZ_EXAMPLES": str(one.examples_max), "FUZZ_DATABASE": str(database)}


def play(campaign: Campaign, one: Round) -> Round:
    """Runs a round in its own process, so that memory is given back after each."""
    database = campaign.folder / "examples" / re.sub(r"\W+", "-", one.target)
    command = [*pytest_command(), *SEEDED, one.target, "--hypothesis-show-statistics"]
    started = time.monotonic()
    limit = min(PATIENCE * campaign.round_seconds + SHRINK_SECONDS, campaign.seconds_left + FINISH_SECONDS)
    code, output = run(campaign, command, environment(**variables(one, database)), max(1.0, limit))
    seconds = round(time.monotonic() - started, 1)
    examples = sum(int(number) for number in PASSING.findall(output))
    result = {None: "stopped", 0: "passed", FAILED: "finding"}.get(code, "broken")
    # Examples are saved only when they fail: a round that was ended while it shrank one has found something.
    if result == "stopped" and any(path.is_file() for path in database.rglob("*")):
        result = "finding"
    if result == "passed" and not examples:
        # A state machine that a test starts itself reports no statistics.
        examples = one.examples_max
    with campaign.lock:
        return record(campaign, replace(one, result=result, examples=examples, seconds=seconds), output, database)


def run(campaign: Campaign, command: Sequence[str], env: dict[str, str], limit: float) -> tuple[int | None, str]:
    """Exit code (None when it was ended before) and output of a command, which gets a process group of its own."""
    with campaign.lock:
        if campaign.stopped:
            return None, ""
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        campaign.running.add(process)
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        end(process)
        output, _ = process.communicate()
        return None, output
    finally:
        with campaign.lock:
            campaign.running.discard(process)
    return (None if campaign.stopped else process.returncode), output


def end(process: "subprocess.Popen[str]") -> None:
    """Ends a process that we started, and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def record(campaign: Campaign, one: Round, output: str, database: Path) -> Round:
    """Writes the log before anything else can go wrong, keeps a finding's output and examples, says how it went."""
    if one.result in ("finding", "broken"):
        one = replace(one, finding=next(free_numbers(campaign.folder / "findings")))
        keep(campaign, one, output, database)
    if one.result == "passed" and one.examples:
        campaign.pace[one.target] = one.examples / one.seconds
    campaign.rounds.append(one)
    with (campaign.folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(asdict(one) | {"ended_at": int(time.time())}) + "\n")
    found, elapsed = len(campaign.findings), time.monotonic() - campaign.started
    print(
        f"{elapsed:7.0f} s  round {one.number:4}  {one.result:8} {one.examples:6} examples  seed {one.seed:<10}"
        f"  findings {found}  {one.target.rpartition('/')[2]}",
        flush=True,
    )
    return one


def free_numbers(findings: Path) -> Iterator[int]:
    """Numbers of findings that no earlier night has used."""
    return (number for number in count(1) if not (findings / f"{number}.txt").exists())


def keep(campaign: Campaign, one: Round, output: str, database: Path) -> None:
    """Output and examples move out of the way: the next round of this target looks for something else."""
    findings = campaign.folder / "findings"
    findings.mkdir(exist_ok=True)
    if database.is_dir():
        database.rename(findings / f"{one.finding}.examples")
    (findings / f"{one.finding}.txt").write_text(f"{reproduction(campaign, one)}\n\n{output}")


def reproduction(campaign: Campaign, one: Round) -> str:
    """The command that runs a round again: its saved examples first, then the same seed."""
    told = variables(one, campaign.folder / "findings" / f"{one.finding}.examples")
    settings = " ".join(f"{name}={value}" for name, value in told.items())
    target = f"'{one.target}'" if "[" in one.target else one.target
    return f"HYPOTHESIS_PROFILE=fuzz {settings} python -m pytest {' '.join(SEEDED)} {target}"


def fuzz(campaign: Campaign, targets: Sequence[str], workers: int) -> None:
    """Rounds until the time is up; Ctrl-C ends them early."""
    rotation, numbers = cycle(targets), count(1)

    def work() -> None:
        while not campaign.stopped and campaign.seconds_left > 0:
            with campaign.lock:
                number, target = next(numbers), next(rotation)
            seed = secrets.randbelow(2**32)
            play(campaign, Round(number, target, seed, campaign.examples_for(target)))

    with ThreadPoolExecutor(workers) as pool:
        workers_done = [pool.submit(work) for _ in range(workers)]
        try:
            for done in workers_done:
                done.result()
        except BaseException:
            stop(campaign)
            raise


def stop(campaign: Campaign) -> None:
    with campaign.lock:
        campaign.stopped = True
        for process in campaign.running:
            end(process)


def summary(campaign: Campaign) -> str:
    """What was run and how to see each finding again."""
    examples = sum(one.examples for one in campaign.rounds)
    minutes = (time.monotonic() - campaign.started) / 60
    found = campaign.findings
    lines = [f"{len(campaign.rounds)} rounds, {examples} examples, {minutes:.1f} min, {len(found)} findings"]
    for one in found:
        lines.append(f"\n{campaign.folder / 'findings' / f'{one.finding}.txt'} ({one.result}): again with")
        lines.append(f"  {reproduction(campaign, one)}")
    return "\n".join(lines)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.fuzz", description=(__doc__ or "").splitlines()[0])
    default = os.environ.get("FUZZ_SECONDS", str(SECONDS))
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="tests as pytest names them; default: all")
    parser.add_argument("--seconds", type=positive, default=default, help="how long (FUZZ_SECONDS, %(default)s)")
    parser.add_argument("--workers", type=positive, default=1, help="rounds at a time (%(default)s)")
    parser.add_argument("--round-seconds", type=positive, default=ROUND_SECONDS, help="about (%(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz", help="where results go (.fuzz)")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzzes; 1 when there was a finding."""
    options = parse(arguments)
    try:
        targets = collect(options.targets)
    except CannotStart as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return 2
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(folder, time.monotonic() + options.seconds, options.round_seconds)
    print(f"fuzz: {len(targets)} targets, {options.seconds} s, results in {folder}", flush=True)
    try:
        fuzz(campaign, targets, options.workers)
    except KeyboardInterrupt:
        print("fuzz: interrupted", flush=True)
    print(summary(campaign), flush=True)
    return 1 if campaign.findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
