# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title EIP-712 domain, readable through EIP-5267
@license Apache-2.0
@notice The separator is cached at deployment and recomputed when the chain id changes, so that signatures made for one
        side of a chain split are worthless on the other.
"""

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VERSION: constant(String[1]) = "1"

NAME: immutable(String[32])
CACHED_CHAIN_ID: immutable(uint256)
CACHED_SEPARATOR: immutable(bytes32)


@deploy
def __init__(name: String[32]):
    """
    @notice Fixes the name of the domain; the version is "1".
    @param name The contract's name.
    """
    NAME = name
    CACHED_CHAIN_ID = chain.id
    CACHED_SEPARATOR = self._build(name)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice The EIP-712 domain separator on the present chain.
    @return Domain separator.
    """
    return self._separator()


@external
@view
def eip712Domain() -> (bytes1, String[32], String[1], uint256, address, bytes32, DynArray[uint256, 1]):
    """
    @notice The fields of the domain (EIP-5267): name, version, chain id and contract are used (0x0f).
    @return Used fields, name, version, chain id, contract, salt (zero), extensions (none).
    """
    return (0x0f, NAME, VERSION, chain.id, self, empty(bytes32), [])


@internal
@view
def _typed_digest(struct_hash: bytes32) -> bytes32:
    # EIP-191 version byte 0x01, then domain, then struct.
    return keccak256(concat(x"1901", self._separator(), struct_hash))


@internal
@view
def _separator() -> bytes32:
    if chain.id == CACHED_CHAIN_ID:
        return CACHED_SEPARATOR
    return self._build(NAME)


@internal
@view
def _build(name: String[32]) -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPEHASH, keccak256(name), keccak256(VERSION), chain.id, self))
