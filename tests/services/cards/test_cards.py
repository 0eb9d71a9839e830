"""Paying by card, over the whole API, with a fake Stripe that checks every request. Laws L59, L61, L62.

    a card payment
    ├── is asked for            one Checkout, whatever is repeated or fails in between; by its owner only
    ├── is paid                 held by tier, then cleared for the treasury
    ├── is warned about         frozen until a person releases it
    ├── is disputed             frozen; the bank's money leaves the ledger, and comes back when it is won
    ├── is refunded             to the card, unspent money only, exactly once
    └── goes unheard            the worker asks Stripe
"""

from typing import Any

import httpx
from cards_kit.desk import CENT, DAY_SECONDS, TREASURY, Desk
from cards_kit.stripe import KEY
from sqlalchemy import text

from backend.onramp.client import gateway

PAID = 100_00


# ---- asking ---------------------------------------------------------------------------------------------------------


async def test_pay__own_campaign__opens_a_checkout_with_three_d_secure(desk: Desk) -> None:
    answer = await desk.ask(PAID)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["status"], told["amount_cents"], told["tier"], told["hold_until"]) == ("created", PAID, "new", None)
    session = desk.stripe.object(told["checkout_url"].rpartition("/")[2])
    assert (session["amount_total"], session["currency"], session["_three_d_secure"]) == (PAID, "usd", "any")
    assert desk.read("select funder from campaign where id = :id", id=desk.campaign) == TREASURY
    assert desk.read("select count(*) from audit_entry where action = 'card_payment.create'") == 1


async def test_pay__same_key_again__is_the_same_checkout(desk: Desk) -> None:
    first, again = [await desk.ask(PAID, key="one") for _ in range(2)]
    assert first.json() == again.json()
    assert (await desk.ask(PAID + 1, key="one")).json()["code"] == "idempotency_key_reused"
    assert desk.read("select count(*) from card_payment") == 1


async def test_pay__stripe_fails_once__is_repeated_with_the_same_key(desk: Desk) -> None:
    for kind in ("error_before", "error_after"):
        desk.stripe.misbehave(kind)
        assert (await desk.ask(PAID)).status_code == 201


async def test_pay__stripe_stays_silent__the_same_key_finds_the_checkout_that_was_made(desk: Desk) -> None:
    desk.stripe.misbehave("error_after", times=3)
    silent = await desk.ask(PAID, key="one")
    assert (silent.status_code, silent.json()["code"]) == (503, "stripe_unavailable")
    assert (await desk.ask(PAID, key="one")).status_code == 201
    assert desk.read("select count(*) from card_payment") == 1


async def test_pay__bad_amount__is_refused(desk: Desk) -> None:
    amounts = ({}, {"amount_cents": 499}, {"amount_cents": 10**9}, {"amount_cents": "500"}, {"amount_cents": 500.5},
               {"amount_cents": True}, {"amount_cents": 500, "wallet": "0x"})
    for body in amounts:
        answer = await desk.advertiser.post(f"/v1/campaigns/{desk.campaign}/card-payments", json=body)
        assert (answer.status_code, desk.read("select count(*) from card_payment")) == (422, 0)


async def test_pay__beyond_the_days_cap__is_refused_until_tomorrow(desk: Desk) -> None:
    assert (await desk.ask(400_00)).status_code == 201
    refused = await desk.ask(100_01)
    assert (refused.json()["code"], refused.json()["left_cents"]) == ("card_daily_cap", 100_00)
    await desk.advance(DAY_SECONDS)
    assert (await desk.ask(500_00)).status_code == 201


async def test_pay__ended_campaign__is_refused(desk: Desk) -> None:
    await desk.advertiser.patch(f"/v1/campaigns/{desk.campaign}", json={"status": "ended"})
    assert (await desk.ask()).json()["code"] == "campaign_ended"


async def test_pay__campaign_of_a_wallet__is_refused(desk: Desk, wallet: Any, cards_database_url: str) -> None:
    from settlement_kit.stage import show_campaign

    from indexer.schema import create_schema, drop_schema

    create_schema(cards_database_url)
    meta = desk.read("select meta from campaign where id = :id", id=desk.campaign)
    with desk.engine.begin() as connection:
        show_campaign(connection, 0, 5, owner=wallet("advertiser").address, meta=meta)
    assert (await desk.ask()).json()["code"] == "campaign_funded_by_wallet"
    drop_schema(cards_database_url)


async def test_payments__of_another__do_not_exist(desk: Desk) -> None:
    payment, _ = await desk.paid()
    stranger = await desk.sign_in(desk.app, "stranger")
    for answer in (
        await stranger.get(f"/v1/card-payments/{payment}"),
        await stranger.get(f"/v1/campaigns/{desk.campaign}/card-payments"),
        await stranger.post(f"/v1/card-payments/{payment}/refunds", json={}),
        await stranger.post(f"/v1/campaigns/{desk.campaign}/card-payments", json={"amount_cents": 500}),
    ):
        assert answer.status_code == 404, answer.text
    assert (await stranger.post(f"/v1/admin/card-payments/{payment}/release")).status_code == 403
    assert (await desk.anybody.get(f"/v1/card-payments/{payment}")).status_code == 401


