"""Webhooks against a real receiver: delivered at least once, signed, tried again, given up, replayed (L68)."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from backend.core.errors import Conflict, NotFound
from backend.core.ids import address
from backend.db.notices import notify
from backend.db.sealed import derived
from backend.net.client import SafeFetcher
from backend.operation.webhooks.service import WebhookSender, WebhookService
from backend.operation.webhooks.signature import HEADER, is_signed
from backend.operation.webhooks.webhook import DeliveryStatus, WebhookStatus

sys.path.insert(0, str(Path(__file__).resolve().parent))
from strangers_kit import Server, raw, reply, serving

OWNER, RIVAL = address("0x" + "aa" * 20), address("0x" + "bb" * 20)
KIND = "webhook_test.sent"
MASTER = bytes(range(1, 33))
KEY = derived(MASTER, "webhook secrets")
RANGE = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds of this test's own, so that it stays true whatever accounts are told one day."""
    from backend.core.notice_kinds import KINDS

    for kind in (KIND, "webhook_test.other"):
        monkeypatch.setitem(KINDS, kind, "of this test")  # type: ignore[arg-type]  # a dict behind the Mapping


@dataclass
class Stage:
    """An account with webhooks, the sender, and a clock that a test moves."""

    engine: Engine
    clock: Any
    seconds_max: float = 60.0
    resolve: Callable[[str, float], list[str]] | None = None
    service: WebhookService = field(init=False)

    def __post_init__(self) -> None:
        self.service = WebhookService(self.engine, KEY, local=True, clock=self.clock)

    def sender(self) -> WebhookSender:
        fetcher = SafeFetcher(resolver=self.resolve, allow_local=True)
        return WebhookSender(
            self.engine, fetcher, KEY, clock=self.clock, seconds_max=self.seconds_max, chance=lambda: 0.5
        )

    def tell(self, account: str = OWNER, kind: str = KIND, **content: object) -> None:
        with self.engine.begin() as connection:
            notify(connection, address(account), kind, **content)

    def run(self, steps_max: int = 20) -> None:
        """Until there is nothing to do now."""
        sender = self.sender()
        for _ in range(steps_max):
            if not sender.step():
                return
        raise AssertionError("the sender does not come to an end")

    def deliveries(self, webhook: int) -> list[Any]:
        return self.service.deliveries(OWNER, webhook, None, after=0, limit=100)

    def notices(self, account: str = OWNER) -> list[str]:
        with self.engine.begin() as connection:
            rows = connection.execute(
                text("select kind from notice where account = :account order by id"), {"account": account}
            )
            return [kind for kind in rows.scalars() if kind.startswith("webhook.")]


@pytest.fixture
def stage(engine: Engine, clock: Any) -> Stage:
    return Stage(engine, clock)


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving(None) as server:
        yield server


def url(server: Server) -> str:
    return server.url("/hook?from=sightline", host="127.0.0.1", scheme="http")


def received(server: Server) -> list[tuple[dict[str, str], bytes]]:
    """Headers and body of every request."""
    found = []
    for request in server.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        found.append(({name: value for name, _, value in lines}, body))
    return found


def events(server: Server) -> list[str]:
    return [json.loads(body)["id"] for _, body in received(server)]


def test_delivery__notice__arrives_signed_with_all_that_it_says(stage: Stage, receiver: Server) -> None:
    """L68."""
    opened = stage.service.create(OWNER, url(receiver), [])
    stage.tell(creative=7, reason="misleading")
    stage.run()
    ((headers, body),) = received(receiver)
    assert receiver.heads[0][0] == "POST /hook?from=sightline HTTP/1.1"
    assert is_signed(headers[HEADER], opened.secret, int(stage.clock()), body)
    assert not is_signed(headers[HEADER], opened.secret + "x", int(stage.clock()), body)
    content = json.loads(body)
    assert (content["kind"], content["account"], content["content"]) == (
        KIND, OWNER, {"creative": 7, "reason": "misleading"}
    )
    assert headers["Sightline-Event"] == content["id"]
    (delivery,) = stage.deliveries(opened.webhook.id)
    assert (delivery.status, delivery.attempts, delivery.response_code) == (DeliveryStatus.DELIVERED, 1, 200)
    stage.run()
    assert len(receiver.requests) == 1


