"""The story of an advertiser and a publisher, from their first sign-in to their last trace, by API alone.

The chapters are listed in the test and told below it, in order. Nobody here looks into a table: people send
requests and sign in their wallets, Stripe and the shop's server call and are called, and anybody reads the chain.
"""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cards_kit.stripe import FakeStripe
from eth_account.signers.local import LocalAccount
from story_kit import (
    BROWSER,
    CENT,
    SECONDS_MAX,
    Guests,
    Person,
    Shop,
    Viewer,
    Wallets,
    a_month_later,
    check_audit_chain,
    closing,
    eventually,
    from_now_on,
    listen_to_stripe,
    pay_with_3d_secure,
    picture,
    report_order,
    statements,
)

from backend.demo.cast import Cast
from backend.demo.chain import REFUSED
from backend.demo.client import Json
from backend.demo.system import System

ADMIN = 2                       # as in conftest.py
USDC = 1_000_000
FROM_THE_WALLET = 40 * USDC
BY_CARD_CENTS = 250_00
BY_CARD = BY_CARD_CENTS * CENT
FLOOR = 2_000                   # for one viewable impression
VIEWS = 4
FEE_BPS = 1_000                 # as in conftest.py


@dataclass
class Story:
    """Who is in it, and what they have come to so far."""

    system: System
    stripe: FakeStripe
    wallets: Wallets
    shop: Shop
    treasury: LocalAccount
    admin: Person
    first_moderator: Person
    second_moderator: Person
    advertiser: Person
    manager: Person
    publisher: Person
    audit_head: Json = field(default_factory=dict)
    epoch_before: int = 0
    wallet_campaign: Json = field(default_factory=dict)
    card_campaign: Json = field(default_factory=dict)
    card_payment: int = 0
    payment_intent: str = ""
    goal: Json = field(default_factory=dict)
    coats_picture: str = ""     # hashes of what is shown
    tents_picture: str = ""
    creative: int = 0           # the one about which there is a dispute
    board: int = 0
    publisher_index: int = 0
    price_of_order: int = 0
    on_chain: tuple[int, int] = (0, 0)      # numbers of the two escrow accounts

    @property
    def charged(self) -> int:
        return VIEWS * FLOOR + self.price_of_order

    @property
    def left_of_wallet(self) -> int:
        return FROM_THE_WALLET - VIEWS * FLOOR

    @property
    def left_of_card(self) -> int:
        return BY_CARD - self.price_of_order

    def money(self, campaign: Json) -> Json:
        money: Json = self.advertiser.get(f"/v1/campaigns/{campaign['id']}")["money"]
        return money

    def wait(self, what: str, probe: Any) -> Any:
        return eventually(what, probe, self.system)


@pytest.fixture
def story(system: System, cast: Cast, people: Guests, stripe: FakeStripe) -> Iterator[Story]:
    def sign_in(account: LocalAccount) -> Person:
        return Person(system.url, account)

    told = Story(
        system, stripe, Wallets(system), Shop(), cast.treasury, sign_in(cast.advertisers[ADMIN]),
        sign_in(people.first_moderator), sign_in(people.second_moderator), sign_in(people.advertiser),
        sign_in(people.manager), sign_in(people.publisher),
    )
    listen_to_stripe(stripe, system.url)
    with closing(told.shop, told.admin, told.first_moderator, told.second_moderator, told.advertiser, told.manager,
                 told.publisher):
        yield told


