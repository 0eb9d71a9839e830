"""Loops of card money: clear what was held, ask Stripe about what was lost, carry out the treasury's deposits."""

from backend.onramp.service import CardUpkeep
from backend.onramp.treasury.service import TreasuryService


class CardsJob:
    """Safe in several processes: every change locks its campaign."""

    def __init__(self, upkeep: CardUpkeep) -> None:
        self._upkeep = upkeep

    def step(self) -> bool:
        """True when payments were cleared and more may be due."""
        return self._upkeep.step()

    def ask(self) -> bool:
        """Ask Stripe; never again at once."""
        return self._upkeep.ask()


class TreasuryJob:
    """Safe in several processes: whoever has the treasury's lock sends, the others are idle."""

    def __init__(self, service: TreasuryService) -> None:
        self._service = service

    def step(self) -> bool:
        """True when a deposit came a step further."""
        return self._service.step()
