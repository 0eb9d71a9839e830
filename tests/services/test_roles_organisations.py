"""Organisations over HTTP: who may act for an account, who joins and who goes; and the operator's own people (L49)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import Context
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from backend.cli import app as command_line

ORIGIN = "http://127.0.0.1:8000"
SignIn = Callable[..., Awaitable[httpx.AsyncClient]]
CAMPAIGN = {"name": "Autumn launch", "category": "games"}
WORLD = {"name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/"}
BOTH = ["advertiser", "publisher"]
DENIED, FOREIGN = (403, "not_permitted"), (403, "not_a_member")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def owner(accounts_app: FastAPI, sign_in: SignIn) -> httpx.AsyncClient:
    """The wallet of an organisation on both sides."""
    client = await sign_in(accounts_app, "owner")
    assert (await client.put("/v1/organisation", json={"name": "Harbour", "sides": BOTH})).status_code == 200
    return client


@pytest.fixture
def account(wallet: Any) -> str:
    """Of the organisation."""
    return str(wallet("owner").address)


Join = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
def join(accounts_app: FastAPI, sign_in: SignIn, owner: httpx.AsyncClient, wallet: Any, account: str) -> Join:
    """Makes a wallet a member, acting for the organisation."""

    async def member(name: str, role: str) -> httpx.AsyncClient:
        client = await sign_in(accounts_app, name)
        sent = await owner.post("/v1/organisation/invitations", json={"wallet": wallet(name).address, "role": role})
        answer = await client.post(f"/v1/invitations/{sent.json()['id']}/accept")
        assert answer.status_code == 200, answer.text
        client.headers["Sightline-Account"] = account
        return client

    return member


async def members(client: httpx.AsyncClient) -> dict[str, str]:
    return {item["wallet"]: item["role"] for item in (await client.get("/v1/organisation/members")).json()["items"]}


# --- the account of a wallet --------------------------------------------------------------------------------------


async def test_personal_account__of_every_wallet__is_there_by_itself(
    stranger: httpx.AsyncClient, wallet: Any, engine: Engine
) -> None:
    me = wallet("stranger").address
    personal = {"account": me, "name": None, "sides": BOTH}
    assert (await stranger.get("/v1/organisation")).json() == personal
    assert (await stranger.get("/v1/accounts")).json() == {"items": [personal | {"role": "owner"}]}
    assert await members(stranger) == {me: "owner"}
    assert (await stranger.post("/v1/campaigns", json=CAMPAIGN)).status_code == 201
    assert (await stranger.post("/v1/worlds", json=WORLD)).status_code == 201
    with engine.begin() as connection:
        assert connection.execute(text("select count(*) from organisation")).scalar() == 0


async def test_personal_account__invites__is_told_to_take_a_name_first(
    stranger: httpx.AsyncClient, wallet: Any
) -> None:
    body = {"wallet": wallet("manager").address, "role": "manager"}
    assert refusal(await stranger.post("/v1/organisation/invitations", json=body)) == (409, "no_organisation")
    assert refusal(await stranger.post("/v1/organisation/leave")) == (404, "member_unknown")


async def test_describe__one_side_only__closes_the_other(owner: httpx.AsyncClient, account: str) -> None:
    answer = await owner.put("/v1/organisation", json={"name": "Studio", "sides": ["publisher", "publisher"]})
    assert answer.json() == {"account": account, "name": "Studio", "sides": ["publisher"]}
    assert refusal(await owner.post("/v1/campaigns", json=CAMPAIGN)) == DENIED
    assert (await owner.post("/v1/worlds", json=WORLD)).status_code == 201
    assert (await owner.put("/v1/organisation", json={"name": "Studio", "sides": BOTH})).status_code == 200
    assert (await owner.post("/v1/campaigns", json=CAMPAIGN)).status_code == 201


@pytest.mark.parametrize("body", [
    {"name": "", "sides": BOTH}, {"name": "x", "sides": []}, {"name": "x", "sides": ["viewer"]}, {"name": "x"},
    {"name": "x", "sides": BOTH, "wallet": "0x" + "11" * 20},
])
async def test_describe__breaks_a_rule__is_refused(stranger: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert refusal(await stranger.put("/v1/organisation", json=body)) == (422, "invalid_request")
    assert (await stranger.get("/v1/organisation")).json()["name"] is None


# --- acting for an organisation -----------------------------------------------------------------------------------


async def test_manager__acts__as_the_account_and_the_log_says_who(join: Join, account: str, wallet: Any,
                                                                  owner: httpx.AsyncClient, engine: Engine) -> None:
    manager = await join("manager", "manager")
    campaign = (await manager.post("/v1/campaigns", json=CAMPAIGN)).json()
    assert campaign["owner"] == account
    assert (await owner.get(f"/v1/campaigns/{campaign['id']}")).json() == campaign
    with engine.begin() as connection:
        who = connection.execute(text("select actor, account from audit_entry where action = 'campaign.create'")).one()
    assert tuple(who) == (wallet("manager").address, account)


async def test_member__without_the_header__acts_for_itself(join: Join, wallet: Any) -> None:
    manager = await join("manager", "manager")
    del manager.headers["Sightline-Account"]
    assert (await manager.post("/v1/campaigns", json=CAMPAIGN)).json()["owner"] == wallet("manager").address


async def test_account_header__in_capitals__is_the_same_account(join: Join, account: str) -> None:
    manager = await join("manager", "manager")
    manager.headers["Sightline-Account"] = "0x" + account[2:].upper()
    assert (await manager.get("/v1/organisation")).json()["account"] == account


@pytest.mark.parametrize("header", ["", "0x", "owner", "0x" + "g" * 40, "0x" + "1" * 41, "*"])
async def test_account_header__no_address__is_refused(stranger: httpx.AsyncClient, header: str) -> None:
    answer = await stranger.get("/v1/campaigns", headers={"Sightline-Account": header})
    assert refusal(answer) == (422, "invalid_request")


async def test_stranger__names_an_account__learns_not_even_whether_it_exists(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, account: str
) -> None:
    """L49."""
    answers = []
    for named in (account, "0x" + "12" * 20):
        for request in (stranger.get, stranger.delete):
            answer = await request("/v1/organisation", headers={"Sightline-Account": named})
            answers.append(answer.status_code)
        answer = await stranger.get("/v1/campaigns", headers={"Sightline-Account": named})
        assert refusal(answer) == FOREIGN
        answers.append(answer.json() | {"request_id": None})
    assert answers[:3] == answers[3:]


async def test_reporter__reads_and__changes_nothing(join: Join, owner: httpx.AsyncClient, wallet: Any) -> None:
    """L49."""
    campaign = (await owner.post("/v1/campaigns", json=CAMPAIGN)).json()
    reporter = await join("reporter", "reporter")
    assert (await reporter.get("/v1/campaigns")).json()["items"] == [campaign]
    path = f"/v1/organisation/members/{wallet('reporter').address}"
    for attempt in (
        reporter.post("/v1/campaigns", json=CAMPAIGN), reporter.post("/v1/worlds", json=WORLD),
        reporter.patch(f"/v1/campaigns/{campaign['id']}", json={"name": "Mine"}),
        reporter.patch(path, json={"role": "owner"}), reporter.put("/v1/organisation", json={"name": "x"}),
        reporter.post("/v1/api-keys", json={"name": "x", "scopes": ["campaigns.write"]}), reporter.get("/v1/api-keys"),
    ):
        assert refusal(await attempt) == DENIED
    assert (await owner.get("/v1/campaigns")).json()["items"] == [campaign]


async def test_manager__makes_itself_owner__is_refused(join: Join, wallet: Any) -> None:
    """L49."""
    manager = await join("manager", "manager")
    path = f"/v1/organisation/members/{wallet('manager').address}"
    assert refusal(await manager.patch(path, json={"role": "owner"})) == DENIED
    body = {"wallet": wallet("stranger").address, "role": "owner"}
    assert refusal(await manager.post("/v1/organisation/invitations", json=body)) == DENIED


# --- invitations --------------------------------------------------------------------------------------------------


async def test_invitation__accepted__makes_a_member_and_is_used_up(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any, account: str
) -> None:
    body = {"wallet": "0x" + wallet("stranger").address[2:].upper(), "role": "reporter"}
    sent = await owner.post("/v1/organisation/invitations", json=body)
    assert sent.status_code == 201
    expected = {
        "id": sent.json()["id"], "account": account, "name": "Harbour", "wallet": wallet("stranger").address,
        "role": "reporter", "invited_by": account, "expires_at": "2026-11-16T10:00:00Z",
    }
    assert sent.json() == expected
    assert (await owner.get("/v1/organisation/invitations")).json() == {"items": [expected]}
    assert (await stranger.get("/v1/invitations")).json() == {"items": [expected]}
    accept = f"/v1/invitations/{expected['id']}/accept"
    assert (await stranger.post(accept)).json() == {
        "account": account, "name": "Harbour", "sides": BOTH, "role": "reporter",
    }
    assert await members(owner) == {account: "owner", wallet("stranger").address: "reporter"}
    assert [item["account"] for item in (await stranger.get("/v1/accounts")).json()["items"]] == [
        wallet("stranger").address, account,
    ]
    assert refusal(await stranger.post(accept)) == (404, "invitation_unknown")
    assert (await owner.get("/v1/organisation/invitations")).json() == {"items": []}
    assert refusal(await owner.post("/v1/organisation/invitations", json=body)) == (409, "already_member")


async def test_invitation__not_accepted__opens_nothing(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any, account: str
) -> None:
    body = {"wallet": wallet("stranger").address, "role": "owner"}
    assert (await owner.post("/v1/organisation/invitations", json=body)).status_code == 201
    answer = await stranger.get("/v1/campaigns", headers={"Sightline-Account": account})
    assert refusal(answer) == FOREIGN


async def test_invitation__of_somebody_else__does_not_exist(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, advertiser: httpx.AsyncClient, wallet: Any
) -> None:
    """L49: neither to take, nor to decline, nor to withdraw."""
    body = {"wallet": wallet("advertiser").address, "role": "owner"}
    number = (await owner.post("/v1/organisation/invitations", json=body)).json()["id"]
    await stranger.put("/v1/organisation", json={"name": "Elsewhere", "sides": BOTH})
    for attempt in (
        stranger.post(f"/v1/invitations/{number}/accept"), stranger.delete(f"/v1/invitations/{number}"),
        stranger.delete(f"/v1/organisation/invitations/{number}"),
    ):
        assert refusal(await attempt) == (404, "invitation_unknown")
    assert (await advertiser.post(f"/v1/invitations/{number}/accept")).status_code == 200


async def test_invitation__sent_again__replaces_the_first(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    for role in ("owner", "reporter"):
        body = {"wallet": wallet("stranger").address, "role": role}
        number = (await owner.post("/v1/organisation/invitations", json=body)).json()["id"]
    assert [item["role"] for item in (await stranger.get("/v1/invitations")).json()["items"]] == ["reporter"]
    assert (await stranger.post(f"/v1/invitations/{number}/accept")).json()["role"] == "reporter"


@pytest.mark.parametrize("way", ["declined", "withdrawn", "too old"])
async def test_invitation__over__cannot_be_accepted(
    owner: httpx.AsyncClient, accounts_app: FastAPI, sign_in: SignIn, wallet: Any, clock: Any, way: str
) -> None:
    body = {"wallet": wallet("stranger").address, "role": "manager"}
    number = (await owner.post("/v1/organisation/invitations", json=body)).json()["id"]
    stranger = await sign_in(accounts_app, "stranger")
    if way == "declined":
        assert (await stranger.delete(f"/v1/invitations/{number}")).status_code == 204
    elif way == "withdrawn":
        assert (await owner.delete(f"/v1/organisation/invitations/{number}")).status_code == 204
    else:
        clock.now += timedelta(days=14)
        stranger = await late(accounts_app, clock, wallet("stranger"))
    assert refusal(await stranger.post(f"/v1/invitations/{number}/accept")) == (404, "invitation_unknown")
    assert (await stranger.get("/v1/invitations")).json() == {"items": []}


async def late(app: FastAPI, clock: Any, person: Any) -> httpx.AsyncClient:
    """Signs in when the clock has moved on."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN)
    stamp = "%Y-%m-%dT%H:%M:%SZ"
    message = person.message(
        (await client.post("/v1/auth/nonce")).json()["nonce"], Issued_At=clock.now.strftime(stamp),
        Expiration_Time=(clock.now + timedelta(minutes=5)).strftime(stamp),
    )
    answer = await client.post("/v1/auth/verify", json={"message": message, "signature": person.sign(message)})
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return client