def test_story__of_an_advertiser_and_a_publisher__from_sign_in_to_erasure(story: Story) -> None:
    the_operator_names_two_moderators(story)

    the_advertiser_founds_an_organisation_with_a_manager(story)
    the_manager_describes_two_campaigns(story)
    one_campaign_is_paid_from_a_wallet(story)
    the_other_is_paid_by_card(story)
    a_moderator_rejects_an_ad_and_another_grants_the_appeal(story)

    the_publisher_opens_a_world(story)
    viewers_see_ads_of_both_campaigns(story)
    a_viewer_orders_something(story)
    what_was_not_seen_is_not_paid(story)

    all_charges_become_final_on_chain(story)
    the_advertiser_cannot_leave_while_card_money_is_unspent(story)
    what_is_unspent_is_asked_back(story)

    the_publisher_claims_what_it_earned(story)
    both_are_invoiced(story)
    everybody_was_told(story)
    everything_is_in_the_audit_trail(story)
    the_advertiser_takes_a_copy_of_its_data_along(story)

    what_is_unspent_goes_back_to_where_it_came_from(story)
    the_advertiser_leaves_without_a_trace(story)
    the_publisher_leaves_too(story)
    every_micro_usdc_is_somewhere(story)


def fetched(url: str) -> httpx.Response:
    """What anybody's browser gets from an address."""
    return httpx.get(url, headers=BROWSER, timeout=SECONDS_MAX)


# ---- onboarding ----------------------------------------------------------------------------------------------------


def the_operator_names_two_moderators(story: Story) -> None:
    """Signed in with their wallets, they may do nothing until an admin says so. L49"""
    story.audit_head = story.admin.get("/v1/audit/head")
    story.epoch_before = story.wallets.chain.escrow.functions.epoch().call()
    for moderator in (story.first_moderator, story.second_moderator):
        assert moderator.refusal("GET", "/v1/moderation/creatives") == (403, "not_permitted")
        story.admin.put(f"/v1/admin/roles/{moderator.wallet}/moderator")
        assert moderator.get("/v1/moderation/creatives")


def the_advertiser_founds_an_organisation_with_a_manager(story: Story) -> None:
    """Nobody acts for an account before it has asked and they have agreed. L46"""
    advertiser, manager, shop = story.advertiser, story.manager, story.shop
    advertiser.put("/v1/organisation", {"name": "Northwind Outfitters", "sides": ["advertiser"]})
    advertiser.put("/v1/billing/profile", {
        "name": "Northwind Outfitters GmbH", "address": ["Example Street 1", "10115 Berlin"], "country": "DE",
        "vat_number": "DE987654321",
    })
    hook = advertiser.post("/v1/webhooks", {"url": shop.hook_url, "kinds": []})
    shop.hook_secret = hook["secret"]

    advertiser.post("/v1/organisation/invitations", {"wallet": manager.wallet, "role": "manager"})
    (invitation,) = manager.get("/v1/invitations")["items"]
    assert invitation["name"] == "Northwind Outfitters"
    manager.act_for(advertiser.wallet)
    assert manager.refusal("GET", "/v1/campaigns")[0] in (403, 404), "not before it has accepted"
    manager.act_for_myself()
    manager.post(f"/v1/invitations/{invitation['id']}/accept")
    manager.act_for(advertiser.wallet)
    assert manager.get("/v1/organisation")["name"] == "Northwind Outfitters"


def the_manager_describes_two_campaigns(story: Story) -> None:
    """Coats are advertised to viewers in Germany and pay for views; tents to viewers in France, and pay for orders.

    What others have described is not there for the publisher. L49
    """
    manager = story.manager
    coats = manager.post("/v1/campaigns", {"name": "Northwind winter coats", "category": "fashion"})
    tents = manager.post("/v1/campaigns", {"name": "Northwind light tents", "category": "travel"})
    views = manager.post(f"/v1/campaigns/{coats['id']}/line-items", {
        "name": "Northwind coats on boards", "bid_kind": "vcpm", "bid_vcpm_micro_usdc": 4_000_000, "pacing": "asap",
        "targeting": {"categories": ["events"], "countries": ["DE"]}, **from_now_on(),
    })
    orders = manager.post(f"/v1/campaigns/{tents['id']}/line-items", {
        "name": "Northwind tents, by order", "bid_kind": "cpa", "bid_micro_usdc": 40 * USDC, "pacing": "asap",
        "targeting": {"categories": ["events"], "countries": ["FR"]}, **from_now_on(),
    })
    story.goal = manager.post("/v1/conversion-goals", {
        "campaign_id": tents["id"], "name": "Orders", "kind": "postback", "click_days": 7,
    })
    story.coats_picture, story.creative = an_ad(manager, views, "https://northwind.example/coats")
    story.tents_picture, _ = an_ad(manager, orders, "https://northwind.example/tents")
    story.wallet_campaign, story.card_campaign = coats, tents
    assert story.publisher.refusal("GET", f"/v1/campaigns/{coats['id']}") == (404, "campaign_unknown")


