"""What is taken from a webhook of Stripe, and how its signature is checked. Laws L45, L61."""

import contextlib
import json
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import BadRequest, Conflict
from backend.onramp import signature, stripe_event
from backend.onramp.onramp_session import OnrampStatus, is_news, network_of, wallet_key
from backend.onramp.payment import Dispute, DisputeHeard, DisputeOutcome, Over, Paid, Refund, RefundHeard, RefundStatus
from backend.onramp.stripe_event import OfOnramp, OfPayment

SECRET = "whsec_of_the_tests"
BODY = b'{"id": "evt_1"}'
AT = 1_793_613_600


def header(body: bytes = BODY, secret: str = SECRET, at: int = AT) -> str:
    """As Stripe signs: by its own SDK."""
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))


def event(kind: str, about: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"id": "evt_1", "type": kind, "created": AT, "data": {"object": about}, **more}).encode()


# ---- signature -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [-300, 0, 300])
def test_signature__by_stripe_within_five_minutes__is_taken(late: int) -> None:
    signature.check(BODY, header(), SECRET, AT + late)


def test_signature__two_secrets_while_one_is_replaced__one_that_fits_is_enough() -> None:
    old = header(secret="whsec_old").partition("v1=")[2]
    signature.check(BODY, f"{header()},v1={old},v0=00", SECRET, AT)


