"""The fake Stripe over HTTP: the API under /v1, a page for cardholders under /pay, and its test API under /_test.

| test API | what it does |
|---|---|
| `POST /_test/clock {now}` | sets Unix seconds |
| `POST /_test/pay {checkout, card}` | a cardholder pays: `ok`, `decline`, `3ds`, `3ds_failed` |
| `POST /_test/expire {checkout}` | a Checkout ends |
| `POST /_test/warn {payment_intent}` | early fraud warning |
| `POST /_test/dispute {payment_intent, inquiry?, amount?}`, `POST /_test/close {dispute, outcome}` | a bank disputes |
| `POST /_test/fail-refund {refund}` | a refund comes back |
| `POST /_test/onramp {session, status, details?, type?}` | an onramp session moves |
| `POST /_test/misbehave {kind, times}` | the next under /v1: `error_before`, `error_after`, `hang`, `onramp_disabled` |
| `GET /_test/events?secret&at` | events so far, each as raw body and signature header; `DELETE`: none, no books |
| `POST /_test/endpoint {url, secret, duplicates?, shuffle?, late_seconds?}` | deliver what comes to this URL |
| `GET /_test/object/{id}`, `GET /_test/objects/{kind}` | objects as they are |
"""

import asyncio
import contextlib
import hashlib
import html
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import stripe
from fastapi import Body, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from tests.stripe_fake import schema
from tests.stripe_fake.forms import decode
from tests.stripe_fake.money import JsonObject, Money, Refused

HANG_SECONDS = 30
DELIVERY_ATTEMPTS = 5


@dataclass
class Endpoint:
    """Where events are delivered, and how badly."""

    url: str
    secret: str
    duplicates: int = 0
    shuffle: bool = False
    late_seconds: int = 0


class Fake:
    """The state behind one fake Stripe."""

    def __init__(self, public_url: str) -> None:
        self.money = Money(int(time.time()), public_url)
        self.answers: dict[str, tuple[str, int, JsonObject]] = {}
        self.misbehaviours: list[str] = []
        self.endpoint: Endpoint | None = None
        self.delivered = 0

    def once(self, key: str | None, fingerprint: str, make: Callable[[], JsonObject]) -> tuple[int, JsonObject]:
        """The answer of `make`, or the one that this key had before. Refusals by validation are not kept."""
        if key is None:
            return 200, make()
        known = self.answers.get(key)
        if known is None:
            known = self.answers[key] = (fingerprint, 200, make())
        if known[0] != fingerprint:
            raise Refused("Keys for idempotent requests can only be used with the same parameters they were first "
                          "used with.", kind="idempotency_error")
        return known[1], known[2]

    async def deliver(self) -> None:
        """Events to the endpoint, with its misbehaviour."""
        endpoint = self.endpoint
        if endpoint is None:
            return
        events, self.delivered = self.money.events[self.delivered:], len(self.money.events)
        deliveries = [event for event in events for _ in range(1 + endpoint.duplicates)]
        if endpoint.shuffle:
            random.shuffle(deliveries)
        async with httpx.AsyncClient(timeout=10) as client:
            for event in deliveries:
                await _post(client, endpoint, event, self.money.now)


async def _post(client: httpx.AsyncClient, endpoint: Endpoint, event: JsonObject, now: int) -> None:
    body = json.dumps(event, indent=2)
    for attempt in range(DELIVERY_ATTEMPTS):
        headers = {"Stripe-Signature": signature(body, endpoint.secret, now - endpoint.late_seconds),
                   "Content-Type": "application/json"}
        with contextlib.suppress(httpx.TransportError):
            if (await client.post(endpoint.url, content=body, headers=headers)).status_code < 300:
                return
        await asyncio.sleep(0.1 * 2**attempt)


def signature(body: str, secret: str, at: int) -> str:
    """The header of a webhook, by the SDK."""
    return str(stripe.WebhookSignature.generate_signature_header(body, secret, at))