def an_ad(manager: Person, line_item: Json, click_url: str) -> tuple[str, int]:
    """An uploaded picture and the creative that is made of it; nobody can see it yet. L56"""
    asset = manager.upload("/v1/assets", picture(1024, 512), "image/png")
    creative = manager.post(f"/v1/line-items/{line_item['id']}/creatives", {
        "asset": asset["sha256"], "click_url": click_url, "alt_text": "Northwind",
    })
    assert (creative["status"], creative["hosted"]) == ("pending", True)
    assert manager.status_of(f"/a/{asset['sha256']}") == 404
    return asset["sha256"], creative["id"]


# ---- money in ------------------------------------------------------------------------------------------------------


def one_campaign_is_paid_from_a_wallet(story: Story) -> None:
    account = story.advertiser.account
    assert account is not None
    assert story.wallets.balance(account) == 1_000 * USDC
    story.wallets.pay_in(account, story.wallet_campaign, FROM_THE_WALLET)
    story.wait(
        "the deposit to be confirmed",
        lambda: story.money(story.wallet_campaign)["spendable_micro_usdc"] == FROM_THE_WALLET,
    )


def the_other_is_paid_by_card(story: Story) -> None:
    """The manager opens a Checkout, the cardholder passes 3-D Secure, the treasury deposits as much on chain.

    Stripe tells everything twice and in any order; it counts once. L61
    """
    manager, campaign = story.manager, story.card_campaign
    payment = manager.post(f"/v1/campaigns/{campaign['id']}/card-payments", {"amount_cents": BY_CARD_CENTS})
    story.card_payment, path = payment["id"], f"/v1/card-payments/{payment['id']}"
    story.payment_intent = pay_with_3d_secure(story.stripe, payment["checkout_url"])
    story.wait("the treasury's deposit", lambda: manager.get(path)["status"] == "deposited")
    paid = manager.get(path)
    assert (paid["paid_cents"], paid["deposited_micro_usdc"], paid["refundable_cents"]) == (BY_CARD_CENTS, BY_CARD, 0)
    story.wait(
        "the card's money to be spendable",
        lambda: story.money(campaign)["spendable_micro_usdc"] == BY_CARD,
    )
    wallet = story.wallet_campaign["id"]
    assert manager.refusal("POST", f"/v1/campaigns/{wallet}/card-payments", {"amount_cents": 10_00}) == (
        409, "campaign_funded_by_wallet",
    )


# ---- moderation ----------------------------------------------------------------------------------------------------


def a_moderator_rejects_an_ad_and_another_grants_the_appeal(story: Story) -> None:
    """L56"""
    first, second, advertiser, disputed = (
        story.first_moderator, story.second_moderator, story.advertiser, f"/v1/creatives/{story.creative}",
    )
    waiting = [one for one in first.every("/v1/moderation/creatives") if one["owner"] == advertiser.wallet]
    assert [one["campaign_name"] for one in waiting] == ["Northwind winter coats", "Northwind light tents"]
    for one in waiting:
        assert first.file(f"/v1/moderation/creatives/{one['id']}/content").headers["content-type"] == "image/png"
        first.post(f"/v1/moderation/creatives/{one['id']}/claim")
    coats, tents = (f"/v1/moderation/creatives/{one['id']}" for one in waiting)
    first.post(f"{tents}/approve")
    first.post(f"{coats}/reject", {"reasons": ["misleading"], "note": "Which coat is this?"})

    rejected = advertiser.get(disputed)
    assert (rejected["status"], rejected["reasons"], rejected["note"]) == (
        "rejected", ["misleading"], "Which coat is this?",
    )
    advertiser.post(f"{disputed}/appeal", {"text": "The page behind it shows all of them."})
    appeal = f"/v1/moderation/appeals/{story.creative}"
    assert first.refusal("POST", appeal, {"granted": False})[0] == 403, "who rejected it does not judge the appeal"
    assert story.creative in [one["id"] for one in second.every("/v1/moderation/appeals")]
    second.post(appeal, {"granted": True})
    assert advertiser.get(disputed)["status"] == "approved"


