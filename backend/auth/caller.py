"""Who is asking, for whom, and what that lets them do."""

from dataclasses import dataclass

from backend.auth.permissions import Permission
from backend.core.ids import Address


@dataclass(frozen=True, slots=True)
class Caller:
    """`account` is the wallet of the organisation acted for (one's own by default); `member` is who signed in."""

    account: Address
    member: Address
    permissions: frozenset[Permission]
