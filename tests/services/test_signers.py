"""Signing keys: a keystore file, or a key of KMS that the chain accepts like any other. KMS is played by moto."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import moto.kms.utils
import pytest
from botocore.exceptions import EndpointConnectionError
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from eth_account import Account
from eth_keys.constants import SECPK1_N
from moto import mock_aws

from backend.chain.client import Chain
from backend.chain.kms.client import KmsSigner, WrongKey
from backend.chain.signer import LocalSigner
from backend.config import MissingSetting, RefusedSetting, Settings
from backend.core.errors import Unavailable
from backend.core.keccak import keccak256
from backend.local import fund
from backend.main.signing import has_signer, signer
from backend.settlement.attestation import compact, signer_of

CHAIN_ID = 31_337
KEY = keccak256(b"nobody else has this key of a test").hex()
PASSWORD = "wK2vR9tq7Zx1"


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A KMS. moto hashes a message again although it is said to be a DIGEST; the device does not."""
    hashing = moto.kms.utils.ECDSAPrivateKey.sign

    def sign(self: Any, message: bytes, signing_algorithm: str) -> bytes:
        if len(message) != 32:
            return bytes(hashing(self, message, signing_algorithm))
        return bytes(self.private_key.sign(message, ec.ECDSA(utils.Prehashed(SHA256()))))

    monkeypatch.setattr(moto.kms.utils.ECDSAPrivateKey, "sign", sign)
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "eu-central-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        yield boto3.client("kms")


@pytest.fixture
def key_id(kms: Any) -> str:
    made = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")
    return str(made["KeyMetadata"]["KeyId"])


def test_kms__any_digest__gives_a_low_signature_by_its_address(kms: Any, key_id: str) -> None:
    device = KmsSigner(key_id, client=kms)
    for n in range(12):
        digest = keccak256(bytes([n]))
        made = device.sign_digest(digest)
        assert made.s <= SECPK1_N // 2
        assert signer_of(digest, compact(made.r, made.s, made.parity)) == device.address


def test_kms__transaction__is_mined_by_a_real_node(kms: Any, key_id: str, rpc_url: str) -> None:
    """Through the same client as the operator's: fees, nonce, signature, receipt."""
    device = KmsSigner(key_id, client=kms)
    fund(rpc_url, device.address, 10**18)
    chain = Chain(rpc_url, CHAIN_ID, signer=device)
    assert chain.sender == device.address
    made = Account.create()
    nobody = chain.web3.to_checksum_address(made.address)
    for value in (1, 2, 3):
        transaction = {
            "to": nobody, "value": value, "gas": 21_000, "chainId": CHAIN_ID, "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 1, "nonce": value - 1,
        }
        signed = device.sign_transaction(transaction)
        sent = chain.web3.eth.send_raw_transaction(signed.raw)
        receipt = chain.web3.eth.wait_for_transaction_receipt(sent, 60, 0.05)
        assert (receipt["status"], receipt["from"].lower()) == (1, device.address)
        assert bytes(receipt["transactionHash"]) == signed.hash
    assert chain.web3.eth.get_balance(nobody) == 6


def test_kms__key_of_another_kind__is_refused(kms: Any) -> None:
    for spec, usage in (("ECC_NIST_P256", "SIGN_VERIFY"), ("RSA_2048", "SIGN_VERIFY")):
        made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        with pytest.raises(WrongKey, match="ECC_SECG_P256K1"):
            _ = KmsSigner(made, client=kms).address


def test_kms__unknown_or_out_of_reach__is_unavailable(kms: Any, key_id: str) -> None:
    with pytest.raises(Unavailable, match="NotFoundException"):
        _ = KmsSigner("00000000-0000-0000-0000-000000000000", client=kms).address

    class Unplugged:
        def get_public_key(self, **_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://kms")

    with pytest.raises(Unavailable, match="signer_unavailable"):
        _ = KmsSigner(key_id, client=Unplugged()).address


def test_kms__signature_by_another_key__is_not_used(kms: Any, key_id: str) -> None:
    other = kms.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]

    class Swapped:
        """The alias was moved to another key after the address was asked for."""

        def get_public_key(self, **_: object) -> Any:
            return kms.get_public_key(KeyId=key_id)

        def sign(self, **arguments: Any) -> Any:
            return kms.sign(**arguments | {"KeyId": other})

    with pytest.raises(Unavailable, match="another key"):
        KmsSigner(key_id, client=Swapped()).sign_digest(keccak256(b"x"))