# ---- serving -------------------------------------------------------------------------------------------------------


def the_publisher_opens_a_world(story: Story) -> None:
    publisher = story.publisher
    publisher.put("/v1/organisation", {"name": "Lantern Festival", "sides": ["publisher"]})
    publisher.put("/v1/billing/profile", {
        "name": "Lantern Festival SAS", "address": ["Rue d'Exemple 2", "75001 Paris"], "country": "FR",
    })
    world = publisher.post("/v1/worlds", {
        "name": "Lantern Festival", "engine": "three", "category": "events", "url": "https://lantern.example/",
    })
    board = publisher.post(f"/v1/worlds/{world['id']}/placements", {
        "name": "Board at the gate", "kind": "image", "width": 1024, "height": 512, "floor_micro_usdc": FLOOR,
    })
    publisher.patch("/v1/publisher", {"payout_mode": "manual"})
    story.board, story.publisher_index = board["id"], world["publisher_index"]

    why_path = f"/v1/placements/{story.board}/explanation"
    passer_by = Viewer(story.system.url, "JP")
    story.wait("the board to be known", lambda: "no_bid" in passer_by.look_for_an_ad(story.board))
    story.wait("the counts of a minute", lambda: publisher.get(why_path)["requests"])
    why = publisher.get(why_path)
    assert why["ads"] == 0
    assert "targeting_country" in [reason["reason"] for reason in why["reasons"]], "nobody advertises to Japan"


def viewers_see_ads_of_both_campaigns(story: Story) -> None:
    """Byte for byte what was approved. L24, L55"""
    for _ in range(VIEWS):
        viewer, ad = an_ad_in(story, "DE")
        assert ad["creative"]["asset_sha256"] == story.coats_picture
        assert ad["creative"]["alt_text"] == "Northwind"
        assert hashlib.sha256(fetched(ad["creative"]["asset_url"]).content).hexdigest() == story.coats_picture
        assert viewer.see(ad) == "accepted"
    viewer.see(ad)      # the SDK did not hear the answer and sends it again


def a_viewer_orders_something(story: Story) -> None:
    """The view and the click are free, the order costs what was fixed when the ad was chosen, once. L53"""
    viewer, ad = an_ad_in(story, "FR")
    assert ad["creative"]["asset_sha256"] == story.tents_picture
    assert viewer.see(ad) == "accepted"
    page, click_id = viewer.follow(ad)
    assert page == "https://northwind.example/tents"

    url = story.system.url
    assert report_order(url, story.goal, click_id, "order-1")["verdict"] in ("pending", "waiting")
    conversions = f"/v1/campaigns/{story.card_campaign['id']}/conversions"
    story.wait("the order to be charged", lambda: [
        one for one in story.manager.get(conversions)["items"] if one["verdict"] == "charged"
    ])
    again = report_order(url, story.goal, click_id, "order-1")
    assert (again["verdict"], again["repeated"]) == ("charged", True)
    assert report_order(url, story.goal, click_id, "order-2")["verdict"] == "converted_before"
    (charged,) = [one for one in story.manager.get(conversions)["items"] if one["verdict"] == "charged"]
    story.price_of_order = charged["price_micro_usdc"]
    assert 0 < story.price_of_order <= 40 * USDC


