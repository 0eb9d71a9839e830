"""The local stack on the real programs: it starts, tells, survives, and leaves nothing behind (L47)."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from backend.local import (
    LocalStackError,
    ServerDied,
    Stack,
    StackAlreadyRunning,
    find_browser,
    fund,
    remove_data,
    rpc,
    running_stack,
    spawn_child,
    stack,
    start_stack,
)
from backend.local.lock import LOCK, redacted
from backend.local.ports import LOOPBACK, PORTS, free_port
from backend.local.postgres import POINTER, ROOTS_HOME, psycopg_url
from backend.local.programs import find_anvil, find_postgres, find_redis

ROOT = Path(__file__).parents[2]
ENV = {"PATH": os.environ.get("PATH", "")}
STRANGER = "0x00000000000000000000000000000000000000aa"
POSTGRES, REDIS, ANVIL = frozenset({"postgres"}), frozenset({"redis"}), frozenset({"anvil"})

# Starts a stack and a process of ours, says so, and works until it is ended from outside.
STARTER = """
import sys
from pathlib import Path
from backend.local import spawn_child, start_stack
base, path = Path(sys.argv[1]), sys.argv[2]
stack = start_stack(base, env={"PATH": path})
spawn_child([sys.executable, "-c", "import time; time.sleep(600)"], env={"PATH": path}, log_path=base / "worker.log")
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder for a stack, where every user of the machine may pass."""
    folder = Path(tempfile.mkdtemp(prefix="sightline-stack-"))
    folder.chmod(0o755)
    yield folder / "data"
    remove_data(folder / "data")
    shutil.rmtree(folder)


@pytest.fixture
def starter(base: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds a stack on `base`."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(base), ENV["PATH"]],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.communicate()


def eventually(holds: Callable[[], bool], seconds_max: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds_max
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def descendants(pid: int) -> set[int]:
    """All processes below `pid`, PostgreSQL's own workers and our reapers included."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in listed.splitlines())}
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in found | {pid}} - found:
        found |= more
    return found


