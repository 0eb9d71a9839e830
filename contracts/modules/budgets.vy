# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Budgets of campaigns, four to a storage word
@license Apache-2.0
@notice Campaign c is lane `c & 3` of word `lanes[c >> 2]`. A lane is 64 bits: capped (1) | opened (1) | remaining (62),
        amounts in micro-USDC. The top bit of a lane doubles as the guard that keeps a debit from borrowing from the
        neighbour: it is set before the subtraction and must still be set after it.
"""

M56: constant(uint256) = 2**56 - 1
M64: constant(uint256) = 2**64 - 1
EACH_LANE: constant(uint256) = 1 + 2**64 + 2**128 + 2**192

BUDGET_MAX: constant(uint256) = 2**62 - 1
OPENED: constant(uint256) = 2**62
CAPPED: constant(uint256) = 2**63
REMAINING: constant(uint256) = BUDGET_MAX * EACH_LANE
GUARDS: constant(uint256) = CAPPED * EACH_LANE
FLAGS: constant(uint256) = OPENED * EACH_LANE + GUARDS

# Place of the amount in a word of a reservation; it fits, since a budget has 62 bits.
AMOUNT_BIT: constant(uint256) = 192
# Places in a word of caps.
NEWEST_BIT: constant(uint256) = 168
BASE_BIT: constant(uint256) = 224

# @notice Four lanes by group of campaigns.
lanes: public(HashMap[uint256, uint256])
# amount << 192 | escapes_at << 128 | executable_at << 64 | after_epoch of a requested withdrawal; zero when there is none.
_reservations: HashMap[uint256, uint256]
# base << 224 | newest << 168 | third << 112 | second << 56 | first: caps of epoch base, base + 1, base + 2, and of all
# from base + 3 on. Four caps fill the word: 2**32 epochs are 136 years at one a second.
_caps: HashMap[uint256, uint256]


@external
@view
def remaining(campaign: uint256) -> uint256:
    """
    @notice Budget of a campaign that epochs may still debit, without what is reserved for a withdrawal.
    @param campaign Campaign id.
    @return micro-USDC; zero for a campaign that does not exist.
    """
    return self._lane(campaign) & BUDGET_MAX


@external
@view
def reservation(campaign: uint256) -> (uint256, uint256, uint256):
    """
    @notice The open withdrawal request of a campaign.
    @param campaign Campaign id.
    @return amount in micro-USDC (zero: no request), Unix time from which it is executable, last epoch it may pay for.
    """
    return self._reservation(campaign)


@external
@view
def escapes_at(campaign: uint256) -> uint256:
    """
    @notice From when the open withdrawal request of a campaign waits for no epoch any more, whoever does what.
    @param campaign Campaign id.
    @return Unix time; zero when there is no request.
    """
    return self._escapes_at(campaign)


@external
@view
def epoch_cap(campaign: uint256) -> uint256:
    """
    @notice The newest spend cap that the campaign's owner has set, in force or not yet.
    @param campaign Campaign id.
    @return micro-USDC per epoch; zero for none.
    """
    return (self._caps[campaign] >> NEWEST_BIT) & M56


@external
@view
def epoch_cap_at(campaign: uint256, epoch: uint256) -> uint256:
    """
    @notice The spend cap that binds `epoch`; meaningful for epochs that are not final yet.
    @param campaign Campaign id.
    @param epoch Epoch number.
    @return micro-USDC; zero for none.
    """
    return self._cap_at(self._caps[campaign], epoch)


@external
@pure
def encode_debit(group: uint256, debits: uint256[4]) -> uint256:
    """
    @notice The debit word of four campaigns: `group << 224 | d3 << 168 | d2 << 112 | d1 << 56 | d0`.
    @dev Reverts "overflow" when the group does not fit 32 bits or a debit does not fit 56.
    @param group Campaign id >> 2.
    @param debits micro-USDC of campaigns 4 * group to 4 * group + 3.
    @return Debit word.
    """
    assert group < 2**32, "overflow"
    word: uint256 = group << 224
    for k: uint256 in range(4):
        assert debits[k] <= M56, "overflow"
        word |= debits[k] << (56 * k)
    return word


@internal
@view
def _lane(campaign: uint256) -> uint256:
    return (self.lanes[campaign >> 2] >> ((campaign & 3) << 6)) & M64


@internal
def _open(campaign: uint256, amount: uint256):
    assert amount <= BUDGET_MAX, "overflow"
    self.lanes[campaign >> 2] |= (OPENED | amount) << ((campaign & 3) << 6)


@internal
def _credit(campaign: uint256, amount: uint256):
    bit: uint256 = (campaign & 3) << 6
    word: uint256 = self.lanes[campaign >> 2]
    lane: uint256 = word >> bit
    assert lane & OPENED != 0, "campaign"
    assert amount <= unsafe_sub(BUDGET_MAX, lane & BUDGET_MAX), "overflow"
    self.lanes[campaign >> 2] = unsafe_add(word, amount << bit)


@internal
def _reserve(
    campaign: uint256, amount: uint256, executable_at: uint256, escapes_at: uint256, after_epoch: uint256
):
    bit: uint256 = (campaign & 3) << 6
    word: uint256 = self.lanes[campaign >> 2]
    # Check: one request at a time, of what is there.
    assert amount != 0, "zero"
    assert self._reservations[campaign] == 0, "reserved"
    assert amount <= (word >> bit) & BUDGET_MAX, "budget"
    # Effect
    self.lanes[campaign >> 2] = unsafe_sub(word, amount << bit)
    self._reservations[campaign] = (amount << AMOUNT_BIT) | (escapes_at << 128) | (executable_at << 64) | after_epoch


@internal
@view
def _reservation(campaign: uint256) -> (uint256, uint256, uint256):
    word: uint256 = self._reservations[campaign]
    return (word >> AMOUNT_BIT, (word >> 64) & M64, word & M64)


@internal
@view
def _escapes_at(campaign: uint256) -> uint256:
    return (self._reservations[campaign] >> 128) & M64


@internal
def _take_reservation(campaign: uint256) -> uint256:
    amount: uint256 = self._reservations[campaign] >> AMOUNT_BIT
    assert amount != 0, "zero"
    self._reservations[campaign] = 0
    return amount


@internal
@pure
def _cap_at(word: uint256, epoch: uint256) -> uint256:
    base: uint256 = word >> BASE_BIT
    if epoch <= base:
        return word & M56
    return (word >> min(56 * (epoch - base), NEWEST_BIT)) & M56


@internal
def _set_cap(campaign: uint256, cap: uint256, next_epoch: uint256, from_epoch: uint256):
    # A change binds from next_epoch + 2 or next_epoch + 3, so four caps are all that can be in force or waiting.
    assert cap <= M56, "overflow"
    word: uint256 = self._caps[campaign]
    first: uint256 = self._cap_at(word, next_epoch)
    second: uint256 = self._cap_at(word, next_epoch + 1)
    third: uint256 = cap
    if from_epoch > next_epoch + 2:
        third = self._cap_at(word, next_epoch + 2)
    self._caps[campaign] = (next_epoch << BASE_BIT) | (cap << NEWEST_BIT) | (third << 112) | (second << 56) | first
    # Effect: uncapped campaigns do not pay for reading a cap.
    flag: uint256 = CAPPED << ((campaign & 3) << 6)
    if first | second | third | cap == 0:
        self.lanes[campaign >> 2] &= ~flag
    else:
        self.lanes[campaign >> 2] |= flag


@internal
def _debit(words: DynArray[uint256, 256], epoch: uint256) -> (uint256, bytes32):
    # Takes an epoch's debits from the lanes. Returns their sum and the hash chain over the words.
    total: uint256 = 0
    digest: bytes32 = empty(bytes32)
    next_group: uint256 = 0
    for word: uint256 in words:
        # Check: groups ascend, so a campaign is debited (and held against its cap) once per epoch.
        group: uint256 = word >> 224
        assert group >= next_group, "order"
        next_group = unsafe_add(group, 1)
        digest = keccak256(concat(digest, convert(word, bytes32)))
        # Four debits of 56 bits move into lanes of 64 bits.
        debit: uint256 = (
            (word & M56)
            | ((word & (M56 << 56)) << 8)
            | ((word & (M56 << 112)) << 16)
            | ((word & (M56 << 168)) << 24)
        )
        lanes: uint256 = self.lanes[group]
        if lanes & GUARDS != 0:
            self._check_caps(group, lanes, debit, epoch)
        # A lane with its guard set is at least 2**63 and a debit is below 2**56: nothing borrows across lanes, and a
        # guard survives exactly when the lane had enough.
        left: uint256 = unsafe_sub((lanes & REMAINING) | GUARDS, debit)
        if left & GUARDS != GUARDS:
            left = self._cover(group, lanes, debit, epoch)
        # Effect
        self.lanes[group] = (left & REMAINING) | (lanes & FLAGS)
        sums: uint256 = unsafe_add(debit, debit >> 128)
        total = unsafe_add(total, unsafe_add(sums, sums >> 64) & M64)
    return total, digest


@internal
@view
def _check_caps(group: uint256, lanes: uint256, debit: uint256, epoch: uint256):
    for k: uint256 in range(4):
        bit: uint256 = k << 6
        if (lanes >> bit) & CAPPED != 0:
            cap: uint256 = self._cap_at(self._caps[(group << 2) | k], epoch)
            assert cap == 0 or (debit >> bit) & M64 <= cap, "cap"


@internal
def _cover(group: uint256, lanes: uint256, debit: uint256, epoch: uint256) -> uint256:
    # What a lane lacks is taken from the campaign's reservation if the epoch may hold service from before the request.
    left: uint256 = 0
    for k: uint256 in range(4):
        bit: uint256 = k << 6
        available: uint256 = (lanes >> bit) & BUDGET_MAX
        wanted: uint256 = (debit >> bit) & M64
        if wanted <= available:
            left |= (available - wanted) << bit
        else:
            self._use_reservation((group << 2) | k, wanted - available, epoch)
    return left


@internal
def _use_reservation(campaign: uint256, shortfall: uint256, epoch: uint256):
    word: uint256 = self._reservations[campaign]
    reserved: uint256 = word >> AMOUNT_BIT
    assert shortfall <= reserved and epoch <= word & M64, "budget"
    if shortfall == reserved:
        self._reservations[campaign] = 0
    else:
        self._reservations[campaign] = word - (shortfall << AMOUNT_BIT)