def what_was_not_seen_is_not_paid(story: Story) -> None:
    """A glance, a forged token, a click on what was not seen, and the impression that was sent twice.

    Each is counted with its reason, and none is charged. L24, L26, L29
    """
    viewer, ad = an_ad_in(story, "DE")
    assert viewer.see(ad, milliseconds=400) == "not_viewable"
    assert viewer.see({"token": ad["token"][:-4] + "AAAA"}) == "bad_token"
    assert viewer.click_unseen(ad) == "accepted", "the order of events is known a moment later"

    def reasons() -> dict[str, int]:
        why = story.publisher.get(f"/v1/publisher/unpaid?placement={story.board}")
        return {reason["reason"]: reason["n"] for reason in why["reasons"]}

    expected = {
        "not_viewable": 1, "click_before_view": 1, "replayed": 1, "converted_before": 1,
        "not_billed_by_bid": 2,     # the view and the click that led to the order
    }
    story.wait("all of it to be counted", lambda: sum(reasons().values()) >= sum(expected.values()))
    assert reasons() == expected
    assert story.money(story.wallet_campaign)["charged_micro_usdc"] == VIEWS * FLOOR


def an_ad_in(story: Story, country: str) -> tuple[Viewer, Json]:
    """A viewer of a country in front of the board, once there is an ad."""
    viewer = Viewer(story.system.url, country)
    ad = story.wait(
        f"an ad in {country}", lambda: (found := viewer.look_for_an_ad(story.board)) and "token" in found and found
    )
    assert ad["test"] is False
    return viewer, ad


# ---- settlement ----------------------------------------------------------------------------------------------------


def all_charges_become_final_on_chain(story: Story) -> None:
    """Every epoch splits without loss, and attestors have signed it. L35"""
    for campaign in (story.wallet_campaign, story.card_campaign):
        story.advertiser.patch(f"/v1/campaigns/{campaign['id']}", {"status": "ended"})
    story.on_chain = (
        story.money(story.wallet_campaign)["chain_campaign"], story.money(story.card_campaign)["chain_campaign"],
    )
    story.wait("the epochs of all charges", lambda: debited(story) == story.charged)
    for statement in statements(story.publisher, story.epoch_before):
        totals = {name: int(amount) for name, amount in statement["totals"].items()}
        assert totals["total_micro_usdc"] == sum(int(debit["amount_micro_usdc"]) for debit in statement["debits"])
        assert totals["fee_micro_usdc"] == totals["total_micro_usdc"] * FEE_BPS // 10_000
        assert totals["total_micro_usdc"] == sum(
            totals[part] for part in ("fee_micro_usdc", "net_micro_usdc", "dust_micro_usdc")
        )
        settlement = story.publisher.get(f"/v1/settlements/{statement['epoch']}")
        assert len(settlement["attested_by"]) >= 2


def debited(story: Story) -> int:
    """What final epochs took from the two campaigns."""
    return sum(
        int(debit["amount_micro_usdc"])
        for statement in statements(story.publisher, story.epoch_before)
        for debit in statement["debits"] if debit["campaign"] in story.on_chain
    )


def earned(story: Story) -> int:
    """What final epochs owe the publisher."""
    return sum(
        int(entry["net_micro_usdc"])
        for statement in statements(story.publisher, story.epoch_before)
        for entry in statement["entries"] if entry["index"] == story.publisher_index
    )


def the_advertiser_cannot_leave_while_card_money_is_unspent(story: Story) -> None:
    member = story.manager.refusal("POST", "/v1/privacy/erasures", {"confirm": story.advertiser.wallet})
    assert member == (403, "not_permitted"), "only the account's own wallet may"
    assert leaving(story.advertiser) == (409, "erasure_blocked")


def leaving(person: Person) -> tuple[int, str]:
    return person.refusal("POST", "/v1/privacy/erasures", {"confirm": person.wallet})


