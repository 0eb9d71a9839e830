# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title A pause that ends by itself
@license Apache-2.0
@notice A pause lasts seven days at most and is followed by a rest as long as the pause was, so nobody can hold a
        contract still for ever.
"""

event Paused:
    until: uint64

event Unpaused:
    pass

PAUSE_SECONDS_MAX: constant(uint256) = 7 * 86400
M64: constant(uint256) = 2**64 - 1

# until << 64 | length in seconds, of the running or the last pause.
_pause: uint256


@external
@view
def paused_until() -> uint256:
    """
    @notice End of the running or the last pause as a Unix time; zero before the first one.
    """
    return self._pause >> 64


@external
@view
def paused() -> bool:
    """
    @notice Whether a pause is running.
    """
    return self._is_paused()


@internal
@view
def _is_paused() -> bool:
    return block.timestamp < self._pause >> 64


@internal
@view
def _check_running():
    assert block.timestamp >= self._pause >> 64, "paused"


@internal
def _start(duration: uint256):
    last: uint256 = self._pause
    # Check: one pause at a time, of a sane length, and only after the last one's rest.
    assert duration != 0, "zero"
    assert duration <= PAUSE_SECONDS_MAX, "duration"
    assert block.timestamp >= last >> 64, "paused"
    assert last == 0 or block.timestamp >= (last >> 64) + (last & M64), "rest"
    until: uint256 = block.timestamp + duration
    self._pause = (until << 64) | duration
    log Paused(until=convert(until, uint64))


@internal
def _stop():
    last: uint256 = self._pause
    until: uint256 = last >> 64
    assert block.timestamp < until, "running"
    # Effect: the rest shrinks with the pause.
    started_at: uint256 = until - (last & M64)
    self._pause = (block.timestamp << 64) | (block.timestamp - started_at)
    log Unpaused()
