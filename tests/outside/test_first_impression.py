"""From signing up to the first impression that is charged: the shortest honest way, by API alone."""

from story_kit import Guests, Person, Viewer, Wallets, eventually, from_now_on, picture

from backend.demo.cast import Cast
from backend.demo.system import System

ADMIN = 2                   # as in conftest.py
USDC = 1_000_000
FLOOR = 3_000


def test_first_impression__from_sign_up__by_api_alone(system: System, cast: Cast, people: Guests) -> None:
    """L29, L46, L56"""
    with (Person(system.url, people.first_time_publisher) as publisher,
          Person(system.url, people.first_time_advertiser) as advertiser,
          Person(system.url, cast.advertisers[ADMIN]) as admin):
        world = publisher.post("/v1/worlds", {
            "name": "Tide Pool", "engine": "three", "category": "art", "url": "https://tide.example/",
        })
        board = publisher.post(f"/v1/worlds/{world['id']}/placements", {
            "name": "Wall", "kind": "image", "width": 512, "height": 512, "floor_micro_usdc": FLOOR,
        })

        campaign = advertiser.post("/v1/campaigns", {"name": "Brushes", "category": "art"})
        line_item = advertiser.post(f"/v1/campaigns/{campaign['id']}/line-items", {
            "name": "In the Tide Pool", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 5_000_000, "pacing": "asap",
            "targeting": {"worlds": [world["id"]]}, **from_now_on(),
        })
        asset = advertiser.upload("/v1/assets", picture(512, 512), "image/png")
        creative = advertiser.post(f"/v1/line-items/{line_item['id']}/creatives", {
            "asset": asset["sha256"], "click_url": "https://brushes.example/",
        })
        Wallets(system).pay_in(people.first_time_advertiser, campaign, 10 * USDC)

        viewer = Viewer(system.url, "PT")
        assert "token" not in viewer.look_for_an_ad(board["id"]), "nothing is shown that nobody approved"
        admin.post(f"/v1/moderation/creatives/{creative['id']}/approve")
        ad = eventually("an ad", lambda: (found := viewer.look_for_an_ad(board["id"])) and "token" in found and found,
                        system)
        assert ad["creative"]["asset_sha256"] == asset["sha256"]
        assert viewer.see(ad) == "accepted"

        path = f"/v1/campaigns/{campaign['id']}"
        eventually("the charge", lambda: advertiser.get(path)["money"]["charged_micro_usdc"] == FLOOR, system)
