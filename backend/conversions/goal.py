"""A conversion goal: what an advertiser counts as success, how we learn of it, and the rules it must meet."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backend.core.errors import Unprocessable
from backend.core.ids import Address, CampaignId, address
from backend.core.keccak import keccak256

LOOKBACK_DAYS_MAX = 30
MS_PER_DAY = 86_400_000

_EVENT = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}\(([a-z][a-z0-9]*(\[[0-9]*\])*(,[a-z][a-z0-9]*(\[[0-9]*\])*)*)?\)")


class GoalKind(StrEnum):
    """postback: the advertiser's server tells us, signed. on_chain: a contract of the advertiser logs an event."""

    POSTBACK = "postback"
    ON_CHAIN = "on_chain"


class GoalStatus(StrEnum):
    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class GoalTerms:
    """All that the advertiser decides.

    A conversion counts up to `click_days` (1 to 30) after a click, or `view_days` after a view (0: views do not count).
    `repeatable`: more than one conversion of a click is counted; charged is only the first of a decision.
    `contract` and `event` (such as `Purchased(address,uint256,bytes32)`) are for on_chain goals.
    """

    name: str
    kind: GoalKind
    click_days: int
    view_days: int = 0
    repeatable: bool = False
    contract: str | None = None
    event: str | None = None

    @property
    def topic0(self) -> str | None:
        """First topic of the event's logs, 0x hex: Keccak-256 of its signature."""
        return None if self.event is None else "0x" + keccak256(self.event.encode("ascii")).hex()


@dataclass(frozen=True, slots=True)
class Goal:
    """A stored goal. `read_number` is the last block whose logs were read, `read_from` the one before the first.

    `again_number`: logs after this block are read once more, up to `read_number`, for clicks that were stored late.
    """

    id: int
    campaign_id: CampaignId
    terms: GoalTerms
    status: GoalStatus
    secret_version: int
    previous_until: datetime | None
    read_number: int | None
    created_at: datetime
    read_from: int | None = None
    again_number: int | None = None


def checked(terms: GoalTerms) -> GoalTerms:
    """The terms with the contract in lowercase.

    Raises Unprocessable `lookback_out_of_range`, `goal_contract_missing` (on_chain needs contract and event),
    `goal_contract_unused` (postback takes neither) or `goal_event_malformed`.
    """
    if not (1 <= terms.click_days <= LOOKBACK_DAYS_MAX and 0 <= terms.view_days <= LOOKBACK_DAYS_MAX):
        raise Unprocessable("lookback_out_of_range", f"click_days is 1 to {LOOKBACK_DAYS_MAX}, view_days from 0")
    if terms.kind is GoalKind.POSTBACK:
        if terms.contract is not None or terms.event is not None:
            raise Unprocessable("goal_contract_unused", "contract and event are for goals of the kind on_chain")
        return terms
    if terms.contract is None or terms.event is None:
        raise Unprocessable("goal_contract_missing", "a goal of the kind on_chain needs contract and event")
    if not _EVENT.fullmatch(terms.event):
        raise Unprocessable(
            "goal_event_malformed", "event is a signature without names or spaces: Purchased(address,uint256,bytes32)"
        )
    return GoalTerms(
        terms.name, terms.kind, terms.click_days, terms.view_days, terms.repeatable, _contract(terms.contract),
        terms.event,
    )


def _contract(text: str) -> Address:
    try:
        return address(text)
    except ValueError as error:
        raise Unprocessable("goal_contract_missing", "contract is 0x and 40 hex digits") from error
