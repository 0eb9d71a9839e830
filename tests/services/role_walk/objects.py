"""How to make an object of every kind that a route can name, through the API wherever that needs nobody outside."""

import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from PIL import Image
from sqlalchemy import text

from backend.billing.profile import BillingProfile
from backend.billing.service import BillingService
from role_walk.people import Cast, Person

AFTER_THE_MONTH = datetime(2026, 12, 3, 6, 0, tzinfo=UTC)


@dataclass
class Scene:
    """Where an object is made: by `owner`, whose account it belongs to."""

    cast: Cast
    owner: Person
    wallet: str

    async def post(self, path: str, body: object = None) -> dict[str, Any]:
        return await self.sent("POST", path, json=body)

    async def sent(self, method: str, path: str, **more: object) -> dict[str, Any]:
        answer: httpx.Response = await self.owner.ask(method, path, **more)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def row(self, statement: str, **values: object) -> str:
        """The id of a row that only the outside world would make: `insert … returning id`."""
        with self.cast.engine.begin() as connection:
            return str(connection.execute(text(statement), {"account": self.wallet, **values}).scalar_one())


Made = Mapping[str, str]
Maker = Callable[[Scene, Made], Awaitable[str]]


CREATIVE = {
    "kind": "image", "width": 1_024, "height": 512, "asset_url": "https://assets.example/board.png",
    "asset_sha256": "9f" * 32, "click_url": "https://shop.example/autumn",
}


async def campaign(scene: Scene, made: Made) -> str:
    return str((await scene.post("/v1/campaigns", {"name": "Autumn launch", "category": "games"}))["id"])


async def line_item(scene: Scene, made: Made) -> str:
    path = f"/v1/campaigns/{await campaign(scene, made)}/line-items"
    return str((await scene.post(path, {
        "name": "Boards", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000,
        "starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-12-02T00:00:00Z",
    }))["id"])


async def creative(scene: Scene, made: Made) -> str:
    path = f"/v1/line-items/{await line_item(scene, made)}/creatives"
    return str((await scene.post(path, CREATIVE))["id"])


