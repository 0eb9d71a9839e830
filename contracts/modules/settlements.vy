# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Settlements: proposal, quorum, window, veto, finality
@license Apache-2.0
@notice Epochs count from 1 and become final one after the other. At most one proposal is pending; it is attested by a
        quorum of attestors and can be vetoed as long as it is not final.
"""

from . import auto_pause
from . import configuration
from . import eip712_domain
from . import signatures

uses: auto_pause
uses: configuration
uses: eip712_domain

event Proposed:
    epoch: indexed(uint64)
    publishers_root: bytes32
    debits_hash: bytes32
    total: uint256
    publishers: uint32
    ruleset: bytes32
    data_hash: bytes32
    active_at: uint64
    attempt: uint32

event Vetoed:
    epoch: indexed(uint64)
    by: indexed(address)
    attempt: uint32

event Finalized:
    epoch: indexed(uint64)
    publishers_root: bytes32
    total: uint256
    fee: uint256

BPS: constant(uint256) = 10_000
M64: constant(uint256) = 2**64 - 1
M32: constant(uint256) = 2**32 - 1
# Never zero, so that a proposal does not pay for a fresh slot.
NO_PROPOSAL: constant(bytes32) = 0x0000000000000000000000000000000000000000000000000000000000000001
# Places in the word `_state`.
EPOCH_BIT: constant(uint256) = 64
ATTEMPT_BIT: constant(uint256) = 128
CLOCK_BIT: constant(uint256) = 160
VETOED: constant(uint256) = 2**224
SETTLEMENT_TYPEHASH: constant(bytes32) = keccak256(
    "Settlement(uint64 epoch,uint32 attempt,bytes32 prevRoot,bytes32 publishersRoot,bytes32 debitsHash,uint256 totalDebit,uint32 publishers,bytes32 rulesetHash,bytes32 dataHash)"
)

# keccak256(epoch, publishers_root, debits_hash, total, active_at) of the pending proposal.
_pending: bytes32
# vetoed (1) | clock (64) | attempt (32) | epoch (64) | fees (64), low bits last.
# The clock is the time of the last final epoch or of the first proposal after it: the operator's last sign of life.
_state: uint256


@deploy
def __init__():
    """
    @notice No epoch is final, none is pending.
    """
    self._pending = NO_PROPOSAL
    self._state = block.timestamp << CLOCK_BIT


@external
def veto(epoch: uint64):
    """
    @notice Kills the pending proposal; its signatures are worthless from then on.
    @dev Reverts "auth" for anybody but the guardian, "pending" when there is none, "epoch" when it is another one.
    @param epoch The epoch of the proposal.
    """
    # Check
    assert msg.sender == configuration.guardian, "auth"
    assert self._pending != NO_PROPOSAL, "pending"
    state: uint256 = self._state
    assert convert(epoch, uint256) == ((state >> EPOCH_BIT) & M64) + 1, "epoch"
    # Effect
    self._pending = NO_PROPOSAL
    self._state = unsafe_add(state, 1 << ATTEMPT_BIT) | VETOED
    log Vetoed(epoch=epoch, by=msg.sender, attempt=convert((state >> ATTEMPT_BIT) & M32, uint32))


@external
@view
def pending() -> bytes32:
    """
    @notice keccak256(abi_encode(epoch, publishers_root, debits_hash, total, active_at)) of the pending proposal, or zero.
    @return Hash, or zero.
    """
    return empty(bytes32) if self._pending == NO_PROPOSAL else self._pending


@external
@view
def epoch() -> uint256:
    """
    @notice The last final epoch; zero before the first.
    @return Epoch number.
    """
    return self._epoch()


@external
@view
def attempt() -> uint256:
    """
    @notice How many proposals were vetoed so far; part of what attestors sign.
    @return Number of vetoes.
    """
    return (self._state >> ATTEMPT_BIT) & M32


@external
@view
def last_active_at() -> uint256:
    """
    @notice Unix time of the last final epoch, or of the first proposal after it: where `escape()` counts from.
    @return Unix time.
    """
    return (self._state >> CLOCK_BIT) & M64


@external
@view
def fees() -> uint256:
    """
    @notice Fees collected and not yet withdrawn, in micro-USDC.
    @return micro-USDC.
    """
    return self._state & M64


@external
@view
def fee_bps() -> uint256:
    """
    @notice Fee of the next epoch to become final, in basis points.
    @return Basis points.
    """
    return configuration._fee_bps(self._epoch() + 1)


@external
@view
def digest(
    epoch: uint64,
    attempt: uint32,
    prev_root: bytes32,
    publishers_root: bytes32,
    debits_hash: bytes32,
    total: uint256,
    publishers: uint32,
    ruleset: bytes32,
    data_hash: bytes32,
) -> bytes32:
    """
    @notice What attestors sign: EIP-712 `Settlement` in this contract's domain.
    @param epoch The epoch that is settled.
    @param attempt `attempt()` at the time of the proposal.
    @param prev_root Root of the epoch before; zero for the first.
    @param publishers_root As `propose`.
    @param debits_hash As `propose`.
    @param total As `propose`.
    @param publishers As `propose`.
    @param ruleset As `propose`.
    @param data_hash As `propose`.
    @return The digest to sign.
    """
    return self._digest(
        convert(epoch, uint256),
        convert(attempt, uint256),
        prev_root,
        publishers_root,
        debits_hash,
        total,
        publishers,
        ruleset,
        data_hash,
    )


@internal
def _finalize(
    epoch: uint256,
    publishers_root: bytes32,
    total: uint256,
    active_at: uint64,
    debited: uint256,
    debits_hash: bytes32,
) -> uint256:
    # Check: the window has passed, and what is given is what was proposed.
    assert block.timestamp >= convert(active_at, uint256), "window"
    assert debited == total, "total"
    assert self._pending == self._proposal(epoch, publishers_root, debits_hash, total, active_at), "pending"
    # Effect: 1,000,003 micro-USDC at 250 basis points give a fee of 25,000; the dust stays on the publishers' side.
    state: uint256 = self._state
    fee: uint256 = total * configuration._fee_bps(epoch) // BPS
    fees: uint256 = (state & M64) + fee
    assert fees <= M64, "overflow"
    attempt: uint256 = (state >> ATTEMPT_BIT) & M32
    self._pending = NO_PROPOSAL
    self._state = (block.timestamp << CLOCK_BIT) | (attempt << ATTEMPT_BIT) | (epoch << EPOCH_BIT) | fees
    log Finalized(epoch=convert(epoch, uint64), publishers_root=publishers_root, total=total, fee=fee)
    return total - fee


@internal
def _propose(
    prev_root: bytes32,
    publishers_root: bytes32,
    debits_hash: bytes32,
    total: uint256,
    publishers: uint32,
    ruleset: bytes32,
    data_hash: bytes32,
) -> bytes32:
    # Returns the digest that the quorum must have signed; the caller checks that, so that signatures are copied once.
    # Check
    auto_pause._check_running()
    assert self._pending == NO_PROPOSAL, "pending"
    assert publishers_root != empty(bytes32), "zero"
    # Money that is debited changes what somebody has earned.
    assert publishers_root != prev_root or total == 0, "root"
    state: uint256 = self._state
    epoch: uint256 = ((state >> EPOCH_BIT) & M64) + 1
    attempt: uint256 = (state >> ATTEMPT_BIT) & M32
    terms: uint256 = configuration._terms
    # Effect: the window is fixed here; changing it later does not move this proposal.
    active_at: uint64 = convert(block.timestamp + configuration._window(terms), uint64)
    self._pending = self._proposal(epoch, publishers_root, debits_hash, total, active_at)
    if state & VETOED == 0:
        # Proposals that replace a vetoed one are no sign of life, or vetoes could keep advertisers in for ever.
        self._state = (block.timestamp << CLOCK_BIT) | (state & (2**CLOCK_BIT - 1))
    log Proposed(
        epoch=convert(epoch, uint64),
        publishers_root=publishers_root,
        debits_hash=debits_hash,
        total=total,
        publishers=publishers,
        ruleset=ruleset,
        data_hash=data_hash,
        active_at=active_at,
        attempt=convert(attempt, uint32),
    )
    return self._digest(
        epoch, attempt, prev_root, publishers_root, debits_hash, total, publishers, ruleset, data_hash
    )


@internal
@view
def _check_quorum(signed: bytes32, sigs: DynArray[bytes32, 32]):
    assert len(sigs) >= 2 * configuration._threshold(configuration._terms) and len(sigs) & 1 == 0, "sigs"
    last: uint256 = 0
    for i: uint256 in range(len(sigs) >> 1, bound=16):
        at: uint256 = unsafe_mul(i, 2)
        signer: address = signatures._recover(signed, sigs[at], convert(sigs[unsafe_add(at, 1)], uint256))
        # Ascending signers are different ones, and none of them is zero.
        assert convert(signer, uint256) > last and configuration.is_attestor[signer], "signer"
        last = convert(signer, uint256)


@internal
@view
def _digest(
    epoch: uint256,
    attempt: uint256,
    prev_root: bytes32,
    publishers_root: bytes32,
    debits_hash: bytes32,
    total: uint256,
    publishers: uint32,
    ruleset: bytes32,
    data_hash: bytes32,
) -> bytes32:
    return eip712_domain._typed_digest(
        keccak256(
            abi_encode(
                SETTLEMENT_TYPEHASH,
                epoch,
                attempt,
                prev_root,
                publishers_root,
                debits_hash,
                total,
                publishers,
                ruleset,
                data_hash,
            )
        )
    )


@internal
@pure
def _proposal(
    epoch: uint256, publishers_root: bytes32, debits_hash: bytes32, total: uint256, active_at: uint64
) -> bytes32:
    return keccak256(abi_encode(epoch, publishers_root, debits_hash, total, active_at))


@internal
@view
def _epoch() -> uint256:
    return (self._state >> EPOCH_BIT) & M64


@internal
@view
def _after_epoch() -> uint256:
    # The last epoch that may hold service from before now. Next to be proposed may be an epoch that is over, while its
    # statement is being made; the one after it is running then. A pending epoch comes before both, and so does a vetoed
    # one: it is proposed again as it was.
    state: uint256 = self._state
    is_settling: bool = self._pending != NO_PROPOSAL or state & VETOED != 0
    return ((state >> EPOCH_BIT) & M64) + (3 if is_settling else 2)


@internal
@view
def _is_operator_silent() -> bool:
    return block.timestamp >= ((self._state >> CLOCK_BIT) & M64) + configuration.ESCAPE_SECONDS


@internal
def _take_fees() -> uint256:
    state: uint256 = self._state
    amount: uint256 = state & M64
    assert amount != 0, "zero"
    self._state = unsafe_sub(state, amount)
    return amount