async def test_cards__not_set_up__say_so(accounts_app: Any, advertiser: httpx.AsyncClient) -> None:
    campaign = (await advertiser.post("/v1/campaigns", json={"name": "A", "category": "games"})).json()["id"]
    for answer in (
        await advertiser.post(f"/v1/campaigns/{campaign}/card-payments", json={"amount_cents": 500}),
        await advertiser.post("/v1/card-payments/1/refunds", json={}),
        await advertiser.post("/v1/onramp-sessions", json={}),
        await advertiser.post("/v1/stripe/webhooks", content=b"{}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "cards_not_available")
    assert (await advertiser.get(f"/v1/campaigns/{campaign}/card-payments")).json()["items"] == []


# ---- paid, held, cleared ---------------------------------------------------------------------------------------------


async def test_paid__card_declined_first__is_held_then_cleared(desk: Desk) -> None:
    payment, checkout = await desk.checkout(PAID)
    for card in ("decline", "3ds_failed"):
        assert desk.stripe.pay(checkout, card) is None
    assert desk.stripe.pay(checkout, "3ds")
    assert await desk.hear_all() == ["ignored", "applied"]
    told = await desk.payment(payment)
    assert (told["status"], told["paid_cents"], told["refundable_cents"]) == ("held", PAID, PAID)
    assert (desk.balance(f"card:{desk.campaign}"), desk.balance("stripe:balance")) == (PAID * CENT, -PAID * CENT)
    assert desk.upkeep().clear_due() == 0
    await desk.advance(7 * DAY_SECONDS)
    assert (desk.upkeep().step(), await desk.status(payment)) == (True, "cleared")
    assert desk.rows("select amount_micro_usdc, status from treasury_order") == [(PAID * CENT, "waiting")]
    assert desk.upkeep().step() is False
    assert {row[0] for row in desk.rows("select kind from notice")} == {"card_payment.paid"}


async def test_paid__long_without_trouble__is_trusted(desk: Desk) -> None:
    await desk.paid()
    await desk.advance(90 * DAY_SECONDS)
    payment, _ = await desk.paid(600_00)
    assert (await desk.payment(payment))["tier"] == "trusted"
    await desk.advance(DAY_SECONDS)
    desk.upkeep().clear_due()
    assert await desk.status(payment) == "cleared"


# ---- warnings and disputes -------------------------------------------------------------------------------------------


async def test_warning__freezes_serving_and_deposit__until_a_person_releases(desk: Desk, admin: str) -> None:
    payment, intent = await desk.paid()
    await desk.advance(7 * DAY_SECONDS)
    desk.upkeep().clear_due()
    desk.stripe.warn(intent)
    await desk.hear_all()
    assert await desk.status(payment) == "frozen"
    assert desk.read("select frozen from campaign where id = :id", id=desk.campaign) is True
    assert (desk.read("select count(*) from treasury_order"), desk.upkeep().clear_due()) == (0, 0)
    assert (await desk.ask()).json()["code"] == "campaign_frozen"
    person = await desk.sign_in(desk.app, admin)
    assert [one["id"] for one in (await person.get("/v1/admin/card-payments")).json()["items"]] == [payment]
    assert (await person.post(f"/v1/admin/card-payments/{payment}/release")).json()["status"] == "held"
    assert (await person.post(f"/v1/admin/card-payments/{payment}/release")).json()["code"] == "nothing_to_release"
    assert desk.read("select frozen from campaign where id = :id", id=desk.campaign) is False
    assert desk.upkeep().clear_due() == 1


async def test_dispute__won__money_comes_back_and_the_fee_is_ours(desk: Desk) -> None:
    payment, intent = await desk.paid()
    dispute = desk.stripe.dispute(intent)
    await desk.hear_all()
    account = f"card:{desk.campaign}"
    assert (await desk.status(payment), desk.balance(account)) == ("disputed", 0)
    assert (await desk.refund(payment)).json()["code"] == "nothing_to_refund"
    desk.stripe.close(dispute, "won")
    await desk.hear_all()
    assert (await desk.status(payment), desk.balance(account)) == ("held", PAID * CENT)
    assert desk.balance("card_fee") == -15_00 * CENT
    kinds = [row[0] for row in desk.rows("select kind from notice order by id")]
    assert kinds == ["card_payment.paid", "card_payment.disputed", "card_payment.released"]


async def test_dispute__lost_after_the_deposit__is_a_debt(desk: Desk) -> None:
    payment, intent = await desk.paid()
    with desk.engine.begin() as connection:        # as the treasury would have written
        from backend.onramp import book, store

        def deposit(found: book.Book) -> book.Book:
            cleared = book.cleared(found, payment, "order", desk.payment_time(8))
            return book.deposited(book.signed(cleared, payment, "order"), payment, "order")

        store.change_book(connection, desk.campaign, deposit)
    desk.stripe.close(desk.stripe.dispute(intent), "lost")
    await desk.hear_all()
    assert (await desk.status(payment), desk.balance(f"card:{desk.campaign}")) == ("lost", -PAID * CENT)
    assert desk.read("select frozen from campaign where id = :id", id=desk.campaign) is True
    assert desk.balance("treasury") == PAID * CENT


# ---- refunds --------------------------------------------------------------------------------------------------------


async def test_refund__unspent__goes_to_the_card_once(desk: Desk) -> None:
    payment, intent = await desk.paid()
    first, again = [await desk.refund(payment, 30_00, key="one") for _ in range(2)]
    assert (first.status_code, first.json()) == (201, again.json())
    assert (first.json()["refunded_cents"], first.json()["refundable_cents"]) == (30_00, 70_00)
    await desk.hear_all()
    assert [refund["amount"] for refund in desk.stripe.refunds(intent)] == [30_00]
    assert (await desk.refund(payment, 70_01)).json()["refundable_cents"] == 70_00
    assert (await desk.refund(payment)).json()["status"] == "refunded"
    await desk.hear_all()
    assert desk.balance(f"card:{desk.campaign}") == 0
    assert [one["status"] for one in (await desk.payment(payment))["refunds"]] == ["succeeded", "succeeded"]


async def test_refund__stripe_silent__is_carried_out_by_the_worker_once(desk: Desk) -> None:
    payment, intent = await desk.paid()
    desk.stripe.misbehave("error_after", times=4)       # looking for it, then making it, with all repetitions
    asked = await desk.refund(payment, 30_00)
    assert (asked.status_code, asked.json()["refunds"]) == (201, [{"amount_cents": 30_00, "status": "asked"}])
    with desk.engine.begin() as connection:
        connection.execute(text("update card_refund set created_at = :then"), {"then": desk.payment_time(-1)})
    for _ in range(2):
        desk.upkeep().ask()
    assert [one["amount"] for one in desk.stripe.refunds(intent)] == [30_00]
    assert [one["status"] for one in (await desk.payment(payment))["refunds"]] == ["succeeded"]


async def test_refund__comes_back_from_the_bank__can_be_spent_again(desk: Desk) -> None:
    payment, intent = await desk.paid()
    await desk.refund(payment)
    desk.stripe.fail_refund(desk.stripe.refunds(intent)[0]["id"])
    await desk.hear_all()
    assert (await desk.status(payment), desk.balance(f"card:{desk.campaign}")) == ("held", PAID * CENT)


async def test_refund__stripe_refuses__gives_the_money_back(desk: Desk) -> None:
    payment, intent = await desk.paid()
    desk.stripe.dispute(intent)                          # nobody has told us yet
    assert [one["status"] for one in (await desk.refund(payment)).json()["refunds"]] == ["failed"]
    assert desk.balance(f"card:{desk.campaign}") == PAID * CENT


async def test_refund__by_the_dashboard__is_heard(desk: Desk) -> None:
    payment, intent = await desk.paid()
    gateway(KEY, desk.stripe.url).refund("by hand", intent, 20_00)
    await desk.hear_all()
    assert (await desk.payment(payment))["refundable_cents"] == 80_00


# ---- asking Stripe ---------------------------------------------------------------------------------------------------


async def test_webhook__lost__the_worker_asks(desk: Desk) -> None:
    payment, checkout = await desk.checkout(PAID)
    unpaid, other = await desk.checkout(50_00)
    intent = desk.stripe.pay(checkout)
    desk.stripe.expire(other)
    desk.stripe.warn(str(intent))
    warning = desk.stripe.webhooks()[-1]
    assert (await desk.hear(warning)).json() == {"standing": "parked"}
    desk.upkeep().ask()
    assert await desk.status(payment) == "created"       # not yet: the webhook may still come
    await desk.advance(5_000)
    desk.upkeep().ask()
    assert (await desk.status(payment), await desk.status(unpaid)) == ("frozen", "expired")
    assert desk.balance(f"card:{desk.campaign}") == PAID * CENT


async def test_ledger__after_everything__is_what_stripe_holds(desk: Desk) -> None:
    """L59: Stripe's balance, after its fees, is the ledger's."""
    before = desk.stripe.balance_cents()
    payment, intent = await desk.paid(PAID)
    await desk.refund(payment, 25_00)
    other, disputed = await desk.paid(60_00)
    desk.stripe.close(desk.stripe.dispute(disputed), "won")
    await desk.hear_all()
    await desk.advance(3_600)
    desk.upkeep().ask()
    assert desk.stripe.balance_cents() - before == -desk.balance("stripe:balance") // CENT
    assert desk.read("select sum(debits) = sum(credits) from ledger_account") is True
    fees = [row[0] for row in desk.rows("select fee_cents from card_payment order by id")]
    assert fees == [PAID * 290 // 10_000 + 30, 60_00 * 290 // 10_000 + 30]
    assert (await desk.status(other), intent != disputed) == ("held", True)
