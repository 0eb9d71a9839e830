# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title A pause that ends by itself
@license Apache-2.0
@notice A pause lasts seven days at most and is followed by a rest as long as the pause was, a minute at least, so nobody
        can hold a contract still for ever.
"""

event Paused:
    until: uint64

event Unpaused:
    pass

PAUSE_SECONDS_MAX: constant(uint256) = 7 * 86400
# A shorter rest would fit between two blocks, and pauses of a second could follow each other for ever.
REST_SECONDS_MIN: constant(uint256) = 60
M64: constant(uint256) = 2**64 - 1
M128: constant(uint256) = 2**128 - 1
# Places in the word `_pause`.
LENGTH_BIT: constant(uint256) = 128
UNTIL_BIT: constant(uint256) = 192

# until << 192 | length << 128 | tally: end and seconds of the running or the last pause. The tally is the contract's own:
# what it counts while it runs is read together with the pause.
_pause: uint256


@external
@view
def paused_until() -> uint256:
    """
    @notice End of the running or the last pause as a Unix time; zero before the first one.
    @return Unix time.
    """
    return self._pause >> UNTIL_BIT


@external
@view
def paused() -> bool:
    """
    @notice Whether a pause is running.
    @return Whether a pause is running.
    """
    return self._is_paused()


@internal
@view
def _is_paused() -> bool:
    return block.timestamp < self._pause >> UNTIL_BIT


@internal
@view
def _check_running():
    assert block.timestamp >= self._pause >> UNTIL_BIT, "paused"


@internal
@view
def _tally() -> uint256:
    return self._pause & M128


@internal
def _count() -> uint256:
    # Adds one to the tally, while no pause is running; one read and one write. Returns the tally before.
    word: uint256 = self._pause
    assert block.timestamp >= word >> UNTIL_BIT, "paused"
    self._pause = unsafe_add(word, 1)
    return word & M128


@internal
def _start(duration: uint256):
    word: uint256 = self._pause
    last_until: uint256 = word >> UNTIL_BIT
    # Check: one pause at a time, of a sane length, and only after the last one's rest. Before the first, both are zero.
    assert duration != 0, "zero"
    assert duration <= PAUSE_SECONDS_MAX, "duration"
    assert block.timestamp >= last_until, "paused"
    assert block.timestamp >= last_until + max((word >> LENGTH_BIT) & M64, REST_SECONDS_MIN), "rest"
    # Effect
    until: uint256 = block.timestamp + duration
    self._pause = (until << UNTIL_BIT) | (duration << LENGTH_BIT) | (word & M128)
    log Paused(until=convert(until, uint64))


@internal
def _stop():
    # Check
    word: uint256 = self._pause
    until: uint256 = word >> UNTIL_BIT
    assert block.timestamp < until, "running"
    # Effect: the rest shrinks with the pause.
    started_at: uint256 = until - ((word >> LENGTH_BIT) & M64)
    self._pause = (
        (block.timestamp << UNTIL_BIT) | ((block.timestamp - started_at) << LENGTH_BIT) | (word & M128)
    )
    log Unpaused()
