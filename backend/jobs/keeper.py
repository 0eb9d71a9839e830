"""Loop of the keeper: pays publishers after an epoch became final, a range of groups at a time."""

from backend.settlement.keeper.service import KeeperService


class KeeperJob:
    """Safe in several processes: whoever has the operator's lock pays, and the chain pays nobody twice."""

    def __init__(self, service: KeeperService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when a range was paid and more may be left."""
        return self._service.step()
