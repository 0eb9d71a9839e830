"""Keccak-256 as Ethereum uses it (not SHA3-256): one name for the whole backend."""

import sha3


def keccak256(data: bytes) -> bytes:
    """32-byte Keccak-256 digest of `data` (FIPS 202 draft padding, Ethereum Yellow Paper §3)."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
