"""The fake Stripe as tests see it: what cardholders and banks do, and the webhooks that follow."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.local.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
SECRET = "whsec_of_the_tests"
KEY = "sk_test_of_the_tests"
START_SECONDS_MAX = 120


@dataclass(frozen=True)
class Delivery:
    """A webhook on its way: the raw body and its signature."""

    id: str
    type: str
    body: str
    header: str


class FakeStripe:
    """Talks to the fake's test API. `now` is the time that it signs with, Unix seconds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=40)
        self.now = 0

    def set_clock(self, now: float) -> None:
        self.now = int(now)
        self._do("clock", now=self.now)

    def begin(self, now: float) -> None:
        """A fresh start for a test: no events, no misbehaviour and nothing in the books left."""
        self.set_clock(now)
        self.http.delete("/_test/events")

    def pay(self, checkout: str, card: str = "ok") -> str | None:
        """A cardholder pays; the payment intent."""
        self._do("pay", checkout=checkout, card=card)
        found: str | None = self.object(checkout)["payment_intent"]
        return found

    def expire(self, checkout: str) -> None:
        self._do("expire", checkout=checkout)

    def warn(self, payment_intent: str) -> None:
        self._do("warn", payment_intent=payment_intent)

    def dispute(self, payment_intent: str, **more: Any) -> str:
        return str(self._do("dispute", payment_intent=payment_intent, **more)["id"])

    def close(self, dispute: str, outcome: str) -> None:
        self._do("close", dispute=dispute, outcome=outcome)

    def fail_refund(self, refund: str) -> None:
        self._do("fail-refund", refund=refund)

    def onramp(self, session: str, status: str, **more: Any) -> None:
        self._do("onramp", session=session, status=status, **more)

    def misbehave(self, kind: str, times: int = 1) -> None:
        self._do("misbehave", kind=kind, times=times)

    def object(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/_test/object/{name}").json()
        return found

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, such as `crypto.onramp_session`."""
        found: list[dict[str, Any]] = self.http.get(f"/_test/objects/{kind}").json()
        return found

    def refunds(self, payment_intent: str) -> list[dict[str, Any]]:
        answer = self.http.get(
            "/v1/refunds", params={"payment_intent": payment_intent}, headers={"Authorization": f"Bearer {KEY}"}
        )
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    def balance_cents(self) -> int:
        """What Stripe holds for us, after its fees."""
        answer = self.http.get("/v1/balance", headers={"Authorization": f"Bearer {KEY}"}).json()
        return int(answer["available"][0]["amount"])

    def webhooks(self, at: int | None = None) -> list[Delivery]:
        """All that was told so far, signed at `at`."""
        answer = self.http.get("/_test/events", params={"secret": SECRET, "at": at or self.now})
        return [Delivery(**one) for one in answer.json()]

    def _do(self, act: str, **asked: Any) -> Any:
        answer = self.http.post(f"/_test/{act}", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


def start() -> tuple[subprocess.Popen[bytes], FakeStripe]:
    """A fake Stripe in its own process, ready to answer."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stripe_fake", "--port", str(port)], cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    fake = FakeStripe(f"http://127.0.0.1:{port}")
    for _ in range(START_SECONDS_MAX * 50):
        try:
            fake.http.get("/openapi.json")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return process, fake
    process.kill()
    raise AssertionError("the fake Stripe did not start")
