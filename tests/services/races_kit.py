"""Two transactions at once, interleaved as a test says: nothing is left to chance, or to how busy the machine is."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

SECOND = "second at once"
SECONDS_MAX = 60
_WAITS = text("select 1 from pg_stat_activity where application_name = :name and wait_event_type = 'Lock' "
              "and datname = current_database()")

Act = Callable[[Engine], object]


def interleave(engine: Engine, first: Act, second: Act, *, after: str) -> tuple[object, object]:
    """Run `first` up to its first statement with `after` in it, `second` until it ends or waits for a lock, then the
    rest of both. Each is given an engine; told is what each returned, or the error that it raised."""
    ours = create_engine(engine.url)
    theirs = create_engine(engine.url, connect_args={"application_name": SECOND})
    begun: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:

        def meanwhile(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if not begun and after in statement:
                begun.append(pool.submit(_outcome, second, theirs))
                _until_it_waits_or_ends(engine, begun[0])

        event.listen(ours, "after_cursor_execute", meanwhile)
        told = _outcome(first, ours)
        assert begun, f"no statement with {after!r}: {told!r}"
        other = begun[0].result(SECONDS_MAX)
    ours.dispose()
    theirs.dispose()
    return told, other


def _outcome(act: Act, engine: Engine) -> object:
    try:
        return act(engine)
    except Exception as error:      # whatever it is, it is what the test asks for
        return error


def _until_it_waits_or_ends(engine: Engine, running: Future[object]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not wait([running], 0.005).done:
        with engine.connect() as connection:
            if connection.execute(_WAITS, {"name": SECOND}).scalar():
                return
        assert time.monotonic() < deadline, "the second neither ends nor waits"
