"""`sightline verify-epoch`: is a published settlement right? Needs only an RPC URL and the bundle."""

from backend.settlement.outside.service import differences


def verify_epoch(rpc_url: str, statement: str, *, escrow: str | None = None, since_block: int = 0) -> list[str]:
    """Every difference between a settlement and what chain and events say; empty when it is right.

    `statement`: path or URL of its statement.json (the events file is beside it, earlier epochs where the path says).
    """
    return differences(rpc_url, statement, escrow=escrow, since=since_block)


def report(found: list[str]) -> str:
    """What the command prints: OK, or one line a difference."""
    return "\n".join(found) if found else "OK"
