# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Payout of publishers
@license Apache-2.0
@notice Pays publishers against the root of the last final epoch. Its escrow creates it, moves every final epoch's
        money into it and sets its root; it can never spend more than that, and it cannot reach a budget.
@dev A publisher keeps one index for life. Entry word: `recipient << 96 | cumulative`, bits 64 to 95 zero. A leaf is
     keccak256 of the four entry words of a group; nodes are positional, never sorted. What was paid to the four
     publishers of a group shares one storage word. All amounts are micro-USDC.
@custom:kill `pause` by the escrow's guardian stops all payments for up to seven days, then they resume by themselves.
             Nobody can stop them for ever or take the money.
"""

from interfaces import ICampaignEscrow
from interfaces import IPublisherPayout
from interfaces import IUsdc
from modules import auto_pause
from modules import eip712_domain
from modules import signatures

implements: IPublisherPayout

initializes: auto_pause
initializes: eip712_domain

exports: (
    auto_pause.__interface__,
    eip712_domain.__interface__,
)

event RootSet:
    epoch: indexed(uint64)
    root: bytes32

event Paid:
    index: indexed(uint256)
    recipient: indexed(address)
    amount: uint256

event PayoutFailed:
    index: indexed(uint256)
    recipient: indexed(address)
    amount: uint256

event Batch:
    start_group: uint256
    groups: uint256
    total: uint256

M64: constant(uint256) = 2**64 - 1
M96: constant(uint256) = 2**96 - 1
ENTRIES_MAX: constant(uint256) = 400
GROUPS_MAX: constant(uint256) = 100
DEPTH_MAX: constant(uint256) = 32
CLAIM_TYPEHASH: constant(bytes32) = keccak256("ClaimTo(uint256 index,address to,uint256 nonce,uint256 deadline)")

TOKEN: immutable(IUsdc)
ESCROW: immutable(ICampaignEscrow)

# @notice micro-USDC paid so far to the four publishers of a group, 64 bits each.
lanes: public(HashMap[uint256, uint256])
# @notice The nonce that the next `claim_to_with_sig` of a publisher index must sign.
nonces: public(HashMap[uint256, uint256])
# Claims are checked against this one word. A pause zeroes it, and no proof leads to zero: pausing costs claims nothing.
_live_root: bytes32
# The latest root while a pause keeps it out of `_live_root`.
_kept_root: bytes32


@deploy
def __init__(token: address):
    """
    @notice Belongs to the contract that creates it.
    @param token The escrow's token.
    """
    TOKEN = IUsdc(token)
    ESCROW = ICampaignEscrow(msg.sender)
    eip712_domain.__init__("PublisherPayout")


@external
def set_root(epoch: uint64, root: bytes32):
    """
    @notice Makes `root` the root that publishers are paid against; during a pause it waits for the pause to end.
    @dev Reverts "auth" for anybody but the escrow, "zero" for the zero root.
    @param epoch The epoch that became final.
    @param root Root of the cumulative entries of all publishers.
    """
    assert msg.sender == ESCROW.address, "auth"
    assert root != empty(bytes32), "zero"
    # Effect: a live root proves that no pause is running, which spares the usual case a read.
    if self._live_root == empty(bytes32) and auto_pause._is_paused():
        self._kept_root = root
    else:
        self._live_root = root
    log RootSet(epoch=epoch, root=root)


@external
@nonreentrant
def claim(index: uint256, entries: uint256[4], proof: DynArray[bytes32, 32]) -> uint256:
    """
    @notice Pays a publisher what its entry exceeds the payments so far. Anyone may call; the recipient gets the money.
    @dev Reverts "proof", "paused", "reserved", "paid" (nothing is due), "to" (no recipient) or "transfer".
    @param index Publisher index.
    @param entries The four entry words of the publisher's group.
    @param proof Siblings from the leaf to the root.
    @return micro-USDC paid.
    """
    self._check_root(self._fold(index, keccak256(slice(msg.data, 36, 128)), proof))
    entry: uint256 = entries[index & 3]
    return self._pay(index, entry, convert(convert(entry >> 96, uint160), address))


@external
@nonreentrant
def claim_to(index: uint256, entries: uint256[4], proof: DynArray[bytes32, 32], to: address) -> uint256:
    """
    @notice As `claim`, called by the recipient itself, paying another account.
    @dev Reverts as `claim`, and "auth" for anybody but the recipient.
    @param index Publisher index.
    @param entries The four entry words of the publisher's group.
    @param proof Siblings from the leaf to the root.
    @param to The account to pay; not zero, not one of the two contracts.
    @return micro-USDC paid.
    """
    self._check_root(self._fold(index, keccak256(slice(msg.data, 36, 128)), proof))
    entry: uint256 = entries[index & 3]
    assert msg.sender == convert(convert(entry >> 96, uint160), address), "auth"
    return self._pay(index, entry, to)


@external
@nonreentrant
def claim_to_with_sig(
    index: uint256,
    entries: uint256[4],
    proof: DynArray[bytes32, 32],
    to: address,
    deadline: uint256,
    signature: Bytes[1024],
) -> uint256:
    """
    @notice As `claim_to`, with the recipient's signature instead of its call, so that somebody else may pay the gas.
    @dev EIP-712 `ClaimTo(uint256 index,address to,uint256 nonce,uint256 deadline)`; a recipient with code is asked
         through EIP-1271. Reverts as `claim`, and "expired", "signer" or "s" (a compact signature's is high).
    @param index Publisher index.
    @param entries The four entry words of the publisher's group.
    @param proof Siblings from the leaf to the root.
    @param to The account to pay; not zero, not one of the two contracts.
    @param deadline Last Unix time at which the signature is good.
    @param signature 65 bytes `r || s || v`, 64 bytes compact (EIP-2098), or what the wallet contract accepts.
    @return micro-USDC paid.
    """
    # Check
    assert block.timestamp <= deadline, "expired"
    self._check_root(self._fold(index, keccak256(slice(msg.data, 36, 128)), proof))
    entry: uint256 = entries[index & 3]
    recipient: address = convert(convert(entry >> 96, uint160), address)
    nonce: uint256 = self.nonces[index]
    digest: bytes32 = eip712_domain._typed_digest(keccak256(abi_encode(CLAIM_TYPEHASH, index, to, nonce, deadline)))
    assert recipient != empty(address) and signatures._is_signed_by(recipient, digest, signature), "signer"
    # Effect
    self.nonces[index] = nonce + 1
    return self._pay(index, entry, to)


@external
@nonreentrant
def pay_range(
    start_group: uint256,
    depth: uint256,
    entries: DynArray[uint256, ENTRIES_MAX],
    proof: DynArray[bytes32, 64],
) -> uint256:
    """
    @notice Pays all publishers of up to 100 neighbouring groups. Anyone may call. A payment that fails is skipped and
            logged, changes nothing and can be made later.
    @dev Reverts "entries" when they are not whole groups, "proof" or "paused".
    @param start_group First group (publisher index >> 2).
    @param depth Levels between the leaves and the root.
    @param entries Entry words of the groups, four each.
    @param proof Neighbours that fold the range up to the root; per level the left one first.
    @return micro-USDC paid.
    """
    # Check
    groups: uint256 = len(entries) >> 2
    assert groups != 0 and len(entries) & 3 == 0, "entries"
    nodes: bytes32[GROUPS_MAX] = empty(bytes32[GROUPS_MAX])
    for i: uint256 in range(groups, bound=GROUPS_MAX):
        at: uint256 = unsafe_mul(i, 4)
        nodes[i] = keccak256(
            abi_encode(
                entries[at], entries[unsafe_add(at, 1)], entries[unsafe_add(at, 2)], entries[unsafe_add(at, 3)]
            )
        )
    assert depth <= DEPTH_MAX, "proof"
    low: uint256 = start_group
    count: uint256 = groups
    used: uint256 = 0
    for _: uint256 in range(depth, bound=DEPTH_MAX):
        read: uint256 = 0
        write: uint256 = 0
        if low & 1 == 1:
            # The range starts with a right child: its left neighbour comes from the proof.
            assert used < len(proof), "proof"
            nodes[0] = keccak256(concat(proof[used], nodes[0]))
            used = unsafe_add(used, 1)
            read = 1
            write = 1
        for _pair: uint256 in range(GROUPS_MAX):
            if unsafe_add(read, 1) >= count:
                break
            nodes[write] = keccak256(concat(nodes[read], nodes[unsafe_add(read, 1)]))
            read = unsafe_add(read, 2)
            write = unsafe_add(write, 1)
        if read < count:
            # The range ends with a left child: its right neighbour comes from the proof.
            assert used < len(proof), "proof"
            nodes[write] = keccak256(concat(nodes[read], proof[used]))
            used = unsafe_add(used, 1)
            write = unsafe_add(write, 1)
        count = write
        low >>= 1
    assert count == 1 and low == 0 and used == len(proof), "proof"
    self._check_root(nodes[0])
    # Effect and Interaction, group by group: a failed payment must not be recorded, so the record follows the calls and
    # the lock keeps others out meanwhile.
    total: uint256 = 0
    for i: uint256 in range(groups, bound=GROUPS_MAX):
        group: uint256 = unsafe_add(start_group, i)
        before: uint256 = self.lanes[group]
        word: uint256 = before
        for k: uint256 in range(4):
            entry: uint256 = entries[unsafe_add(unsafe_mul(i, 4), k)]
            cumulative: uint256 = entry & M96
            paid: uint256 = (before >> unsafe_mul(k, 64)) & M64
            if cumulative > paid:
                amount: uint256 = unsafe_sub(cumulative, paid)
                if cumulative <= M64 and self._try_transfer(entry >> 96, amount):
                    word = unsafe_add(word, amount << unsafe_mul(k, 64))
                    total = unsafe_add(total, amount)
                else:
                    log PayoutFailed(
                        index=unsafe_add(unsafe_mul(group, 4), k),
                        recipient=convert(convert(entry >> 96, uint160), address),
                        amount=amount,
                    )
        if word != before:
            self.lanes[group] = word
    log Batch(start_group=start_group, groups=groups, total=total)
    return total


@external
def pause(duration: uint256):
    """
    @notice Stops all payments for `duration` seconds. They resume by themselves.
    @dev Reverts "auth" for anybody but the escrow's guardian, "zero", "duration", "paused" or "rest".
    @param duration Seconds, at most seven days.
    """
    assert msg.sender == staticcall ESCROW.guardian(), "auth"
    auto_pause._start(duration)
    # Effect: take the root away from claims.
    live: bytes32 = self._live_root
    if live != empty(bytes32):
        self._kept_root = live
        self._live_root = empty(bytes32)


@external
def unpause():
    """
    @notice Ends a pause early.
    @dev Reverts "auth" for anybody but the escrow's guardian and owner, "running" when no pause is running.
    """
    assert msg.sender == staticcall ESCROW.guardian() or msg.sender == staticcall ESCROW.owner(), "auth"
    auto_pause._stop()
    # Effect: give the root back to claims.
    self._live_root = self._kept_root


@external
@view
def token() -> address:
    """
    @notice The token that is paid.
    @return Address of the token.
    """
    return TOKEN.address


@external
@view
def escrow() -> address:
    """
    @notice The contract that created this one, sets its root and fills it.
    @return Address of the escrow.
    """
    return ESCROW.address


@external
@view
def root() -> bytes32:
    """
    @notice Root of the last final epoch, also while payments are paused; zero before the first.
    @return Root.
    """
    return self._latest_root()


@external
@view
def active_root() -> bytes32:
    """
    @notice The root that a claim is checked against now; zero during a pause.
    @return Root, or zero.
    """
    if auto_pause._is_paused():
        return empty(bytes32)
    return self._latest_root()


@external
@view
def paid(index: uint256) -> uint256:
    """
    @notice micro-USDC paid so far to a publisher.
    @param index Publisher index.
    @return micro-USDC.
    """
    return self._paid(index)


@external
@view
def claimable(index: uint256, entries: uint256[4], proof: DynArray[bytes32, 32]) -> uint256:
    """
    @notice What `claim` with the same arguments would pay, if the entry names somebody who can be paid; zero for another
            root's proof or during a pause.
    @dev Reverts "proof" when the proof is too short for the index.
    @param index Publisher index.
    @param entries The four entry words of the publisher's group.
    @param proof Siblings from the leaf to the root.
    @return micro-USDC.
    """
    root: bytes32 = self._fold(index, keccak256(slice(msg.data, 36, 128)), proof)
    cumulative: uint256 = entries[index & 3] & M96
    if auto_pause._is_paused() or root != self._latest_root() or cumulative > M64:
        return 0
    already: uint256 = self._paid(index)
    return cumulative - already if cumulative > already else 0


@external
@pure
def encode_entry(recipient: address, cumulative: uint256) -> uint256:
    """
    @notice The entry word of a publisher: `recipient << 96 | cumulative`.
    @dev Reverts "overflow" when the amount does not fit 64 bits.
    @param recipient The account that is paid.
    @param cumulative micro-USDC earned over all epochs.
    @return Entry word.
    """
    assert cumulative <= M64, "overflow"
    return (convert(recipient, uint256) << 96) | cumulative


@external
@pure
def leaf(entries: uint256[4]) -> bytes32:
    """
    @notice The leaf of a group: keccak256 of its four entry words.
    @param entries Entry words of publishers 4 * group to 4 * group + 3.
    @return Leaf.
    """
    return keccak256(abi_encode(entries))


@internal
def _pay(index: uint256, entry: uint256, to: address) -> uint256:
    # Check
    cumulative: uint256 = entry & M96
    assert cumulative <= M64, "reserved"
    # What is sent to one of the two contracts is lost, and from here to here it would only seem to be paid.
    assert to != empty(address) and to != self and to != ESCROW.address, "to"
    bit: uint256 = (index & 3) << 6
    word: uint256 = self.lanes[index >> 2]
    already: uint256 = (word >> bit) & M64
    assert cumulative > already, "paid"
    # Effect
    amount: uint256 = unsafe_sub(cumulative, already)
    self.lanes[index >> 2] = unsafe_add(word, amount << bit)
    log Paid(index=index, recipient=to, amount=amount)
    # Interaction
    assert extcall TOKEN.transfer(to, amount, default_return_value=True), "transfer"
    return amount


@internal
def _try_transfer(to: uint256, amount: uint256) -> bool:
    # Check: nobody and the two contracts are not paid, as in `_pay`.
    if to == 0 or to == convert(self, uint256) or to == convert(ESCROW.address, uint256):
        return False
    # Interaction: a token may revert, return false or return nothing; only the first two are failures.
    success: bool = False
    response: Bytes[32] = b""
    success, response = raw_call(
        TOKEN.address,
        abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        revert_on_failure=False,
    )
    return success and (len(response) == 0 or convert(response, uint256) == 1)


@internal
@pure
def _fold(index: uint256, leaf_hash: bytes32, proof: DynArray[bytes32, 32]) -> bytes32:
    # The bits of the group's number say on which side each sibling is. All of them must be used up, or the same leaf
    # would also prove index + 4 * 2**depth.
    position: uint256 = index >> 2
    node: bytes32 = leaf_hash
    for sibling: bytes32 in proof:
        if position & 1 == 0:
            node = keccak256(concat(node, sibling))
        else:
            node = keccak256(concat(sibling, node))
        position >>= 1
    assert position == 0, "proof"
    return node


@internal
def _check_root(node: bytes32):
    if node != self._live_root:
        # Either the proof is wrong or a pause has taken the root away.
        assert self._live_root == empty(bytes32), "proof"
        auto_pause._check_running()
        assert node == self._kept_root, "proof"
        # Effect: the pause has run out, the first claim after it restores the root.
        self._live_root = node


@internal
@view
def _latest_root() -> bytes32:
    live: bytes32 = self._live_root
    return live if live != empty(bytes32) else self._kept_root


@internal
@view
def _paid(index: uint256) -> uint256:
    return (self.lanes[index >> 2] >> ((index & 3) << 6)) & M64
