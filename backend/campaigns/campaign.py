"""A campaign: what an advertiser describes, tied to its escrow account by owner and `meta`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.budget import CampaignBudget
from backend.core.categories import CampaignCategory
from backend.core.errors import Conflict
from backend.core.ids import Address, CampaignId, ChainCampaignId


class CampaignStatus(StrEnum):
    """active ⇄ paused → ended; ended is final."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as its owner sees it, without money. `meta` is 0x and 64 hex digits."""

    id: CampaignId
    owner: Address
    name: str
    category: CampaignCategory
    meta: str
    status: CampaignStatus
    created_at: datetime
    funder: Address | None = None

    @property
    def escrow_owner(self) -> Address:
        """For whom the escrow account is opened: the owner, or our treasury when the campaign is paid by card."""
        return self.funder or self.owner


@dataclass(frozen=True, slots=True)
class CampaignMoney:
    """Money of a campaign, micro-USDC. `chain_campaign` is null until a deposit for it is seen on chain.

    `deposited` counts confirmed deposits only. `charged` is all that was ever charged, settled or not.
    """

    chain_campaign: ChainCampaignId | None = None
    active_on_chain: bool = False
    deposited_micro_usdc: int = 0
    withdrawn_micro_usdc: int = 0
    reserved_micro_usdc: int = 0
    charged_micro_usdc: int = 0
    spendable_micro_usdc: int = 0


def check_editable(campaign: Campaign) -> None:
    """Raises Conflict `campaign_ended`: what has ended is not changed or added to any more."""
    if campaign.status is CampaignStatus.ENDED:
        raise Conflict("campaign_ended", "the campaign has ended; create another one")


def money_of(campaign: Campaign, budgets: Iterable[CampaignBudget]) -> CampaignMoney:
    """The money of the chain campaign with the same `meta` and the expected owner; of several, the first opened.

    Anyone can open a chain campaign with anyone's `meta`; only the expected one's counts.
    """
    own = [budget for budget in budgets if (budget.meta, budget.owner) == (campaign.meta, campaign.escrow_owner)]
    if not own:
        return CampaignMoney()
    budget = min(own, key=lambda budget: budget.campaign)
    return CampaignMoney(
        chain_campaign=ChainCampaignId(budget.campaign), active_on_chain=budget.active,
        deposited_micro_usdc=budget.deposited, withdrawn_micro_usdc=budget.withdrawn,
        reserved_micro_usdc=budget.reserved, charged_micro_usdc=budget.ledger_debits,
        spendable_micro_usdc=budget.spendable,
    )
