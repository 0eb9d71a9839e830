"""Opens the key with which a process signs: from the environment, a keystore file or AWS KMS, whichever is set."""

import json
from pathlib import Path
from typing import Literal

from eth_account import Account
from pydantic import SecretStr

from backend.chain.kms.client import KmsSigner, WrongKey
from backend.chain.signer import LocalSigner, Signer
from backend.config import MissingSetting, RefusedSetting, Settings
from backend.core.public_secrets import key_origin

Role = Literal["operator", "treasury", "attestor"]


def signer(settings: Settings, role: Role) -> Signer:
    """The signer of a role. Raises MissingSetting, or RefusedSetting for two keys or one that everybody has."""
    prefix = f"SIGHTLINE_{role.upper()}"
    key: SecretStr | None = getattr(settings, f"{role}_key")
    keystore: Path | None = getattr(settings, f"{role}_keystore")
    kms: str | None = getattr(settings, f"{role}_kms")
    given = [name for name, value in (("KEY", key), ("KEYSTORE", keystore), ("KMS", kms)) if value]
    if not given:
        raise MissingSetting(f"{prefix}_KEY, {prefix}_KEYSTORE or {prefix}_KMS")
    if len(given) > 1:
        raise RefusedSetting(f"{prefix}_{given[0]} and {prefix}_{given[1]} are both set; which key is meant?")
    if kms:
        return _kms(kms, prefix)
    if keystore:
        return _checked(_unlocked(settings, role, keystore), settings, f"{prefix}_KEYSTORE")
    assert key is not None
    return _checked(_parsed(key.get_secret_value(), f"{prefix}_KEY"), settings, f"{prefix}_KEY")


def has_signer(settings: Settings, role: Role) -> bool:
    """Whether a key of that role is set at all."""
    return any(getattr(settings, f"{role}_{kind}") for kind in ("key", "keystore", "kms"))


def _kms(key_id: str, prefix: str) -> Signer:
    try:
        return KmsSigner(key_id)
    except WrongKey as error:
        raise RefusedSetting(f"{prefix}_KMS: {error}") from error


def _checked(key: bytes, settings: Settings, name: str) -> Signer:
    origin = None if settings.on_local_chain else key_origin(key)
    if origin:
        raise RefusedSetting(f"{name}: everybody has this key: {origin}")
    return LocalSigner(key)


def _parsed(text: str, name: str) -> bytes:
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32 or not any(key):
        raise RefusedSetting(f"{name}: a private key has 64 hex digits")
    return key


def _unlocked(settings: Settings, role: Role, keystore: Path) -> bytes:
    """The private key in a keystore file (Web3 Secret Storage, version 3)."""
    name = f"SIGHTLINE_{role.upper()}_KEYSTORE"
    password: SecretStr | None = getattr(settings, f"{role}_keystore_password")
    file: Path | None = getattr(settings, f"{role}_keystore_password_file")
    if (password is None) == (file is None):
        raise MissingSetting(f"either {name}_PASSWORD or {name}_PASSWORD_FILE")
    try:
        text = password.get_secret_value() if password else (file or keystore).read_text().rstrip("\r\n")
        return bytes(Account.decrypt(json.loads(keystore.read_text()), text))
    except OSError as error:
        raise RefusedSetting(f"{name}: {error.filename}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RefusedSetting(f"{name}: not a keystore file, or not its password") from error