def what_is_unspent_is_asked_back(story: Story) -> None:
    """By whoever paid it in: the advertiser's wallet has no hold on what came by card. L62"""
    account = story.advertiser.account
    assert account is not None
    of_wallet, of_card = story.on_chain
    with pytest.raises(REFUSED):
        story.wallets.ask_back(account, of_card, story.left_of_card)
    story.wallets.ask_back(account, of_wallet, story.left_of_wallet)
    story.wallets.ask_back(story.treasury, of_card, story.left_of_card)
    story.wait("the request", lambda: story.money(story.card_campaign)["reserved_micro_usdc"] == story.left_of_card)
    assert leaving(story.advertiser) == (409, "erasure_blocked"), "asked back, and not back yet"


def the_publisher_claims_what_it_earned(story: Story) -> None:
    publisher, net = story.publisher, earned(story)
    fee = story.charged * FEE_BPS // 10_000
    assert story.charged - fee - net in range(VIEWS + 1), "rounding leaves less than a micro-USDC an epoch and campaign"
    assert story.wallets.claim(publisher, story.publisher_index) == net
    story.wait("the payout to be confirmed", lambda: publisher.get("/v1/publisher")["paid_micro_usdc"] == net)
    standing = publisher.get("/v1/publisher")
    assert (standing["earned_micro_usdc"], standing["payable_micro_usdc"]) == (0, 0)


# ---- papers --------------------------------------------------------------------------------------------------------


def both_are_invoiced(story: Story) -> None:
    """For exactly what was charged and earned. L71"""
    a_month_later(story.system)
    (invoice,) = story.advertiser.get("/v1/billing/documents")["items"]
    (credit,) = story.publisher.get("/v1/billing/documents")["items"]
    assert (invoice["kind"], invoice["gross_micro_usdc"]) == ("invoice", story.charged)
    assert (credit["kind"], credit["gross_micro_usdc"]) == ("self_billing", earned(story))

    path = f"/v1/billing/documents/{invoice['number']}"
    whole = story.advertiser.get(path)
    assert whole["buyer"]["name"] == "Northwind Outfitters GmbH"
    assert whole["vat_rate_bp"] == 1_900
    assert whole["net_micro_usdc"] + whole["vat_micro_usdc"] == whole["gross_micro_usdc"]
    assert [line["amount_micro_usdc"] for line in whole["lines"]] == [VIEWS * FLOOR, story.price_of_order]
    assert story.advertiser.file(path, format="pdf").content.startswith(b"%PDF-")
    assert story.publisher.refusal("GET", path)[0] == 404

    assert movements(story.advertiser, "advertiser") == {
        "deposit": FROM_THE_WALLET + BY_CARD, "charge": -story.charged,
    }
    assert movements(story.publisher, "publisher") == {"earned": earned(story), "paid": -earned(story)}


def movements(person: Person, side: str) -> dict[str, int]:
    """The account's statement summed by what happened; the same as JSON, CSV and PDF."""
    today = datetime.now(UTC).date()
    asked = {"from_day": str(today - timedelta(days=1)), "to_day": str(today + timedelta(days=1)), "side": side}
    whole = person.file("/v1/billing/statement", **asked).json()
    found: dict[str, int] = {}
    for movement in whole["movements"]:
        found[movement["what"]] = found.get(movement["what"], 0) + movement["amount_micro_usdc"]
    assert whole["closing_micro_usdc"] == sum(found.values())
    *_, last = csv.DictReader(io.StringIO(person.file("/v1/billing/statement", format="csv", **asked).text))
    assert (last["what"], int(last["balance_micro_usdc"])) == ("closing", whole["closing_micro_usdc"])
    assert person.file("/v1/billing/statement", format="pdf", **asked).content.startswith(b"%PDF-")
    return found


