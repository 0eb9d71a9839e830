"""Everybody who may knock: with what they hold, and what the table says that they may do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from roles_kit import appoint
from sqlalchemy import Engine

from backend.auth.permissions import (
    KEY_SCOPES,
    MemberRole,
    Permission,
    PlatformRole,
    Role,
    Side,
    member_roles,
    permitted,
)
from backend.core.ids import address

SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]
OWN_ACCOUNT = member_roles(MemberRole.OWNER, Side)
ORIGIN = "http://127.0.0.1:8000"


@dataclass
class Person:
    """Somebody with a way to ask. `renew` signs in again, for whoever ended the session by what was asked."""

    name: str
    client: httpx.AsyncClient
    permissions: frozenset[Permission]
    renew: Callable[[], Awaitable[httpx.AsyncClient]] | None = None
    cross_site: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        sent = self.headers | (headers or {})
        answer = await self.client.request(method, path, headers=sent, **more)
        if answer.status_code == 401 and self.renew is not None:
            self.client = await self.renew()
            answer = await self.client.request(method, path, headers=sent, **more)
        return answer


@dataclass
class Cast:
    """Makes people on an app."""

    app: FastAPI
    engine: Engine
    sign_in: SignIn

    async def person(self, role: str, roles: frozenset[Role] = OWN_ACCOUNT, **headers: str) -> Person:
        """A wallet with an account of its own."""
        renew = lambda: self.sign_in(self.app, role)   # noqa: E731 -- a method would need the role once more
        return Person(role, await renew(), permitted(roles), renew, headers=headers)

    async def anonymous(self) -> Person:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=ORIGIN)
        return Person("anonymous", client, frozenset())

    async def cross_site(self) -> Person:
        """Somebody whose browser was sent here by a page of another site, cookie and all."""
        person = await self.person("victim")
        token = str(person.client.headers.pop("Authorization")).removeprefix("Bearer ")
        person.client.cookies.set("sightline", token)
        person.headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        person.name, person.cross_site, person.renew = "cookie of another site", True, None
        return person

    async def organisation(self, side: Side) -> list[Person]:
        """An organisation on one side: its owner, a manager, a reporter."""
        owner = await self.person(f"{side} owner", member_roles(MemberRole.OWNER, [side]))
        described = await owner.ask("PUT", "/v1/organisation", json={"name": f"The {side}", "sides": [side]})
        assert described.status_code == 200, described.text
        account = described.json()["account"]
        people = [owner]
        for role in (MemberRole.MANAGER, MemberRole.REPORTER):
            member = await self.person(f"{side} {role}")
            wallet = (await member.ask("GET", "/v1/auth/me")).json()["wallet"]
            sent = await owner.ask("POST", "/v1/organisation/invitations", json={"wallet": wallet, "role": role})
            joined = await member.ask("POST", f"/v1/invitations/{sent.json()['id']}/accept")
            assert joined.status_code == 200, joined.text
            member.headers = {"Sightline-Account": account}
            member.permissions = permitted(member_roles(role, [side]))
            people.append(member)
        return people

    async def operator(self, role: PlatformRole) -> Person:
        """One of the operator's people."""
        person = await self.person(role, OWN_ACCOUNT | {Role(role.value)})
        wallet = (await person.ask("GET", "/v1/auth/me")).json()["wallet"]
        appoint(self.engine, address(wallet), role)
        return person

    async def key(self, name: str, maker: Person, scopes: frozenset[Permission]) -> Person:
        """A program with a key that `maker` made."""
        made = await maker.ask("POST", "/v1/api-keys", json={"name": name, "scopes": sorted(scopes)})
        assert made.status_code == 201, made.text
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url=ORIGIN,
            headers={"Authorization": f"Bearer {made.json()['key']}"},
        )
        return Person(name, client, scopes & maker.permissions)

    async def everybody(self) -> list[Person]:
        """The whole cast, each with what the table grants."""
        keeper = await self.person("keeper of keys")
        return [
            await self.anonymous(),
            await self.person("personal account"),
            *await self.organisation(Side.ADVERTISER),
            *await self.organisation(Side.PUBLISHER),
            *[await self.operator(role) for role in PlatformRole],
            await self.key("key with every scope", keeper, KEY_SCOPES),
            await self.key("key with one scope", keeper, frozenset({Permission.REPORTS_READ})),
            await self.cross_site(),
        ]
