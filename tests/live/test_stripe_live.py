"""The same requests at Stripe itself, in test mode: `STRIPE_TEST_KEY=sk_test_… python -m pytest tests/live`.

Skipped without the key; a live key is refused before anything is sent. Onramp needs an account that Stripe let in.
"""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.errors import Conflict
from backend.core.ids import Address
from backend.onramp.client import CheckoutWish, OnrampWish, StripeGateway
from backend.onramp.onramp_session import OnrampStatus

KEY = os.environ.get("STRIPE_TEST_KEY", "")
pytestmark = pytest.mark.skipif(not KEY, reason="STRIPE_TEST_KEY is not set")


@pytest.fixture
def gateway() -> Iterator[StripeGateway]:
    if not KEY.startswith(("sk_test_", "rk_test_")):
        pytest.fail("STRIPE_TEST_KEY must be a test key")
    found = StripeGateway(KEY)
    yield found
    found.close()


def wish() -> CheckoutWish:
    return CheckoutWish(
        secrets.token_hex(16), 1, "Live test", 5_00, datetime.now(UTC) + timedelta(hours=1), "https://example.com/"
    )


def test_checkout__asked_twice__is_one(gateway: StripeGateway) -> None:
    asked = wish()
    made = gateway.open_checkout(asked)
    assert gateway.open_checkout(asked) == made
    assert gateway.checkout(asked.reference, made.session, datetime.now(UTC)) is None


def test_checkout__same_key_for_another_amount__is_refused(gateway: StripeGateway) -> None:
    asked = wish()
    gateway.open_checkout(asked)
    with pytest.raises(Conflict, match="stripe_refused"):
        gateway.open_checkout(replace(asked, cents=6_00))


def test_onramp__locked_to_a_wallet__is_initialized(gateway: StripeGateway) -> None:
    asked = OnrampWish(secrets.token_hex(16), Address("0x" + "11" * 20), "polygon", "10.000000")
    try:
        made = gateway.open_onramp(asked)
    except Conflict as refused:
        pytest.skip(f"no access to the onramp: {refused.extra}")
    assert made.status is OnrampStatus.INITIALIZED
    assert gateway.open_onramp(asked).stripe_id == made.stripe_id
