"""Loop of the counts behind click rates, conversion rates and quality."""

from backend.pctr.service import RateCounting


class RatesJob:
    """Safe to run twice: counts and what they are of change together."""

    def __init__(self, service: RateCounting) -> None:
        self._service = service

    def step(self) -> bool:
        return self._service.step()