def living(pids: set[int]) -> set[int]:
    """Those that still run; one that is dead and waits to be collected by init does not."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split() for line in listed.splitlines())
    return {pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")}


def query(database_url: str, statement: str) -> object:
    with psycopg.connect(psycopg_url(database_url)) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def leave_marks(running: Stack) -> None:
    query(running.database_url, "CREATE TABLE mark AS SELECT 7 AS number")
    with redis.Redis.from_url(running.redis_url) as client:
        client.set("mark", "7")
    fund(running.rpc_url, STRANGER, 7)


def read_marks(running: Stack) -> tuple[object, object, object]:
    with redis.Redis.from_url(running.redis_url) as client:
        key = client.get("mark")
    balance = rpc(running.rpc_url, "eth_getBalance", STRANGER, "latest")
    return query(running.database_url, "SELECT number FROM mark"), key, balance


def test_start_stack__stopped_and_started_again__data_is_kept(base: Path) -> None:
    with start_stack(base, env=ENV) as first:
        leave_marks(first)
        pids = {child.pid for child in first.children.values()}
    assert not living(pids)
    assert running_stack(base) is None
    with start_stack(base, env=ENV) as second:
        assert read_marks(second) == (7, b"7", "0x7")


def test_start_stack__new__everything_is_real_and_private(base: Path) -> None:
    with start_stack(base, env=ENV, chain_id=1337) as running:
        assert str(query(running.database_url, "SHOW server_version")).startswith("18.")
        assert query(running.database_url, "SHOW fsync") == "on"
        assert query(running.database_url, "SHOW listen_addresses") == "127.0.0.1"
        with redis.Redis.from_url(running.redis_url) as client:
            durable = client.config_get("append*")
            assert (durable["appendonly"], durable["appendfsync"]) == ("yes", "always")
            assert client.config_get("bind")["bind"] == "127.0.0.1"
        assert rpc(running.rpc_url, "eth_chainId") == hex(1337)
        assert rpc(running.rpc_url, "eth_accounts") == []


def test_start_stack__already_running__says_where_and_starts_nothing(base: Path) -> None:
    with start_stack(base, env=ENV) as running:
        with pytest.raises(StackAlreadyRunning) as refused:
            start_stack(base, env=ENV)
        assert refused.value.info == running.info == running_stack(base)
        for part in (running.database_url, running.redis_url, running.rpc_url, f"pid {os.getpid()}"):
            assert part in str(refused.value)
        with pytest.raises(StackAlreadyRunning):
            remove_data(base)
        assert query(running.database_url, "SELECT 1") == 1


def test_start_stack__several_at_once__one_wins(base: Path) -> None:
    won: list[Stack] = []
    refused: list[StackAlreadyRunning] = []

    def start() -> None:
        try:
            won.append(start_stack(base, need=REDIS, env=ENV))
        except StackAlreadyRunning as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 3)
    won[0].stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_starter__ended_by_signal__no_process_is_left(
    base: Path, starter: "subprocess.Popen[str]", number: signal.Signals
) -> None:
    info = running_stack(base)
    assert info
    pids = descendants(starter.pid)
    assert len(pids) > len(info.processes) + 2  # the servers, a worker, two reapers, PostgreSQL's own processes
    starter.send_signal(number)
    starter.communicate()
    assert eventually(lambda: not living(pids)), living(pids)
    assert running_stack(base) is None


def test_starter__killed__started_again_at_once_on_the_same_data(base: Path, starter: "subprocess.Popen[str]") -> None:
    info = running_stack(base)
    assert info
    with psycopg.connect(psycopg_url(info.database_url)) as session:  # a session that would delay a polite shutdown
        session.execute("CREATE TABLE mark AS SELECT 7 AS number")
        session.commit()
        with redis.Redis.from_url(info.redis_url) as client:
            client.set("mark", "7")
        fund(info.rpc_url, STRANGER, 7)
        starter.kill()
        starter.communicate()
        with start_stack(base, env=ENV) as running:
            assert read_marks(running) == (7, b"7", "0x7")


def test_servers__killed__what_they_acknowledged_is_there_again(base: Path) -> None:
    with start_stack(base, need=POSTGRES | REDIS, env=ENV) as running:
        query(running.database_url, "CREATE TABLE mark AS SELECT 7 AS number")
        with redis.Redis.from_url(running.redis_url) as client:
            client.set("mark", "7")
        for child in running.children.values():
            child.kill()
            child.wait(10)
    with start_stack(base, need=POSTGRES | REDIS, env=ENV) as running:
        assert query(running.database_url, "SELECT number FROM mark") == 7
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.get("mark") == b"7"


def test_stack__server_dies__its_log_is_shown(base: Path) -> None:
    with start_stack(base, need=REDIS, env=ENV) as running:
        running.raise_if_dead()
        with redis.Redis.from_url(running.redis_url) as client:
            client.shutdown(nosave=True)
        running.children["redis-server"].wait(10)
        with pytest.raises(ServerDied, match=r"redis-server ended with exit code 0(.|\n)*ready to exit"):
            running.raise_if_dead()


def test_start_stack__last_server_fails__the_others_are_stopped(base: Path) -> None:
    (base / "anvil").mkdir(parents=True)
    (base / "anvil" / "state.json").write_text('{"block": {')
    before = descendants(os.getpid())
    with pytest.raises(LocalStackError, match=r"was cut short and cannot be read\. Move the folder .* away"):
        start_stack(base, env=ENV)
    assert eventually(lambda: not living(descendants(os.getpid()) - before))
    assert running_stack(base) is None


def test_start_stack__urls_in_the_environment__nothing_is_started(base: Path) -> None:
    with start_stack(base, env=ENV, chain_id=5) as running:
        urls = {"DATABASE_URL": running.database_url, "REDIS_URL": running.redis_url, "RPC_URL": running.rpc_url}
        with start_stack(base.parent / "other", env=urls) as other:
            assert other.children == {}
            assert (other.database_url, other.redis_url, other.rpc_url) == tuple(urls.values())
            assert other.chain_id == 5
        plain = psycopg_url(running.database_url)
        with start_stack(base.parent / "other", need=POSTGRES, env={"DATABASE_URL": plain}) as other:
            assert other.database_url == running.database_url
        assert query(running.database_url, "SELECT 1") == 1


@pytest.mark.parametrize(
    ("part", "variable", "url"),
    [
        ("postgres", "DATABASE_URL", "postgresql://advertiser:secret@127.0.0.1:9/sightline"),
        ("postgres", "DATABASE_URL", "sqlite:///sightline.db"),
        ("redis", "REDIS_URL", "redis://:secret@127.0.0.1:9/0"),
        ("redis", "REDIS_URL", "127.0.0.1:6379"),
        ("anvil", "RPC_URL", "http://127.0.0.1:9"),
        ("anvil", "RPC_URL", "nonsense"),
    ],
)
def test_start_stack__url_does_not_answer__says_which_and_keeps_the_password(
    base: Path, part: str, variable: str, url: str
) -> None:
    with pytest.raises(LocalStackError, match=f"{variable} is set to .*unset it to have one started") as refused:
        start_stack(base, need=frozenset({part}), env={variable: url})
    assert "secret" not in str(refused.value)
    assert running_stack(base) is None


def test_redacted__secrets_in_a_url__left_out() -> None:
    assert redacted("redis://user:p%40ss@host:1/0") == "redis://user@host:1/0"
    assert redacted("postgresql://host/sightline?password=secret") == "postgresql://host/sightline"
    assert redacted("https://rpc.example/v3/secret") == "https://rpc.example"
    assert redacted("redis://host:1/0") == "redis://host:1/0"


def test_programs__missing__each_message_has_the_fix(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"PostgreSQL is missing: run `uv sync`.*DATABASE_URL"):
        find_postgres(tmp_path)
    with pytest.raises(LocalStackError, match=r"redis-server is missing: .*apt install redis-server.*REDIS_URL"):
        find_redis(str(tmp_path), None)
    with pytest.raises(LocalStackError, match=r"anvil is missing: run `npm ci`.*RPC_URL"):
        find_anvil(str(tmp_path), [tmp_path])
    with pytest.raises(LocalStackError, match=r"apt install chromium.*CHROME_PATH"):
        find_browser({"PATH": str(tmp_path)})
    with pytest.raises(LocalStackError, match=r"CHROME_PATH is /nowhere, which is no executable"):
        find_browser({"CHROME_PATH": "/nowhere"})


def test_programs__on_path__found(tmp_path: Path) -> None:
    for name in ("redis-server", "anvil", "chromium"):
        (tmp_path / name).touch(mode=0o755)
    assert find_redis(str(tmp_path), None) == tmp_path / "redis-server"
    assert find_anvil(str(tmp_path), []) == tmp_path / "anvil"
    assert find_browser({"PATH": str(tmp_path)}) == tmp_path / "chromium"
    assert find_browser({"CHROME_PATH": str(tmp_path / "chromium")}) == tmp_path / "chromium"


def test_start_stack__disk_nearly_full__refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "FREE_BYTES_MIN", 1 << 62)
    with pytest.raises(LocalStackError, match=r"Only \d+ MB are free .*: free some space"):
        start_stack(base, need=REDIS, env=ENV)


def test_start_stack__folder_is_a_file__refused(base: Path) -> None:
    base.write_text("")
    with pytest.raises(LocalStackError, match=r"cannot be created .*: choose a folder"):
        start_stack(base, need=REDIS, env=ENV)
    base.unlink()


def test_start_stack__unknown_server__refused(base: Path) -> None:
    with pytest.raises(LocalStackError, match=r"Unknown servers \['oracle'\]"):
        start_stack(base, need=frozenset({"oracle"}), env=ENV)
    assert not base.exists()


def test_start_stack__anvil_refuses_an_argument__its_own_words_are_shown(base: Path) -> None:
    with pytest.raises(ServerDied, match=r"anvil ended with exit code 2(.|\n)*--no-such-option"):
        start_stack(base, need=ANVIL, env=ENV, anvil_args=["--no-such-option"])


def test_start_stack__data_of_another_postgres__refused(base: Path) -> None:
    with start_stack(base, need=POSTGRES, env=ENV, fast_unsafe=True):
        pass
    (base / "postgres" / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(LocalStackError, match=r"belongs to PostgreSQL 15, the server is 18: move the folder away"):
        start_stack(base, need=POSTGRES, env=ENV)


def test_start_stack__pid_file_names_a_foreign_process__started(base: Path) -> None:
    with start_stack(base, need=POSTGRES, env=ENV, fast_unsafe=True) as running:
        pid_file = base / "postgres" / "data" / "postmaster.pid"
        content = pid_file.read_text().splitlines()
        running.children["postgres"].kill()
        running.children["postgres"].wait(10)
    pid_file.write_text("\n".join([str(os.getpid()), *content[1:]]) + "\n")
    with start_stack(base, need=POSTGRES, env=ENV, fast_unsafe=True) as running:
        assert query(running.database_url, "SELECT 1") == 1


def test_running_stack__nothing_or_garbage__none(base: Path) -> None:
    assert running_stack(base) is None
    base.mkdir()
    (base / LOCK).touch()
    (base / "stack.json").write_text(json.dumps({"pid": os.getpid()}))
    assert running_stack(base) is None
    (base / "stack.json").write_text("{")
    assert running_stack(base) is None


def test_remove_data__foreign_files_in_the_folder__stay(base: Path) -> None:
    with start_stack(base, need=REDIS, env=ENV):
        (base / "bundles").mkdir()
    remove_data(base)
    assert [path.name for path in base.iterdir()] == ["bundles"]
    (base / "bundles").rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must not be PostgreSQL's user")
def test_start_stack__root_with_a_closed_folder__data_is_outside_and_kept(base: Path) -> None:
    base.parent.chmod(0o700)
    for _ in range(2):
        with start_stack(base, need=POSTGRES, env=ENV, fast_unsafe=True) as running:
            query(running.database_url, "CREATE TABLE IF NOT EXISTS mark ()")
            home = Path((base / POINTER).read_text().strip())
            assert home.parent == ROOTS_HOME
    remove_data(base)
    assert not home.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must not be PostgreSQL's user")
def test_start_stack__root_and_the_folder_was_deleted__data_outside_is_deleted_too(base: Path) -> None:
    base.parent.chmod(0o700)
    with start_stack(base, need=POSTGRES, env=ENV, fast_unsafe=True):
        home = Path((base / POINTER).read_text().strip())
    shutil.rmtree(base)
    next_base = base.with_name("next")
    with start_stack(next_base, need=POSTGRES, env=ENV, fast_unsafe=True):
        assert not home.exists()
    remove_data(next_base)


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test runs as an ordinary user already")
def test_start_stack__ordinary_user__started_as_that_user(base: Path) -> None:
    other = base.parent / "other"
    other.mkdir()
    os.chown(other, 1, 1)
    program = """