async def asset(scene: Scene, made: Made) -> str:
    """Nobody else has these bytes: the width is the account's own."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40 + int(scene.wallet[2:4], 16), 16)).save(file, "PNG")
    uploaded = await scene.sent("POST", "/v1/assets", content=file.getvalue(), headers={"Content-Type": "image/png"})
    return str(uploaded["sha256"])


async def goal(scene: Scene, made: Made) -> str:
    body = {"campaign_id": int(await campaign(scene, made)), "name": "Orders", "kind": "postback"}
    return str((await scene.post("/v1/conversion-goals", body))["id"])


async def world(scene: Scene, made: Made) -> str:
    return str((await scene.post("/v1/worlds", {
        "name": "Harbour", "engine": "three", "category": "games", "url": "https://harbour.example/",
    }))["id"])


async def placement(scene: Scene, made: Made) -> str:
    path = f"/v1/worlds/{await world(scene, made)}/placements"
    return str((await scene.post(path, {
        "name": "Board", "kind": "image", "width": 1_024, "height": 512, "floor_vcpm_micro_usdc": 1_500_000,
    }))["id"])


async def block(scene: Scene, made: Made) -> str:
    number = await world(scene, made)
    body = {"kind": "category", "value": "finance", "world_id": int(number)}
    return str((await scene.post("/v1/publisher/blocks", body))["id"])


async def external_bidder(scene: Scene, made: Made) -> str:
    body = {
        "line_item_id": int(await line_item(scene, made)), "name": "DSP", "endpoint": "https://bidder.example/rtb",
        "seat": "dsp",
    }
    return str((await scene.post("/v1/external-bidders", body))["id"])


OFFER = {"name": "Board", "price_kind": "fixed", "price_micro_usdc": 2_000}


async def offered_deal(scene: Scene, made: Made) -> str:
    path = f"/v1/placements/{await placement(scene, made)}/deals"
    return str((await scene.post(path, {**OFFER, "advertiser": "0x" + "66" * 20}))["id"])


async def received_deal(scene: Scene, made: Made) -> str:
    others = len((await scene.sent("GET", "/v1/deals"))["items"])
    seller = Scene(scene.cast, await scene.cast.person(f"seller {others} of {scene.owner.name}"), "")
    path = f"/v1/placements/{await placement(seller, made)}/deals"
    return str((await seller.post(path, {**OFFER, "advertiser": scene.wallet}))["id"])


async def payment(scene: Scene, made: Made) -> str:
    return scene.row(
        """insert into card_payment (account, campaign_id, reference, asked_cents, tier, hold_seconds, status)
           values (:account, :campaign, 'walk-' || gen_random_uuid(), 25000, 'new', 3600, 'created') returning id""",
        campaign=int(await campaign(scene, made)),
    )


async def onramp_session(scene: Scene, made: Made) -> str:
    return scene.row(
        """insert into onramp_session (account, reference, network, status)
           values (:account, 'walk-' || gen_random_uuid(), 'polygon', 'initialized') returning id"""
    )


async def session(scene: Scene, made: Made) -> str:
    another = await scene.cast.sign_in(scene.cast.app, scene.owner.name)
    found = (await another.get("/v1/auth/sessions")).json()["items"]
    return str(next(item["id"] for item in found if item["current"]))


async def api_key(scene: Scene, made: Made) -> str:
    return str((await scene.post("/v1/api-keys", {"name": "Report", "scopes": ["reports.read"]}))["id"])


async def sent_invitation(scene: Scene, made: Made) -> str:
    await scene.sent("PUT", "/v1/organisation", json={"name": "Harbour Games", "sides": ["advertiser", "publisher"]})
    body = {"wallet": "0x" + "77" * 20, "role": "reporter"}
    return str((await scene.post("/v1/organisation/invitations", body))["id"])


async def received_invitation(scene: Scene, made: Made) -> str:
    others = len((await scene.sent("GET", "/v1/invitations"))["items"])
    host = Scene(scene.cast, await scene.cast.person(f"host {others} of {scene.owner.name}"), "")
    await host.sent("PUT", "/v1/organisation", json={"name": "Host", "sides": ["publisher"]})
    body = {"wallet": scene.wallet, "role": "reporter"}
    return str((await host.post("/v1/organisation/invitations", body))["id"])


async def member(scene: Scene, made: Made) -> str:
    await sent_invitation(scene, made)
    others = len((await scene.sent("GET", "/v1/organisation/members"))["items"])
    guest = await scene.cast.person(f"guest {others} of {scene.owner.name}")
    wallet = (await guest.ask("GET", "/v1/auth/me")).json()["wallet"]
    sent = await scene.post("/v1/organisation/invitations", {"wallet": wallet, "role": "reporter"})
    await guest.ask("POST", f"/v1/invitations/{sent['id']}/accept")
    return str(wallet)


async def notice(scene: Scene, made: Made) -> str:
    await api_key(scene, made)
    return str((await scene.sent("GET", "/v1/notices"))["items"][0]["id"])


async def webhook(scene: Scene, made: Made) -> str:
    return str((await scene.post("/v1/webhooks", {"url": "https://hooks.example/sightline"}))["id"])


async def delivery(scene: Scene, made: Made) -> str:
    return scene.row(
        """insert into webhook_delivery
                  (webhook_id, notice_id, status, attempts, next_at, created_at, finished_at)
           values (:webhook, :notice, 'dead', 1, now(), now(), now()) returning id""",
        webhook=int(made["webhook"]), notice=int(await notice(scene, made)),
    )


async def invoice(scene: Scene, made: Made) -> str:
    """Of a charge on the first of the month, drawn up when the month is over."""
    scene.row(
        """insert into line_item_spend (line_item_id, day, spent_micro_usdc)
           values (:item, '2026-11-01', 1000000) returning line_item_id""",
        item=int(await line_item(scene, made)),
    )
    seller = BillingProfile("Operator", ("Street 1",), "DE", "DE123456789")
    service = BillingService(scene.cast.engine, 31_337, seller, clock=lambda: AFTER_THE_MONTH.timestamp())
    while service.step():
        pass
    return str((await scene.sent("GET", "/v1/billing/documents"))["items"][-1]["number"])


async def export(scene: Scene, made: Made) -> str:
    listed = (await scene.sent("GET", "/v1/privacy/exports"))["items"]
    return str(listed[0]["id"] if listed else (await scene.post("/v1/privacy/exports"))["id"])


async def flag(scene: Scene, made: Made) -> str:
    """On a placement of the account."""
    return scene.row(
        """insert into traffic_flag (day, placement_id, publisher_index, level, rule, scope, ruleset)
           select current_date, p.id, w.publisher_index, 'viewer', 'too_many_views', 'all', '0x'
             from placement p join world w on w.id = p.world_id where p.id = :placement returning id""",
        placement=int(await placement(scene, made)),
    )


async def allowance(scene: Scene, made: Made) -> str:
    return scene.row("insert into traffic_allowance (network, note) values ('203.0.113.0/24', '') "
                     "on conflict (network, publisher_index) do update set note = '' returning id")


MAKERS: Mapping[str, Maker] = {
    # by the path up to the parameter, or by the parameter alone
    "/v1/onramp-sessions/{session}": onramp_session,
    "/v1/publisher/deals/{deal}": offered_deal,
    "/v1/organisation/invitations/{invitation}": sent_invitation,
    "/v1/organisation/members/{wallet}": member,
    "allowance": allowance,
    "api_key": api_key,
    "bidder": external_bidder,
    "block": block,
    "campaign": campaign,
    "creative": creative,
    "deal": received_deal,
    "delivery": delivery,
    "export_id": export,
    "flag": flag,
    "goal": goal,
    "invitation": received_invitation,
    "line_item": line_item,
    "notice": notice,
    "number": invoice,
    "payment": payment,
    "placement": placement,
    "session": session,
    "sha256": asset,
    "webhook": webhook,
    "world": world,
}

IN_QUERIES: Mapping[str, str | None] = {
    # which of MAKERS a query parameter names; None: it names no object
    "campaign_id": "campaign", "placement": "placement",
    **dict.fromkeys((
        "action", "actor", "after", "before", "day", "format", "from", "from_day", "limit", "objected", "side",
        "status",
        "subject", "to", "to_day", "unread",
    )),
}

IN_BODIES: Mapping[str, str] = {
    "campaign_id": "campaign", "world_id": "world", "asset": "sha256", "line_item_id": "line_item",
}
"""Which of MAKERS a field of a body names."""

UNKNOWN: Mapping[str, str] = {
    "wallet": "0x" + "99" * 20, "sha256": "ab" * 32, "role": "moderator", "number": "SL-2020-000001",
}
"""What names nothing; for all other parameters it is a number that is never given out."""
NEVER_GIVEN_OUT = str(2**62)

ASKED_BY_POST = frozenset({"POST /v1/forecasts"})
"""Questions too long for a URL: they change nothing, and so need no more than to read."""

BODIES: Mapping[str, object] = {"POST /v1/line-items/{line_item}/creatives": CREATIVE}
"""A body that reaches the object, where the first example in OpenAPI does not."""