def test_delivery__only_what_was_committed_asked_for_and_is_the_accounts_own(stage: Stage, receiver: Server) -> None:
    """L68."""
    stage.tell(n=0)                                                     # before there was a webhook
    webhook = stage.service.create(OWNER, url(receiver), [KIND]).webhook.id
    stage.tell(RIVAL)
    stage.tell(kind="webhook_test.other")
    stage.tell(kind="webhook.disabled")
    with stage.engine.connect() as connection:
        notify(connection, OWNER, KIND, n=1)
        connection.rollback()
    stage.tell(n=2)
    stage.run()
    assert [json.loads(body)["content"] for _, body in received(receiver)] == [{"n": 2}]
    stage.service.change(OWNER, webhook, url=None, kinds=None, status=WebhookStatus.PAUSED)
    stage.tell(n=3)
    stage.run()
    assert len(receiver.requests) == 1


@RANGE(("answer", "code", "error"), [
    (reply(status="500 Oops"), 500, None), (reply(status="404 Not Found"), 404, None),
    (reply(status="302 Found", Location="http://127.0.0.1:1/elsewhere"), None, "redirect"),
    (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), None, "answer"), (reply(b"x" * 70_000), None, "too_large"),
])
def test_delivery__not_taken__is_tried_again_later(
    stage: Stage, receiver: Server, answer: Any, code: int | None, error: str | None
) -> None:
    """L68."""
    receiver.answer = answer
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell()
    stage.run()
    (delivery,) = stage.deliveries(webhook)
    assert (delivery.status, delivery.response_code, delivery.error) == (DeliveryStatus.PENDING, code, error)
    assert delivery.next_at - stage.clock.now == timedelta(seconds=7.5)      # 10 s less half of a half
    stage.clock.advance(7)
    stage.run()
    assert len(receiver.requests) == 1
    receiver.answer = reply()
    stage.clock.advance(1)
    stage.run()
    assert len(set(events(receiver))) == 1
    found, attempts = stage.service.delivery(OWNER, webhook, delivery.id)
    assert (found.status, found.response_code, found.error) == (DeliveryStatus.DELIVERED, 200, None)
    assert [(one.number, one.response_code, one.error) for one in attempts] == [(1, code, error), (2, 200, None)]
    assert stage.service.webhook(OWNER, webhook).failing_since is None


def test_delivery__receiver_is_silent_or_away__is_tried_again(stage: Stage) -> None:
    """L68."""
    stage.seconds_max = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        webhook = stage.service.create(OWNER, f"http://127.0.0.1:{port}/", []).webhook.id
        stage.tell()
        stage.run()
        assert [one.error for one in stage.deliveries(webhook)] == ["timeout"]
    stage.seconds_max = 60.0
    stage.clock.advance(10)
    stage.run()
    assert [(one.error, one.attempts) for one in stage.deliveries(webhook)] == [("connection", 2)]


@RANGE("private", ["10.0.0.5", "169.254.169.254", "64:ff9b::a00:5", "::ffff:10.0.0.5"])
def test_delivery__name_leads_to_a_private_address__nothing_is_sent(
    stage: Stage, receiver: Server, private: str
) -> None:
    """L68: the name was public when the webhook was made, or nobody asked."""
    stage.resolve = lambda _name, _seconds: [private]
    webhook = stage.service.create(OWNER, f"http://hooks.example:{receiver.port}/", []).webhook.id
    stage.tell()
    stage.run()
    assert [one.error for one in stage.deliveries(webhook)] == ["address"]
    assert receiver.connections == 0


def test_delivery__never_taken__is_given_up_after_three_days_and_told(stage: Stage, receiver: Server) -> None:
    """L68."""
    receiver.answer = reply(status="500 Oops")
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell()
    for _ in range(60):
        stage.run()
        (delivery,) = stage.deliveries(webhook)
        if delivery.status is not DeliveryStatus.PENDING:
            break
        stage.clock.now = delivery.next_at
    assert delivery.status is DeliveryStatus.DEAD
    assert len(receiver.requests) == delivery.attempts > 20
    assert timedelta(days=2.7) < stage.clock.now - delivery.created_at <= timedelta(days=3)
    assert stage.notices() == ["webhook.delivery_failed"]


