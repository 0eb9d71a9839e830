# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Two-step ownership
@license Apache-2.0
@notice Ownership moves only when the new owner accepts it, so a typing error cannot lose it. It cannot be renounced.
"""

event OwnershipTransferStarted:
    previous_owner: indexed(address)
    new_owner: indexed(address)

event OwnershipTransferred:
    previous_owner: indexed(address)
    new_owner: indexed(address)

# @notice The account that may propose configuration changes.
owner: public(address)
# @notice The account that may accept ownership, or zero.
pending_owner: public(address)


@deploy
def __init__(owner: address):
    """
    @notice Sets the first owner.
    @dev Reverts "zero" when it is nobody.
    @param owner Not zero.
    """
    assert owner != empty(address), "zero"
    self.owner = owner
    log OwnershipTransferred(previous_owner=empty(address), new_owner=owner)


@external
def transfer_ownership(new_owner: address):
    """
    @notice Offers ownership to `new_owner`; zero withdraws an earlier offer.
    @dev Reverts "auth" for anybody but the owner.
    @param new_owner The account that may accept.
    """
    self._check_owner()
    self.pending_owner = new_owner
    log OwnershipTransferStarted(previous_owner=self.owner, new_owner=new_owner)


@external
def accept_ownership():
    """
    @notice Takes the ownership that was offered to the caller.
    @dev Reverts "auth" for anybody else.
    """
    assert msg.sender == self.pending_owner, "auth"
    previous_owner: address = self.owner
    self.owner = msg.sender
    self.pending_owner = empty(address)
    log OwnershipTransferred(previous_owner=previous_owner, new_owner=msg.sender)


@internal
@view
def _check_owner():
    assert msg.sender == self.owner, "auth"
