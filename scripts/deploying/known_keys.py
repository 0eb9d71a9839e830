"""Addresses whose private keys everybody has; backend/core/public_secrets.py lists where they are from.

Whatever such an account holds or may do on a public chain belongs to whoever is fastest; bots watch them.
"""

from collections.abc import Mapping
from functools import cache

from eth_account import Account

from backend.core.public_secrets import KEYS_PER_PHRASE, PHRASES, SMALL_KEYS, phrase_keys

__all__ = ["KEYS_PER_PHRASE", "PHRASES", "SMALL_KEYS", "known_addresses", "known_key"]


@cache
def known_addresses() -> Mapping[str, str]:
    """Why each address is known, by the address in lower case."""
    known = {_address(number.to_bytes(32, "big")): f"the private key {number}" for number in range(1, SMALL_KEYS + 1)}
    return known | {_address(key): origin for key, origin in phrase_keys()}


def known_key(address: str) -> str | None:
    """Where everybody has this address's key from; None when it is not known."""
    return known_addresses().get(address.lower())


def _address(key: bytes) -> str:
    return str(Account.from_key(key).address).lower()
