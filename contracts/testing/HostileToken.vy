# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token that misbehaves on request, for tests
@license Apache-2.0
@notice It can take a fee, answer false, refuse recipients, burn gas and call back in the middle of a transfer.
"""

# @notice Chosen at deployment and by `rescale`.
decimals: public(uint8)
# @notice micro-USDC of an account.
balanceOf: public(HashMap[address, uint256])
# @notice Taken from every transfer, in basis points.
fee_bps: public(uint256)
# @notice Whether a transfer answers false and moves nothing.
answers_false: public(bool)
# @notice Recipients that make a transfer revert.
refused: public(HashMap[address, bool])
# @notice Recipients that make a transfer burn all the gas it gets.
burns_gas: public(HashMap[address, bool])
# @notice Whether the last call back succeeded, how many there were, and how many of all so far succeeded.
callback_succeeded: public(bool)
callbacks: public(uint256)
callback_successes: public(uint256)

callback_target: address
callback_data: Bytes[4096]
is_calling_back: bool


@deploy
def __init__(scale: uint8):
    """
    @notice Behaves until told otherwise.
    @param scale Decimals.
    """
    self.decimals = scale


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing.
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self.balanceOf[to] += amount


@external
def misbehave(fee_bps: uint256, answers_false: bool):
    """
    @notice Chooses the token's manners.
    @param fee_bps Taken from every transfer.
    @param answers_false Whether transfers answer false.
    """
    self.fee_bps = fee_bps
    self.answers_false = answers_false


@external
def rescale(scale: uint8):
    """
    @notice Claims another scale from now on; balances stay the same numbers.
    @param scale Decimals.
    """
    self.decimals = scale


@external
def refuse(account: address, refused: bool, burns_gas: bool):
    """
    @notice Makes transfers to an account fail.
    @param account The recipient.
    @param refused Whether they revert.
    @param burns_gas Whether they burn all their gas.
    """
    self.refused[account] = refused
    self.burns_gas[account] = burns_gas


@external
def call_back(target: address, data: Bytes[4096]):
    """
    @notice Makes every transfer call `target` first, until one such call succeeds; a zero target stops that.
    @dev Transfers that the call itself causes do not call again.
    @param target The contract.
    @param data Calldata.
    """
    self.callback_target = target
    self.callback_data = data
    self.callbacks = 0


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Everybody may spend everything here.
    @param spender Ignored.
    @param amount Ignored.
    """
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice EIP-20, more or less.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    return self._transfer(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice EIP-20, more or less.
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    return self._transfer(owner, to, amount)


@internal
def _transfer(owner: address, to: address, amount: uint256) -> bool:
    assert not self.refused[to], "refused"
    if self.burns_gas[to]:
        raise UNREACHABLE
    if self.answers_false:
        return False
    if self.callback_target != empty(address) and not self.is_calling_back:
        self._call_back()
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - amount * self.fee_bps // 10_000
    return True


@internal
def _call_back():
    self.callbacks += 1
    self.is_calling_back = True
    self.callback_succeeded = raw_call(self.callback_target, self.callback_data, revert_on_failure=False)
    self.is_calling_back = False
    if self.callback_succeeded:
        self.callback_successes += 1
        self.callback_target = empty(address)
