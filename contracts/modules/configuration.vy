# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Roles and terms of a settlement, changed behind a timelock
@license Apache-2.0
@notice The owner proposes a change, waits at least as long as any withdrawal can take, then applies it. Nobody else
        can, and no change touches a proposal, a request or an epoch that already exists.
"""

from . import two_step_owner

uses: two_step_owner

struct Roles:
    owner: address
    operator: address
    guardian: address
    treasury: address

struct Terms:
    threshold: uint256
    fee_bps: uint256
    fee_bps_max: uint256
    window_seconds: uint256
    notice_seconds: uint256
    timelock_seconds: uint256
    escape_seconds: uint256

event ConfigProposed:
    kind: indexed(uint8)
    value: bytes32
    active_at: uint64

event ConfigApplied:
    kind: indexed(uint8)
    value: bytes32

event ConfigCancelled:
    kind: indexed(uint8)
    value: bytes32

OPERATOR: constant(uint8) = 1
GUARDIAN: constant(uint8) = 2
ATTESTOR_ADD: constant(uint8) = 3
ATTESTOR_REMOVE: constant(uint8) = 4
THRESHOLD: constant(uint8) = 5
FEE_BPS: constant(uint8) = 6
WINDOW: constant(uint8) = 7
NOTICE: constant(uint8) = 8
TREASURY: constant(uint8) = 9

ATTESTORS_MAX: constant(uint256) = 16
BPS: constant(uint256) = 10_000
# Bounds of what a deployment may choose: a publisher waits a month at most, an advertiser three months.
WINDOW_SECONDS_MAX: constant(uint256) = 30 * 86400
TIMELOCK_SECONDS_MAX: constant(uint256) = 90 * 86400
# A change that was forgotten cannot surprise anybody later.
APPLY_SECONDS_MAX: constant(uint256) = 30 * 86400

# Places in the word `_terms`: one read serves a proposal, one a finalisation.
ATTESTORS_BIT: constant(uint256) = 8
FEE_BIT: constant(uint256) = 16
NEXT_FEE_BIT: constant(uint256) = 32
WINDOW_BIT: constant(uint256) = 48
NOTICE_BIT: constant(uint256) = 80
FEE_EPOCH_BIT: constant(uint256) = 112
M8: constant(uint256) = 2**8 - 1
M16: constant(uint256) = 2**16 - 1
M32: constant(uint256) = 2**32 - 1

FEE_BPS_MAX: immutable(uint256)
TIMELOCK_SECONDS: immutable(uint256)
ESCAPE_SECONDS: immutable(uint256)

# @notice The account that proposes settlements.
operator: public(address)
# @notice The account that may veto a proposal or pause; it can move nothing.
guardian: public(address)
# @notice The account that fees are paid to.
treasury: public(address)
# @notice Whether an account's signature counts towards the quorum.
is_attestor: public(HashMap[address, bool])
# @notice Unix time from which a proposed change may be applied; zero when it is not proposed.
config_active_at: public(HashMap[uint8, HashMap[bytes32, uint256]])
# fee epoch (144) | notice (32) | window (32) | next fee (16) | fee (16) | attestors (8) | threshold (8), low bits last.
_terms: uint256


@deploy
def __init__(roles: Roles, attestors: DynArray[address, ATTESTORS_MAX], terms: Terms):
    """
    @notice Sets the first roles and terms.
    @dev Reverts "zero", "attestor", "threshold", "fee", "window", "notice", "timelock" or "escape".
    @param roles The owner is set by `two_step_owner`; operator, guardian and treasury, not zero.
    @param attestors At most sixteen, each once.
    @param terms Quorum, fee in basis points and its bound, and times in seconds.
    """
    assert roles.operator != empty(address), "zero"
    assert roles.guardian != empty(address), "zero"
    assert roles.treasury != empty(address), "zero"
    assert 1 <= terms.threshold and terms.threshold <= len(attestors), "threshold"
    assert terms.fee_bps <= terms.fee_bps_max and terms.fee_bps_max < BPS, "fee"
    assert 1 <= terms.window_seconds and terms.window_seconds <= WINDOW_SECONDS_MAX, "window"
    assert terms.window_seconds < terms.notice_seconds, "notice"
    assert terms.notice_seconds <= terms.escape_seconds, "escape"
    # Who asks for the money back when a change is announced has left before the change is applied.
    assert terms.escape_seconds <= terms.timelock_seconds, "timelock"
    assert terms.timelock_seconds <= TIMELOCK_SECONDS_MAX, "timelock"
    for attestor: address in attestors:
        assert attestor != empty(address) and not self.is_attestor[attestor], "attestor"
        self.is_attestor[attestor] = True
    FEE_BPS_MAX = terms.fee_bps_max
    TIMELOCK_SECONDS = terms.timelock_seconds
    ESCAPE_SECONDS = terms.escape_seconds
    self.operator = roles.operator
    self.guardian = roles.guardian
    self.treasury = roles.treasury
    self._terms = (
        terms.threshold
        | (len(attestors) << ATTESTORS_BIT)
        | (terms.fee_bps << FEE_BIT)
        | (terms.fee_bps << NEXT_FEE_BIT)
        | (terms.window_seconds << WINDOW_BIT)
        | (terms.notice_seconds << NOTICE_BIT)
    )


@external
def propose_config(kind: uint8, new_value: bytes32):
    """
    @notice Announces a change; it may be applied after the timelock, for thirty days.
    @dev Reverts "auth", "kind", "value", or "pending" when the same change is already announced.
    @param kind 1 operator, 2 guardian, 3 attestor to add, 4 attestor to remove, 5 threshold, 6 fee (basis points),
           7 challenge window (seconds), 8 notice (seconds), 9 treasury.
    @param new_value The address or number, right-aligned.
    """
    two_step_owner._check_owner()
    self._check_value(kind, convert(new_value, uint256))
    assert self.config_active_at[kind][new_value] == 0, "pending"
    active_at: uint256 = block.timestamp + TIMELOCK_SECONDS
    self.config_active_at[kind][new_value] = active_at
    log ConfigProposed(kind=kind, value=new_value, active_at=convert(active_at, uint64))


@external
def cancel_config(kind: uint8, new_value: bytes32):
    """
    @notice Withdraws an announced change.
    @dev Reverts "auth", or "config" when it was not announced. The guardian may not: it could keep itself in office.
    @param kind As announced.
    @param new_value As announced.
    """
    two_step_owner._check_owner()
    assert self.config_active_at[kind][new_value] != 0, "config"
    self.config_active_at[kind][new_value] = 0
    log ConfigCancelled(kind=kind, value=new_value)


@external
@view
def threshold() -> uint256:
    """
    @notice How many attestors must sign a settlement.
    @return Number of attestors.
    """
    return self._terms & M8


@external
@view
def attestor_count() -> uint256:
    """
    @notice How many attestors there are.
    @return Number of attestors.
    """
    return (self._terms >> ATTESTORS_BIT) & M8


@external
@view
def window() -> uint256:
    """
    @notice Challenge window of the next proposal in seconds.
    @return Seconds.
    """
    return self._window(self._terms)


@external
@view
def notice() -> uint256:
    """
    @notice Seconds between the next withdrawal request and its withdrawal.
    @return Seconds.
    """
    return self._notice()


@external
@view
def fee_bps_at(epoch: uint256) -> uint256:
    """
    @notice The platform's fee in an epoch that is not final yet.
    @param epoch Epoch number.
    @return Basis points of the epoch's total.
    """
    return self._fee_bps(epoch)


@external
@view
def fee_bps_max() -> uint256:
    """
    @notice Bound of the fee in basis points; fixed for ever.
    @return Basis points.
    """
    return FEE_BPS_MAX


@external
@view
def timelock() -> uint256:
    """
    @notice Seconds between announcing and applying a change; fixed for ever.
    @return Seconds.
    """
    return TIMELOCK_SECONDS


@external
@view
def escape() -> uint256:
    """
    @notice Seconds after its request, or of the operator's silence, after which a withdrawal no longer waits for epochs;
            fixed for ever, at most the timelock.
    @return Seconds.
    """
    return ESCAPE_SECONDS


@internal
def _apply(kind: uint8, new_value: bytes32, next_epoch: uint256, from_epoch: uint256):
    two_step_owner._check_owner()
    # Check: announced, waited for, not forgotten, and still possible.
    active_at: uint256 = self.config_active_at[kind][new_value]
    assert active_at != 0, "config"
    assert block.timestamp >= active_at, "timelock"
    assert block.timestamp <= active_at + APPLY_SECONDS_MAX, "expired"
    number: uint256 = convert(new_value, uint256)
    self._check_value(kind, number)
    # Effect
    self.config_active_at[kind][new_value] = 0
    if kind <= ATTESTOR_REMOVE or kind == TREASURY:
        self._apply_account(kind, convert(convert(number, uint160), address))
    elif kind == THRESHOLD:
        self._set_term(0, M8, number)
    elif kind == FEE_BPS:
        self._apply_fee(number, next_epoch, from_epoch)
    elif kind == WINDOW:
        self._set_term(WINDOW_BIT, M32, number)
    else:
        self._set_term(NOTICE_BIT, M32, number)
    log ConfigApplied(kind=kind, value=new_value)


@internal
def _apply_account(kind: uint8, account: address):
    if kind == OPERATOR:
        self.operator = account
    elif kind == GUARDIAN:
        self.guardian = account
    elif kind == TREASURY:
        self.treasury = account
    else:
        adds: bool = kind == ATTESTOR_ADD
        count: uint256 = (self._terms >> ATTESTORS_BIT) & M8
        self.is_attestor[account] = adds
        self._set_term(ATTESTORS_BIT, M8, count + 1 if adds else count - 1)


@internal
def _apply_fee(fee_bps: uint256, next_epoch: uint256, from_epoch: uint256):
    # Check: the last change is in force, so that one epoch number is enough to remember.
    terms: uint256 = self._terms
    assert terms >> FEE_EPOCH_BIT <= next_epoch, "pending"
    # Effect: statements of running epochs were made with the present fee and keep it.
    present: uint256 = (terms >> NEXT_FEE_BIT) & M16
    self._set_term(FEE_BIT, M16, present)
    self._set_term(NEXT_FEE_BIT, M16, fee_bps)
    self._set_term(FEE_EPOCH_BIT, 2**64 - 1, from_epoch)


@internal
def _set_term(bit: uint256, mask: uint256, number: uint256):
    self._terms = (self._terms & ~(mask << bit)) | (number << bit)


@internal
@view
def _check_value(kind: uint8, number: uint256):
    assert OPERATOR <= kind and kind <= TREASURY, "kind"
    terms: uint256 = self._terms
    attestors: uint256 = (terms >> ATTESTORS_BIT) & M8
    valid: bool = False
    if kind <= ATTESTOR_REMOVE or kind == TREASURY:
        valid = self._is_valid_account(kind, number, attestors, terms & M8)
    elif kind == THRESHOLD:
        valid = 1 <= number and number <= attestors
    elif kind == FEE_BPS:
        valid = number <= FEE_BPS_MAX
    elif kind == WINDOW:
        valid = 1 <= number and number <= WINDOW_SECONDS_MAX and number < self._notice()
    else:
        valid = self._window(terms) < number and number <= ESCAPE_SECONDS
    assert valid, "value"


@internal
@view
def _is_valid_account(kind: uint8, number: uint256, attestors: uint256, threshold: uint256) -> bool:
    if number == 0 or number >> 160 != 0:
        return False
    account: address = convert(convert(number, uint160), address)
    if kind == ATTESTOR_ADD:
        return not self.is_attestor[account] and attestors < ATTESTORS_MAX
    if kind == ATTESTOR_REMOVE:
        return self.is_attestor[account] and attestors > threshold
    return True


@internal
@pure
def _window(terms: uint256) -> uint256:
    return (terms >> WINDOW_BIT) & M32


@internal
@view
def _notice() -> uint256:
    return (self._terms >> NOTICE_BIT) & M32


@internal
@view
def _fee_bps(epoch: uint256) -> uint256:
    terms: uint256 = self._terms
    if epoch < terms >> FEE_EPOCH_BIT:
        return (terms >> FEE_BIT) & M16
    return (terms >> NEXT_FEE_BIT) & M16


@internal
@pure
def _threshold(terms: uint256) -> uint256:
    return terms & M8
