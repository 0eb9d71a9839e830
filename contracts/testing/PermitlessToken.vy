# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token without permits that answers calls it does not know, as wrapped ether does
@license Apache-2.0
@notice For tests. A permit seems to succeed here and approves nothing; an EIP-3009 transfer seems to succeed and moves
        nothing. Anybody may mint. Six decimals; the allowance of 2**256 - 1 is never used up.
"""

decimals: public(constant(uint8)) = 6
# @notice micro-USDC of an account.
balanceOf: public(HashMap[address, uint256])
# @notice What a spender may still take from an owner.
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
@payable
def __default__():
    """
    @notice Whatever else is called succeeds and does nothing.
    """
    pass


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing.
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice EIP-20.
    @param spender The account that may take tokens of the caller.
    @param amount micro-USDC.
    """
    self.allowance[msg.sender][spender] = amount
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice EIP-20. Reverts "balance".
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice EIP-20. Reverts "allowance" or "balance".
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert amount <= allowed, "allowance"
        self.allowance[owner][msg.sender] = allowed - amount
    self._transfer(owner, to, amount)
    return True


@internal
def _transfer(owner: address, to: address, amount: uint256):
    assert amount <= self.balanceOf[owner], "balance"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
