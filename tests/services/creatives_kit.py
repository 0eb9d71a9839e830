"""An advertiser with a line item, moderators, and the shortest ways to an upload and to an approved creative."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from media_kit import SAMPLES

Json = dict[str, Any]
SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]
CLICK = "https://shop.example/autumn"
ELSEWHERE = {
    "kind": "image", "width": 1_024, "height": 512, "asset_url": "https://assets.example/board.png",
    "asset_sha256": "9f" * 32, "click_url": CLICK,
}


@dataclass
class Agency:
    """An advertiser with a line item, and two moderators who do not belong to it."""

    advertiser: httpx.AsyncClient
    moderator: httpx.AsyncClient
    other_moderator: httpx.AsyncClient
    line_item: int

    async def creative(self, **body: Any) -> Json:
        """A new creative; by default a PNG that was uploaded."""
        if not body.keys() & {"asset", "asset_url"}:
            body["asset"] = (await uploaded(self.advertiser, "image/png"))["sha256"]
        return await done(self.advertiser, f"/v1/line-items/{self.line_item}/creatives", {"click_url": CLICK, **body})

    async def version(self, creative: int, **body: Any) -> Json:
        return await done(self.advertiser, f"/v1/creatives/{creative}/versions", body)

    async def read(self, creative: int) -> Json:
        content: Json = (await self.advertiser.get(f"/v1/creatives/{creative}")).json()
        return content

    async def decide(self, creative: int, what: str, body: Json | None = None) -> Json:
        """`what` is approve, reject, take-down, claim or release."""
        return await done(self.moderator, f"/v1/moderation/creatives/{creative}/{what}", body)

    async def rejected(self, creative: int) -> Json:
        return await self.decide(creative, "reject", {"reasons": ["misleading"], "note": "The button is none."})


async def open_agency(app: FastAPI, engine: Engine, sign_in: SignIn, wallet: Any) -> Agency:
    advertiser = await sign_in(app, "advertiser")
    with engine.begin() as connection:
        for role in ("moderator", "other moderator"):
            connection.execute(
                text("insert into platform_role (wallet, role, granted_by) values (:wallet, 'moderator', :wallet)"),
                {"wallet": wallet(role).address},
            )
    campaign = (await done(advertiser, "/v1/campaigns", {"name": "Autumn", "category": "games"}))["id"]
    item = await done(advertiser, f"/v1/campaigns/{campaign}/line-items", {
        "name": "Boards", "bid_kind": "vcpm", "bid_micro_usdc": 5_000, "starts_at": "2026-11-02T00:00:00Z",
        "ends_at": "2026-12-02T00:00:00Z",
    })
    return Agency(advertiser, await sign_in(app, "moderator"), await sign_in(app, "other moderator"), item["id"])


async def uploaded(client: httpx.AsyncClient, declared: str, content: bytes | None = None) -> Json:
    answer = await upload(client, declared, content)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


async def upload(client: httpx.AsyncClient, declared: str, content: bytes | None = None) -> httpx.Response:
    body = SAMPLES[declared] if content is None else content
    return await client.post("/v1/assets", content=body, headers={"Content-Type": declared})


async def done(client: httpx.AsyncClient, path: str, body: Json | None = None, **headers: str) -> Json:
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    content: Json = answer.json()
    return content


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]
