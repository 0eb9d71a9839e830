# pragma version 0.4.3
# SPDX-License-Identifier: Apache-2.0
"""
@title Campaigns: who owns them, and whether they should be served
@license Apache-2.0
@notice Ids count from zero. The owner of a campaign is fixed when it is opened.
"""

from . import auto_pause

uses: auto_pause

event CampaignActive:
    campaign: indexed(uint256)
    active: bool

# Debit words number groups of four campaigns with 32 bits.
CAMPAIGNS_MAX: constant(uint256) = 2**34

# owner << 96 | 1 when switched off, by campaign.
_campaigns: HashMap[uint256, uint256]


@external
def set_campaign_active(campaign: uint256, active: bool):
    """
    @notice Tells the ad server to serve the campaign or not. Debits of what was served already still settle.
    @dev Reverts "auth" for anybody but the campaign's owner.
    @param campaign Campaign id.
    @param active Whether to serve.
    """
    self._check_owner(campaign)
    self._campaigns[campaign] = (convert(msg.sender, uint256) << 96) | (0 if active else 1)
    log CampaignActive(campaign=campaign, active=active)


@external
@view
def campaign_count() -> uint256:
    """
    @notice How many campaigns were ever opened; the next one gets this id.
    @return Number of campaigns.
    """
    return auto_pause._tally()


@external
@view
def campaign_owner(campaign: uint256) -> address:
    """
    @notice The account that may withdraw from a campaign; zero for a campaign that does not exist.
    @param campaign Campaign id.
    @return Address of the owner.
    """
    return self._owner_of(campaign)


@external
@view
def campaign_active(campaign: uint256) -> bool:
    """
    @notice Whether the campaign's owner wants it served.
    @param campaign Campaign id.
    @return False also for a campaign that does not exist.
    """
    word: uint256 = self._campaigns[campaign]
    return word != 0 and word & 1 == 0


@internal
def _add(owner: address) -> uint256:
    # The count is the tally beside the pause, which opening a campaign reads anyway.
    assert owner != empty(address), "zero"
    campaign: uint256 = auto_pause._count()
    assert campaign < CAMPAIGNS_MAX, "overflow"
    self._campaigns[campaign] = convert(owner, uint256) << 96
    return campaign


@internal
@view
def _owner_of(campaign: uint256) -> address:
    return convert(convert(self._campaigns[campaign] >> 96, uint160), address)


@internal
@view
def _check_owner(campaign: uint256):
    assert msg.sender == self._owner_of(campaign), "auth"
