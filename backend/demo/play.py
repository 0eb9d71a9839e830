"""What the demo knows while it runs, and how it waits: any process that dies ends the waiting at once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from backend.demo.accounts import FundedCampaign, Seller
from backend.demo.cast import Cast
from backend.demo.chain import Chain
from backend.demo.client import ApiClient, Json
from backend.demo.screen import Screen
from backend.demo.system import System
from backend.demo.traffic import Traffic
from backend.demo.waiting import wait_for

T = TypeVar("T")


@dataclass(slots=True)
class Play:
    """The state of one run; stages fill it in, in the order of the story."""

    system: System
    screen: Screen
    seed: int
    viewers: int
    started: float      # on the monotonic clock
    sellers: list[Seller] = field(default_factory=list)
    placements: dict[str, int] = field(default_factory=dict)
    campaigns: list[FundedCampaign] = field(default_factory=list)
    traffic: Traffic | None = None
    claimed_micro_usdc: int = 0
    _chain: Chain | None = None
    _visitor: ApiClient | None = None

    @property
    def cast(self) -> Cast:
        return self.system.cast

    @property
    def chain(self) -> Chain:
        """The contracts; there once they are deployed."""
        if self._chain is None:
            self._chain = Chain.of_deployment(
                self.system.stack.rpc_url, self.system.deployment_path, self.system.terms.confirmations
            )
        return self._chain

    @property
    def visitor(self) -> ApiClient:
        """Somebody who is not signed in."""
        if self._visitor is None:
            self._visitor = ApiClient(self.system.url)
        return self._visitor

    def status(self) -> Json:
        """The public numbers, at most a second old."""
        return self.visitor.get("/v1/status")

    def wait(self, what: str, probe: Callable[[], T | None], *, seconds_max: float) -> T:
        """`wait_for` that notices when a process or the viewers' thread has ended."""
        return wait_for(what, probe, seconds_max=seconds_max, alive=self.check)

    def check(self) -> None:
        """Raises when a process or the viewers' thread has ended by itself."""
        self.system.raise_if_dead()
        if self.traffic is not None:
            self.traffic.raise_if_failed()
