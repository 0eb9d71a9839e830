"""A key of AWS KMS (ECC_SECG_P256K1, SIGN_VERIFY): it never leaves the device, we see its signatures only."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from backend.chain.signer import (
    Signature,
    SignatureUnusable,
    SignedTransaction,
    address_of_point,
    ethereum_signature,
    from_der,
    sign_transaction,
)
from backend.core.errors import Unavailable
from backend.core.ids import Address

ALGORITHM = "ECDSA_SHA_256"          # KMS' only algorithm for this curve; with MessageType DIGEST nothing is hashed
CONNECT_SECONDS, READ_SECONDS, TRIES = 3, 5, 3
POINT_BYTES = 64
SPKI_PREFIX = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a03420004")
"""What stands before the point in the SubjectPublicKeyInfo of a secp256k1 key (RFC 5480, SEC 2 §2.4.1)."""


class WrongKey(Exception):
    """The KMS key cannot sign for this chain; a person has to change the setting."""


class KmsSigner:
    """Signs with the key `key_id` (id, ARN or alias). `client` is boto3's; by default of the environment's region."""

    def __init__(self, key_id: str, *, client: Any = None) -> None:
        self._key_id = key_id
        self._kms = client or _client()

    @cached_property
    def address(self) -> Address:
        """Asked once. Raises WrongKey, or Unavailable `signer_unavailable`."""
        found = self._call("get_public_key", KeyId=self._key_id)
        public = bytes(found["PublicKey"])
        if not public.startswith(SPKI_PREFIX) or len(public) != len(SPKI_PREFIX) + POINT_BYTES:
            raise WrongKey("the KMS key is not of the kind ECC_SECG_P256K1")
        return address_of_point(public[-POINT_BYTES:])

    def sign_digest(self, digest: bytes) -> Signature:
        made = self._call(
            "sign", KeyId=self._key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=ALGORITHM
        )
        try:
            return ethereum_signature(digest, *from_der(bytes(made["Signature"])), self.address)
        except SignatureUnusable as error:
            raise Unavailable("signer_unavailable", f"KMS: {error}") from error

    def sign_transaction(self, transaction: Mapping[str, Any]) -> SignedTransaction:
        return sign_transaction(self, transaction)

    def _call(self, name: str, **arguments: object) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._kms, name)(**arguments)
        except (BotoCoreError, ClientError) as error:
            kind = type(error).__name__
            if isinstance(error, ClientError):
                kind = str(error.response["Error"]["Code"])
            raise Unavailable("signer_unavailable", f"KMS: {kind}") from error


def _client() -> Any:
    """boto3 is the extra `kms`: only who keeps keys there installs it."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise WrongKey("a key in KMS needs the extra: pip install 'sightline[kms]'") from error
    return boto3.client("kms", config=Config(
        connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"max_attempts": TRIES, "mode": "standard"}
    ))
