"""Whose key signs a script's transactions: one from the environment, or an alias of `ape accounts`."""

from collections.abc import Mapping
from typing import Protocol

import ape
from ape.api import AccountAPI
from eth_account import Account
from eth_account.signers.local import LocalAccount

from scripts.deploying.deployment import DeploymentRefused


class Signer(Protocol):
    """An account that signs. `sign` takes the fields of an EIP-1559 transaction and returns its signed bytes."""

    @property
    def address(self) -> str: ...

    def sign(self, fields: Mapping[str, object]) -> bytes: ...


class KeySigner:
    """A key that lives in this process only; nothing is written to ape's key store."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    @property
    def address(self) -> str:
        return str(self._account.address)

    def sign(self, fields: Mapping[str, object]) -> bytes:
        return bytes(self._account.sign_transaction(dict(fields)).raw_transaction)  # type: ignore[arg-type]


class AliasSigner:
    """An account of ape's key store; ape asks for its passphrase and whether to sign."""

    def __init__(self, account: AccountAPI) -> None:
        self._account = account

    @property
    def address(self) -> str:
        return str(self._account.address)

    def sign(self, fields: Mapping[str, object]) -> bytes:
        ecosystem = ape.networks.provider.network.ecosystem
        transaction = ecosystem.create_transaction(**fields, sender=self._account.address)
        signed = self._account.sign_transaction(transaction)
        if signed is None:
            raise DeploymentRefused("the transaction was not signed")
        return bytes(signed.serialize_transaction())


def signer_of(alias: str | None, key: str | None) -> Signer:
    """The signer of an alias, or else of a private key in hexadecimal. Raises DeploymentRefused without either."""
    if alias:
        return AliasSigner(_load(alias))
    if not key:
        raise DeploymentRefused("set DEPLOYER_KEY (hex) or give --account")
    try:
        account: LocalAccount = Account.from_key(key)
    except ValueError as error:
        raise DeploymentRefused("DEPLOYER_KEY is not a private key of 32 bytes in hex") from error
    return KeySigner(account)


def _load(alias: str) -> AccountAPI:
    try:
        return ape.accounts.load(alias)
    except KeyError as error:
        raise DeploymentRefused(f"ape has no account {alias}: see `ape accounts list`") from error
