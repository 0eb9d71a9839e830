"""A role at the operator, as it was granted."""

from dataclasses import dataclass
from datetime import datetime

from backend.auth.permissions import PlatformRole
from backend.core.ids import Address


@dataclass(frozen=True, slots=True)
class Granted:
    """A wallet's role at the operator, and who gave it: a wallet or `system`."""

    wallet: Address
    role: PlatformRole
    granted_by: str
    created_at: datetime
