"""Addresses whose private keys everybody has: phrases that tools ship with, this repository's own, and tiny numbers.

Whatever such an account holds or may do on a public chain belongs to whoever is fastest; bots watch them.
"""

import hashlib
from collections.abc import Mapping
from functools import cache

from eth_account import Account
from eth_account.hdaccount import key_from_seed

PHRASES = {
    "the test phrase of anvil, hardhat and ape": "test test test test test test test test test test test junk",
    "the phrase of ganache --deterministic": (
        "myth like bonus scare over problem client lizard pioneer submit female collect"
    ),
    "the phrase of truffle develop": "candy maple cake sugar pudding cream honey rich smooth crumble sweet treat",
    "the phrase of brownie": "brownie",
    "the phrase of this repository's docker-compose.yml": (
        "asthma hair flush oil face glance negative wife puzzle huge whip open"
    ),
}
KEYS_PER_PHRASE = 20
SMALL_KEYS = 1024


@cache
def known_addresses() -> Mapping[str, str]:
    """Why each address is known, by the address in lower case."""
    known = {_address(number.to_bytes(32, "big")): f"the private key {number}" for number in range(1, SMALL_KEYS + 1)}
    for origin, phrase in PHRASES.items():
        # BIP-39 by hand: brownie's phrase is one that the library refuses.
        seed = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", 2048)
        for index in range(KEYS_PER_PHRASE):
            known[_address(key_from_seed(seed, f"m/44'/60'/0'/0/{index}"))] = origin
    return known


def known_key(address: str) -> str | None:
    """Where everybody has this address's key from; None when it is not known."""
    return known_addresses().get(address.lower())


def _address(key: bytes) -> str:
    return str(Account.from_key(key).address).lower()
