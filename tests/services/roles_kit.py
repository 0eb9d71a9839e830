"""People of the operator."""

from contextvars import Context

from sqlalchemy import Engine

from backend.auth.permissions import PlatformRole
from backend.auth.platform.service import PlatformService
from backend.core.ids import Address


def appoint(engine: Engine, wallet: Address, role: PlatformRole) -> None:
    """As `sightline grant`: in no request, so that nobody has to be an admin already."""
    Context().run(PlatformService(engine).grant, wallet, role)
