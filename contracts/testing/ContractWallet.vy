# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A wallet that is a contract and answers for one key (EIP-1271)
@license Apache-2.0
@notice For tests.
"""

MAGIC: constant(bytes4) = 0x1626ba7e

# @notice The key that the wallet answers for.
signer: public(immutable(address))


@deploy
def __init__(key: address):
    """
    @notice Fixes the key.
    @param key Its address.
    """
    signer = key


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[65]) -> bytes4:
    """
    @notice EIP-1271. Reverts "length" unless the signature has 65 bytes.
    @param digest What was signed.
    @param signature r || s || v.
    @return 0x1626ba7e when the key signed.
    """
    assert len(signature) == 65, "length"
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if ecrecover(digest, v, extract32(signature, 0), extract32(signature, 32)) == signer:
        return MAGIC
    return 0xffffffff
