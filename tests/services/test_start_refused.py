"""No process starts with a secret that is public, unless the chain is a local one (L69)."""

import hashlib
import json
import secrets
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backend.cli import main
from backend.config import RefusedSetting, Settings

PUBLIC, LOCAL = 80_002, 31_337
ANVIL = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
COMPOSE = "e42666565b237ba4da6f227a74bc934b6c035ad8f5fb740a9a8dcad91eb49084"
TOKEN = hashlib.sha256(b"a token key of these tests").hexdigest()  # in names of tests: workers agree on them
GOOD: dict[str, Any] = {
    "database_url": "postgresql+psycopg://app:wK2vR9tq7Zx1@db/sightline", "redis_url": "redis://cache:6379/0",
    "rpc_url": "https://rpc.example/", "token_key": TOKEN, "master_key": secrets.token_hex(32),
    "public_url": "https://ads.example",
}
WRONG = [
    ({"token_key": COMPOSE}, "SIGHTLINE_TOKEN_KEY: it is from the phrase of this repository's docker-compose.yml"),
    ({"token_key": "5a" * 32}, "SIGHTLINE_TOKEN_KEY: it repeats itself"),
    ({"token_key": secrets.token_hex(16)}, "SIGHTLINE_TOKEN_KEY: it has 16 bytes"),
    ({"token_key": bytes(range(32)).hex()}, "SIGHTLINE_TOKEN_KEY: it counts"),
    ({"master_key": ""}, "SIGHTLINE_MASTER_KEY: it has 0 bytes"),
    ({"master_key": "ab" * 32}, "SIGHTLINE_MASTER_KEY: it repeats itself"),
    ({"master_key": TOKEN}, "SIGHTLINE_MASTER_KEY: it is the token key again"),
    ({"public_url": "http://ads.example"}, "SIGHTLINE_PUBLIC_URL"),
    ({"database_url": "postgresql+psycopg://sightline:sightline@db/x"}, "DATABASE_URL: its password"),
    ({"redis_url": "redis://:redis@cache/0"}, "REDIS_URL: it is a password that everybody tries first"),
    ({"operator_key": secrets.token_hex(32)}, "SIGHTLINE_OPERATOR_KEY: a key in the environment is for local chains"),
    ({"treasury_key": secrets.token_hex(32)}, "SIGHTLINE_TREASURY_KEY"),
    ({"attestor_key": ANVIL}, "SIGHTLINE_ATTESTOR_KEY"),
    ({"operator_keystore_password": "changeme"}, "SIGHTLINE_OPERATOR_KEYSTORE_PASSWORD"),
    ({"fetch_local": True}, "SIGHTLINE_FETCH_LOCAL"),
    ({"stripe_url": "http://127.0.0.1:12111"}, "SIGHTLINE_STRIPE_URL"),
]


def deployed(folder: Path, chain_id: int) -> Path:
    path = folder / f"{chain_id}.json"
    path.write_text(json.dumps({"chain_id": chain_id, "contracts": {}}))
    return path


@pytest.mark.parametrize(("change", "words"), WRONG)
def test_settings__public_secret_on_a_public_chain__are_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    """L69."""
    public = Settings(**GOOD | change, deployment=deployed(tmp_path, PUBLIC))
    with pytest.raises(RefusedSetting) as refused:
        public.check()
    assert words in str(refused.value)
    for name, value in change.items():
        secret = getattr(public, name)
        assert not (isinstance(secret, SecretStr) and value and value in str(refused.value)), "the secret is told"
    Settings(**GOOD | change, deployment=deployed(tmp_path, LOCAL)).check()


@pytest.mark.parametrize(("name", "value"), [
    ("database_url", "mysql://app:0wK2vR9tq7Zx1@db/sightline"), ("redis_url", "0wK2vR9tq7Zx1"),
    ("token_key", "0x" + TOKEN), ("token_key", "0wK2vR9tq7Zx1"), ("master_key", "0wK2vR9tq7Zx1"),
])
@pytest.mark.parametrize("chain_id", [LOCAL, PUBLIC])
def test_settings__value_that_cannot_be_read__is_named_and_not_told(
    tmp_path: Path, name: str, value: str, chain_id: int
) -> None:
    settings = Settings(**GOOD | {name: value}, deployment=deployed(tmp_path, chain_id))
    with pytest.raises(RefusedSetting) as refused:
        settings.check()
    assert str(refused.value).startswith(("SIGHTLINE_" if name.endswith("key") else "") + name.upper() + ":")
    assert value not in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"chain_id": "Polygon"}'])
def test_settings__deployment_file_is_something_else__is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "deployment.json"
    path.write_text(content)
    with pytest.raises(RefusedSetting, match="SIGHTLINE_DEPLOYMENT"):
        Settings(**GOOD, deployment=path).check(of_operator=False)


def test_settings__good_on_a_public_chain__start(tmp_path: Path) -> None:
    Settings(**GOOD, operator_kms="alias/operator", deployment=deployed(tmp_path, PUBLIC)).check()


def test_settings__of_an_attestor__need_no_secret_of_the_operator(tmp_path: Path) -> None:
    settings = Settings(rpc_url="https://rpc.example/", attestor_kms="x", deployment=deployed(tmp_path, PUBLIC))
    settings.check(of_operator=False)
    with pytest.raises(RefusedSetting):
        settings.check()


def test_settings__several_wrong__are_told_at_once(tmp_path: Path) -> None:
    wrong = {"token_key": COMPOSE, "master_key": "", "public_url": "http://ads.example"}
    found = Settings(**GOOD | wrong, deployment=deployed(tmp_path, PUBLIC)).refusals()
    assert [line.partition(":")[0] for line in found] == [
        "SIGHTLINE_TOKEN_KEY", "SIGHTLINE_MASTER_KEY", "SIGHTLINE_PUBLIC_URL",
    ]


@pytest.mark.parametrize("command", ["serve", "worker", "index", "attest"])
def test_command__with_a_public_secret__ends_with_2_and_says_why(
    tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """L69."""
    names = {"database_url": "DATABASE_URL", "redis_url": "REDIS_URL", "rpc_url": "RPC_URL"}
    given = GOOD | {"token_key": COMPOSE, "attestor_key": ANVIL, "deployment": str(deployed(tmp_path, PUBLIC))}
    for name, value in given.items():
        monkeypatch.setenv(names.get(name, f"SIGHTLINE_{name.upper()}"), value)
    monkeypatch.setattr(sys, "argv", ["sightline", command])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith("sightline: refused to start: ")
    assert ("SIGHTLINE_TOKEN_KEY" in told) == (command != "attest")
    assert "SIGHTLINE_ATTESTOR_KEY" in told
    assert COMPOSE not in told
