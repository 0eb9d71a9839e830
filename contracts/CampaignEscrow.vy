# pragma version 0.4.3
# pragma evm-version cancun
# SPDX-License-Identifier: Apache-2.0
"""
@title Escrow of campaigns
@license Apache-2.0
@notice Holds advertisers' budgets and lets them go in two ways only: back to the advertiser after notice, or, once an
        epoch attested by a quorum has stood through its challenge window, as that epoch's debits to the payout
        contract and the fee. No debit exceeds its campaign's budget or the cap that the advertiser set.
@dev Amounts are micro-USDC. The balance equals remaining + reserved + fees, summed over campaigns, plus donations.
     Epochs count from 1; at most one proposal is pending, for the epoch after the last final one. Not upgradeable.
@custom:kill The guardian's `veto` kills a proposal; its `pause` stops deposits and proposals for up to seven days.
             Withdrawals cannot be stopped, and none waits longer than `escape()` seconds. To retire the contract, stop
             proposing: every advertiser can leave with what is unspent.
"""

from interfaces import IPublisherPayout
from modules import auto_pause
from modules import budgets
from modules import campaigns
from modules import configuration
from modules import eip712_domain
from modules import settlements
from modules import two_step_owner
from modules import vault

initializes: auto_pause
initializes: budgets
initializes: campaigns[auto_pause := auto_pause]
initializes: eip712_domain
initializes: two_step_owner
initializes: configuration[two_step_owner := two_step_owner]
initializes: settlements[
    auto_pause := auto_pause,
    configuration := configuration,
    eip712_domain := eip712_domain,
]
initializes: vault

exports: (
    auto_pause.__interface__,
    budgets.__interface__,
    campaigns.__interface__,
    configuration.__interface__,
    eip712_domain.__interface__,
    settlements.__interface__,
    two_step_owner.__interface__,
    vault.__interface__,
)

interface ICreatedPayout:
    def escrow() -> address: view
    def token() -> address: view

event CampaignOpened:
    campaign: indexed(uint256)
    owner: indexed(address)
    amount: uint256
    meta: bytes32

event Deposited:
    campaign: indexed(uint256)
    payer: indexed(address)
    amount: uint256

event EpochCapSet:
    campaign: indexed(uint256)
    cap: uint256
    from_epoch: uint64

event WithdrawalRequested:
    campaign: indexed(uint256)
    amount: uint256
    executable_at: uint64
    after_epoch: uint64

event WithdrawalCancelled:
    campaign: indexed(uint256)
    amount: uint256

event Withdrawn:
    campaign: indexed(uint256)
    to: indexed(address)
    amount: uint256

event FeesWithdrawn:
    to: indexed(address)
    amount: uint256

DEBITS_MAX: constant(uint256) = 256

PAYOUT: immutable(IPublisherPayout)


@deploy
def __init__(
    token: address,
    payout_initcode: Bytes[24576],
    roles: configuration.Roles,
    attestors: DynArray[address, 16],
    terms: configuration.Terms,
):
    """
    @notice Creates the payout contract in the same transaction, so that the pair knows each other from the start.
    @dev Reverts "scale" when the token has not six decimals, "payout" when the created contract is not bound to this
         one, and as `configuration` for roles and terms.
    @param token USDC; immutable.
    @param payout_initcode Creation code of PublisherPayout, without arguments.
    @param roles owner, operator, guardian, treasury.
    @param attestors First attestors.
    @param terms Quorum, fee in basis points and its bound, and times in seconds.
    """
    vault.__init__(token)
    two_step_owner.__init__(roles.owner)
    configuration.__init__(roles, attestors, terms)
    eip712_domain.__init__("CampaignEscrow")
    settlements.__init__()
    payout: address = raw_create(payout_initcode, token)
    assert staticcall ICreatedPayout(payout).escrow() == self, "payout"
    assert staticcall ICreatedPayout(payout).token() == token, "payout"
    PAYOUT = IPublisherPayout(payout)


@external
@nonreentrant
def open_campaign(owner: address, amount: uint256, meta: bytes32) -> uint256:
    """
    @notice Opens a campaign with a first deposit by the caller, who has approved it.
    @dev Reverts "paused", "zero", "overflow", "transfer" or "received".
    @param owner The account that may withdraw, cap and switch the campaign.
    @param amount micro-USDC, not zero.
    @param meta Digest that ties the campaign to its description; only logged.
    @return Campaign id.
    """
    return self._open(owner, amount, meta)


