"""Who plays in the stories, and what they hold in their hands: a browser with a wallet, a server, a screen, a card.

Everything here goes over HTTP or to the chain, as it would for people outside; the one exception is `a_month_later`.
"""

import hashlib
import hmac
import http.server
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cards_kit.stripe import SECRET, FakeStripe
from eth_account import Account
from eth_account.signers.local import LocalAccount

from backend.core.keccak import keccak256
from backend.demo.chain import REFUSED, Chain
from backend.demo.client import ApiClient, Json
from backend.demo.episodes import proof_arguments
from backend.demo.system import System
from backend.demo.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"}
SECONDS_MAX = 90          # of one wait, on two busy cores
CENT = 10_000             # micro-USDC


@dataclass(frozen=True, slots=True)
class Guests:
    """People whom no other test knows. All have gas; who buys has USDC."""

    advertiser: LocalAccount
    manager: LocalAccount
    publisher: LocalAccount
    first_moderator: LocalAccount
    second_moderator: LocalAccount
    first_time_advertiser: LocalAccount
    first_time_publisher: LocalAccount

    @property
    def everybody(self) -> tuple[LocalAccount, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


def guests() -> Guests:
    """The same people in every run."""
    return Guests(*(Account.from_key(keccak256(f"stories, {field.name}".encode())) for field in fields(Guests)))


# ---- somebody with a browser ---------------------------------------------------------------------------------------


class Person(ApiClient):
    """Signed in with a wallet. Every POST carries an idempotency key, as the guides advise."""

    def __init__(self, url: str, account: LocalAccount) -> None:
        super().__init__(url, account)
        self.sign_in()

    @property
    def wallet(self) -> str:
        assert self.account is not None
        return self.account.address.lower()

    def act_for(self, account: str) -> None:
        """From now on for an organisation."""
        self._http.headers["Sightline-Account"] = account

    def act_for_myself(self) -> None:
        self._http.headers.pop("Sightline-Account", None)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        return self._answer(self._http.post(path, json=body, headers={"Idempotency-Key": os.urandom(8).hex()}))

    def put(self, path: str, body: Mapping[str, object] | None = None) -> Json:
        return self._answer(self._http.put(path, json=body))

    def upload(self, path: str, content: bytes, media_type: str) -> Json:
        return self._answer(self._http.post(path, content=content, headers={"Content-Type": media_type}))

    def file(self, path: str, **params: str) -> httpx.Response:
        """An answer that is no JSON."""
        return self._http.get(path, params=params).raise_for_status()

    def refusal(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, str]:
        """Status and code of a request that is refused."""
        answer = self._http.request(method, path, json=body)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, answer.json()["code"]

    def every(self, path: str) -> Iterator[Json]:
        """All items of a list, page by page."""
        after: int | None = 0
        while after is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}after={after}&limit=100")
            yield from page["items"]
            after = page["next_after"]

    def told(self) -> set[str]:
        """Kinds of all notices so far."""
        return {notice["kind"] for notice in self.every("/v1/notices")}

    def __enter__(self) -> "Person":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def eventually(what: str, probe: Any, system: System, seconds_max: float = SECONDS_MAX) -> Any:
    """Wait until `probe` is true; stops when a process of the system has died."""
    return wait_for(what, probe, seconds_max=seconds_max, alive=system.raise_if_dead)


# ---- what an advertiser brings -------------------------------------------------------------------------------------


