"""Signatures, delays and bodies of webhooks (L68)."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.operation.webhooks.retry import (
    DELAY_SECONDS_MAX,
    GIVE_UP_AFTER,
    Again,
    GiveUp,
    after_failure,
    is_hopeless,
)
from backend.operation.webhooks.signature import TOLERANCE_SECONDS, is_signed, secret_of, signature
from backend.operation.webhooks.webhook import Outcome, Sending, Webhook, WebhookStatus, body_of

KEY = b"k" * 32
AT = 1_767_571_200
NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def test_secret__of_another_webhook_nonce_or_key__is_another() -> None:
    secrets = {
        secret_of(KEY, 1, "a"), secret_of(KEY, 2, "a"), secret_of(KEY, 1, "b"), secret_of(b"x" * 32, 1, "a"),
        secret_of(KEY, 11, ""), secret_of(KEY, 1, "1"),
    }
    assert len(secrets) == 6
    assert all(secret.startswith("whsec_") and len(secret) == 49 for secret in secrets)


def test_signature__is_the_documented_hmac() -> None:
    made = hmac.new(b"whsec_x", b"1767571200.{}", sha256).hexdigest()
    assert signature(["whsec_x"], AT, b"{}") == f"t={AT},v1={made}"


@given(st.binary(max_size=200), st.integers(-TOLERANCE_SECONDS, TOLERANCE_SECONDS))
def test_signature__in_time__is_taken_by_who_has_either_secret(body: bytes, later: int) -> None:
    """L68."""
    header = signature(["whsec_new", "whsec_old"], AT, body)
    assert is_signed(header, "whsec_new", AT + later, body)
    assert is_signed(header, "whsec_old", AT + later, body)
    assert not is_signed(header, "whsec_other", AT + later, body)
    assert not is_signed(header, "whsec_new", AT + later, body + b" ")


@pytest.mark.parametrize("header", [
    "", "t=", "v1=aa", f"t={AT}", f"t={AT},v1=", f"t=x,{signature(['s'], AT, b'{}').split(',')[1]}",
    f"t={AT},t={AT},{signature(['s'], AT, b'{}').split(',')[1]}", signature(["s"], AT - 301, b"{}"),
    signature(["s"], AT + 301, b"{}"), signature(["s"], AT, b"{}").replace(str(AT), str(AT + 1)), "t=²,v1=a", "=,=,=",
    f"t={AT},v1=ü",
])
def test_signature__anything_else__is_refused(header: str) -> None:
    """L68."""
    assert not is_signed(header, "s", AT, b"{}")


@given(st.integers(1, 60), st.floats(0, 0.999))
def test_retry__delay__doubles_up_to_six_hours_and_is_cut_by_half_at_most(attempts: int, chance: float) -> None:
    found = after_failure(NOW, attempts, NOW, chance)
    assert isinstance(found, Again)
    full = min(DELAY_SECONDS_MAX, 10 * 2 ** (attempts - 1))
    assert full / 2 <= (found.at - NOW).total_seconds() <= full


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_retry__until_it_is_given_up__takes_three_days(chance: float) -> None:
    now, attempts = NOW, 1
    while isinstance(found := after_failure(NOW, attempts, now, chance), Again):
        assert found.at > now
        now, attempts = found.at, attempts + 1
    assert found == GiveUp()
    assert GIVE_UP_AFTER - timedelta(hours=6) < now - NOW <= GIVE_UP_AFTER
    assert 20 < attempts < 50


def test_webhook__failing_for_three_days__is_hopeless() -> None:
    assert not is_hopeless(None, NOW)
    assert not is_hopeless(NOW - timedelta(days=2, hours=23), NOW)
    assert is_hopeless(NOW - timedelta(days=3), NOW)


@pytest.mark.parametrize(("code", "delivered"), [
    (200, True), (204, True), (299, True), (199, False), (300, False), (404, False), (500, False), (None, False),
])
def test_outcome__two_hundreds__are_delivered(code: int | None, delivered: bool) -> None:
    assert Outcome(code, None).delivered is delivered


def test_body__of_every_attempt__is_the_same() -> None:
    webhook = Webhook(3, "0xaa", "https://x.example", [], WebhookStatus.ACTIVE, "n", None, None, None, NOW)
    bodies = {
        body_of(Sending(webhook, 9, attempt, NOW, 41, "creative.rejected", {"b": 1, "a": "é"}, NOW))
        for attempt in (1, 2)
    }
    (body,) = bodies
    assert json.loads(body) == {
        "id": "evt_41", "kind": "creative.rejected", "account": "0xaa", "created_at": "2026-11-02T10:00:00Z",
        "content": {"a": "é", "b": 1},
    }


def test_nonces__old_one__is_good_until_its_end() -> None:
    webhook = Webhook(3, "0xaa", "https://x.example", [], WebhookStatus.ACTIVE, "new", "old", NOW, None, NOW)
    assert webhook.nonces(NOW - timedelta(seconds=1)) == ["new", "old"]
    assert webhook.nonces(NOW) == ["new"]


def test_documented_check__agrees_with_ours() -> None:
    """L68: what docs/operating.md tells customers to do."""
    page = (Path(__file__).resolve().parents[2] / "docs/operating.md").read_text()
    told: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], told)
    for secrets, secret, at in (
        (["a"], "a", AT), (["b", "a"], "a", AT), (["a"], "b", AT), (["a"], "a", AT - 300), (["a"], "a", AT + 301),
    ):
        header = signature(secrets, at, b"{}")
        assert told["is_from_sightline"](header, b"{}", secret, AT) == is_signed(header, secret, AT, b"{}")
