# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title A token that behaves like USDC, for tests and local chains
@license Apache-2.0
@notice Anybody may mint. Never deploy it where money is real.
@dev What it models of Circle's FiatToken v2.2, and what it leaves out. docs/contracts.md ("What USDC does") says what
     that means for the escrow; tests/contracts/test_mock_usdc.py holds the table.
     | FiatToken v2.2                                             | here                                    |
     | six decimals, "USD Coin", "USDC", version "2"              | the same; on testnets the name differs  |
     | transfer, transferFrom, approve: true or a revert          | the same, with shorter reasons          |
     | no transfer to zero; the token itself is blacklisted       | the same                                |
     | every transferFrom uses allowance up, 2**256 - 1 too       | the same                                |
     | increaseAllowance, decreaseAllowance                       | the same                                |
     | blacklist bit over the balance, which is below 2**255      | the same                                |
     | blacklist stops caller, payer and payee of a transfer,     | the same                                |
     | payer and payee, not the sender, of an authorisation,      | the same                                |
     | and neither approve, permit nor cancelAuthorization        | the same (before v2.2 it stopped them)  |
     | pause stops all of these                                   | the same                                |
     | EIP-2612: nonces, deadline inclusive, 2**256 - 1 for ever  | the same                                |
     | EIP-3009: bounds exclusive, any order of nonces, cancel    | the same                                |
     | receiveWithAuthorization by the payee only                 | the same                                |
     | v, r, s: v is 27 or 28, the lower s only                   | the same                                |
     | v, r, s of an account with code: EIP-1271 with r, s, v     | the same                                |
     | the same calls with a signature of any length (bytes)      | left out: Vyper has no overloads        |
     | domain made anew at every use, with the present chain id   | the same                                |
     | minters with allowances, burn                              | anybody mints, nobody burns             |
     | owner, pauser, blacklister, master minter, their changes   | the deployer pauses and blacklists      |
     | rescuer of tokens sent to the token; upgradeable proxy     | left out                                |
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

BALANCE_MAX: constant(uint256) = 2**255 - 1
BLACKLISTED: constant(uint256) = 2**255
EIP1271_MAGIC: constant(bytes4) = 0x1626ba7e
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
# @notice What a spender may still take from an owner.
allowance: public(HashMap[address, HashMap[address, uint256]])
# @notice The nonce that an account's next permit must sign.
nonces: public(HashMap[address, uint256])
# @notice Whether an EIP-3009 nonce of an account was used or cancelled.
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])
# @notice Whether all movements are stopped.
paused: public(bool)
# blacklisted (1) | balance in micro-USDC (255), by account.
_accounts: HashMap[address, uint256]


@deploy
def __init__():
    """
    @notice The deployer becomes blacklister and pauser. The token itself can hold no tokens.
    """
    blacklister = msg.sender
    self._accounts[self] = BLACKLISTED


@external
def mint(to: address, amount: uint256):
    """
    @notice Creates tokens out of nothing; open to anybody. Reverts "paused", "blacklisted", "to" or "balance".
    @param to The account that gets them.
    @param amount micro-USDC.
    """
    self._check_usable(msg.sender, to)
    assert to != empty(address), "to"
    assert amount <= BALANCE_MAX - self.totalSupply, "balance"
    self.totalSupply += amount
    self._accounts[to] += amount
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
    @notice EIP-20. Reverts "paused", "blacklisted", "allowance", "to" or "balance". Uses up allowances of any size.
    @param owner The account that pays.
    @param to The account that gets the tokens.
    @param amount micro-USDC.
    """
    self._check_usable(msg.sender, to)
    assert not self._is_blacklisted(owner), "blacklisted"
    allowed: uint256 = self.allowance[owner][msg.sender]
    assert amount <= allowed, "allowance"
    self.allowance[owner][msg.sender] = unsafe_sub(allowed, amount)
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice EIP-20, also by and for blacklisted accounts. Reverts "paused" or "spender" (zero).
    @param spender The account that may take tokens of the caller.
    @param amount micro-USDC.
    """
    assert not self.paused, "paused"
    self._approve(msg.sender, spender, amount)
    return True


@external
def increaseAllowance(spender: address, increment: uint256) -> bool:
    """
    @notice Approves more than before. Reverts "paused", "spender" or when the sum overflows.
    @param spender The account that may take tokens of the caller.
    @param increment micro-USDC.
    """
    assert not self.paused, "paused"
    self._approve(msg.sender, spender, self.allowance[msg.sender][spender] + increment)
    return True


@external
def decreaseAllowance(spender: address, decrement: uint256) -> bool:
    """
    @notice Approves less than before. Reverts "paused", "spender" or "allowance" (below zero).
    @param spender The account that may take tokens of the caller.
    @param decrement micro-USDC.
    """
    assert not self.paused, "paused"
    allowed: uint256 = self.allowance[msg.sender][spender]
    assert decrement <= allowed, "allowance"
    self._approve(msg.sender, spender, unsafe_sub(allowed, decrement))
    return True


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice EIP-2612: approves with the owner's signature, also by and for blacklisted accounts.
    @dev Reverts "paused", "expired", "signer" or "spender".
    @param owner The account that signed.
    @param spender The account that may take tokens.
    @param amount micro-USDC.
    @param deadline Last Unix time of the permit; 2**256 - 1 never comes.
    @param v Signature.
    @param r Signature.
    @param s Signature.
    """
    assert not self.paused, "paused"
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
    self._check_usable(owner, to)
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
    self._check_usable(owner, to)
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
    self._accounts[account] |= BLACKLISTED
    log Blacklisted(account=account)


@external
def unBlacklist(account: address):
    """
    @notice Lifts the bar. Reverts "auth" for anybody but the deployer.
    @param account The account.
    """
    assert msg.sender == blacklister, "auth"
    self._accounts[account] &= BALANCE_MAX
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
def balanceOf(account: address) -> uint256:
    """
    @notice EIP-20; a blacklisted account keeps its balance.
    @param account The account.
    @return micro-USDC.
    """
    return self._accounts[account] & BALANCE_MAX


@external
@view
def isBlacklisted(account: address) -> bool:
    """
    @notice Whether an account can neither pay nor be paid.
    @param account The account.
    """
    return self._is_blacklisted(account)


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
    assert not self._is_blacklisted(one) and not self._is_blacklisted(other), "blacklisted"


@internal
@view
def _is_blacklisted(account: address) -> bool:
    return self._accounts[account] >= BLACKLISTED


@internal
def _transfer(owner: address, to: address, amount: uint256):
    # Callers have checked that neither is blacklisted, so both words are balances.
    assert to != empty(address), "to"
    balance: uint256 = self._accounts[owner]
    assert amount <= balance, "balance"
    self._accounts[owner] = unsafe_sub(balance, amount)
    self._accounts[to] = unsafe_add(self._accounts[to], amount)
    log Transfer(sender=owner, receiver=to, amount=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    assert spender != empty(address), "spender"
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
    if signer.is_contract:
        assert self._wallet_accepts(signer, digest, concat(r, s, convert(v, bytes1))), "signer"
    else:
        assert convert(s, uint256) <= S_MAX, "signer"
        assert v == 27 or v == 28, "signer"
        assert signer != empty(address) and ecrecover(digest, v, r, s) == signer, "signer"


@internal
@view
def _wallet_accepts(wallet: address, digest: bytes32, signature: Bytes[65]) -> bool:
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
@view
def _domain_separator() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPEHASH, keccak256(name), keccak256(version), chain.id, self))
