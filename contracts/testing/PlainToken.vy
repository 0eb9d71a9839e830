# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token with nothing but EIP-20 and EIP-2612, for measuring gas
@license Apache-2.0
@notice Anybody may mint. Six decimals; the allowance of 2**256 - 1 is never used up.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256

decimals: public(constant(uint8)) = 6
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)

# @notice EIP-712 domain of name "Plain Token", version "1".
DOMAIN_SEPARATOR: public(immutable(bytes32))
# @notice micro-USDC of an account.
balanceOf: public(HashMap[address, uint256])
# @notice What a spender may still take from an owner.
allowance: public(HashMap[address, HashMap[address, uint256]])
# @notice The nonce that an account's next permit must sign.
nonces: public(HashMap[address, uint256])


@deploy
def __init__():
    """
    @notice Nobody owns it.
    """
    DOMAIN_SEPARATOR = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Plain Token"), keccak256("1"), chain.id, self)
    )


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing.
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, amount=amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice EIP-20.
    @param spender The account that may take tokens of the caller.
    @param amount micro-USDC.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice EIP-20.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice EIP-20.
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert amount <= allowed, "allowance"
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._transfer(owner, to, amount)
    return True


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice EIP-2612.
    @param owner The account that signed.
    @param spender The account that may take tokens.
    @param amount micro-USDC.
    @param deadline Last Unix time of the permit.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    assert block.timestamp <= deadline, "expired"
    nonce: uint256 = self.nonces[owner]
    self.nonces[owner] = nonce + 1
    struct_hash: bytes32 = keccak256(abi_encode(PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline))
    digest: bytes32 = keccak256(concat(x"1901", DOMAIN_SEPARATOR, struct_hash))
    assert owner != empty(address) and ecrecover(digest, v, r, s) == owner, "signer"
    self.allowance[owner][spender] = amount
    log Approval(owner=owner, spender=spender, amount=amount)


@internal
def _transfer(owner: address, to: address, amount: uint256):
    balance: uint256 = self.balanceOf[owner]
    assert amount <= balance, "balance"
    self.balanceOf[owner] = unsafe_sub(balance, amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    log Transfer(sender=owner, receiver=to, amount=amount)
