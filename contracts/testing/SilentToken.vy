# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token whose transfers return nothing, as some old ones do
@license Apache-2.0
@notice For tests. Anybody may mint; everybody may spend everything.
"""

decimals: public(constant(uint8)) = 6
# @notice micro-USDC of an account.
balanceOf: public(HashMap[address, uint256])


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing.
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256):
    """
    @notice EIP-20 without an answer; everybody may spend everything here.
    @param spender Ignored.
    @param amount Ignored.
    """
    pass


@external
def transfer(to: address, amount: uint256):
    """
    @notice EIP-20 without an answer.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount


@external
def transferFrom(owner: address, to: address, amount: uint256):
    """
    @notice EIP-20 without an answer.
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
