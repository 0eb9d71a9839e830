# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title The token that the escrow holds
@license Apache-2.0
@notice Every movement of money in or out of the escrow is one of these calls.
"""

from ..interfaces import IUsdc

TOKEN: immutable(IUsdc)


@deploy
def __init__(token: address):
    """
    @notice Fixes the token.
    @dev Reverts "scale" when it has not six decimals: amounts are packed into 62 bits.
    @param token USDC.
    """
    assert staticcall IUsdc(token).decimals() == 6, "scale"
    TOKEN = IUsdc(token)


@external
@view
def token() -> address:
    """
    @notice The token that budgets are held in.
    @return Address of the token.
    """
    return TOKEN.address


@internal
def _pull(amount: uint256):
    # Interaction: what was credited must arrive in full, so a token that takes a fee is refused. No amount is zero, so
    # the difference may wrap around without passing for another.
    before: uint256 = staticcall TOKEN.balanceOf(self)
    assert extcall TOKEN.transferFrom(msg.sender, self, amount, default_return_value=True), "transfer"
    assert unsafe_sub(staticcall TOKEN.balanceOf(self), before) == amount, "received"


@internal
def _pull_authorized(
    payer: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    # Interaction
    before: uint256 = staticcall TOKEN.balanceOf(self)
    extcall TOKEN.receiveWithAuthorization(payer, self, amount, valid_after, valid_before, nonce, v, r, s)
    assert unsafe_sub(staticcall TOKEN.balanceOf(self), before) == amount, "received"


@internal
def _send(to: address, amount: uint256):
    # Interaction
    assert extcall TOKEN.transfer(to, amount, default_return_value=True), "transfer"


@internal
def _permit(amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    # Interaction: the outcome does not matter, the allowance decides.
    _: bool = raw_call(
        TOKEN.address,
        abi_encode(
            msg.sender,
            self,
            amount,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
