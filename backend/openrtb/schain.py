"""The supply chain: everybody who is paid for an impression (IAB SupplyChain object 1.0)."""

from backend.openrtb.iab import NoBid
from backend.openrtb.request import SupplyChain

VERSION = "1.0"


def objection(chain: SupplyChain | None, domain: str, *, needed: bool) -> NoBid | None:
    """Why nothing is bought through this chain, if it is not. `domain` is the exchange's, whom we pay: the last node.

    Each node names the system (`asi`) and the account there (`sid`), and takes part in the payment (`hp` 1). One that
    is not complete says so; `needed` exchanges must send a complete one.
    """
    if chain is None:
        return NoBid.INCOMPLETE_SUPPLY_CHAIN if needed else None
    if not chain.nodes or any(not node.asi or not node.sid or node.hp != 1 for node in chain.nodes):
        return NoBid.INCOMPLETE_SUPPLY_CHAIN
    if needed and chain.complete != 1:
        return NoBid.INCOMPLETE_SUPPLY_CHAIN
    last = (chain.nodes[-1].asi or "").strip().lower()
    return None if last == domain.lower() else NoBid.BLOCKED_SUPPLY_CHAIN_NODE


def chain_of(domain: str, publisher: int, request_id: str) -> dict[str, object]:
    """The chain of a surface of ours: its publisher is paid by the contract, through nobody but us."""
    node = {"asi": domain, "sid": str(publisher), "hp": 1, "rid": request_id}
    return {"ver": VERSION, "complete": 1, "nodes": [node]}
