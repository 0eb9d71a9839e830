"""A copy of everything about an account: all of it, nobody else's, by a link for a day, whatever is killed (L65).

POST /v1/privacy/exports
├── while one is waiting                → 409 export_waiting
├── same Idempotency-Key                → the same export
└── then a worker gathers it
    ├── every table of accounts         → is in it, opened, without secrets
    ├── killed at any table             → goes on, and gives the same archive
    └── two workers                     → one makes it
GET …/download
├── signed, within a day                → the archive, without a session
├── anything changed                    → 403 link_invalid
├── older than a day                    → 403 link_expired
└── after seven days, after an erasure  → 404 export_gone, no file is left
"""

import csv
import hashlib
import io
import json
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Engine, text

from backend.config import Settings
from backend.core.ids import Address
from backend.privacy.export.archive import cell
from backend.privacy.export.service import ExportMaker
from backend.privacy.export.store import ExportFiles
from backend.privacy.holdings import BY_TABLE, exported

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from privacy_kit import fill, small_app

SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]
DAY = 86_400


@pytest.fixture
def app(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_settings: Callable[..., Settings], tmp_path: Path
) -> FastAPI:
    return small_app(make_settings(fresh_engine, redis_client, tmp_path), fresh_engine, clock)


@pytest.fixture
def files(tmp_path: Path) -> ExportFiles:
    return ExportFiles(tmp_path / "exports")


@pytest.fixture
def maker(app: FastAPI, fresh_engine: Engine, files: ExportFiles, clock: Any) -> ExportMaker:
    return ExportMaker(fresh_engine, files, clock)


@pytest.fixture
def mine(app: FastAPI, fresh_engine: Engine, wallet: Any) -> dict[str, dict[str, Any]]:
    """Rows of the advertiser in every table, and as many of a stranger."""
    with fresh_engine.begin() as connection:
        fill(connection, Address(wallet("stranger").address), "Foreign", 8)
        return fill(connection, Address(wallet("advertiser").address), "Marked", 7)


async def asked(client: httpx.AsyncClient) -> int:
    answer = await client.post("/v1/privacy/exports")
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "waiting"
    assert answer.json()["download_url"] is None
    return int(answer.json()["id"])