def make_app(public_url: str = "http://127.0.0.1") -> FastAPI:
    fake = Fake(public_url)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        delivering = asyncio.create_task(_deliver_forever(fake))
        yield
        delivering.cancel()

    app = FastAPI(title="Stripe, as tests need it", lifespan=lifespan)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return JSONResponse(error.body, error.status)

    _add_api(app, fake)
    _add_pages(app, fake)
    _add_test_api(app, fake)
    return app


async def _deliver_forever(fake: Fake) -> None:
    while True:
        await fake.deliver()
        await asyncio.sleep(0.05)


# ---- the API ---------------------------------------------------------------------------------------------------------


def _add_api(app: FastAPI, fake: Fake) -> None:
    money = fake.money

    async def posted(request: Request, kind: Any, make: Callable[[JsonObject], JsonObject]) -> JSONResponse:
        _authorised(request)
        raw = (await request.body()).decode()
        params = _checked(kind, raw)
        fingerprint = hashlib.sha256(f"{request.url.path} {raw}".encode()).hexdigest()
        misbehaviour = fake.misbehaviours.pop(0) if fake.misbehaviours else ""
        if misbehaviour == "error_before":
            return _broken()
        if misbehaviour == "onramp_disabled":
            raise Refused("The crypto onramp is temporarily disabled", code="crypto_onramp_disabled")
        status, answer = fake.once(request.headers.get("idempotency-key"), fingerprint, lambda: make(params))
        if misbehaviour == "hang":
            await asyncio.sleep(HANG_SECONDS)
        return _broken() if misbehaviour == "error_after" else JSONResponse(_shown(answer), status)

    @app.post("/v1/checkout/sessions")
    async def open_checkout(request: Request) -> JSONResponse:
        return await posted(request, schema.SessionCreateParams, money.open_checkout)

    @app.get("/v1/checkout/sessions/{name}")
    def checkout(request: Request, name: str) -> JSONResponse:
        _asked(request, fake, schema.SessionRetrieveParams)
        return JSONResponse(_shown(money.get(name, "checkout.session")))

    @app.get("/v1/payment_intents/{name}")
    def intent(request: Request, name: str) -> JSONResponse:
        params = _asked(request, fake, schema.PaymentIntentRetrieveParams)
        return JSONResponse(_shown(money.intent(name, params.get("expand", []))))

    @app.post("/v1/refunds")
    async def refund(request: Request) -> JSONResponse:
        return await posted(request, schema.RefundCreateParams, money.refund)

    @app.get("/v1/refunds")
    def refunds(request: Request) -> JSONResponse:
        params = _asked(request, fake, schema.RefundListParams)
        return JSONResponse(_listed("/v1/refunds", money.refunds_of(params["payment_intent"])))

    @app.post("/v1/crypto/onramp_sessions")
    async def onramp(request: Request) -> JSONResponse:
        return await posted(request, schema.OnrampCreateParams, money.open_onramp)

    @app.get("/v1/balance_transactions")
    def moves(request: Request) -> JSONResponse:
        _authorised(request)
        return JSONResponse(_listed("/v1/balance_transactions", money.moves()[::-1]))

    @app.get("/v1/balance")
    def balance(request: Request) -> JSONResponse:
        _authorised(request)
        net = sum(move["net"] for move in money.moves())
        return JSONResponse({"object": "balance", "livemode": False, "pending": [],
                             "available": [{"amount": net, "currency": "usd", "source_types": {"card": net}}]})


def _authorised(request: Request) -> None:
    if not request.headers.get("authorization", "").startswith("Bearer sk_test_"):
        raise Refused("Invalid API Key provided", status=401)


def _asked(request: Request, fake: Fake, kind: Any) -> JsonObject:
    _authorised(request)
    if fake.misbehaviours:
        fake.misbehaviours.pop(0)
        raise Refused("something went wrong at Stripe", status=500, kind="api_error")
    return _checked(kind, request.url.query)


