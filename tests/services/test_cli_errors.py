"""What an operator reads when a command cannot do its work: one line that says why, and no traceback."""

import sys

import pytest
import redis
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from backend.cli import app, main
from backend.db.engine import make_engine
from backend.ingest.stream import FIELD, POISON_STREAM, STREAM

NOWHERE_SQL, NOWHERE_REDIS = "postgresql+psycopg://app:secret-word@127.0.0.1:1/sightline", "redis://127.0.0.1:1/0"
WALLET = "0x" + "ab" * 20


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["migrate", "--database-url", NOWHERE_SQL], "PostgreSQL: connection failed"),
        (["migrate", "--database-url", "nonsense"], "the database URL is none"),
        (["migrate", "--database-url", "mysql://app@127.0.0.1/sightline"], "the database URL is none"),
        (["grant", WALLET, "admin", "--database-url", NOWHERE_SQL], "PostgreSQL: connection failed"),
        (["audit", "head", "--database-url", NOWHERE_SQL], "PostgreSQL: connection failed"),
        (["events", "poison", "--redis-url", NOWHERE_REDIS], "Redis: Error 111 connecting"),
    ],
)
def test_command__store_is_away__one_line_says_it(
    command: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["sightline", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value.code).startswith(f"sightline: {words}")
    assert "\n" not in str(ended.value.code)
    assert "secret-word" not in str(ended.value.code)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["demo", "--port", "65536"], "'--port'"),
        (["demo", "--viewers", "0"], "'--viewers'"),
        (["up", "--port", "-1"], "'--port'"),
        (["up", "--base", __file__], "is a file"),
    ],
)
def test_command__value_that_cannot_be__is_named_before_anything_starts(command: list[str], words: str) -> None:
    refused = CliRunner().invoke(app, command)
    assert (refused.exit_code, words in refused.stderr) == (2, True), refused.output


def test_up__folder_that_cannot_be_made__one_line_says_it() -> None:
    refused = CliRunner().invoke(app, ["up", "--base", "/proc/nothing-is-made-here"])
    assert refused.exit_code == 1
    assert "nothing can be kept in" in refused.stderr


def test_command__database_without_tables__names_the_command_that_makes_them(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = make_url(str(engine.url)).set(database="postgres").render_as_string(hide_password=False)
    monkeypatch.setattr(sys, "argv", ["sightline", "audit", "head", "--database-url", bare])
    with pytest.raises(SystemExit) as ended:
        main()
    assert "sightline migrate" in str(ended.value.code)


def test_make_engine__url_as_other_tools_write_it__opens_it(engine: Engine) -> None:
    plain = engine.url.render_as_string(hide_password=False).replace("postgresql+psycopg://", "postgres://")
    ours = make_engine(plain, pool_size=1)
    with ours.connect() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1
    ours.dispose()


def poison(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["events", "poison", "--redis-url", url, *arguments])


def test_events_poison__more_than_a_page__all_are_listed_and_put_back(
    redis_client: redis.Redis, redis_url: str
) -> None:
    """L81."""
    pipe = redis_client.pipeline()
    for n in range(1, 1_202):
        pipe.xadd(POISON_STREAM, {"id": f"{n}-0", "reason": "why", FIELD: b"x"}, id=f"{n}-0")
    pipe.execute()
    assert poison(redis_url).stdout.count("why") == 1_201
    assert poison(redis_url, "--discard", "7-0").stdout == "events: 7-0 is forgotten\n"
    assert poison(redis_url, "--replay", "all").stdout == "events: 1200 entries are in the stream again\n"
    assert (redis_client.xlen(POISON_STREAM), redis_client.xlen(STREAM)) == (0, 1_200)
    redis_client.delete(STREAM)


@pytest.mark.parametrize("arguments", [["--show", "7-0"], ["--replay", "nonsense"], ["--discard", "99" * 20 + "-1"]])
def test_events_poison__entry_that_is_none__says_so(redis_url: str, arguments: list[str]) -> None:
    found = poison(redis_url, *arguments)
    assert (found.exit_code, found.stderr) == (1, f"events: no entry {arguments[1]} is set aside\n")


@pytest.mark.parametrize("arguments", [["--show", "1-0", "--discard", "1-0"], ["--redis-url", "nonsense"]])
def test_events_poison__arguments_that_make_no_sense__are_refused(redis_url: str, arguments: list[str]) -> None:
    assert poison(redis_url, *arguments).exit_code == 2