@pytest.mark.parametrize(("body", "sent", "now", "code"), [
    (BODY, "", AT, "webhook_unsigned"),
    (BODY, "t=1,v0=00", AT, "webhook_unsigned"),
    (BODY, "v1=00", AT, "webhook_unsigned"),
    (BODY, "t=x,v1=00", AT, "webhook_unsigned"),
    (BODY, "t=1,t=2,v1=00", AT, "webhook_unsigned"),
    (BODY, "t=9999999999999,v1=00", AT, "webhook_unsigned"),
    (BODY, header(secret="whsec_other"), AT, "webhook_signature_invalid"),
    (BODY + b" ", header(), AT, "webhook_signature_invalid"),
    (BODY, header().replace(f"t={AT}", f"t={AT + 1}"), AT, "webhook_signature_invalid"),
    (BODY, f"t={AT},v1=ü", AT, "webhook_signature_invalid"),
    (BODY, header(), AT + 301, "webhook_too_old"),
    (BODY, header(), AT - 301, "webhook_too_old"),
])
def test_signature__not_stripes_or_old__is_refused(body: bytes, sent: str, now: int, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        signature.check(body, sent, SECRET, now)
    assert refused.value.code == code


@given(st.binary(max_size=50), st.text(max_size=80))
def test_signature__anything__never_fits(body: bytes, sent: str) -> None:
    with pytest.raises(BadRequest):
        signature.check(body, sent, SECRET, AT)


# ---- events --------------------------------------------------------------------------------------------------------

CHECKOUT = {"id": "cs_1", "payment_status": "paid", "amount_total": 50_00, "currency": "usd", "payment_intent": "pi_1",
            "metadata": {"sightline_payment": "ours"}}
REFUND = {"id": "re_1", "amount": 10_00, "currency": "usd", "status": "succeeded", "payment_intent": "pi_1"}
TAKEN = {"amount": -50_00, "fee": 15_00, "currency": "usd"}
GIVEN_BACK = {"amount": 50_00, "fee": -15_00, "currency": "usd"}
DISPUTE = {"id": "du_1", "status": "needs_response", "payment_intent": "pi_1", "balance_transactions": [TAKEN]}


def test_checkout__paid__names_our_payment_and_what_arrived() -> None:
    about = stripe_event.read(event("checkout.session.completed", CHECKOUT)).about
    assert isinstance(about, OfPayment)
    assert isinstance(about.fact, Paid)
    assert (about.reference, about.payment_intent, about.fact.cents) == ("ours", "pi_1", 50_00)
    assert about.fact.at.timestamp() == AT


@pytest.mark.parametrize("change", [
    {"payment_status": "unpaid"}, {"currency": "eur"}, {"amount_total": 0}, {"amount_total": None}, {"metadata": {}},
    {"metadata": None},
])
def test_checkout__not_our_dollars__means_nothing(change: dict[str, Any]) -> None:
    assert stripe_event.read(event("checkout.session.completed", {**CHECKOUT, **change})).about is None


@pytest.mark.parametrize("kind", ["checkout.session.expired", "checkout.session.async_payment_failed"])
def test_checkout__ended__is_over(kind: str) -> None:
    about = stripe_event.read(event(kind, {**CHECKOUT, "payment_status": "unpaid"})).about
    assert isinstance(about, OfPayment)
    assert about.fact == Over()


def test_refund__ours_or_the_dashboards__is_named_by_it() -> None:
    refund = Refund(10_00, RefundStatus.SUCCEEDED, "re_1")
    dashboard = stripe_event.read(event("refund.created", REFUND)).about
    assert dashboard == OfPayment(RefundHeard("re_1", refund), "pi_1")
    ours = stripe_event.read(event("refund.updated", {**REFUND, "metadata": {"sightline_refund": "mine"}})).about
    assert ours == OfPayment(RefundHeard("mine", refund), "pi_1")


@pytest.mark.parametrize(("change", "dispute"), [
    ({"balance_transactions": []}, Dispute()),
    ({}, Dispute(50_00, 0, 15_00)),
    ({"status": "won", "balance_transactions": [TAKEN, GIVEN_BACK]},
     Dispute(50_00, 50_00, 15_00, 15_00, DisputeOutcome.WON)),
    ({"status": "warning_closed", "balance_transactions": []}, Dispute(outcome=DisputeOutcome.WARNING_CLOSED)),
])
def test_dispute__tells_what_moved_so_far(change: dict[str, Any], dispute: Dispute) -> None:
    about = stripe_event.read(event("charge.dispute.updated", {**DISPUTE, **change})).about
    assert about == OfPayment(DisputeHeard("du_1", dispute), "pi_1")


@pytest.mark.parametrize("kind", [*stripe_event.ONRAMP_TYPES, None])
def test_onramp__both_names_and_none__is_understood(kind: str | None) -> None:
    session = {"id": "cos_1", "object": "crypto.onramp_session", "status": "fulfillment_complete",
               "metadata": {"sightline_onramp": "ours"},
               "transaction_details": {"destination_amount": "99.5", "transaction_id": "0xab", "wallet_address": "0x1"}}
    body = json.loads(event("", session))
    body |= {"type": kind} if kind else {}
    if not kind:
        del body["type"]
    about = stripe_event.read(json.dumps(body).encode()).about
    assert about == OfOnramp("cos_1", "ours", OnrampStatus.FULFILLMENT_COMPLETE,
                             {"destination_amount": "99.5", "transaction_id": "0xab"})


def test_onramp__status__never_goes_back() -> None:
    assert is_news(OnrampStatus.INITIALIZED, OnrampStatus.REQUIRES_PAYMENT)
    assert not is_news(OnrampStatus.FULFILLMENT_COMPLETE, OnrampStatus.REQUIRES_PAYMENT)
    assert not is_news(OnrampStatus.REJECTED, OnrampStatus.REJECTED)


def test_network__by_chain__or_as_told() -> None:
    assert (network_of(137), network_of(8_453), network_of(31_337, "polygon")) == ("polygon", "base", "polygon")
    assert (wallet_key("base"), wallet_key("polygon")) == ("base_network", "polygon")
    with pytest.raises(Conflict, match="onramp_not_available"):
        network_of(31_337)


def test_event__unknown_type__means_nothing() -> None:
    assert stripe_event.read(event("customer.created", {"id": "cus_1"})).about is None


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{}", b"\xff", b"null", event("refund.created", {"id": "re_1"}), event("charge.dispute.created", {}),
    event("refund.created", {**REFUND, "amount": -1}), event("refund.created", {**REFUND, "amount": 1e30}),
    event("refund.created", {**REFUND, "id": ""}), event("refund.created", REFUND, created="now"), b"[" * 100_000,
])
def test_event__malformed__is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match="webhook_malformed"):
        stripe_event.read(body)


@given(st.sampled_from(stripe_event.EVENT_TYPES), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "amount", "status", "metadata", "payment_intent", "currency", "balance_transactions"]),
        inner, max_size=5), max_leaves=8))
def test_event__any_object__is_understood_or_refused(kind: str, about: Any) -> None:
    with contextlib.suppress(BadRequest):
        stripe_event.read(event(kind, about))


def test_event__kept_of_it__is_read_the_same_and_names_nobody() -> None:
    full = {**DISPUTE, "evidence": {"customer_name": "Card Holder", "customer_email_address": "cardholder@example.com"},
            "balance_transactions": [{**TAKEN, "id": "txn_1", "net": -65_00}]}
    first = stripe_event.read(event("charge.dispute.created", full))
    kept = json.dumps(first.kept)
    assert "older" not in kept
    assert stripe_event.read(kept.encode()).about == first.about