async def test_invitation__accepted_many_times_at_once__counts_once(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    body = {"wallet": wallet("stranger").address, "role": "manager"}
    number = (await owner.post("/v1/organisation/invitations", json=body)).json()["id"]
    answers = await asyncio.gather(*(stranger.post(f"/v1/invitations/{number}/accept") for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5


async def test_notices__of_an_invitation_and_a_new_member__are_told_to_both(
    join: Join, owner: httpx.AsyncClient, account: str, wallet: Any, engine: Engine
) -> None:
    await join("manager", "manager")
    with engine.begin() as connection:
        told = connection.execute(text("select account, kind from notice order by id")).all()
    assert [tuple(row) for row in told] == [
        (wallet("manager").address, "invitation.received"), (account, "member.joined"),
    ]


# --- who goes -----------------------------------------------------------------------------------------------------


async def test_remove__member__is_shut_out_at_once(
    join: Join, owner: httpx.AsyncClient, account: str, wallet: Any
) -> None:
    manager = await join("manager", "manager")
    assert (await manager.get("/v1/campaigns")).status_code == 200
    path = f"/v1/organisation/members/{wallet('manager').address}"
    assert (await owner.delete(path)).status_code == 204
    assert refusal(await manager.get("/v1/campaigns")) == FOREIGN
    assert refusal(await owner.delete(path)) == (404, "member_unknown")
    assert refusal(await owner.patch(path, json={"role": "owner"})) == (404, "member_unknown")


async def test_last_owner__leaves__is_refused_until_there_is_another(
    join: Join, owner: httpx.AsyncClient, account: str, wallet: Any
) -> None:
    manager = await join("manager", "manager")
    assert refusal(await owner.post("/v1/organisation/leave")) == (409, "last_owner")
    path = f"/v1/organisation/members/{wallet('manager').address}"
    assert (await owner.patch(path, json={"role": "owner"})).json()["role"] == "owner"
    assert (await owner.post("/v1/organisation/leave")).status_code == 204
    assert await members(manager) == {wallet("manager").address: "owner"}
    assert refusal(await manager.post("/v1/organisation/leave")) == (409, "last_owner")


async def test_account_wallet__that_left__may_only_be_invited_back(
    join: Join, owner: httpx.AsyncClient, account: str
) -> None:
    """Its money is its own on chain, whoever manages the account here."""
    other = await join("second owner", "owner")
    assert (await owner.post("/v1/organisation/leave")).status_code == 204
    assert refusal(await owner.get("/v1/campaigns")) == DENIED
    assert refusal(await owner.put("/v1/organisation", json={"name": "Mine again", "sides": BOTH})) == DENIED
    assert (await owner.get("/v1/accounts")).json() == {"items": []}
    body = {"wallet": account, "role": "manager"}
    number = (await other.post("/v1/organisation/invitations", json=body)).json()["id"]
    assert (await owner.post(f"/v1/invitations/{number}/accept")).status_code == 200
    assert (await owner.get("/v1/campaigns")).status_code == 200


async def test_account_wallet__another_owner__cannot_shut_it_out(
    join: Join, owner: httpx.AsyncClient, account: str
) -> None:
    """L49: an invited owner does not take the account from the wallet that holds its money."""
    other = await join("second owner", "owner")
    path = f"/v1/organisation/members/{account}"
    assert refusal(await other.delete(path)) == (403, "account_wallet")
    assert refusal(await other.patch(path, json={"role": "reporter"})) == (403, "account_wallet")
    assert (await owner.get("/v1/campaigns")).status_code == 200


async def test_two_owners__leave_at_once__one_stays(join: Join, owner: httpx.AsyncClient) -> None:
    other = await join("second owner", "owner")
    answers = await asyncio.gather(owner.post("/v1/organisation/leave"), other.post("/v1/organisation/leave"))
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_membership__all_that_changed_it__is_in_the_organisations_log(
    join: Join, owner: httpx.AsyncClient, account: str, wallet: Any, engine: Engine
) -> None:
    manager = await join("manager", "manager")
    await owner.patch(f"/v1/organisation/members/{wallet('manager').address}", json={"role": "reporter"})
    await manager.post("/v1/organisation/leave")
    with engine.begin() as connection:
        rows = connection.execute(
            text("select actor, action from audit_entry where account = :account and action not like 'session.%'"
                 " order by id"), {"account": account},
        ).all()
    member = wallet("manager").address
    assert [tuple(row) for row in rows] == [
        (account, "organisation.describe"), (account, "member.invite"), (member, "member.join"),
        (account, "member.change"), (member, "member.leave"),
    ]


# --- the operator's people ----------------------------------------------------------------------------------------


@pytest.fixture
async def admin(
    keep_app: Callable[..., FastAPI], accounts_app: FastAPI, sign_in: SignIn, wallet: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """An admin by configuration, as every platform begins."""
    app = keep_app(admin_wallets=f" {wallet('admin').account.address}, {'0x' + '44' * 20}")
    return await sign_in(app, "admin")


async def test_admin__by_configuration__makes_others(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    moderator = wallet("stranger").address
    assert refusal(await stranger.get("/v1/admin/roles")) == DENIED
    answer = await admin.put(f"/v1/admin/roles/{moderator}/moderator")
    assert answer.json() | {"created_at": ""} == {
        "wallet": moderator, "role": "moderator", "granted_by": wallet("admin").address, "created_at": "",
    }
    assert (await admin.put(f"/v1/admin/roles/{moderator}/moderator")).json() == answer.json()
    assert (await admin.get("/v1/admin/roles")).json() == {"items": [answer.json()]}
    assert "moderation.write" in (await stranger.get("/v1/auth/me")).json()["permissions"]
    assert refusal(await stranger.get("/v1/admin/roles")) == DENIED
    assert (await admin.delete(f"/v1/admin/roles/{moderator}/moderator")).status_code == 204
    assert "moderation.write" not in (await stranger.get("/v1/auth/me")).json()["permissions"]
    assert refusal(await admin.delete(f"/v1/admin/roles/{moderator}/moderator")) == (404, "role_unknown")


async def test_admin__its_own_role__cannot_be_taken_by_itself(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, wallet: Any
) -> None:
    me, other = wallet("admin").address, wallet("stranger").address
    await admin.put(f"/v1/admin/roles/{other}/admin")
    assert refusal(await stranger.delete(f"/v1/admin/roles/{other}/admin")) == (409, "own_role")
    assert refusal(await stranger.delete(f"/v1/admin/roles/{me}/admin")) == (404, "role_unknown")
    assert (await stranger.get("/v1/admin/roles")).status_code == 200


async def test_admin__looks_at_any_account__and_changes_nothing_there(
    admin: httpx.AsyncClient, owner: httpx.AsyncClient, account: str
) -> None:
    """L49: whoever holds the operator's keys still spends nobody's budget."""
    campaign = (await owner.post("/v1/campaigns", json=CAMPAIGN)).json()
    seen = await admin.get("/v1/campaigns", headers={"Sightline-Account": account})
    assert seen.json()["items"] == [campaign]
    path = f"/v1/campaigns/{campaign['id']}"
    answer = await admin.patch(path, json={"status": "paused"}, headers={"Sightline-Account": account})
    assert refusal(answer) == DENIED
    assert refusal(await admin.get(path)) == (404, "campaign_unknown")


async def test_moderator__names_an_account__is_no_member(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, account: str, wallet: Any
) -> None:
    await admin.put(f"/v1/admin/roles/{wallet('stranger').address}/moderator")
    answer = await stranger.get("/v1/campaigns", headers={"Sightline-Account": account})
    assert refusal(answer) == FOREIGN


async def test_auditor__reads_every_account__and_changes_not_even_its_own(
    admin: httpx.AsyncClient, stranger: httpx.AsyncClient, owner: httpx.AsyncClient, account: str, wallet: Any
) -> None:
    """L49."""
    await admin.put(f"/v1/admin/roles/{wallet('stranger').address}/auditor")
    seen = await stranger.get("/v1/organisation/members", headers={"Sightline-Account": account})
    assert seen.status_code == 200
    for headers in ({}, {"Sightline-Account": account}):
        assert refusal(await stranger.post("/v1/campaigns", json=CAMPAIGN, headers=headers)) == DENIED
    assert (await stranger.post("/v1/auth/rotate")).status_code == 200


@pytest.mark.parametrize(("first", "second"), [("auditor", "admin"), ("moderator", "auditor")])
async def test_auditor__with_another_role__is_refused(
    admin: httpx.AsyncClient, wallet: Any, first: str, second: str
) -> None:
    path = f"/v1/admin/roles/{wallet('stranger').address}"
    assert (await admin.put(f"{path}/{first}")).status_code == 200
    assert refusal(await admin.put(f"{path}/{second}")) == (409, "role_conflict")


async def test_role__of_another_name__is_refused(admin: httpx.AsyncClient, wallet: Any) -> None:
    assert refusal(await admin.put(f"/v1/admin/roles/{wallet('stranger').address}/king")) == (422, "invalid_request")
    assert refusal(await admin.put("/v1/admin/roles/stranger/admin")) == (422, "invalid_request")


async def test_grant_command__gives_and_takes_a_role(
    accounts_app: FastAPI, stranger: httpx.AsyncClient, database_url: str, wallet: Any, engine: Engine
) -> None:
    """The first admin of a platform, by whoever holds its database."""
    def run(*words: str) -> tuple[int, str]:
        where = {"DATABASE_URL": database_url}
        # in a context of its own, as a process has: else the request before would still be who acts
        result = Context().run(CliRunner().invoke, command_line, ["grant", *words], env=where)
        return result.exit_code, result.output.strip()

    me = wallet("stranger").account.address
    assert run(me, "admin") == (0, f"grant: {me.lower()} is admin")
    assert (await stranger.get("/v1/admin/roles")).json()["items"][0]["granted_by"] == "system"
    assert run(me, "admin") == (0, f"grant: {me.lower()} is admin")
    assert run(me, "auditor") == (1, "grant: an auditor changes nothing and so has no other role: take it first")
    assert run(me, "admin", "--revoke") == (0, f"grant: {me.lower()} is not admin any more")
    assert refusal(await stranger.get("/v1/admin/roles")) == DENIED
    assert run(me, "admin", "--revoke") == (1, "grant: this wallet does not have this role")
    assert run("me", "admin")[0] == 2
    assert run(me, "king")[0] == 2
    with engine.begin() as connection:
        asked = text("select actor, action from audit_entry where action like 'role.%' order by id")
        rows = connection.execute(asked).all()
    assert [tuple(row) for row in rows] == [("system", "role.grant"), ("system", "role.revoke")]