def test_webhook__failing_for_three_days__is_switched_off_until_its_owner_switches_it_on(
    stage: Stage, receiver: Server
) -> None:
    receiver.answer = reply(status="500 Oops")
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell(n=1)
    stage.run()
    stage.clock.advance(3 * 86_400)
    stage.tell(n=2)
    stage.run()
    assert stage.service.webhook(OWNER, webhook).status is WebhookStatus.DISABLED
    assert sorted(stage.notices()) == ["webhook.delivery_failed", "webhook.disabled"]   # both failed at once
    asked = len(receiver.requests)
    stage.tell(n=3)
    stage.clock.advance(60)
    stage.run()
    assert len(receiver.requests) == asked
    receiver.answer = reply()
    found = stage.service.change(OWNER, webhook, url=None, kinds=None, status=WebhookStatus.ACTIVE)
    assert found.failing_since is None
    stage.run()
    assert [one.status for one in stage.deliveries(webhook)] == [DeliveryStatus.DEAD, DeliveryStatus.DELIVERED]


def test_delivery__process_killed_after_sending__is_sent_again(
    stage: Stage, receiver: Server, database_url: str
) -> None:
    """L68: the receiver has the event, we do not know; so it gets it twice, with the same id."""
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell()

    def kill(_link: socket.socket) -> None:
        os.kill(victim.pid, signal.SIGKILL)

    receiver.answer = kill
    victim = subprocess.Popen([sys.executable, "-c", _VICTIM, database_url, MASTER.hex(), str(stage.clock())])
    assert victim.wait(60) == -signal.SIGKILL
    (delivery,) = stage.deliveries(webhook)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.PENDING, 1)
    receiver.answer = reply()
    stage.run()
    assert len(receiver.requests) == 1             # until its lease is over another process might be at it
    stage.clock.advance(60)
    stage.run()
    assert len(events(receiver)) == 2
    assert len(set(events(receiver))) == 1
    found, attempts = stage.service.delivery(OWNER, webhook, delivery.id)
    assert found.status is DeliveryStatus.DELIVERED
    assert [(one.number, one.finished_at is None, one.response_code) for one in attempts] == [
        (1, True, None), (2, False, 200),
    ]


_VICTIM = """
import sys
from backend.db.engine import make_engine
from backend.db.sealed import derived
from backend.net.client import SafeFetcher
from backend.operation.webhooks.service import WebhookSender

url, master, now = sys.argv[1:]
key = derived(bytes.fromhex(master), "webhook secrets")
WebhookSender(make_engine(url), SafeFetcher(allow_local=True), key, clock=lambda: float(now)).step()
"""