@external
@nonreentrant
def open_campaign_with_permit(
    owner: address, amount: uint256, meta: bytes32, deadline: uint256, v: uint8, r: bytes32, s: bytes32
) -> uint256:
    """
    @notice As `open_campaign`, with the caller's EIP-2612 permit instead of an approval.
    @dev A permit that fails is ignored: somebody else may have submitted it, and the allowance decides.
    @param owner The account that may withdraw, cap and switch the campaign.
    @param amount micro-USDC, not zero.
    @param meta Digest that ties the campaign to its description; only logged.
    @param deadline Last Unix time of the permit.
    @param v Signature of the permit.
    @param r Signature of the permit.
    @param s Signature of the permit.
    @return Campaign id.
    """
    vault._permit(amount, deadline, v, r, s)
    return self._open(owner, amount, meta)


@external
@nonreentrant
def deposit(campaign: uint256, amount: uint256):
    """
    @notice Adds to a campaign's budget; the caller has approved it.
    @dev Reverts "paused", "zero", "campaign", "overflow", "transfer" or "received".
    @param campaign Campaign id.
    @param amount micro-USDC, not zero.
    """
    self._credit(campaign, msg.sender, amount)
    vault._pull(amount)


@external
@nonreentrant
def deposit_with_permit(campaign: uint256, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice As `deposit`, with the caller's EIP-2612 permit instead of an approval.
    @dev A permit that fails is ignored: somebody else may have submitted it, and the allowance decides.
    @param campaign Campaign id.
    @param amount micro-USDC, not zero.
    @param deadline Last Unix time of the permit.
    @param v Signature of the permit.
    @param r Signature of the permit.
    @param s Signature of the permit.
    """
    vault._permit(amount, deadline, v, r, s)
    self._credit(campaign, msg.sender, amount)
    vault._pull(amount)


@external
@nonreentrant
def deposit_with_authorization(
    campaign: uint256,
    payer: address,
    amount: uint256,
    valid_after: uint256,
    valid_before: uint256,
    salt: bytes32,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Adds to a campaign's budget with the payer's EIP-3009 authorisation; anyone may submit it.
    @dev The authorisation's nonce must be keccak256(abi_encode(campaign, salt)), so that whoever submits it cannot
         choose another campaign. Reverts "paused", "zero", "campaign", "overflow", "received", or as the token.
    @param campaign Campaign id.
    @param payer The account that signed and pays.
    @param amount micro-USDC, not zero.
    @param valid_after Unix time after which the authorisation is good.
    @param valid_before Unix time before which the authorisation is good.
    @param salt What the nonce was made with.
    @param v Signature of the authorisation.
    @param r Signature of the authorisation.
    @param s Signature of the authorisation.
    """
    self._credit(campaign, payer, amount)
    nonce: bytes32 = keccak256(abi_encode(campaign, salt))
    vault._pull_authorized(payer, amount, valid_after, valid_before, nonce, v, r, s)


@external
def set_epoch_cap(campaign: uint256, cap: uint256):
    """
    @notice Bounds what any one epoch may debit, whatever operator and attestors sign.
    @dev Binds from the epoch after those that may be in service already. Reverts "auth" or "overflow".
    @param campaign Campaign id.
    @param cap micro-USDC per epoch, below 2**56; zero removes the bound.
    """
    campaigns._check_owner(campaign)
    from_epoch: uint256 = settlements._after_epoch() + 1
    budgets._set_cap(campaign, cap, settlements._epoch() + 1, from_epoch)
    log EpochCapSet(campaign=campaign, cap=cap, from_epoch=convert(from_epoch, uint64))


@external
def request_withdrawal(campaign: uint256, amount: uint256):
    """
    @notice Reserves a part of the budget for withdrawal. Epochs that may hold service from before the request can
            still be paid from the reservation, later ones cannot.
    @dev Reverts "auth", "zero", "reserved" when a request is open, or "budget".
    @param campaign Campaign id.
    @param amount micro-USDC, at most what remains.
    """
    campaigns._check_owner(campaign)
    executable_at: uint256 = block.timestamp + configuration._notice()
    escapes_at: uint256 = block.timestamp + configuration.ESCAPE_SECONDS
    after_epoch: uint256 = settlements._after_epoch()
    budgets._reserve(campaign, amount, executable_at, escapes_at, after_epoch)
    log WithdrawalRequested(
        campaign=campaign,
        amount=amount,
        executable_at=convert(executable_at, uint64),
        after_epoch=convert(after_epoch, uint64),
    )


@external
def cancel_withdrawal(campaign: uint256):
    """
    @notice Returns what is left of the reservation to the budget.
    @dev Reverts "auth", "zero" when no request is open, "campaign" or "overflow".
    @param campaign Campaign id.
    """
    campaigns._check_owner(campaign)
    amount: uint256 = budgets._take_reservation(campaign)
    budgets._credit(campaign, amount)
    log WithdrawalCancelled(campaign=campaign, amount=amount)


@external
@nonreentrant
def withdraw(campaign: uint256, to: address) -> uint256:
    """
    @notice Pays out what is left of the reservation, after the notice and after the epochs that may still need it
            have become final. It waits for no epoch `escape()` seconds after the request, nor `escape()` seconds after
            the operator's last sign of life, whichever comes first.
    @dev No pause stops it. Reverts "auth", "to", "zero", "notice", "epoch" or "transfer".
    @param campaign Campaign id.
    @param to The account to pay; not zero, not this contract, not the payout contract.
    @return micro-USDC paid.
    """
    # Check
    campaigns._check_owner(campaign)
    assert to != empty(address) and to != self and to != PAYOUT.address, "to"
    amount: uint256 = 0
    executable_at: uint256 = 0
    after_epoch: uint256 = 0
    amount, executable_at, after_epoch = budgets._reservation(campaign)
    assert amount != 0, "zero"
    assert block.timestamp >= executable_at, "notice"
    if settlements._epoch() < after_epoch and not settlements._is_operator_silent():
        # Nobody can hold a request longer than that, also not by settling slowly.
        assert block.timestamp >= budgets._escapes_at(campaign), "epoch"
    # Effect
    budgets._take_reservation(campaign)
    log Withdrawn(campaign=campaign, to=to, amount=amount)
    # Interaction
    vault._send(to, amount)
    return amount


@external
def propose(
    publishers_root: bytes32,
    debits_hash: bytes32,
    total: uint256,
    publishers: uint32,
    ruleset: bytes32,
    data_hash: bytes32,
    sigs: DynArray[bytes32, 32],
):
    """
    @notice Proposes the settlement of the next epoch, attested by a quorum.
    @dev Reverts "auth", "paused", "pending", "zero", "root", "sigs", "signer" or "s".
    @param publishers_root Root of the cumulative entries of all publishers, not zero.
    @param debits_hash Hash chain over the debit words.
    @param total Sum of the debits in micro-USDC.
    @param publishers Number of publishers in the tree.
    @param ruleset Digest of the rules that were applied.
    @param data_hash sha-256 of the published statement.
    @param sigs Pairs (r, vs), EIP-2098, over `digest(...)`, by ascending signer.
    """
    self._check_operator()
    signed: bytes32 = settlements._propose(
        staticcall PAYOUT.root(), publishers_root, debits_hash, total, publishers, ruleset, data_hash
    )
    settlements._check_quorum(signed, sigs)


@external
@nonreentrant
def finalize(publishers_root: bytes32, total: uint256, active_at: uint64, debits: DynArray[uint256, DEBITS_MAX]):
    """
    @notice Makes the pending epoch final after its window: takes the debits from the budgets, keeps the fee, moves the
            rest to the payout contract and sets its root. Anyone may call.
    @dev Reverts "window", "order", "cap", "budget", "total", "pending", "overflow" or "transfer".
    @param publishers_root As proposed.
    @param total As proposed.
    @param active_at As logged by the proposal.
    @param debits Debit words by ascending group.
    """
    epoch: uint256 = settlements._epoch() + 1
    debited: uint256 = 0
    debits_hash: bytes32 = empty(bytes32)
    debited, debits_hash = budgets._debit(debits, epoch)
    net: uint256 = settlements._finalize(epoch, publishers_root, total, active_at, debited, debits_hash)
    self._hand_over(epoch, publishers_root, net)


@external
@nonreentrant
def roll(
    final_root: bytes32,
    final_total: uint256,
    final_active_at: uint64,
    final_debits: DynArray[uint256, DEBITS_MAX],
    publishers_root: bytes32,
    debits_hash: bytes32,
    total: uint256,
    publishers: uint32,
    ruleset: bytes32,
    data_hash: bytes32,
    sigs: DynArray[bytes32, 32],
):
    """
    @notice `finalize` of the pending epoch and `propose` of the next in one transaction.
    @dev Reverts as `propose` and `finalize`. Attestors sign with `prevRoot` = final_root.
    @param final_root As `finalize`.
    @param final_total As `finalize`.
    @param final_active_at As `finalize`.
    @param final_debits As `finalize`.
    @param publishers_root As `propose`.
    @param debits_hash As `propose`.
    @param total As `propose`.
    @param publishers As `propose`.
    @param ruleset As `propose`.
    @param data_hash As `propose`.
    @param sigs As `propose`.
    """
    self._check_operator()
    epoch: uint256 = settlements._epoch() + 1
    debited: uint256 = 0
    final_hash: bytes32 = empty(bytes32)
    debited, final_hash = budgets._debit(final_debits, epoch)
    net: uint256 = settlements._finalize(epoch, final_root, final_total, final_active_at, debited, final_hash)
    signed: bytes32 = settlements._propose(
        final_root, publishers_root, debits_hash, total, publishers, ruleset, data_hash
    )
    settlements._check_quorum(signed, sigs)
    self._hand_over(epoch, final_root, net)


@external
@nonreentrant
def withdraw_fees() -> uint256:
    """
    @notice Pays the collected fees to the treasury. Anyone may call.
    @dev Reverts "zero" when there are none, or "transfer".
    @return micro-USDC paid.
    """
    # Check and Effect
    amount: uint256 = settlements._take_fees()
    to: address = configuration.treasury
    log FeesWithdrawn(to=to, amount=amount)
    # Interaction
    vault._send(to, amount)
    return amount


@external
def pause(duration: uint256):
    """
    @notice Stops deposits and proposals for `duration` seconds. They resume by themselves.
    @dev Reverts "auth" for anybody but the guardian, "zero", "duration", "paused" or "rest".
    @param duration Seconds, at most seven days.
    """
    assert msg.sender == configuration.guardian, "auth"
    auto_pause._start(duration)


@external
def unpause():
    """
    @notice Ends a pause early.
    @dev Reverts "auth" for anybody but the guardian and the owner, "running" when no pause is running.
    """
    assert msg.sender == configuration.guardian or msg.sender == two_step_owner.owner, "auth"
    auto_pause._stop()


@external
def apply_config(kind: uint8, new_value: bytes32):
    """
    @notice Applies a change that was announced with `propose_config`. A new fee binds from the epoch after those that
            may be in service already; a new window or notice binds what is proposed or requested from now on.
    @dev Reverts "auth", "config", "timelock", "expired", "kind", "value", or "pending" when the last change of the fee
         is not in force yet.
    @param kind As announced.
    @param new_value As announced.
    """
    configuration._apply(kind, new_value, settlements._epoch() + 1, settlements._after_epoch() + 1)


@external
@view
def payout() -> address:
    """
    @notice The contract that pays publishers.
    @return Address of the payout contract.
    """
    return PAYOUT.address


@external
@view
def last_root() -> bytes32:
    """
    @notice Root of the last final epoch: `prevRoot` of the next settlement unless one is pending.
    @return Root; zero before the first final epoch.
    """
    return staticcall PAYOUT.root()


@internal
def _open(owner: address, amount: uint256, meta: bytes32) -> uint256:
    # Check
    assert amount != 0, "zero"
    # Effect: counting the campaign checks that no pause is running.
    campaign: uint256 = campaigns._add(owner)
    budgets._open(campaign, amount)
    log CampaignOpened(campaign=campaign, owner=owner, amount=amount, meta=meta)
    # Interaction
    vault._pull(amount)
    return campaign


@internal
def _credit(campaign: uint256, payer: address, amount: uint256):
    # Check
    auto_pause._check_running()
    assert amount != 0, "zero"
    # Effect
    budgets._credit(campaign, amount)
    log Deposited(campaign=campaign, payer=payer, amount=amount)


@internal
def _hand_over(epoch: uint256, publishers_root: bytes32, amount: uint256):
    # Interaction
    if amount != 0:
        vault._send(PAYOUT.address, amount)
    extcall PAYOUT.set_root(convert(epoch, uint64), publishers_root)


@internal
@view
def _check_operator():
    assert msg.sender == configuration.operator, "auth"
