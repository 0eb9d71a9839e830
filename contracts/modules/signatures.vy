# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Signature recovery
@license Apache-2.0
@notice ECDSA with low `s` only, in compact form (EIP-2098), and contract wallets (EIP-1271).
"""

# Half of the order of secp256k1: a higher `s` is the same signature written twice (EIP-2).
S_MAX: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
EIP1271_MAGIC: constant(bytes4) = 0x1626ba7e


@internal
@view
def _is_signed_by(signer: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    # A wallet with code answers for itself (EIP-1271); any other account signs with its key, 65 or 64 bytes.
    if signer.is_contract:
        return self._wallet_accepts(signer, digest, signature)
    if len(signature) == 64:
        return signer == self._recover(digest, extract32(signature, 0), convert(extract32(signature, 32), uint256))
    if len(signature) != 65:
        return False
    # r || s || v as wallets write it: v is 27 or 28.
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    s: uint256 = convert(extract32(signature, 32), uint256)
    if v != 27 and v != 28:
        return False
    if s > S_MAX:
        return False
    return signer == ecrecover(digest, v, convert(extract32(signature, 0), uint256), s)


@internal
@view
def _wallet_accepts(wallet: address, digest: bytes32, signature: Bytes[1024]) -> bool:
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        wallet,
        abi_encode(digest, signature, method_id=method_id("isValidSignature(bytes32,bytes)")),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and len(response) == 32 and extract32(response, 0) == convert(EIP1271_MAGIC, bytes32)


@internal
@pure
def _recover(digest: bytes32, r: bytes32, vs: uint256) -> address:
    # EIP-2098: the top bit of `vs` is the parity. Zero when the signature is not one.
    s: uint256 = vs & (2**255 - 1)
    assert s <= S_MAX, "s"
    return ecrecover(digest, unsafe_add(27, vs >> 255), convert(r, uint256), s)
