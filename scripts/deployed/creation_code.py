"""The creation code of a deployed contract as the chain has it, taken apart into code and constructor arguments.

Pure. The escrow creates its payout contract from creation code that it gets as an argument, so no transaction of its
own shows that code: it stands inside the arguments of the escrow's creation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import rlp
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from web3 import Web3

from backend.core.keccak import keccak256
from scripts.deployed.standard_json import Build, difference

# A new contract's first creation (EIP-161).
FIRST_NONCE = 1


class DoesNotMatch(ValueError):
    """What the chain has is not what the sources make; the message says where they differ."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What was created on the chain: code and ABI-encoded constructor arguments."""

    code: bytes
    arguments: bytes


def taken_apart(name: str, sent: bytes, rebuilt: Build) -> Creation:
    """Splits a creation transaction's input. Raises DoesNotMatch when it is not the rebuilt code and good arguments."""
    length = len(rebuilt.creation)
    found = difference(rebuilt.creation, sent[:length], rebuilt)
    if found:
        raise DoesNotMatch(f"{name}: the creation code on the chain is not what the sources make: {found}")
    arguments = sent[length:]
    argument_values(name, rebuilt, arguments)
    return Creation(rebuilt.creation, arguments)


def argument_values(name: str, rebuilt: Build, arguments: bytes) -> tuple[object, ...]:
    """The constructor's arguments decoded. Raises DoesNotMatch unless they are exactly what the ABI encodes."""
    types = constructor_types(rebuilt.abi)
    try:
        values: tuple[object, ...] = decode(types, arguments)
    except DecodingError as error:
        raise DoesNotMatch(f"{name}: the constructor arguments do not decode: {error}") from error
    if encode(types, values) != arguments:
        raise DoesNotMatch(f"{name}: the constructor arguments carry bytes that mean nothing")
    return values


def payout_creation(escrow_arguments: Sequence[object], rebuilt: Build) -> Creation:
    """The payout contract's creation out of the escrow's decoded arguments (token, code of the payout contract, …)."""
    token, code = escrow_arguments[:2]
    assert isinstance(token, str)
    assert isinstance(code, bytes)
    found = difference(rebuilt.creation, code, rebuilt)
    if found:
        raise DoesNotMatch(
            f"PublisherPayout: the creation code that the escrow was given is not what the sources make: {found}"
        )
    return Creation(code, encode(["address"], [token]))


def first_created_by(creator: str) -> str:
    """The address of the first contract that a contract creates."""
    sender = bytes.fromhex(creator.removeprefix("0x"))
    return str(Web3.to_checksum_address(keccak256(rlp.encode([sender, FIRST_NONCE]))[12:].hex()))


def constructor_types(abi: Sequence[dict[str, object]]) -> list[str]:
    """The types of a constructor's arguments as the ABI encodes them, tuples written out."""
    for entry in abi:
        if entry["type"] == "constructor":
            inputs = entry["inputs"]
            assert isinstance(inputs, list)
            return [_type(argument) for argument in inputs]
    return []


def _type(argument: dict[str, object]) -> str:
    kind = str(argument["type"])
    if not kind.startswith("tuple"):
        return kind
    components = argument["components"]
    assert isinstance(components, list)
    return f"({','.join(_type(component) for component in components)}){kind.removeprefix('tuple')}"