def everybody_was_told(story: Story) -> None:
    """By notices, and the shop's server by signed webhooks. L68"""
    expected = {
        "member.joined", "creative.rejected", "creative.approved", "creative.appeal_granted", "card_payment.paid",
        "card_payment.deposited", "invoice.issued",
    }
    assert expected <= story.advertiser.told()
    assert "invoice.issued" in story.publisher.told()
    story.manager.act_for_myself()
    assert "invitation.received" in story.manager.told()
    story.manager.act_for(story.advertiser.wallet)
    story.wait("the webhooks", lambda: expected <= set(story.shop.events()))
    rejection = story.shop.events()["creative.rejected"]
    assert rejection["account"] == story.advertiser.wallet
    assert (rejection["content"]["creative"], rejection["content"]["reasons"]) == (story.creative, ["misleading"])


def everything_is_in_the_audit_trail(story: Story) -> None:
    """The account sees what was done for it, the admin everything; and each entry's hash covers the one before. L67"""
    trail = list(story.advertiser.every("/v1/audit/mine"))
    advertiser, manager = story.advertiser.wallet, story.manager.wallet
    assert {(entry["action"], entry["actor"]) for entry in trail} >= {
        ("organisation.describe", advertiser), ("member.join", manager), ("campaign.create", manager),
        ("line_item.create", manager), ("creative.create", manager), ("card_payment.create", manager),
        ("creative.appeal", advertiser), ("campaign.change", advertiser),
    }
    assert not [entry for entry in trail if "Northwind" in json.dumps(entry)], "no names: nobody can erase it"
    decided = story.admin.every(f"/v1/audit?subject=creative:{story.creative}&action=creative.reject")
    assert [entry["actor"] for entry in decided] == [story.first_moderator.wallet]
    assert check_audit_chain(story.admin, story.audit_head) > 20


# ---- rights --------------------------------------------------------------------------------------------------------


def the_advertiser_takes_a_copy_of_its_data_along(story: Story) -> None:
    tables = copy_of_everything(story, story.advertiser)
    assert [row["name"] for row in tables["campaign"]] == ["Northwind winter coats", "Northwind light tents"]
    assert [row["name"] for row in tables["organisation"]] == ["Northwind Outfitters"]
    assert story.shop.hook_url in [row["url"] for row in tables["webhook"]]
    assert "Lantern" not in json.dumps(tables), "nobody else's"
    assert "export.finished" in story.advertiser.told()


def copy_of_everything(story: Story, person: Person) -> dict[str, list[Json]]:
    """The tables of an export, fetched by its link alone."""
    path = f"/v1/privacy/exports/{person.post('/v1/privacy/exports')['id']}"
    export = story.wait("the export", lambda: (found := person.get(path))["status"] == "ready" and found)
    link = export["download_url"]
    assert fetched(link.replace("signature=", "signature=A")).status_code in (403, 422)
    archive = fetched(link)
    assert archive.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        tables: dict[str, list[Json]] = json.loads(opened.read("export.json"))
    return tables


def what_is_unspent_goes_back_to_where_it_came_from(story: Story) -> None:
    """The wallet's money to the wallet, the card's money to the card: nothing is lost on the way. L62"""
    advertiser, wallets, payment = story.advertiser, story.wallets, f"/v1/card-payments/{story.card_payment}"
    assert advertiser.account is not None
    assert wallets.take_back(advertiser.account, story.on_chain[0]) == story.left_of_wallet
    assert wallets.balance(advertiser.account) == 1_000 * USDC - VIEWS * FLOOR
    assert wallets.take_back(story.treasury, story.on_chain[1]) == story.left_of_card
    cents = story.left_of_card // CENT
    story.wait("the money to be refundable", lambda: advertiser.get(payment)["refundable_cents"] == cents)
    assert leaving(advertiser) == (409, "erasure_blocked"), "back with us, and not on the card yet"

    advertiser.post(f"{payment}/refunds", {})
    story.wait("the refund", lambda: [one["status"] for one in advertiser.get(payment)["refunds"]] == ["succeeded"])
    assert [refund["amount"] for refund in story.stripe.refunds(story.payment_intent)] == [cents]
    assert advertiser.get(payment)["refunded_cents"] == cents
    assert advertiser.refusal("POST", f"{payment}/refunds", {}) == (409, "nothing_to_refund")
    assert movements(advertiser, "advertiser") == {
        "deposit": FROM_THE_WALLET + BY_CARD, "charge": -story.charged,
        "withdrawal": -story.left_of_wallet - story.left_of_card,
    }


