"""On whose behalf this code runs: set once per request by the edge, read where something is written down.

Not an argument of every function, because the decisions do not depend on it: permissions are checked at the edge.
"""

from contextvars import ContextVar
from dataclasses import dataclass

SYSTEM = "system"


@dataclass(slots=True)
class Acting:
    """`actor` is a wallet, `key:<prefix>` or `system`; `account` the wallet of the organisation acted for."""

    actor: str = SYSTEM
    account: str = SYSTEM
    request_id: str = ""


_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)


def begin(request_id: str) -> Acting:
    """A new, anonymous request. What is set on the answer later is seen in every thread that works for the request."""
    acting = Acting("anonymous", "anonymous", request_id)
    _acting.set(acting)
    return acting


def acting() -> Acting:
    """Who acts now; the system itself in jobs and commands."""
    return _acting.get() or Acting()
