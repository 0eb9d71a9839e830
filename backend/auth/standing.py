"""What the tables know of a wallet and an account, as columns that any query of callers can read along."""

from collections.abc import Sequence
from typing import Protocol

from backend.auth.caller import Standing
from backend.auth.permissions import MemberRole, PlatformRole, Side
from backend.core.ids import Address

# to be formatted with the SQL expressions of the wallet that acts and of the account it acts for
STANDING = """
  organisation.wallet is not null as organised, organisation.advertiser, organisation.publisher, member.role,
  array(select role from platform_role where platform_role.wallet = {wallet}) as platform
"""
STANDING_OF = """
  left join organisation on organisation.wallet = {account}
  left join member on member.account = {account} and member.wallet = {wallet}
"""


class StandingRow(Protocol):
    """A row with the columns of STANDING."""

    organised: bool
    advertiser: bool | None
    publisher: bool | None
    role: str | None
    platform: Sequence[str]


def standing_of_row(row: StandingRow, wallet: Address, account: Address) -> Standing:
    sides = [side for side, held in ((Side.ADVERTISER, row.advertiser), (Side.PUBLISHER, row.publisher)) if held]
    return Standing(
        wallet, account, frozenset(sides) if row.organised else None, MemberRole(row.role) if row.role else None,
        frozenset(PlatformRole(role) for role in row.platform),
    )
