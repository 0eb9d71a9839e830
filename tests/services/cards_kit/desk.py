"""An advertiser before our API with a card in the hand, and the worker behind it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, text

from backend.core.ids import Address
from backend.onramp.client import StripeGateway, gateway
from backend.onramp.service import CardUpkeep
from backend.onramp.webhooks.service import tell
from cards_kit.stripe import KEY, Delivery, FakeStripe

CHAIN_ID = 31_337
TREASURY = Address("0x" + "7e" * 20)
CENT = 10_000
DAY_SECONDS = 86_400


SignIn = Callable[[FastAPI, str], Awaitable[httpx.AsyncClient]]


@dataclass
class Desk:
    app: FastAPI
    advertiser: httpx.AsyncClient
    anybody: httpx.AsyncClient
    stripe: FakeStripe
    engine: Engine
    clock: Any
    sign_in: SignIn
    campaign: int = 0
    heard: set[str] = field(default_factory=set)

    async def create_campaign(self) -> int:
        answer = await self.advertiser.post("/v1/campaigns", json={"name": "Autumn", "category": "games"})
        assert answer.status_code == 201, answer.text
        self.campaign = answer.json()["id"]
        return self.campaign

    async def ask(self, cents: int = 100_00, *, key: str | None = None, campaign: int | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.advertiser.post(
            f"/v1/campaigns/{campaign or self.campaign}/card-payments", json={"amount_cents": cents}, headers=headers
        )

    async def checkout(self, cents: int = 100_00) -> tuple[int, str]:
        """A payment that waits for a card: its id and Stripe's id of the Checkout."""
        answer = await self.ask(cents)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["checkout_url"].rpartition("/")[2]

    async def paid(self, cents: int = 100_00) -> tuple[int, str]:
        """A payment that was paid and heard of: its id and its payment intent."""
        payment, checkout = await self.checkout(cents)
        intent = self.stripe.pay(checkout)
        assert intent is not None
        await self.hear_all()
        return payment, intent

    async def payment(self, payment: int) -> dict[str, Any]:
        answer = await self.advertiser.get(f"/v1/card-payments/{payment}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def status(self, payment: int) -> str:
        return str((await self.payment(payment))["status"])

    async def refund(self, payment: int, cents: int | None = None, *, key: str | None = None) -> httpx.Response:
        body = {} if cents is None else {"amount_cents": cents}
        headers = {"Idempotency-Key": key} if key else {}
        return await self.advertiser.post(f"/v1/card-payments/{payment}/refunds", json=body, headers=headers)

    async def hear(self, delivery: Delivery) -> httpx.Response:
        return await self.anybody.post(
            "/v1/stripe/webhooks", content=delivery.body,
            headers={"Stripe-Signature": delivery.header, "Content-Type": "application/json"},
        )

    async def hear_all(self) -> list[str]:
        """Deliver what Stripe has told since the last time; how each was taken."""
        standings = []
        for delivery in self.stripe.webhooks():
            if delivery.id not in self.heard:
                self.heard.add(delivery.id)
                answer = await self.hear(delivery)
                assert answer.status_code == 200, answer.text
                standings.append(answer.json()["standing"])
        return standings

    async def advance(self, seconds: float) -> None:
        """Time passes, here and at Stripe; sessions end, so everybody signs in again."""
        self.clock.advance(seconds)
        self.stripe.set_clock(self.clock())
        self.advertiser = await self.sign_in(self.app, "advertiser")

    def payment_time(self, days: float) -> datetime:
        """A moment this many days from now."""
        return datetime.fromtimestamp(self.clock(), UTC) + timedelta(days=days)

    def upkeep(self, stripe: StripeGateway | None = None) -> CardUpkeep:
        return CardUpkeep(
            self.engine, CHAIN_ID, TREASURY, stripe or gateway(KEY, self.stripe.url),
            partial(tell, self.engine), clock=self.clock,
        )

    def read(self, statement: str, **values: Any) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(text(statement), values).scalar()

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def balance(self, account: str) -> int:
        """Credits less debits of a ledger account, micro-USDC."""
        found: Callable[..., Any] = self.read
        return int(found("select credits - debits from ledger_account where account = :a", a=account) or 0)

    def snapshot(self) -> list[tuple[Any, ...]]:
        """All that a webhook could change."""
        return [
            row for table in ("card_payment", "card_refund", "card_dispute", "card_warning", "ledger_account",
                              "ledger_transfer", "stripe_event", "onramp_session", "campaign")
            for row in self.rows(f"select to_jsonb(t) from {table} t order by 1")  # a jsonb order is any order
        ]
