"""What the fake Stripe knows: Checkouts, payments, refunds, disputes, onramp sessions, its balance, its events."""

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]

FEE_BASIS_POINTS, FEE_CENTS = 290, 30
DISPUTE_FEE_CENTS = 1_500
CHECKOUT_SECONDS_MIN, CHECKOUT_SECONDS_MAX = 30 * 60, 24 * 3_600
API_VERSION = "2026-10-28.endive"


class Refused(Exception):
    """An error of Stripe: status, type, code, and the parameter that is wrong."""

    def __init__(self, message: str, *, code: str = "", param: str = "", status: int = 400,
                 kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **({"code": code} if code else {}),
                               **({"param": param} if param else {})}}


@dataclass
class Money:
    """All objects by id, in one memory. `now` is Unix seconds; tests set it."""

    now: int
    public_url: str
    objects: dict[str, JsonObject] = field(default_factory=dict)
    events: list[JsonObject] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    # -- the API -----------------------------------------------------------------------------------------------------

    def open_checkout(self, params: JsonObject) -> JsonObject:
        if params.get("mode") != "payment" or not params.get("line_items"):
            raise Refused("a payment needs line items", param="line_items")
        expires_at = params.get("expires_at", self.now + CHECKOUT_SECONDS_MAX)
        if not CHECKOUT_SECONDS_MIN <= expires_at - self.now <= CHECKOUT_SECONDS_MAX:
            raise Refused("The `expires_at` timestamp must be between 30 minutes and 24 hours from now",
                          param="expires_at")
        prices = [(item["price_data"], item.get("quantity", 1)) for item in params["line_items"]]
        name = self._name("cs_test")
        return self._add(name, {
            "object": "checkout.session", "status": "open", "payment_status": "unpaid", "mode": "payment",
            "amount_total": sum(price["unit_amount"] * quantity for price, quantity in prices),
            "currency": prices[0][0]["currency"], "payment_intent": None, "expires_at": expires_at,
            "metadata": params.get("metadata", {}), "client_reference_id": params.get("client_reference_id"),
            "url": f"{self.public_url}/pay/{name}", "payment_status_details": None,
            "_three_d_secure": params.get("payment_method_options", {}).get("card", {}).get("request_three_d_secure"),
            "_intent_metadata": params.get("payment_intent_data", {}).get("metadata", {}),
        })

    def refund(self, params: JsonObject) -> JsonObject:
        charge = self._charge_of(params["payment_intent"])
        amount = params.get("amount", charge["amount"] - charge["amount_refunded"])
        if charge["disputed"]:
            raise Refused("The charge has been charged back", code="charge_disputed")
        if amount <= 0 or charge["amount_refunded"] + amount > charge["amount"]:
            raise Refused("Refund amount is greater than unrefunded amount", code="amount_too_large", param="amount")
        charge["amount_refunded"] += amount
        refund = self._add(self._name("re"), {
            "object": "refund", "amount": amount, "currency": "usd", "status": "succeeded", "charge": charge["id"],
            "payment_intent": params["payment_intent"], "metadata": params.get("metadata", {}),
        })
        self._move("refund", -amount, 0, refund["id"])
        self._tell("refund.created", refund)
        self._tell("charge.refunded", charge)
        return refund

    def refunds_of(self, intent: str) -> list[JsonObject]:
        return [one for one in self.objects.values() if one["object"] == "refund" and one["payment_intent"] == intent]

    def intent(self, name: str, expand: list[str]) -> JsonObject:
        found = dict(self.get(name, "payment_intent"))
        if any(path.startswith("latest_charge") for path in expand):
            charge = dict(self.objects[found["latest_charge"]])
            if "latest_charge.balance_transaction" in expand:
                charge["balance_transaction"] = self.objects[charge["balance_transaction"]]
            found["latest_charge"] = charge
        return found

    def open_onramp(self, params: JsonObject) -> JsonObject:
        networks, currencies = params.get("destination_networks"), params.get("destination_currencies")
        if params.get("lock_wallet_address") and not params.get("wallet_addresses"):
            raise Refused("no wallet address to lock", code="crypto_onramp_no_wallet_address_to_lock")
        for one, many in (("destination_network", networks), ("destination_currency", currencies)):
            if one in params and many and params[one] not in many:
                raise Refused(f"conflicting {one}", code=f"crypto_onramp_conflicting_{one}", param=one)
        if "destination_amount" in params and not {"destination_currency", "destination_network"} <= params.keys():
            raise Refused("amount without a pair",
                          code="crypto_onramp_incomplete_destination_currency_and_network_pair")
        if "destination_amount" in params and "source_amount" in params:
            raise Refused("source and destination amount", code="crypto_onramp_invalid_source_destination_pair")
        return self._add(self._name("cos"), {
            "object": "crypto.onramp_session", "status": "initialized", "metadata": params.get("metadata", {}),
            "client_secret": f"cos_secret_{secrets.token_hex(12)}",
            "transaction_details": {
                "destination_currency": params.get("destination_currency"), "transaction_id": None,
                "destination_network": params.get("destination_network"), "source_amount": None,
                "destination_amount": params.get("destination_amount"), "source_currency": None,
                "wallet_addresses": params.get("wallet_addresses"), "wallet_address": None,
            },
        })

    def get(self, name: str, kind: str) -> JsonObject:
        found = self.objects.get(name)
        if found is None or found["object"] != kind:
            raise Refused(f"No such {kind}: '{name}'", code="resource_missing", param="id", status=404)
        return found

    def moves(self) -> list[JsonObject]:
        """Balance transactions, the oldest first."""
        return [one for one in self.objects.values() if one["object"] == "balance_transaction"]

    def forget_moves(self) -> None:
        """A new page of the books: what was moved before is no longer listed."""
        for name in [one["id"] for one in self.moves()]:
            del self.objects[name]

    # -- what people and banks do ------------------------------------------------------------------------------------

    def pay(self, checkout: str, card: str) -> str:
        """A cardholder at the Checkout: `ok`, `decline`, `3ds` (passed) or `3ds_failed`. The payment's status."""
        session = self.get(checkout, "checkout.session")
        if session["status"] != "open":
            raise Refused("the Checkout is not open")
        if card in ("decline", "3ds_failed"):
            return "requires_payment_method"        # the cardholder may try again, nobody is told
        intent, charge = self._name("pi"), self._name("ch")
        amount = session["amount_total"]
        fee = amount * FEE_BASIS_POINTS // 10_000 + FEE_CENTS
        self._add(charge, {
            "object": "charge", "amount": amount, "amount_refunded": 0, "currency": "usd", "payment_intent": intent,
            "disputed": False, "balance_transaction": self._move("charge", amount, fee, charge)["id"],
            "billing_details": {"name": "Card Holder", "email": "cardholder@example.com"},
            "payment_method_details": {"card": {"three_d_secure": {"authenticated": card == "3ds"}}},
        })
        self._add(intent, {
            "object": "payment_intent", "amount": amount, "currency": "usd", "status": "succeeded",
            "latest_charge": charge, "metadata": session["_intent_metadata"],
        })
        session.update(status="complete", payment_status="paid", payment_intent=intent,
                       customer_details={"email": "cardholder@example.com", "name": "Card Holder"})
        self._tell("payment_intent.succeeded", self.objects[intent])
        self._tell("checkout.session.completed", session)
        return "succeeded"

    def expire(self, checkout: str) -> None:
        session = self.get(checkout, "checkout.session")
        session["status"] = "expired"
        self._tell("checkout.session.expired", session)

    def warn(self, intent: str) -> JsonObject:
        """The card's network reports fraud before there is a dispute."""
        warning = self._add(self._name("issfr"), {
            "object": "radar.early_fraud_warning", "actionable": True, "charge": self._charge_of(intent)["id"],
            "payment_intent": intent, "fraud_type": "made_with_stolen_card",
        })
        self._tell("radar.early_fraud_warning.created", warning)
        return warning

    def fail_refund(self, refund: str) -> JsonObject:
        """The bank sends a refund back."""
        found = self.get(refund, "refund")
        found["status"] = "failed"
        self.objects[found["charge"]]["amount_refunded"] -= found["amount"]
        self._move("refund_failure", found["amount"], 0, refund)
        self._tell("refund.failed", found)
        return found

    def open_dispute(self, intent: str, *, inquiry: bool = False, amount: int | None = None) -> JsonObject:
        charge = self._charge_of(intent)
        charge["disputed"] = True
        dispute = self._add(self._name("du"), {
            "object": "dispute", "amount": amount or charge["amount"] - charge["amount_refunded"], "currency": "usd",
            "charge": charge["id"], "payment_intent": intent, "reason": "fraudulent", "balance_transactions": [],
            "status": "warning_needs_response" if inquiry else "needs_response",
            "evidence": {"customer_name": "Card Holder"},
        })
        self._tell("charge.dispute.created", dispute)
        if not inquiry:
            self._withdraw(dispute)
        return dispute

    def close_dispute(self, dispute: str, outcome: str) -> JsonObject:
        """`won` (the money comes back), `lost`, or `warning_closed`."""
        found = self.get(dispute, "dispute")
        found["status"] = outcome
        if outcome == "won":
            moved = self._move("adjustment", found["amount"], 0, dispute)
            found["balance_transactions"] = [*found["balance_transactions"], moved]
            self._tell("charge.dispute.funds_reinstated", found)
        self.objects[found["charge"]]["disputed"] = outcome == "lost"
        self._tell("charge.dispute.closed", found)
        return found

    def _withdraw(self, dispute: JsonObject) -> None:
        moved = self._move("adjustment", -dispute["amount"], DISPUTE_FEE_CENTS, dispute["id"])
        dispute["balance_transactions"] = [moved]
        self._tell("charge.dispute.funds_withdrawn", dispute)

    def move_onramp(self, session: str, status: str, details: JsonObject, event_type: str) -> JsonObject:
        found = self.get(session, "crypto.onramp_session")
        found["status"] = status
        found["transaction_details"] = {**found["transaction_details"], **details}
        shown = {name: value for name, value in found.items() if name != "client_secret"}
        self._tell(event_type, shown)
        return found

    # -- inside ------------------------------------------------------------------------------------------------------

    def _charge_of(self, intent: str) -> JsonObject:
        return self.objects[self.get(intent, "payment_intent")["latest_charge"]]

    def _move(self, kind: str, amount: int, fee: int, source: str) -> JsonObject:
        return self._add(self._name("txn"), {
            "object": "balance_transaction", "type": kind, "amount": amount, "fee": fee, "net": amount - fee,
            "currency": "usd", "source": source, "status": "available", "reporting_category": kind,
        })

    def _add(self, name: str, content: JsonObject) -> JsonObject:
        self.objects[name] = {"id": name, "created": self.now, "livemode": False, **content}
        return self.objects[name]

    def _name(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):06d}{secrets.token_hex(6)}"

    def _tell(self, kind: str, about: JsonObject) -> None:
        shown = {name: value for name, value in about.items() if not name.startswith("_")}
        self.events.append({
            "id": self._name("evt"), "object": "event", "api_version": API_VERSION, "created": self.now,
            "type": kind, "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None},
            "data": {"object": shown},
        })
