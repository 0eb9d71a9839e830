"""Secrets that everybody has: keys that tools, examples and this repository ship, and those that are none at all.

What such a key protects on a public chain belongs to whoever is fastest; bots watch the well-known accounts.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from urllib.parse import urlsplit

from eth_account.hdaccount import key_from_seed

from backend.core.keccak import keccak256

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
LOCAL_CHAINS = frozenset({1337, 31337})        # ganache, anvil and hardhat: money of no value

SECRET_BYTES_MIN = 32
DISTINCT_BYTES_MIN = 16                        # 32 random bytes have fewer in one of 10^10 cases
PASSWORDS = frozenset({
    "", "admin", "changeme", "default", "demo", "example", "guest", "letmein", "pass", "password", "postgres", "redis",
    "root", "secret", "sightline", "test",
})
_DEMO_SEEDS = 33
_DEMO_ROLES = (
    "deployer", "operator", "guardian", "treasury", "stranger", "decision tokens",
    *(f"{role} {place}" for role in ("attestor", "advertiser", "publisher") for place in range(5)),
)


def phrase_keys() -> Iterator[tuple[bytes, str]]:
    """The first private keys of every phrase, and where the phrase is from."""
    for origin, phrase in PHRASES.items():
        # BIP-39 by hand: brownie's phrase is one that the library refuses.
        seed = hashlib.pbkdf2_hmac("sha512", phrase.encode(), b"mnemonic", 2048)
        for index in range(KEYS_PER_PHRASE):
            yield bytes(key_from_seed(seed, f"m/44'/60'/0'/0/{index}")), origin


@cache
def _known_keys() -> Mapping[bytes, str]:
    demo = {
        keccak256(f"sightline demo, seed {seed}, {role}".encode()): "this repository's demo"
        for seed in range(_DEMO_SEEDS) for role in _DEMO_ROLES
    }
    roles = {keccak256(role.encode()): "this repository's tests" for role in _DEMO_ROLES}
    return demo | roles | dict(phrase_keys())


def key_origin(key: bytes) -> str | None:
    """Where everybody has a private key from; None when it is not known."""
    if int.from_bytes(key, "big") <= SMALL_KEYS:
        return f"it is a number below {SMALL_KEYS + 1}"
    known = _known_keys().get(key)
    return f"it is from {known}" if known else _pattern(key)


def secret_weakness(text: str) -> str | None:
    """Why a secret in hex (a token key, a master key) protects nothing; None when nothing speaks against it."""
    try:
        secret = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return "it is not hex"
    if len(secret) < SECRET_BYTES_MIN:
        return f"it has {len(secret)} bytes, fewer than {SECRET_BYTES_MIN}"
    return key_origin(secret)


def _pattern(key: bytes) -> str | None:
    """Bytes that somebody typed: repeated, or counting up or down."""
    if len(set(key)) < DISTINCT_BYTES_MIN:
        return "it repeats itself"
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return "it counts" if len(steps) == 1 else None


def password_weakness(password: str) -> str | None:
    """Why a password protects nothing."""
    return "it is a password that everybody tries first" if password.lower() in PASSWORDS else None


def url_password_weakness(url: str) -> str | None:
    """As `password_weakness`, for the password in a store's URL. Without one, certificates or the machine decide."""
    parts = urlsplit(url)
    if not parts.password:
        return None
    if parts.password == parts.username:
        return "its password is its user's name"
    return password_weakness(parts.password)
