"""Webhooks of Stripe: forged, old, repeated, all at once, in any order. Laws L45, L59, L61."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from cards_kit.desk import CENT, Desk
from cards_kit.stripe import SECRET, Delivery
from sqlalchemy import text

from backend.core.errors import BadRequest
from backend.onramp.webhooks.service import WebhookService
from tests.stripe_fake.app import signature

DELIVERIES = 500
ORDERS = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1), (3, 0, 1, 2), (1, 2, 3, 0))
THREADS = 16


async def test_webhook__forged_tampered_or_old__changes_nothing(desk: Desk) -> None:
    _, checkout = await desk.checkout()
    desk.stripe.pay(checkout)
    true = desk.stripe.webhooks()[-1]
    before = desk.snapshot()
    old = desk.stripe.webhooks(at=desk.stripe.now - 301)[-1]
    for delivery, code in (
        (replace(true, header=""), "webhook_unsigned"),
        (replace(true, header="t=1,v0=00"), "webhook_unsigned"),
        (replace(true, header=signature(true.body, "whsec_of_another", desk.stripe.now)), "webhook_signature_invalid"),
        (replace(true, body=true.body.replace("10000", "99999")), "webhook_signature_invalid"),
        (replace(true, body=true.body + " "), "webhook_signature_invalid"),
        (old, "webhook_too_old"),
        (signed("[]", desk.stripe.now), "webhook_malformed"),
        (signed("{", desk.stripe.now), "webhook_malformed"),
    ):
        answer = await desk.hear(delivery)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert answer.headers["content-type"] == "application/problem+json"
    assert desk.snapshot() == before


def signed(body: str, at: int) -> Delivery:
    return Delivery("evt", "", body, signature(body, SECRET, at))


async def test_webhook__replayed_later__is_too_old_for_an_effect(desk: Desk) -> None:
    _, checkout = await desk.checkout()
    desk.stripe.pay(checkout)
    recorded = desk.stripe.webhooks()[-1]
    assert (await desk.hear(recorded)).json() == {"standing": "applied"}
    assert (await desk.hear(recorded)).json() == {"standing": "duplicate"}
    desk.clock.advance(301)
    assert (await desk.hear(recorded)).json()["code"] == "webhook_too_old"
    assert desk.balance(f"card:{desk.campaign}") == 100_00 * CENT


async def test_webhook__unknown_type__is_recorded_and_ignored(desk: Desk) -> None:
    body = json.dumps({"id": "evt_new", "type": "customer.created", "created": 1, "data": {"object": {"id": "cus"}}})
    assert (await desk.hear(signed(body, desk.stripe.now))).json() == {"standing": "ignored"}
    assert desk.rows("select id, type, status, fact from stripe_event") == [
        ("evt_new", "customer.created", "ignored", None)
    ]


async def test_webhook__500_deliveries_at_once__have_one_effect(desk: Desk) -> None:
    _, checkout = await desk.checkout()
    desk.stripe.pay(checkout)
    paid = desk.stripe.webhooks()[-1]
    service = WebhookService(desk.engine, SECRET, clock=desk.clock)
    with ThreadPoolExecutor(THREADS) as pool:
        standings = list(pool.map(lambda _: service.hear(paid.body.encode(), paid.header), range(DELIVERIES)))
    assert sorted(set(standings)) == ["applied", "duplicate"]
    assert standings.count("applied") == 1
    assert desk.rows("select kind, amount_micro_usdc from ledger_transfer") == [("card_in", 100_00 * CENT)]


async def test_webhook__different_events_at_once__all_have_their_effect(desk: Desk) -> None:
    """Payments, refunds and disputes of one campaign, every event twice, at the same time, mixed."""
    payment, checkout = await desk.checkout(100_00)
    intent = str(desk.stripe.pay(checkout))
    desk.stripe.close(desk.stripe.dispute(intent, amount=40_00), "won")
    desk.stripe.warn(intent)
    other, second = await desk.checkout(60_00)
    desk.stripe.pay(second)
    service = WebhookService(desk.engine, SECRET, clock=desk.clock)
    deliveries = desk.stripe.webhooks()[::-1] * 2
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda one: service.hear(one.body.encode(), one.header), deliveries))
    assert (await desk.status(payment), await desk.status(other)) == ("frozen", "held")
    assert desk.balance(f"card:{desk.campaign}") == 160_00 * CENT
    assert desk.read("select count(*) from stripe_event where status = 'parked'") == 0


async def test_webhook__any_order__leads_to_the_same_money(desk: Desk) -> None:
    """A dispute before its payment, a closing before its opening: parked or joined, never lost."""
    outcomes = set()
    for order in ORDERS:
        payment, checkout = await desk.checkout(5_00)
        account = desk.balance(f"card:{desk.campaign}"), desk.balance("card_fee")
        intent = str(desk.stripe.pay(checkout))
        desk.stripe.close(desk.stripe.dispute(intent), "lost")
        ours = [one for one in desk.stripe.webhooks() if intent in one.body and one.type != "payment_intent.succeeded"]
        assert len(ours) == 4
        for place in order:
            assert (await desk.hear(ours[place])).status_code == 200
        after = desk.balance(f"card:{desk.campaign}"), desk.balance("card_fee")
        outcomes.add((await desk.status(payment), after[0] - account[0], after[1] - account[1]))
    assert outcomes == {("lost", 0, -15_00 * CENT)}
    assert desk.read("select count(*) from stripe_event where status = 'parked'") == 0
    assert desk.read("select frozen from campaign where id = :id", id=desk.campaign) is False


async def test_webhook__about_somebody_elses_payment__waits_without_effect(desk: Desk) -> None:
    body = json.dumps({"id": "evt_1", "type": "radar.early_fraud_warning.created", "created": 1,
                       "data": {"object": {"id": "issfr_1", "payment_intent": "pi_elsewhere"}}})
    assert (await desk.hear(signed(body, desk.stripe.now))).json() == {"standing": "parked"}
    body = json.dumps({"id": "evt_2", "type": "checkout.session.completed", "created": 1, "data": {"object": {
        "id": "cs_1", "payment_status": "paid", "amount_total": 500, "currency": "usd", "payment_intent": "pi_2",
        "metadata": {"sightline_payment": "not ours"}}}})
    assert (await desk.hear(signed(body, desk.stripe.now))).json() == {"standing": "ignored"}
    assert desk.read("select count(*) from ledger_transfer") == 0


async def test_webhook__database_fails_within__leaves_no_trace_and_works_again(desk: Desk) -> None:
    _, checkout = await desk.checkout()
    desk.stripe.pay(checkout)
    paid = desk.stripe.webhooks()[-1]
    with desk.engine.begin() as connection:
        connection.execute(text("alter table ledger_transfer add constraint never check (kind <> 'card_in')"))
    assert (await desk.hear(paid)).status_code >= 500
    assert desk.read("select count(*) from stripe_event") == 0
    with desk.engine.begin() as connection:
        connection.execute(text("alter table ledger_transfer drop constraint never"))
    assert (await desk.hear(paid)).json() == {"standing": "applied"}


async def test_webhook__stored__names_no_cardholder(desk: Desk) -> None:
    _, checkout = await desk.checkout()
    intent = desk.stripe.pay(checkout)
    desk.stripe.dispute(str(intent))
    assert any("cardholder@example.com" in one.body for one in desk.stripe.webhooks())
    for delivery in reversed(desk.stripe.webhooks()):
        await desk.hear(delivery)
    assert "older" not in "".join(str(row) for row in desk.snapshot() if "'frozen'" not in str(row))


def test_webhook__service_without_a_header__raises_bad_request(desk: Desk) -> None:
    with pytest.raises(BadRequest):
        WebhookService(desk.engine, SECRET).hear(b"{}", "")
