"""Exchanges and bidders as their owners and the operator's people see them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class PartnerStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class ExchangeTerms:
    """See `db/tables/openrtb.py`. `seat`: our name at the exchange."""

    name: str
    domain: str
    seat: str
    networks: tuple[str, ...] = ()
    strict: bool = False
    needs_schain: bool = False
    click_macro: str = ""
    status: PartnerStatus = PartnerStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """`publisher` is who is paid for what the exchange sells to us."""

    id: int
    world: int
    publisher: int
    terms: ExchangeTerms
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BidderTerms:
    """`timeout_ms` is for the whole exchange of a request; `qps_max` for each process of ours."""

    name: str
    endpoint: str
    seat: str
    timeout_ms: int = 120
    qps_max: int = 100
    status: PartnerStatus = PartnerStatus.ACTIVE


@dataclass(frozen=True, slots=True)
class BidderRecord:
    """It is asked while it is approved by the operator and active. `today`: what became of asking, by outcome."""

    id: int
    line_item: int
    terms: BidderTerms
    approved: bool
    created_at: datetime
    today: Mapping[str, int] = field(default_factory=dict)
