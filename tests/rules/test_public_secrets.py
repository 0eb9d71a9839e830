"""Secrets that everybody has are known as such (L69)."""

import re
import secrets
from pathlib import Path

import pytest
import yaml
from eth_account import Account

from backend.core.keccak import keccak256
from backend.core.public_secrets import (
    PHRASES,
    key_origin,
    password_weakness,
    phrase_keys,
    secret_weakness,
    url_password_weakness,
)

ROOT = Path(__file__).resolve().parents[2]
ANVIL = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@pytest.mark.parametrize(("key", "why"), [
    (ANVIL, "anvil"), ("00" * 31 + "01", "below"), ("00" * 30 + "0400", "below"), ("ab" * 32, "repeats"),
    (bytes(range(32)).hex(), "counts"), (bytes(range(255, 223, -1)).hex(), "counts"),
    (keccak256(b"sightline demo, seed 1, operator").hex(), "demo"), (keccak256(b"operator").hex(), "tests"),
])
def test_key__that_everybody_has__is_known(key: str, why: str) -> None:
    """L69."""
    assert why in str(key_origin(bytes.fromhex(key)))


def test_key__drawn_at_random__is_not_known() -> None:
    assert [key_origin(secrets.token_bytes(32)) for _ in range(200)] == [None] * 200


def test_keys__of_every_phrase__are_those_of_a_wallet() -> None:
    known = dict(phrase_keys())
    for origin, phrase in PHRASES.items():
        if len(phrase.split()) == 12:
            Account.enable_unaudited_hdwallet_features()
            assert known[bytes(Account.from_mnemonic(phrase, account_path="m/44'/60'/0'/0/3").key)] == origin


@pytest.mark.parametrize(("text", "why"), [
    ("", "0 bytes"), ("00", "1 bytes"), ("5a" * 31, "31 bytes"), ("5a" * 32, "repeats"), ("not hex", "not hex"),
    ("0x" + "ab" * 32, "repeats"), (ANVIL, "anvil"),
])
def test_secret__weak__is_refused(text: str, why: str) -> None:
    """L69."""
    assert why in str(secret_weakness(text))


def test_secret__drawn_at_random__is_good() -> None:
    assert [secret_weakness(secrets.token_hex(32)) for _ in range(200)] == [None] * 200


def test_secrets__of_this_repository__are_all_known() -> None:
    """L69: whoever copies docker-compose.yml to a public chain is stopped."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    environments = [service.get("environment", {}) for service in services.values()]
    found = {
        (name, str(value)) for environment in environments for name, value in environment.items()
        if re.search(r"KEY|SECRET|PASSWORD|URL$", name) and name.startswith(("SIGHTLINE_", "DATABASE", "DEPLOYER"))
    }
    keys = {value for name, value in found if name.endswith("KEY")}
    assert len(keys) >= 5
    assert [key for key in keys if secret_weakness(key) is None] == []
    urls = {value for name, value in found if name == "DATABASE_URL"}
    assert [url for url in urls if url_password_weakness(url) is None] == []


@pytest.mark.parametrize(("url", "weak"), [
    ("postgresql+psycopg://sightline:sightline@db/x", True), ("postgresql+psycopg://app:postgres@db/x", True),
    ("redis://:password@cache:6379/0", True), ("redis://cache:6379/0", False),
    ("postgresql+psycopg://app@db/x", False), ("postgresql+psycopg://app:wK2vR9tq7Zx1@db/x", False),
])
def test_url__with_a_password_of_everybody__is_refused(url: str, weak: bool) -> None:
    """L69."""
    assert (url_password_weakness(url) is not None) is weak


def test_password__of_everybody__is_refused_in_any_case() -> None:
    assert password_weakness("ChangeMe")
    assert password_weakness("")
    assert password_weakness("wK2vR9tq7Zx1") is None