import os, shutil, sys
from pathlib import Path
from backend.local import start_stack
root, other, path = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
start_stack(root, env={"PATH": path}).stop()  # everything is imported now: root's interpreter may be out of reach below
os.setgroups([]), os.setgid(1), os.setuid(1)
if not os.access(sys.executable, os.X_OK):
    sys.executable = shutil.which("python3", path="/usr/bin:/usr/local/bin")
with start_stack(other / "data", env={"PATH": path}) as running:
    print({Path(f"/proc/{child.pid}").stat().st_uid for child in running.children.values()}, len(running.children))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(base), str(other), ENV["PATH"]],
        capture_output=True,
        cwd=ROOT,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("{1} 3\n", "")


def test_free_port__some_are_taken__another_one_of_those_that_nobody_is_given_by_chance(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((LOOPBACK, free_port())) as taken:
        found = taken.getsockname()[1]
        assert found in PORTS
        monkeypatch.setattr("backend.local.ports.PORTS", range(found, found + 5))
        assert free_port() in range(found + 1, found + 5)
        monkeypatch.setattr("backend.local.ports.PORTS", [found] * 5)
        assert free_port() != found


def test_spawn_child__starter_forked__child_ends_with_the_starter_alone(tmp_path: Path) -> None:
    program = """
import os, sys, time
from pathlib import Path
from backend.local import spawn_child
child = spawn_child(["sleep", "600"], env={"PATH": os.defpath}, log_path=Path(sys.argv[1]))
fork = os.fork()
if fork:
    print(child.pid, fork, flush=True)
time.sleep(600)
"""
    starter = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a.log")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    child, fork = (int(pid) for pid in starter.stdout.readline().split())
    starter.kill()
    starter.wait(10)
    try:
        assert eventually(lambda: not living({child}))
        assert living({fork})
    finally:
        os.kill(fork, signal.SIGKILL)
        starter.stdout.close()


def test_child__ends__exit_code_and_log(tmp_path: Path) -> None:
    child = spawn_child(["sh", "-c", "echo $GREETING; exit 3"], env={"GREETING": "hello"}, log_path=tmp_path / "a.log")
    assert child.wait(10) == child.exit_code == 3
    assert not child.alive
    assert child.log_tail() == "hello"
    with pytest.raises(ServerDied, match=r"sh ended with exit code 3\. The end of .*a\.log:\nhello"):
        child.raise_if_dead()
    child.terminate()  # nothing to do
    spawn_child(["true"], env={}, log_path=tmp_path / "a.log").wait(10)
    assert (tmp_path / "a.log.1").read_text() == "hello\n"


def test_child__ignores_the_signal__stopped_by_force(tmp_path: Path) -> None:
    script = "trap '' TERM; echo deaf; while :; do sleep 60; done"
    child = spawn_child(["sh", "-c", script], env={"PATH": os.defpath}, log_path=tmp_path / "a.log")
    assert eventually(lambda: child.log_tail() == "deaf")
    with pytest.raises(TimeoutError, match=r"sh \(pid \d+\) still runs"):
        child.wait(0.01)
    assert child.stop(seconds_max=0.2) == -signal.SIGKILL


def test_spawn_child__no_such_program__says_so(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="nothing cannot be started from /nowhere/nothing"):
        spawn_child(["/nowhere/nothing"], env={}, log_path=tmp_path / "a.log")