async def fetched(client: httpx.AsyncClient, export: int) -> zipfile.ZipFile:
    link = (await client.get(f"/v1/privacy/exports/{export}")).json()["download_url"]
    answer = await client.get(link, headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/zip"
    return zipfile.ZipFile(io.BytesIO(answer.content))


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.usefixtures("mine")
async def test_export__rows_in_every_table__has_all_of_them_and_nobody_elses(
    app: FastAPI, maker: ExportMaker, sign_in: SignIn
) -> None:
    """Every table that the list of holdings names is gathered, through whatever it belongs to the account."""
    client = await sign_in(app, "advertiser")
    export = await asked(client)
    assert maker.step()
    assert not maker.step()
    archive = await fetched(client, export)
    content = archive.read("export.json").decode()
    tables = json.loads(content)
    assert list(tables) == [holding.table for holding in exported()]
    assert {table for table, rows in tables.items() if not rows} == {"erasure"}
    assert "Foreign" not in content
    for table, rows in tables.items():
        hidden = set(BY_TABLE[table].hidden)
        assert not [row for row in rows if hidden & set(row)]
    assert [row["name"] for row in tables["organisation"]] == ["Marked organisation.name"]
    assert "sealed1." not in content
    assert all(mark in content for mark in ("Marked world.url", "Marked campaign_terms.document"))


@pytest.mark.usefixtures("mine")
async def test_export__csv_files__have_the_same_rows(app: FastAPI, maker: ExportMaker, sign_in: SignIn) -> None:
    client = await sign_in(app, "advertiser")
    export = await asked(client)
    maker.step()
    archive = await fetched(client, export)
    assert archive.testzip() is None
    tables = json.loads(archive.read("export.json"))
    for table, rows in tables.items():
        lines = list(csv.DictReader(io.StringIO(archive.read(f"csv/{table}.csv").decode())))
        assert lines == [{name: cell(value) for name, value in row.items()} for row in rows]
    notes = archive.read("README.txt").decode()
    assert all(holding.what in notes for holding in exported())


@pytest.mark.usefixtures("mine")
async def test_export__answer__names_length_and_hash_of_the_file(
    app: FastAPI, maker: ExportMaker, files: ExportFiles, sign_in: SignIn
) -> None:
    client = await sign_in(app, "advertiser")
    export = await asked(client)
    maker.step()
    shown = (await client.get("/v1/privacy/exports")).json()["items"][-1]
    path = files.path(export)
    assert path is not None
    raw = path.read_bytes()
    assert (shown["id"], shown["status"], shown["bytes"]) == (export, "ready", len(raw))
    assert shown["sha256"] == hashlib.sha256(raw).hexdigest()
    assert shown["download_expires_at"] == "2026-11-03T10:00:00Z"


async def test_export__while_one_is_waiting__is_a_conflict(
    app: FastAPI, maker: ExportMaker, sign_in: SignIn
) -> None:
    client = await sign_in(app, "advertiser")
    await asked(client)
    assert refusal(await client.post("/v1/privacy/exports")) == (409, "export_waiting")
    maker.step()
    await asked(client)


async def test_export__same_idempotency_key__is_the_same_export(app: FastAPI, sign_in: SignIn) -> None:
    client = await sign_in(app, "advertiser")
    answers = [await client.post("/v1/privacy/exports", headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()


async def test_export__of_another_account__is_unknown(app: FastAPI, sign_in: SignIn) -> None:
    client, stranger = await sign_in(app, "advertiser"), await sign_in(app, "stranger")
    export = await asked(client)
    assert refusal(await stranger.get(f"/v1/privacy/exports/{export}")) == (404, "export_unknown")
    assert (await stranger.get("/v1/privacy/exports")).json()["items"] == []
    client.headers.pop("Authorization")
    assert refusal(await client.post("/v1/privacy/exports")) == (401, "not_signed_in")


# --- killed ---------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from backend.db import sealed
from backend.db.engine import make_engine
from backend.privacy.export.service import ExportMaker
from backend.privacy.export.store import ExportFiles
from backend.privacy.export import store

url, folder, master, victim = sys.argv[1:]
sealed.unlock(bytes.fromhex(master))

class Killed(ExportFiles):
    def write_part(self, export, table, rows):
        if table == victim:
            rows = self.dying(rows)
        super().write_part(export, table, rows)

    def dying(self, rows):
        yield from rows
        os.kill(os.getpid(), signal.SIGKILL)

    def write_archive(self, *arguments):
        done = super().write_archive(*arguments)
        if victim == "archive":
            os.kill(os.getpid(), signal.SIGKILL)
        return done

ExportMaker(make_engine(url), Killed(Path(folder))).step()
"""


@pytest.mark.usefixtures("mine")
async def test_export__killed_and_killed_again__goes_on_where_it_was(
    app: FastAPI, maker: ExportMaker, files: ExportFiles, sign_in: SignIn, fresh_engine: Engine, tmp_path: Path
) -> None:
    """At the first table, in the middle, and between the file and its row: nothing is lost, nothing is there twice."""
    client = await sign_in(app, "advertiser")
    master = hashlib.sha256(b"sightline local master key" + bytes.fromhex("5a" * 32)).hexdigest()
    url = fresh_engine.url.render_as_string(hide_password=False)
    export = await asked(client)
    for victim in ("member", "campaign", "archive"):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, url, str(tmp_path / "exports"), master, victim], check=False,
            capture_output=True,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert (await client.get(f"/v1/privacy/exports/{export}")).json()["status"] == "waiting"
        assert files.has_part(export, "invitation") == (victim == "campaign")
    assert maker.step()
    archive = await fetched(client, export)
    tables = json.loads(archive.read("export.json"))
    assert {table for table, rows in tables.items() if not rows} == {"erasure"}
    assert len(tables["campaign"]) == 1
    assert [path.name for path in (tmp_path / "exports").iterdir()] == [f"{export}.zip"]


@pytest.mark.usefixtures("mine")
async def test_export__two_workers__one_makes_it(
    app: FastAPI, maker: ExportMaker, sign_in: SignIn
) -> None:
    client = await sign_in(app, "advertiser")
    await asked(client)
    made: list[bool] = []
    workers = [threading.Thread(target=lambda: made.append(maker.step())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(made) == [False, False, False, True]


# --- the link -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def link(app: FastAPI, maker: ExportMaker, sign_in: SignIn) -> str:
    """Of an export that is ready."""
    client = await sign_in(app, "advertiser")
    export = await asked(client)
    maker.step()
    return str((await client.get(f"/v1/privacy/exports/{export}")).json()["download_url"])


@pytest.fixture
async def anybody(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")


async def test_download__anything_changed__is_no_link_of_ours(link: str, anybody: httpx.AsyncClient) -> None:
    assert (await anybody.get(link)).status_code == 200
    url = httpx.URL(link)
    signature, expires = url.params["signature"], int(url.params["expires"])
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    for changed in (
        url.copy_merge_params({"signature": other}),
        url.copy_merge_params({"expires": str(expires + 1)}),
        url.copy_with(path=url.path.replace("/exports/", "/exports/1")),
    ):
        assert refusal(await anybody.get(changed)) == (403, "link_invalid")
    for malformed in ({"signature": "A"}, {"expires": "soon"}):
        assert refusal(await anybody.get(url.copy_merge_params(malformed))) == (422, "invalid_request")


async def test_download__after_a_day__is_expired(link: str, anybody: httpx.AsyncClient, clock: Any) -> None:
    clock.advance(DAY - 1)
    assert (await anybody.get(link)).status_code == 200
    clock.advance(1)
    assert refusal(await anybody.get(link)) == (403, "link_expired")


async def test_sweep__after_seven_days__no_file_is_left(
    app: FastAPI, maker: ExportMaker, clock: Any, sign_in: SignIn, link: str, anybody: httpx.AsyncClient,
    tmp_path: Path,
) -> None:
    """L66"""
    clock.advance(7 * DAY - 60)
    maker.sweep()
    assert len(list((tmp_path / "exports").iterdir())) == 1
    clock.advance(61)
    maker.sweep()
    assert list((tmp_path / "exports").iterdir()) == []
    assert refusal(await anybody.get(link))[0] == 403


async def test_sweep__files_of_nobody__are_deleted(
    maker: ExportMaker, link: str, tmp_path: Path, fresh_engine: Engine
) -> None:
    """L66: what a killed worker or an erased account has left."""
    folder = tmp_path / "exports"
    (folder / "77.parts").mkdir()
    (folder / "78.zip").write_bytes(b"x")
    (folder / "notes").write_bytes(b"x")
    maker.sweep()
    assert [path.suffix for path in folder.iterdir()] == [".zip"]
    with fresh_engine.begin() as connection:
        connection.execute(text("update privacy_export set status = 'deleted'"))
    maker.sweep()
    assert list(folder.iterdir()) == []


@pytest.fixture(autouse=True)
def closed(fresh_engine: Engine) -> Iterator[None]:
    """Connections of threads end with the test."""
    yield
    fresh_engine.dispose()
