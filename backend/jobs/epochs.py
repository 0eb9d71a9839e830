"""Loop of the settlement: closes epochs, publishes, proposes and finalises them, one step at a time."""

from backend.settlement.service import EpochService


class EpochJob:
    """Safe in several processes: whoever has the operator's lock works, the others are idle."""

    def __init__(self, service: EpochService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when something was done and the next step may follow at once."""
        return self._service.step()
