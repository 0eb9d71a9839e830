# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token that behaves like USDC, for tests and local chains
@license Apache-2.0
@notice Anybody may mint. Never deploy it where money is real.
@dev What it models of Circle's FiatTokenV2_2, and what it leaves out:
     | USDC                                                      | here                                   |
     | six decimals, name "USD Coin", symbol "USDC", version "2" | the same                               |
     | EIP-20, returns true or reverts; no transfer to zero      | the same                               |
     | allowance of 2**256 - 1 is never used up                  | the same                               |
     | EIP-2612 permit                                           | keys only, no contract wallets         |
     | EIP-3009 transfer, receive and cancel authorisation       | keys only, no contract wallets         |
     | blacklist of sender, recipient, spender and authoriser    | the same, `blacklister` is the deployer |
     | pause of transfers, approvals and authorisations          | the same, `pauser` is the deployer     |
     | minters with allowances, burn                             | anybody mints, nobody burns            |
     | upgradeable proxy, rescuer, master minter, role changes   | left out                               |
     | increaseAllowance, decreaseAllowance                      | left out                               |
@custom:kill `pause` by the deployer.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event AuthorizationCanceled:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

event Blacklisted:
    account: indexed(address)

event UnBlacklisted:
    account: indexed(address)

event Pause:
    pass

event Unpause:
    pass

name: public(constant(String[8])) = "USD Coin"
symbol: public(constant(String[4])) = "USDC"
version: public(constant(String[1])) = "2"
decimals: public(constant(uint8)) = 6

S_MAX: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPEHASH: public(constant(bytes32)) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
TRANSFER_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
RECEIVE_WITH_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
CANCEL_AUTHORIZATION_TYPEHASH: public(constant(bytes32)) = keccak256(
    "CancelAuthorization(address authorizer,bytes32 nonce)"
)

# @notice The deployer; it may blacklist and pause.
blacklister: public(immutable(address))

# @notice All tokens that were minted.
totalSupply: public(uint256)
# @notice micro-USDC of an account.
balanceOf: public(HashMap[address, uint256])
# @notice What a spender may still take from an owner.
allowance: public(HashMap[address, HashMap[address, uint256]])
# @notice The nonce that an account's next permit must sign.
nonces: public(HashMap[address, uint256])
# @notice Whether an EIP-3009 nonce of an account was used or cancelled.
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
# @notice Whether an account is barred.
isBlacklisted: public(HashMap[address, bool])
# @notice Whether all movements are stopped.
paused: public(bool)


@deploy
def __init__():
    """
    @notice The deployer becomes blacklister and pauser.
    """
    blacklister = msg.sender


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing; open to anybody.
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self._check_usable(msg.sender, to)
    assert to != empty(address), "to"
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, amount=amount)


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice EIP-20. Reverts "paused", "blacklisted", "to" or "balance".
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self._check_usable(msg.sender, to)
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice EIP-20. Reverts "paused", "blacklisted", "to", "balance" or "allowance".
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self._check_usable(msg.sender, to)
    assert not self.isBlacklisted[owner], "blacklisted"
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert amount <= allowed, "allowance"
        self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice EIP-20. Reverts "paused" or "blacklisted".
    @param spender The account that may take tokens of the caller.
    @param amount micro-USDC; 2**256 - 1 is never used up.
    """
    self._check_usable(msg.sender, spender)
    self._approve(msg.sender, spender, amount)
    return True


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice EIP-2612: approves with the owner's signature. Reverts "expired", "signer", "paused" or "blacklisted".
    @param owner The account that signed.
    @param spender The account that may take tokens.
    @param amount micro-USDC.
    @param deadline Last Unix time of the permit.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    self._check_usable(owner, spender)
    assert block.timestamp <= deadline, "expired"
    nonce: uint256 = self.nonces[owner]
    self.nonces[owner] = nonce + 1
    self._check_signer(
        owner, keccak256(abi_encode(PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline)), v, r, s
    )
    self._approve(owner, spender, amount)


@external
def transferWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice EIP-3009: transfers with the owner's signature; anyone may submit it.
    @dev Reverts "early", "expired", "used", "signer", "paused", "blacklisted", "to" or "balance".
    @param owner The account that signed and pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    @param valid_after Unix time after which it is good.
    @param valid_before Unix time before which it is good.
    @param nonce Any word that the owner has not used.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    self._use_authorization(
        TRANSFER_WITH_AUTHORIZATION_TYPEHASH, owner, to, amount, valid_after, valid_before, nonce, v, r, s
    )


@external
def receiveWithAuthorization(
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice EIP-3009: as `transferWithAuthorization`, submitted by the receiver only, so it cannot be front-run.
    @dev Reverts "caller", and as `transferWithAuthorization`.
    @param owner The account that signed and pays.
    @param to The caller.
    @param amount micro-USDC.
    @param valid_after Unix time after which it is good.
    @param valid_before Unix time before which it is good.
    @param nonce Any word that the owner has not used.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    assert to == msg.sender, "caller"
    self._use_authorization(
        RECEIVE_WITH_AUTHORIZATION_TYPEHASH, owner, to, amount, valid_after, valid_before, nonce, v, r, s
    )


@external
def cancelAuthorization(authorizer: address, nonce: bytes32, v: uint8, r: bytes32, s: bytes32):
    """
    @notice EIP-3009: makes a nonce useless with its owner's signature. Reverts "paused", "used" or "signer".
    @param authorizer The account that signed.
    @param nonce The nonce.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    assert not self.paused, "paused"
    assert not self.authorizationState[authorizer][nonce], "used"
    self._check_signer(
        authorizer, keccak256(abi_encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), v, r, s
    )
    self.authorizationState[authorizer][nonce] = True
    log AuthorizationCanceled(authorizer=authorizer, nonce=nonce)