def test_senders__several_at_once__send_everything_once(stage: Stage, receiver: Server) -> None:
    """L68: at least once is not twice while nobody dies."""
    stage.service.create(OWNER, url(receiver), [])
    for n in range(12):
        stage.tell(n=n)
    threads = [threading.Thread(target=stage.run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stage.run()
    assert sorted(json.loads(body)["content"]["n"] for _, body in received(receiver)) == list(range(12))


def test_sender__slow_receiver__holds_up_no_other(stage: Stage, receiver: Server) -> None:
    slow = stage.service.create(OWNER, "http://127.0.0.1:1/", []).webhook.id
    for n in range(20):
        stage.tell(n=n)
    good = stage.service.create(RIVAL, url(receiver), []).webhook.id
    stage.tell(RIVAL)
    stage.sender().step()
    assert len(receiver.requests) == 1
    assert sum(one.attempts for one in stage.deliveries(slow)) == 2
    with pytest.raises(NotFound):
        stage.deliveries(good)


def test_rotate__during_the_overlap__both_secrets_are_right(stage: Stage, receiver: Server) -> None:
    """L68."""
    old = stage.service.create(OWNER, url(receiver), [])
    new = stage.service.rotate(OWNER, old.webhook.id, 3_600)
    assert new.secret != old.secret
    stage.tell()
    stage.run()
    stage.clock.advance(3_600)
    stage.tell()
    stage.run()
    (first, body), (second, later) = received(receiver)
    now = int(stage.clock())
    assert [is_signed(first[HEADER], secret, now - 3_600, body) for secret in (old.secret, new.secret)] == [True] * 2
    assert [is_signed(second[HEADER], secret, now, later) for secret in (old.secret, new.secret)] == [False, True]


def test_replay__finished_delivery__sends_the_same_event_again(stage: Stage, receiver: Server) -> None:
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell()
    stage.sender().step()
    (first,) = stage.deliveries(webhook)
    again = stage.service.replay(OWNER, webhook, first.id, idempotency="once")
    assert stage.service.replay(OWNER, webhook, first.id, idempotency="once") == again
    assert again.replay_of == first.id
    with pytest.raises(Conflict, match="webhook_delivery_pending"):
        stage.service.replay(OWNER, webhook, again.id)
    stage.run()
    assert len(events(receiver)) == 2
    assert len(set(events(receiver))) == 1
    assert [one.status for one in stage.deliveries(webhook)] == [DeliveryStatus.DELIVERED] * 2


def test_history__a_month_after_the_end__is_forgotten(stage: Stage, receiver: Server) -> None:
    webhook = stage.service.create(OWNER, url(receiver), []).webhook.id
    stage.tell()
    stage.run()
    stage.clock.advance(29 * 86_400)
    assert not stage.sender().forget()
    assert len(stage.deliveries(webhook)) == 1
    stage.clock.advance(2 * 86_400)
    stage.sender().forget()
    assert stage.deliveries(webhook) == []


# --- over HTTP --------------------------------------------------------------------------------------------------

BODY = {"url": "https://hooks.example/sightline", "kinds": [KIND]}


async def test_api__webhook__is_made_read_changed_and_removed(advertiser: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "one"}
    made = await advertiser.post("/v1/webhooks", json=BODY, headers=key)
    assert made.status_code == 201, made.text
    assert made.headers["cache-control"] == "no-store"
    assert made.json()["secret"].startswith("whsec_")
    assert (await advertiser.post("/v1/webhooks", json=BODY, headers=key)).json() == made.json()
    path = f"/v1/webhooks/{made.json()['id']}"
    shown = (await advertiser.get(path)).json()
    assert "secret" not in shown
    assert [one["id"] for one in (await advertiser.get("/v1/webhooks")).json()["items"]] == [shown["id"]]
    changed = await advertiser.patch(path, json={"status": "paused", "kinds": []})
    assert (changed.json()["status"], changed.json()["kinds"], changed.json()["url"]) == ("paused", [], BODY["url"])
    rotated = (await advertiser.post(path + "/rotate", json={"overlap_seconds": 0})).json()
    assert rotated["secret"] != made.json()["secret"]
    assert (await advertiser.get(path + "/deliveries")).json() == {"items": [], "next_after": None}
    assert (await advertiser.delete(path)).status_code == 204
    assert (await advertiser.get(path)).json()["code"] == "webhook_unknown"
    actions = [one["action"] for one in (await advertiser.get("/v1/audit/mine?action=webhook.")).json()["items"]]
    assert actions == ["webhook.create", "webhook.change", "webhook.rotate", "webhook.delete"]


@RANGE(("change", "code"), [
    ({"url": "http://hooks.example/"}, "webhook_url_refused"), ({"url": "https://10.0.0.5/"}, "webhook_url_refused"),
    ({"url": "https://[::1]/"}, "webhook_url_refused"), ({"url": "https://hooks.example:8443/"}, "webhook_url_refused"),
    ({"url": "https://user:word@hooks.example/"}, "webhook_url_refused"),
    ({"url": "file:///etc"}, "webhook_url_refused"),
    ({"kinds": ["no.kind"]}, "notice_kind_unknown"), ({"kinds": ["KIND"]}, "invalid_request"),
    ({"secret": "mine"}, "invalid_request"), ({"kinds": None}, "invalid_request"),
])
async def test_api__wrong_body__is_refused(advertiser: httpx.AsyncClient, change: dict[str, Any], code: str) -> None:
    """L45, L68."""
    answer = await advertiser.post("/v1/webhooks", json=BODY | change)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await advertiser.get("/v1/webhooks")).json()["items"] == []


async def test_api__disabled__is_nothing_that_an_owner_sets(advertiser: httpx.AsyncClient) -> None:
    made = (await advertiser.post("/v1/webhooks", json=BODY)).json()
    answer = await advertiser.patch(f"/v1/webhooks/{made['id']}", json={"status": "disabled"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_api__another_accounts_webhook__does_not_exist(
    advertiser: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    """L46."""
    made = (await advertiser.post("/v1/webhooks", json=BODY)).json()
    path = f"/v1/webhooks/{made['id']}"
    for answer in (
        await stranger.get(path), await stranger.patch(path, json={"status": "paused"}), await stranger.delete(path),
        await stranger.post(path + "/rotate", json={}), await stranger.get(path + "/deliveries"),
        await stranger.get(path + "/deliveries/1"), await stranger.post(path + "/deliveries/1/replay"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "webhook_unknown")
    assert (await advertiser.get(path)).json()["status"] == "active"


async def test_api__eleventh_webhook__is_refused(advertiser: httpx.AsyncClient) -> None:
    answers = [await advertiser.post("/v1/webhooks", json=BODY) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [201] * 10 + [409]
    assert answers[-1].json()["code"] == "too_many_webhooks"