# --- which key a process signs with -----------------------------------------------------------------------------


def settings(folder: Path, chain_id: int = CHAIN_ID, **more: object) -> Settings:
    deployment = folder / f"{chain_id}.json"
    deployment.write_text(json.dumps({"chain_id": chain_id, "contracts": {}}))
    return Settings(rpc_url="http://127.0.0.1:1", deployment=deployment, **more)  # type: ignore[arg-type]


def keystore(folder: Path, key: str = KEY) -> Path:
    path = folder / "keystore.json"
    path.write_text(json.dumps(Account.encrypt(key, PASSWORD, kdf="pbkdf2", iterations=1_000)))
    return path


@pytest.mark.parametrize("role", ["operator", "treasury", "attestor"])
def test_signer__key_keystore_or_kms__is_the_same_kind_of_thing(
    tmp_path: Path, kms: Any, key_id: str, role: Any
) -> None:
    address = LocalSigner(KEY).address
    assert signer(settings(tmp_path, **{f"{role}_key": "0x" + KEY}), role).address == address
    file = {f"{role}_keystore": keystore(tmp_path), f"{role}_keystore_password": PASSWORD}
    for chain in (CHAIN_ID, 137):
        assert signer(settings(tmp_path, chain, **file), role).address == address
    device = settings(tmp_path, 137, **{f"{role}_kms": key_id})
    assert signer(device, role).address == KmsSigner(key_id, client=kms).address
    assert has_signer(device, role)
    assert not has_signer(settings(tmp_path), role)


def test_signer__password_in_a_file__opens_the_keystore(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    found = settings(tmp_path, operator_keystore=keystore(tmp_path), operator_keystore_password_file=secret)
    assert signer(found, "operator").address == LocalSigner(KEY).address


def test_signer__keystore_with_a_key_that_everybody_has__is_refused_on_a_public_chain(tmp_path: Path) -> None:
    """L69."""
    known = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
    file = {"operator_keystore": keystore(tmp_path, known), "operator_keystore_password": PASSWORD}
    assert signer(settings(tmp_path, **file), "operator").address
    with pytest.raises(RefusedSetting, match="everybody has this key"):
        signer(settings(tmp_path, 137, **file), "operator")


@pytest.mark.parametrize(("more", "words"), [
    ({"operator_key": KEY, "operator_kms": "x"}, "both set"),
    ({"operator_key": "12"}, "64 hex digits"), ({"operator_key": "0" * 64}, "64 hex digits"),
    ({"operator_keystore": Path("missing.json"), "operator_keystore_password": PASSWORD}, "No such file"),
])
def test_signer__wrong_setting__is_refused_without_its_value(
    tmp_path: Path, more: dict[str, object], words: str
) -> None:
    with pytest.raises(RefusedSetting, match=words) as refused:
        signer(settings(tmp_path, **more), "operator")
    assert KEY not in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_signer__wrong_password_or_no_keystore__is_refused(tmp_path: Path) -> None:
    file = keystore(tmp_path)
    with pytest.raises(RefusedSetting, match="not its password"):
        signer(settings(tmp_path, operator_keystore=file, operator_keystore_password="wrong"), "operator")
    file.write_text("[]")
    with pytest.raises(RefusedSetting, match="not a keystore"):
        signer(settings(tmp_path, operator_keystore=file, operator_keystore_password=PASSWORD), "operator")


def test_signer__nothing_or_half_set__says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingSetting, match="SIGHTLINE_ATTESTOR_KMS"):
        signer(settings(tmp_path), "attestor")
    with pytest.raises(MissingSetting, match="SIGHTLINE_OPERATOR_KEYSTORE_PASSWORD_FILE"):
        signer(settings(tmp_path, operator_keystore=keystore(tmp_path)), "operator")
