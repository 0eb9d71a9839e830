"""Loop of sponsorships: an event for every hour that was delivered."""

import time

from backend.ledger.sponsorship.service import SponsorshipService


class SponsorshipJob:
    """Safe to run twice: an hour has one event id, whoever writes it."""

    def __init__(self, service: SponsorshipService) -> None:
        self._service = service

    def step(self) -> bool:
        """Never asks to be called again at once."""
        return self._service.charge_hours(time.time_ns() // 1_000_000)
