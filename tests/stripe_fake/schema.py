"""Requests as the SDK's own TypedDicts describe them, strictly: an unknown or misspelt member anywhere is refused."""

import sys
import typing
from functools import cache
from typing import Any

import stripe
from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe.params import PaymentIntentRetrieveParams, RefundCreateParams, RefundListParams
from stripe.params.checkout import SessionCreateParams, SessionRetrieveParams
from typing_extensions import TypedDict, is_typeddict

# What the SDK's modules import for type checkers only.
_NAMES: dict[str, Any] = {
    "StripeContext": stripe.StripeContext, "RequestOptions": stripe.RequestOptions,
    **{name: getattr(typing, name) for name in ("Any", "Dict", "List", "Literal", "Mapping", "Optional", "Union")},
}


class OnrampCreateParams(TypedDict, total=False):
    """Onramp sessions are not in the SDK; from https://docs.stripe.com/crypto/onramp/api-reference."""

    wallet_addresses: dict[str, str]
    lock_wallet_address: bool
    source_currency: str
    source_amount: str
    destination_currency: str
    destination_network: str
    destination_currencies: list[str]
    destination_networks: list[str]
    destination_amount: str
    customer_ip_address: str
    metadata: dict[str, str]


class BadParameter(Exception):
    """What Stripe would call an invalid_request_error."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


def check(kind: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with numbers and booleans in place of texts. Raises BadParameter."""
    try:
        found: dict[str, Any] = adapter(kind).validate_python(params)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise BadParameter(name, f"{name}: {first['msg']}") from error
    return found


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """A strict validator of a TypedDict and of all that it is made of."""
    for described in _all(kind):
        described.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    built: TypeAdapter[Any] = TypeAdapter(kind, config=None)
    built.rebuild(_types_namespace=_NAMES, raise_errors=True)
    return built


def _all(kind: Any) -> set[Any]:
    """A TypedDict and every one that it mentions."""
    found: set[Any] = set()
    waiting = [kind]
    while waiting:
        described = waiting.pop()
        if is_typeddict(described) and described not in found:
            found.add(described)
            module = vars(sys.modules[described.__module__])
            for name, value in _NAMES.items():
                module.setdefault(name, value)
            waiting += typing.get_type_hints(described, include_extras=True).values()
        else:
            waiting += typing.get_args(described)
    return found


__all__ = [
    "BadParameter", "OnrampCreateParams", "PaymentIntentRetrieveParams", "RefundCreateParams", "RefundListParams",
    "SessionCreateParams", "SessionRetrieveParams", "check",
]
