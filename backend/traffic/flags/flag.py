"""A flag with its evidence and what became of its events, and the rules about objecting to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

from backend.core.errors import Conflict, NotAllowed, Unprocessable
from backend.core.ids import Address

OBJECTION_DAYS = 14
"""As long as samples are kept after an epoch is final: until then somebody can look at what was measured."""
PREFIX_MIN = {4: 16, 6: 32}
"""An allowance names networks, not continents."""


class FlagStatus(StrEnum):
    """standing → upheld or lifted, after an objection or without one."""

    STANDING = "standing"
    UPHELD = "upheld"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Flag:
    """`events` by state of the ledger (see `flagged_event`), `amounts` what of them was given back or stays charged."""

    id: int
    day: date
    placement: int
    publisher_index: int
    publisher: Address
    level: str
    rule: str
    scope: str
    evidence: Mapping[str, Any]
    ruleset: str
    status: FlagStatus
    created_at: datetime
    objection: str | None
    objected_at: datetime | None
    decided_at: datetime | None
    note: str | None
    events: Mapping[str, int]
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Filtered:
    """What of a campaign's events was flagged: counts and micro-USDC by state."""

    events: Mapping[str, int]
    amounts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GrantedNetwork:
    """A network from which worlds are streamed to people; `publisher_index` None: whoever's they are."""

    id: int
    network: str
    publisher_index: int | None
    note: str
    created_at: datetime


def check_may_object(flag: Flag, now: datetime) -> None:
    """Raises Conflict `flag_final`, `objected_before`."""
    if flag.objection is not None:
        raise Conflict("objected_before", f"there is an objection to flag {flag.id} already")
    _check_open(flag, now)


def check_may_decide(flag: Flag, moderator: Address, now: datetime) -> None:
    """Raises NotAllowed `own_flag`, Conflict `flag_final`."""
    if flag.publisher == moderator:
        raise NotAllowed("own_flag", "nobody decides about traffic of his own")
    _check_open(flag, now)


def _check_open(flag: Flag, now: datetime) -> None:
    if flag.status is not FlagStatus.STANDING:
        raise Conflict("flag_final", f"flag {flag.id} was decided")
    if now > flag.created_at + timedelta(days=OBJECTION_DAYS):
        raise Conflict("flag_final", f"flag {flag.id} is older than {OBJECTION_DAYS} days")


def network_of(text: str) -> str:
    """A network in canonical form. Raises Unprocessable `network_not_allowed`."""
    try:
        found = ip_network(text.strip(), strict=True)
    except ValueError as error:
        raise Unprocessable("network_not_allowed", "not a network such as 203.0.113.0/24") from error
    if found.prefixlen < PREFIX_MIN[found.version]:
        raise Unprocessable("network_not_allowed", f"at most a /{PREFIX_MIN[found.version]} can be allowed")
    return str(found)
