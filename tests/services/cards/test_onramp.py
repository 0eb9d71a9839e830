"""Buying USDC for one's own wallet. Laws L62, L63 (an onramp is credited only by what arrived on chain)."""

import logging
from typing import Any

import pytest
from cards_kit.desk import Desk
from cards_kit.stripe import KEY

from backend.onramp.client import OnrampWish, StripeGateway, gateway


async def opened(desk: Desk, **more: Any) -> dict[str, Any]:
    answer = await desk.advertiser.post("/v1/onramp-sessions", json={"amount_micro_usdc": 99_500_000}, **more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stripe_id(desk: Desk) -> str:
    return str(desk.read("select stripe_id from onramp_session order by id desc limit 1"))


async def test_session__asked_for__is_locked_to_the_own_wallet(desk: Desk, wallet: Any) -> None:
    told = await opened(desk)
    assert (told["status"], told["network"], told["wallet"]) == ("initialized", "polygon", wallet("advertiser").address)
    details = desk.stripe.object(stripe_id(desk))["transaction_details"]
    assert details["wallet_addresses"] == {"polygon": wallet("advertiser").address}
    assert (details["destination_amount"], details["destination_currency"]) == ("99.500000", "usdc")


async def test_session__secret__is_told_once_and_neither_stored_nor_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {"Idempotency-Key": "one"}
    first = await desk.advertiser.post("/v1/onramp-sessions", json={}, headers=headers)
    assert first.headers["cache-control"] == "no-store"
    secret = first.json()["client_secret"]
    again = await desk.advertiser.post("/v1/onramp-sessions", json={}, headers=headers)
    assert again.json() == first.json()
    assert "client_secret" not in (await desk.advertiser.get("/v1/onramp-sessions")).text
    assert "client_secret" not in (await desk.advertiser.get(f"/v1/onramp-sessions/{first.json()['id']}")).text
    tables = desk.rows("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
    assert not any(secret in str(desk.rows(f'select t::text from "{table}" t')) for (table,) in tables)
    assert secret not in caplog.text
    assert secret not in repr(gateway(KEY, desk.stripe.url).open_onramp(
        OnrampWish("another", "0x" + "11" * 20, "base", None)))  # type: ignore[arg-type]


async def test_session__goes_through_its_statuses__in_any_order_under_both_names(desk: Desk) -> None:
    session = (await opened(desk))["id"]
    name = stripe_id(desk)
    arrived = {"destination_amount": "97.1", "transaction_id": "0x" + "ab" * 32}
    desk.stripe.onramp(name, "requires_payment", type="crypto.onramp_session.updated")
    desk.stripe.onramp(name, "fulfillment_processing")
    desk.stripe.onramp(name, "fulfillment_complete", details=arrived, type="crypto.onramp_session.updated")
    for delivery in reversed(desk.stripe.webhooks()):
        assert (await desk.hear(delivery)).json() == {"standing": "applied"}
    told = (await desk.advertiser.get(f"/v1/onramp-sessions/{session}")).json()
    assert told["status"] == "fulfillment_complete"
    assert arrived.items() <= told["transaction_details"].items()


async def test_session__fulfilled__credits_nothing(desk: Desk) -> None:
    """L63: only a deposit that the indexer mirrors is money."""
    await opened(desk)
    desk.stripe.onramp(stripe_id(desk), "fulfillment_complete", details={"destination_amount": "1000000"})
    await desk.hear_all()
    for table in ("ledger_transfer", "ledger_account", "card_payment", "treasury_order"):
        assert desk.read(f"select count(*) from {table}") == 0
    money = (await desk.advertiser.get(f"/v1/campaigns/{desk.campaign}")).json()["money"]
    assert (money["deposited_micro_usdc"], money["spendable_micro_usdc"]) == (0, 0)


async def test_session__webhook_before_stripes_answer__is_not_lost(desk: Desk) -> None:
    desk.stripe.misbehave("error_after", times=3)
    headers = {"Idempotency-Key": "one"}
    body = {"amount_micro_usdc": 99_500_000}
    assert (await desk.advertiser.post("/v1/onramp-sessions", json=body, headers=headers)).status_code == 503
    reference = desk.read("select reference from onramp_session")
    name = next(one["id"] for one in desk.stripe.all("crypto.onramp_session")
                if one["metadata"] == {"sightline_onramp": reference})
    desk.stripe.onramp(name, "requires_payment")
    await desk.hear_all()
    told = (await desk.advertiser.post("/v1/onramp-sessions", json=body, headers=headers)).json()
    assert (told["status"], stripe_id(desk)) == ("requires_payment", name)


async def test_session__of_another__does_not_exist(desk: Desk) -> None:
    session = (await opened(desk))["id"]
    stranger = await desk.sign_in(desk.app, "stranger")
    answer = await stranger.get(f"/v1/onramp-sessions/{session}")
    assert (answer.status_code, answer.json()["code"]) == (404, "onramp_session_unknown")
    assert (await stranger.get("/v1/onramp-sessions")).json()["items"] == []


async def test_session__stripe_refuses__says_why(desk: Desk) -> None:
    desk.stripe.misbehave("onramp_disabled")
    answer = await desk.advertiser.post("/v1/onramp-sessions", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "onramp_refused")
    assert answer.json()["stripe_code"] == "crypto_onramp_disabled"


def test_gateway__stripe_does_not_answer__is_unavailable(stripe: Any) -> None:
    """A time-out tells nothing: the same key is safe to send again."""
    from backend.core.errors import Unavailable

    stripe.misbehave("hang", times=3)
    wish = OnrampWish("hanging", "0x" + "11" * 20, "polygon", None)  # type: ignore[arg-type]
    impatient = StripeGateway(KEY, url=stripe.url, seconds_max=0.5)
    with pytest.raises(Unavailable, match="stripe_unavailable"):
        impatient.open_onramp(wish)
    impatient.close()
    made = [one for one in stripe.all("crypto.onramp_session") if one["metadata"] == {"sightline_onramp": "hanging"}]
    assert len(made) == 1