@external
def blacklist(account: address):
    """
    @notice Bars an account. Reverts "auth" for anybody but the deployer.
    @param account The account.
    """
    assert msg.sender == blacklister, "auth"
    self.isBlacklisted[account] = True
    log Blacklisted(account=account)


@external
def unBlacklist(account: address):
    """
    @notice Lifts the bar. Reverts "auth" for anybody but the deployer.
    @param account The account.
    """
    assert msg.sender == blacklister, "auth"
    self.isBlacklisted[account] = False
    log UnBlacklisted(account=account)


@external
def pause():
    """
    @notice Stops all movements. Reverts "auth" for anybody but the deployer.
    """
    assert msg.sender == blacklister, "auth"
    self.paused = True
    log Pause()


@external
def unpause():
    """
    @notice Resumes all movements. Reverts "auth" for anybody but the deployer.
    """
    assert msg.sender == blacklister, "auth"
    self.paused = False
    log Unpause()


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice EIP-712 domain separator on the present chain.
    """
    return self._domain_separator()


@internal
@view
def _check_usable(one: address, other: address):
    assert not self.paused, "paused"
    assert not self.isBlacklisted[one] and not self.isBlacklisted[other], "blacklisted"


@internal
def _transfer(owner: address, to: address, amount: uint256):
    assert to != empty(address), "to"
    balance: uint256 = self.balanceOf[owner]
    assert amount <= balance, "balance"
    self.balanceOf[owner] = unsafe_sub(balance, amount)
    self.balanceOf[to] = unsafe_add(self.balanceOf[to], amount)
    log Transfer(sender=owner, receiver=to, amount=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    self.allowance[owner][spender] = amount
    log Approval(owner=owner, spender=spender, amount=amount)


@internal
def _use_authorization(
    typehash: bytes32,
    owner: address,
    to: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    nonce: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    self._check_usable(owner, to)
    assert block.timestamp > valid_after, "early"
    assert block.timestamp < valid_before, "expired"
    assert not self.authorizationState[owner][nonce], "used"
    self._check_signer(
        owner, keccak256(abi_encode(typehash, owner, to, amount, valid_after, valid_before, nonce)), v, r, s
    )
    self.authorizationState[owner][nonce] = True
    log AuthorizationUsed(authorizer=owner, nonce=nonce)
    self._transfer(owner, to, amount)


@internal
@view
def _check_signer(signer: address, struct_hash: bytes32, v: uint8, r: bytes32, s: bytes32):
    digest: bytes32 = keccak256(concat(x"1901", self._domain_separator(), struct_hash))
    assert convert(s, uint256) <= S_MAX, "signer"
    assert signer != empty(address) and ecrecover(digest, v, r, s) == signer, "signer"


@internal
@view
def _domain_separator() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPEHASH, keccak256(name), keccak256(version), chain.id, self))
