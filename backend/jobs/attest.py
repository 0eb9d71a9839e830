"""Loop of `sightline attest`: an independent process that recomputes settlements and co-signs them."""

from backend.settlement.attestor.service import AttestorService


class AttestJob:
    """Needs a key, an RPC of its own and the address where settlements are published; no database."""

    def __init__(self, service: AttestorService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when something was attested."""
        return self._service.step()