def picture(width: int, height: int) -> bytes:
    """A plain PNG in a colour of its own."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\x00" + os.urandom(3) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def from_now_on(days: int = 30) -> dict[str, str]:
    """When a line item runs."""
    now = datetime.now(UTC)
    return {"starts_at": (now - timedelta(minutes=1)).isoformat(), "ends_at": (now + timedelta(days=days)).isoformat()}


class Shop:
    """The advertiser's own server: takes webhooks, and reports orders of viewers who came from an ad."""

    def __init__(self) -> None:
        received: list[tuple[str, bytes]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((self.headers["Sightline-Signature"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._received = received
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.hook_url = f"http://127.0.0.1:{self._server.server_port}/sightline"
        self.hook_secret = ""

    def events(self) -> dict[str, Json]:
        """What was delivered, by kind (the newest). Fails for a delivery that Sightline did not sign."""
        found = {}
        for header, body in list(self._received):
            parts = [part.split("=", 1) for part in header.split(",")]
            moment = next(value for name, value in parts if name == "t")
            right = hmac.new(self.hook_secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
            assert right in [value for name, value in parts if name == "v1"], "a webhook that Sightline did not sign"
            event = json.loads(body)
            found[event["kind"]] = event
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def report_order(url: str, goal: Mapping[str, Any], click_id: str, order: str) -> Json:
    """A signed postback of the shop; the verdict."""
    body = json.dumps({"goal_id": goal["id"], "click_id": click_id, "order_id": order}).encode()
    moment = str(int(time.time()))
    signature = hmac.new(goal["secret"].encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    answer = httpx.post(f"{url}/v1/conversions", content=body, timeout=SECONDS_MAX, headers={
        "Sightline-Timestamp": moment, "Sightline-Signature": f"v1={signature}",
    })
    assert answer.status_code == 202, answer.text
    verdict: Json = answer.json()
    return verdict


# ---- what a viewer's screen does, through the SDK ------------------------------------------------------------------


class Viewer:
    """Somebody in a world. The key is made by the SDK and forgotten with the visit."""

    def __init__(self, url: str, country: str) -> None:
        self._url = url
        self._country = country
        self._key = os.urandom(12).hex()

    def look_for_an_ad(self, board: int) -> Json:
        """The answer of POST /v1/decisions; empty for a board that is not known (yet), or paused."""
        answer = self._send("/v1/decisions", {
            "placement_id": board, "viewer_key": self._key, "country": self._country, "device": "desktop",
        })
        return {} if answer.status_code in (404, 409) else answer.raise_for_status().json()

    def see(self, ad: Mapping[str, Any], milliseconds: int = 1_300) -> str:
        """Look straight at it for so long; `accepted`, or the reason why it does not count."""
        samples = [[t_ms, 9_800, 420, 1_250, True, True] for t_ms in range(0, milliseconds, 100)]
        return self._report({"kind": "viewable", "token": ad["token"], "samples": samples})

    def click_unseen(self, ad: Mapping[str, Any]) -> str:
        return self._report({"kind": "click", "token": ad["token"]})

    def follow(self, ad: Mapping[str, Any]) -> tuple[str, str]:
        """Follow the ad's link: the page where it leads, and the click id that the page is told."""
        answer = httpx.get(f"{self._url}/c/{ad['token']}", headers=BROWSER, timeout=SECONDS_MAX)
        assert answer.status_code == 302, answer.text
        target = urlsplit(answer.headers["location"])
        return f"{target.scheme}://{target.netloc}{target.path}", parse_qs(target.query)["sl_click"][0]

    def _report(self, event: Mapping[str, object]) -> str:
        answer = self._send("/v1/events", {"events": [event]}).raise_for_status().json()
        (verdict,) = answer["results"]
        return str(verdict.get("reason", verdict["status"]))

    def _send(self, path: str, body: Mapping[str, object]) -> httpx.Response:
        return httpx.post(self._url + path, json=body, headers=BROWSER, timeout=SECONDS_MAX)


# ---- wallets -------------------------------------------------------------------------------------------------------


class Wallets:
    """What people sign in their wallets, on the contracts."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.chain = Chain.of_deployment(system.stack.rpc_url, system.deployment_path, system.terms.confirmations)

    def balance(self, account: LocalAccount) -> int:
        return int(self.chain.token.functions.balanceOf(account.address).call())

    def pay_in(self, account: LocalAccount, campaign: Mapping[str, Any], amount: int) -> None:
        """As `how_to_fund` says, with a permit in place of an approval."""
        assert campaign["how_to_fund"]["escrow"] == self.chain.escrow.address.lower()
        meta = bytes.fromhex(campaign["how_to_fund"]["args"]["meta"][2:])
        permit = self.chain.permit(account, amount)
        self.chain.send(account, self.chain.escrow.functions.open_campaign_with_permit(
            account.address, amount, meta, *permit
        ))

    def ask_back(self, account: LocalAccount, chain_campaign: int, amount: int) -> None:
        self.chain.send(account, self.chain.escrow.functions.request_withdrawal(chain_campaign, amount))

    def take_back(self, account: LocalAccount, chain_campaign: int) -> int:
        """Withdraw when notice and epochs are over; what came."""
        before = self.balance(account)
        escrow = self.chain.escrow.functions

        def withdrawn() -> bool:
            _, executable_at, after_epoch = escrow.reservation(chain_campaign).call()
            if self.chain.time < executable_at or escrow.epoch().call() < after_epoch:
                return False
            self.chain.send(account, escrow.withdraw(chain_campaign, account.address))
            return True

        eventually("the end of the notice and of its epochs", withdrawn, self.system)
        return self.balance(account) - before

    def claim(self, publisher: Person, index: int) -> int:
        """What comes for the proof that the API gives under the newest final epoch."""
        account = publisher.account
        assert account is not None
        before = self.balance(account)

        def claimed() -> bool:
            epoch = self.chain.escrow.functions.epoch().call()
            proof = publisher.find(f"/v1/settlements/{epoch}/proof/{index}")
            if proof is None:
                return False
            entries, path = proof_arguments(proof)
            try:
                self.chain.send(account, self.chain.payout.functions.claim(index, entries, path))
            except REFUSED:         # another epoch has become final since the proof
                return False
            return True

        eventually("the claim", claimed, self.system)
        return self.balance(account) - before


# ---- cards ---------------------------------------------------------------------------------------------------------


def listen_to_stripe(stripe: FakeStripe, url: str) -> None:
    """Stripe tells the running API of what happens from now on, each thing twice and in any order."""
    stripe.set_clock(time.time())
    stripe.http.post("/_test/endpoint", json={
        "url": f"{url}/v1/stripe/webhooks", "secret": SECRET, "duplicates": 1, "shuffle": True,
    }).raise_for_status()


def pay_with_3d_secure(stripe: FakeStripe, checkout_url: str) -> str:
    """The cardholder fails 3-D Secure, tries again and passes; the payment intent."""
    checkout = checkout_url.rpartition("/")[2]
    stripe.set_clock(time.time())
    assert stripe.pay(checkout, "3ds_failed") is None
    intent = stripe.pay(checkout, "3ds")
    assert intent is not None
    return intent


# ---- the books -----------------------------------------------------------------------------------------------------


def statements(person: Person, after_epoch: int) -> list[Json]:
    """The published statement of every final epoch from the one after `after_epoch` on, as anybody can read it."""
    found: list[Json] = []
    before: int | None = None
    while True:
        page = person.get(f"/v1/settlements?limit=100{f'&before={before}' if before else ''}")
        found += [row for row in page["settlements"] if row["status"] == "finalised" and row["epoch"] > after_epoch]
        before = page["next_before"]
        if before is None or before <= after_epoch + 1:
            return [person.file(row["statement_url"]).json() for row in found]


def check_audit_chain(auditor: Person, noted: Mapping[str, Any]) -> int:
    """Recompute the chain from a head that was noted earlier to the newest, as docs/operating.md says; its length."""
    head = auditor.get("/v1/audit/head")
    reached, before = noted["sequence"], noted["hash"]
    while reached < head["sequence"]:
        for entry in auditor.get(f"/v1/audit?after={reached}&limit=100")["items"]:
            moment = datetime.fromisoformat(entry["at"]) - datetime(1970, 1, 1, tzinfo=UTC)
            content = {name: entry[name] for name in ("account", "action", "actor", "details", "entry", "sequence",
                                                      "subject")} | {"at_us": moment // timedelta(microseconds=1)}
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            before = hashlib.sha256((before + text).encode()).hexdigest()
            reached += 1
            assert (entry["sequence"], entry["hash"]) == (reached, before), entry
            if reached == head["sequence"]:
                assert before == head["hash"]
    return reached - noted["sequence"]


def a_month_later(system: System) -> None:
    """Invoices come on the third of the next month. HTTP cannot turn the clock, so the worker's job is run once by
    hand, in a process of its own with the worker's settings, on that day."""
    today = datetime.now(UTC)
    third = (today.replace(day=1, hour=6) + timedelta(days=32)).replace(day=3)
    subprocess.run(
        [sys.executable, "-m", "tests.outside.invoices_on", str(third.timestamp())], cwd=ROOT, check=True, timeout=180,
        env=system._settings(),
    )


@contextmanager
def closing(*opened: Any) -> Iterator[None]:
    """Close all at the end."""
    try:
        yield
    finally:
        for one in opened:
            one.close()
