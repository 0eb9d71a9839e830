"""An onramp session: an advertiser buys USDC from Stripe, straight to the own wallet. We never credit anything for it:
what is deposited afterwards is mirrored from the chain like every other deposit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Conflict
from backend.core.ids import Address

# Stripe's names of networks by chain id; the wallets of Base have a key of their own.
_NETWORKS: Mapping[int, str] = {1: "ethereum", 137: "polygon", 80_002: "polygon", 8_453: "base", 84_532: "base"}
_WALLET_KEYS: Mapping[str, str] = {"base": "base_network"}


class OnrampStatus(StrEnum):
    """In the order in which a session goes through them; it never goes back."""

    INITIALIZED = "initialized"
    REQUIRES_PAYMENT = "requires_payment"
    REJECTED = "rejected"
    FULFILLMENT_PROCESSING = "fulfillment_processing"
    FULFILLMENT_COMPLETE = "fulfillment_complete"


@dataclass(frozen=True, slots=True)
class OnrampSession:
    """`details` are Stripe's transaction_details, to be shown and nothing else. `asked` was asked for, not paid."""

    id: int
    account: Address
    reference: str
    network: str
    created_at: datetime
    asked_micro_usdc: int | None = None
    stripe_id: str | None = None
    status: OnrampStatus = OnrampStatus.INITIALIZED
    details: Mapping[str, str] = field(default_factory=dict)


def network_of(chain_id: int, override: str = "") -> str:
    """Stripe's name of the network that our escrow is on. Raises Conflict `onramp_not_available`."""
    network = override or _NETWORKS.get(chain_id)
    if network is None:
        raise Conflict("onramp_not_available", f"Stripe sells no USDC on chain {chain_id}")
    return network


def wallet_key(network: str) -> str:
    """The member of `wallet_addresses` for a network."""
    return _WALLET_KEYS.get(network, network)


def is_news(known: OnrampStatus, heard: OnrampStatus) -> bool:
    """Whether a status that was heard is later than the one we know: webhooks come in any order."""
    order = list(OnrampStatus)
    return order.index(heard) > order.index(known)
