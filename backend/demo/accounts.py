"""Everybody signs in, describes what they sell and buy, and the advertisers fund their campaigns on chain."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from eth_account.signers.local import LocalAccount

from backend.demo.chain import Chain
from backend.demo.client import ApiClient
from backend.demo.scene import CAMPAIGNS, SCENES, CampaignPlan, LineItemPlan
from backend.demo.waiting import DemoError

FLIGHT_DAYS = 30


@dataclass(frozen=True, slots=True)
class FundedCampaign:
    """A campaign of the demo: row in the API, account in the escrow, and the plan behind it."""

    plan: CampaignPlan
    id: int
    meta: str
    chain_campaign: int
    advertiser: ApiClient

    @property
    def account(self) -> LocalAccount:
        assert self.advertiser.account is not None
        return self.advertiser.account


@dataclass(frozen=True, slots=True)
class Seller:
    """A publisher: its session and its place in the settlement tree."""

    session: ApiClient
    index: int

    @property
    def account(self) -> LocalAccount:
        assert self.session.account is not None
        return self.session.account


def open_worlds(sessions: list[ApiClient]) -> tuple[list[Seller], dict[str, int]]:
    """Each publisher registers its part of every world with its boards. Sellers, and placement ids by board name.

    The last publisher, alone in the second group of four of the tree, chooses to claim by hand.
    """
    sellers: list[Seller] = []
    placements: dict[str, int] = {}
    for owner, session in enumerate(sessions):
        for scene in SCENES:
            if owner not in scene.owners:
                continue
            world = session.post("/v1/worlds", {
                "name": scene.name, "engine": scene.engine, "category": scene.category,
                "url": f"https://{scene.name.lower().replace(' ', '-')}.example/",
            })
            for surface in (surface for surface in scene.surfaces if surface.owner == owner):
                placement = session.post(f"/v1/worlds/{world['id']}/placements", {
                    "name": surface.name, "kind": surface.kind, "width": surface.pixels[0],
                    "height": surface.pixels[1], "floor_micro_usdc": surface.floor_micro_usdc,
                })
                placements[surface.name] = placement["id"]
        sellers.append(Seller(session, session.get("/v1/publisher")["index"]))
    sellers[-1].session.patch("/v1/publisher", {"payout_mode": "manual"})
    return sellers, placements


def open_campaigns(advertiser: ApiClient, number: int, chain: Chain) -> list[FundedCampaign]:
    """Describe the campaigns of the advertiser `number` in the API, then fund them: by permit, or by approval."""
    return [_open_campaign(advertiser, plan, chain) for plan in CAMPAIGNS if plan.advertiser == number]


def _open_campaign(advertiser: ApiClient, plan: CampaignPlan, chain: Chain) -> FundedCampaign:
    campaign = advertiser.post("/v1/campaigns", {"name": plan.name, "category": plan.category})
    for item in plan.line_items:
        _order(advertiser, campaign["id"], plan, item)
    assert advertiser.account is not None
    chain_campaign = fund_campaign(chain, advertiser.account, plan, campaign["meta"])
    return FundedCampaign(plan, campaign["id"], campaign["meta"], chain_campaign, advertiser)


def _order(advertiser: ApiClient, campaign: int, plan: CampaignPlan, item: LineItemPlan) -> None:
    now = datetime.now(UTC)
    line_item = advertiser.post(f"/v1/campaigns/{campaign}/line-items", {
        "name": item.name, "bid_kind": item.bid_kind, "bid_micro_usdc": item.bid_micro_usdc, "pacing": "asap",
        "daily_cap_micro_usdc": item.daily_cap_micro_usdc, "targeting": {"categories": item.categories},
        "starts_at": (now - timedelta(minutes=1)).isoformat(),
        "ends_at": (now + timedelta(days=FLIGHT_DAYS)).isoformat(),
    })
    slug = plan.name.lower().replace(" ", "-")
    advertiser.post(f"/v1/line-items/{line_item['id']}/creatives", {
        "kind": "image", "width": 1024, "height": 512, "asset_url": f"https://assets.example/{slug}.png",
        "asset_sha256": sha256(plan.name.encode()).hexdigest(), "click_url": f"https://{slug}.example/",
    })


def fund_campaign(chain: Chain, account: LocalAccount, plan: CampaignPlan, meta: str) -> int:
    """Open the escrow account with its first deposit; its number."""
    amount, escrow = plan.deposit_micro_usdc, chain.escrow.functions
    if plan.by_permit:
        deadline, v, r, s = chain.permit(account, amount)
        call = escrow.open_campaign_with_permit(account.address, amount, bytes.fromhex(meta[2:]), deadline, v, r, s)
    else:
        chain.send(account, chain.token.functions.approve(chain.escrow.address, amount))
        call = escrow.open_campaign(account.address, amount, bytes.fromhex(meta[2:]))
    block = chain.send(account, call)["blockNumber"]
    for opened in reversed(chain.logs(chain.escrow, "CampaignOpened", block)):
        if opened["meta"] == bytes.fromhex(meta[2:]) and opened["owner"] == account.address:
            return int(opened["campaign"])
    raise DemoError(f"no CampaignOpened for {plan.name} in block {block}")