def _checked(kind: Any, form: str) -> JsonObject:
    try:
        return schema.check(kind, decode(form))
    except schema.BadParameter as error:
        raise Refused(str(error), code="parameter_invalid", param=error.param) from error


def _broken() -> JSONResponse:
    return JSONResponse({"error": {"type": "api_error", "message": "something went wrong at Stripe"}}, 500)


def _shown(answer: JsonObject) -> JsonObject:
    return {name: value for name, value in answer.items() if not name.startswith("_")}


def _listed(url: str, found: list[JsonObject]) -> JsonObject:
    return {"object": "list", "url": url, "has_more": False, "data": found}


# ---- cardholders -----------------------------------------------------------------------------------------------------


def _add_pages(app: FastAPI, fake: Fake) -> None:
    @app.get("/pay/{checkout}", response_class=HTMLResponse)
    def page(checkout: str) -> str:
        session = fake.money.get(checkout, "checkout.session")
        cards = (("ok", "Pay"), ("decline", "Declined card"), ("3ds", "Pass 3-D Secure"),
                 ("3ds_failed", "Fail 3-D Secure"))
        buttons = "".join(f'<button name="card" value="{card}">{label}</button>' for card, label in cards)
        return (f"<!doctype html><title>Test payment</title><p>{session['amount_total']} {session['currency']} cents, "
                f"{html.escape(session['status'])}</p><form method=post>{buttons}</form>")

    @app.post("/pay/{checkout}", response_class=HTMLResponse)
    async def pay(checkout: str, request: Request) -> str:
        return html.escape(fake.money.pay(checkout, decode((await request.body()).decode()).get("card", "ok")))


# ---- the test API ----------------------------------------------------------------------------------------------------


def _add_test_api(app: FastAPI, fake: Fake) -> None:
    money = fake.money
    Asked = Annotated[JsonObject, Body()]
    acts: dict[str, Callable[[JsonObject], Any]] = {
        "pay": lambda asked: {"status": money.pay(asked["checkout"], asked.get("card", "ok"))},
        "expire": lambda asked: money.expire(asked["checkout"]),
        "warn": lambda asked: money.warn(asked["payment_intent"]),
        "dispute": lambda asked: money.open_dispute(
            asked["payment_intent"], inquiry=asked.get("inquiry", False), amount=asked.get("amount")),
        "close": lambda asked: money.close_dispute(asked["dispute"], asked["outcome"]),
        "fail-refund": lambda asked: money.fail_refund(asked["refund"]),
        "onramp": lambda asked: _shown(money.move_onramp(
            asked["session"], asked["status"], asked.get("details", {}),
            asked.get("type", "crypto.onramp_session_updated"))),
        "clock": lambda asked: setattr(money, "now", int(asked["now"])),
        "misbehave": lambda asked: fake.misbehaviours.extend([asked["kind"]] * asked.get("times", 1)),
        "endpoint": lambda asked: setattr(fake, "endpoint", Endpoint(**asked)),
    }

    @app.post("/_test/{act}")
    def do(act: str, asked: Asked) -> Any:
        return acts[act](asked)

    @app.get("/_test/events")
    def events(secret: str, at: int) -> list[JsonObject]:
        bodies = [(event, json.dumps(event, indent=2)) for event in money.events]
        return [{"id": event["id"], "type": event["type"], "body": body, "header": signature(body, secret, at)}
                for event, body in bodies]

    @app.delete("/_test/events")
    def forget() -> None:
        money.events.clear()
        money.forget_moves()
        fake.delivered = 0

    @app.get("/_test/objects/{kind}")
    def every(kind: str) -> list[JsonObject]:
        return [found for found in money.objects.values() if found["object"] == kind]

    @app.get("/_test/object/{name}")
    def one(name: str) -> JsonObject:
        return money.objects[name]
