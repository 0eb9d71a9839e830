"""The audit log and notices over HTTP: whom they belong to, and what they tell (L46, L67)."""

from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.core import acting
from backend.core.audit_chain import GENESIS, Entry, Head, follow
from backend.db.audit import record
from backend.db.notices import notify

OTHER = "0x" + "bb" * 20


@pytest.fixture
def wallets(wallet: Any) -> Any:
    return lambda role: wallet(role).address


def act(engine: Engine, account: str, many: int = 1) -> None:
    """Something that was done for an account."""
    who = acting.begin("test-request-1")
    who.actor = who.account = account
    with engine.begin() as connection:
        for n in range(many):
            record(connection, "thing.make", f"thing:{n}", n=n)


@pytest.fixture
async def auditor(accounts_app: FastAPI, sign_in: Any, engine: Engine, wallets: Any) -> httpx.AsyncClient:
    with engine.begin() as connection:
        connection.execute(
            text("insert into platform_role (wallet, role, granted_by) values (:wallet, 'auditor', :wallet)"),
            {"wallet": wallets("auditor")},
        )
    client: httpx.AsyncClient = await sign_in(accounts_app, "auditor")
    return client


async def test_audit__auditor__can_check_the_chain_by_what_it_reads(
    auditor: httpx.AsyncClient, engine: Engine
) -> None:
    """L67."""
    act(engine, OTHER, 3)
    entries: list[Entry] = []
    after = 0
    while True:
        page = (await auditor.get("/v1/audit", params={"after": after, "limit": 2})).json()
        entries += [
            Entry(one["sequence"], one["hash"], one["entry"], one["actor"], one["account"], one["action"],
                  one["subject"], one["details"], datetime.fromisoformat(one["at"]))
            for one in page["items"]
        ]
        if page["next_after"] is None:
            break
        after = page["next_after"]
    head = (await auditor.get("/v1/audit/head")).json()
    assert str(list(follow(entries, Head(0, GENESIS)))[-1]) == head["head"]
    assert head["sequence"] == len(entries)


async def test_audit__filters__narrow(auditor: httpx.AsyncClient, engine: Engine) -> None:
    act(engine, OTHER, 2)
    for params, many in (
        ({"account": OTHER.upper().replace("0X", "0x")}, 2), ({"account": OTHER, "subject": "thing:1"}, 1),
        ({"actor": OTHER, "action": "thing."}, 2), ({"action": "nothing.make"}, 0),
    ):
        assert len((await auditor.get("/v1/audit", params=params)).json()["items"]) == many


async def test_audit__others__read_their_own_only(
    advertiser: httpx.AsyncClient, browse: httpx.AsyncClient, engine: Engine, wallets: Any
) -> None:
    """L46."""
    act(engine, OTHER)
    act(engine, wallets("advertiser"), 2)
    assert (await advertiser.get("/v1/audit")).json()["code"] == "not_permitted"
    mine = (await advertiser.get("/v1/audit/mine", params={"action": "thing."})).json()["items"]
    assert [(one["account"], one["subject"]) for one in mine] == [
        (wallets("advertiser"), "thing:0"), (wallets("advertiser"), "thing:1"),
    ]
    for path in ("/v1/audit", "/v1/audit/mine", "/v1/notices", "/v1/webhooks"):
        assert (await browse.get(path)).status_code == 401
    assert (await browse.get("/v1/audit/head")).status_code == 200


async def test_notices__are_read_once_and_by_their_account_only(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient, engine: Engine, wallets: Any
) -> None:
    """L46."""
    with engine.begin() as connection:
        for n in range(3):
            notify(connection, wallets("advertiser"), "creative.rejected", n=n)
    page = (await advertiser.get("/v1/notices", params={"limit": 2})).json()
    assert (page["unread"], [one["content"] for one in page["items"]]) == (3, [{"n": 0}, {"n": 1}])
    first = page["items"][0]["id"]
    assert (await stranger.post(f"/v1/notices/{first}/read")).json()["code"] == "notice_unknown"
    assert (await stranger.post("/v1/notices/read", json={"up_to": first + 9})).json() == {"marked": 0}
    for _ in range(2):
        assert (await advertiser.post(f"/v1/notices/{first}/read")).status_code == 204
    unread = (await advertiser.get("/v1/notices", params={"unread": True})).json()
    assert [one["content"]["n"] for one in unread["items"]] == [1, 2]
    up_to = {"up_to": unread["items"][0]["id"]}
    assert (await advertiser.post("/v1/notices/read", json=up_to)).json() == {"marked": 1}
    rest = (await advertiser.get("/v1/notices", params={"after": page["next_after"]})).json()
    assert (rest["unread"], len(rest["items"]), rest["items"][0]["read_at"]) == (1, 1, None)


async def test_notices__auditor__marks_nothing(auditor: httpx.AsyncClient) -> None:
    assert (await auditor.post("/v1/notices/read", json={"up_to": 1})).json()["code"] == "not_permitted"