def the_advertiser_leaves_without_a_trace(story: Story) -> None:
    """But for what is on chain, and for what the law wants to be kept. L65"""
    advertiser, url = story.advertiser, story.system.url
    number = advertiser.get("/v1/billing/documents")["items"][0]["number"]
    erased = advertiser.post("/v1/privacy/erasures", {"confirm": advertiser.wallet})
    assert erased["deleted"]["organisation"] == 1
    assert erased["keys_deleted"] >= 1
    assert "billing_document" in erased["kept_because"]

    assert advertiser.refusal("GET", "/v1/auth/me") == (401, "not_signed_in")
    assert story.manager.refusal("GET", "/v1/campaigns")[0] in (403, 404), "there is nothing to act for any more"
    story.wait("its pictures to be gone", lambda: fetched(f"{url}/a/{story.coats_picture}").status_code == 404)
    for anybody, path in (
        (story.second_moderator, f"/v1/moderation/creatives/{story.creative}"), (story.publisher, "/v1/status"),
        (story.publisher, "/v1/publisher/creatives"), (story.admin, f"/v1/audit?account={advertiser.wallet}"),
    ):
        assert "northwind" not in json.dumps(anybody.get(path)).lower(), path

    advertiser.sign_in()
    campaigns = advertiser.get("/v1/campaigns")["items"]
    assert [(one["name"], one["status"]) for one in campaigns] == [("erased", "ended")] * 2
    assert advertiser.told() == set()
    kept = advertiser.get(f"/v1/billing/documents/{number}")
    assert kept["gross_micro_usdc"] == story.charged, "the law wants invoices to be kept"


def the_publisher_leaves_too(story: Story) -> None:
    publisher = story.publisher
    assert [row["name"] for row in copy_of_everything(story, publisher)["world"]] == ["Lantern Festival"]
    erased = publisher.post("/v1/privacy/erasures", {"confirm": publisher.wallet})
    assert erased["blanked"]["world"] == erased["blanked"]["placement"] == 1
    assert publisher.refusal("GET", "/v1/worlds") == (401, "not_signed_in")
    viewer = Viewer(story.system.url, "DE")
    story.wait("the board to show nothing any more", lambda: viewer.look_for_an_ad(story.board) == {})


# ---- the end -------------------------------------------------------------------------------------------------------


def every_micro_usdc_is_somewhere(story: Story) -> None:
    """deposited = withdrawn + remaining + fee + paid + unclaimed; and so for wallet, card and publisher. L38"""
    status = fetched(f"{story.system.url}/v1/status").json()
    money = status["money"]
    assert money["conserved"] is True
    assert money["deposited_micro_usdc"] == sum(
        money[f"{part}_micro_usdc"] for part in ("withdrawn", "remaining", "fee", "paid", "unclaimed")
    )
    assert status["solvency"]["solvent"] is True

    rows = {row["campaign"]: row for row in status["campaigns"]}
    parts = [[rows[number][f"{part}_micro_usdc"] for part in ("deposited", "debited", "withdrawn", "remaining")]
             for number in story.on_chain]
    assert parts == [
        [FROM_THE_WALLET, VIEWS * FLOOR, story.left_of_wallet, 0],
        [BY_CARD, story.price_of_order, story.left_of_card, 0],
    ]
    publisher = next(row for row in status["publishers"] if row["publisher_index"] == story.publisher_index)
    assert publisher["earned_micro_usdc"] == publisher["paid_micro_usdc"] == earned(story)
    assert story.publisher.account is not None
    assert story.wallets.balance(story.publisher.account) == 1_000 * USDC + earned(story)
