"""`sightline demo`: the whole money path on this machine, then a live page; or `--once --json` for a judge."""

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from backend.demo import story
from backend.demo.books import broken
from backend.demo.cast import cast_from_seed
from backend.demo.play import Play
from backend.demo.port import hold_port
from backend.demo.screen import Screen
from backend.demo.system import Terms, start_system
from backend.demo.traffic import Traffic, spots
from backend.demo.waiting import DemoError
from backend.local import LocalStackError, StackAlreadyRunning, remove_data

HOME = Path(".sightline") / "demo"
TERMS = Terms(
    epoch_seconds=7, window_seconds=4, notice_seconds=6, timelock_seconds=600, escape_seconds=600, token_seconds=8,
    confirmations=2,
)
OWN_SERVERS = ("DATABASE_URL", "REDIS_URL", "RPC_URL")
QUIET_VIEWERS = 6
CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`once`: end after the report. `as_json`: the report as one JSON object on stdout. `viewers`: per second."""

    once: bool = False
    as_json: bool = False
    seed: int = 1
    port: int = 8000
    viewers: int = 24


def run_demo(options: DemoOptions) -> int:
    """Tell the story. 0 only if every law holds; the data of a run that failed stays for whoever looks into it."""
    started, screen = time.monotonic(), Screen()
    previous = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    base = HOME / f"run-{os.getpid()}"
    try:
        _clean(HOME)
        with hold_port(options.port) as held:
            port: int = held.getsockname()[1]
            if port != options.port:
                screen.say(f"Port {options.port} is in use; using {port}. Choose another with --port")
            code = _run(options, port, base, screen, started)
    except KeyboardInterrupt:
        screen.say("stopped")
        code = 130
    except (DemoError, LocalStackError) as error:
        screen.problem(str(error))
        screen.say(f"The logs are in {base / 'logs'}")
        code = 1
    except Exception:
        screen.crash()
        screen.say(f"The logs are in {base / 'logs'}")
        code = 1
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if code != 1:
        _remove(base)
    return code


def _run(options: DemoOptions, port: int, base: Path, screen: Screen, started: float) -> int:
    # its own servers always: the demo throws tables away, and that must never happen to a database of somebody else
    env = {name: value for name, value in os.environ.items() if name not in OWN_SERVERS}
    cast = cast_from_seed(options.seed)
    with screen.stage("Start PostgreSQL, Redis and a chain") as told:
        system = start_system(base, cast, TERMS, port, env)
        told.append(f"in {base}")
    with system:
        play = Play(system, screen, options.seed, options.viewers, started)
        for title, act in story.prologue() + story.main_part():
            with screen.stage(title) as told:
                told.append(act(play))
        with screen.stage("Read the books from the chain, index it again") as told:
            outcome = story.close_books(play)
            told.append(f"{len(broken(outcome))} laws broken")
        screen.report(outcome)
        if options.as_json:
            print(json.dumps(outcome.as_json()), flush=True)
        if not options.once:
            _serve_on(play)
    return 1 if broken(outcome) else 0


def _serve_on(play: Play) -> None:
    """Keep everything running, with a few viewers, until Ctrl-C."""
    story.reopen(play)
    play.traffic = Traffic(
        play.system.url, spots(play.placements), play.cast.token_key, play.seed + 1, QUIET_VIEWERS
    )
    play.traffic.start()
    play.screen.say(f"\nLive at [bold]{play.system.url}[/] (API: {play.system.url}/docs). Ctrl-C stops everything.")
    try:
        while True:
            play.check()
            time.sleep(CHECK_SECONDS)
    except KeyboardInterrupt:
        play.screen.say("stopping …")


def _clean(home: Path) -> None:
    """Remove what earlier runs left behind, but not what is running."""
    if home.is_dir():
        for folder in home.iterdir():
            _remove(folder)


def _remove(base: Path) -> None:
    try:
        remove_data(base)
    except StackAlreadyRunning:
        return
    shutil.rmtree(base, ignore_errors=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
