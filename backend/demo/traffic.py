"""Viewers by the dozen: each asks for an ad, sees what its geometry says, and reports. Runs in a thread of its own."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from backend.demo.client import AdClient
from backend.demo.scene import SCENES, Scene, Surface
from backend.demo.viewers import ViewerKind, exposure
from backend.demo.visit import CRAWLER, Exhibit, Visit, visit
from backend.demo.waiting import DemoError

CONNECTIONS_MAX = 8
ROUND_SECONDS = 1.0
RETRY_SECONDS = 0.2
RETRIES_MAX = 50
STOP_SECONDS_MAX = 60.0

USUAL = {
    ViewerKind.ATTENTIVE: 12, ViewerKind.CLICKER: 4, ViewerKind.PASSER_BY: 3, ViewerKind.BEHIND_WALL: 2,
    ViewerKind.OBLIQUE: 2, ViewerKind.INACTIVE: 2, ViewerKind.BOT: 2, ViewerKind.REPLAYER: 1, ViewerKind.FORGER: 1,
    ViewerKind.LATE: 1, ViewerKind.WRONG_CHAIN: 1, ViewerKind.CLICK_BEFORE_VIEW: 1, ViewerKind.FROM_THE_FUTURE: 1,
    ViewerKind.BROKEN: 1,
}
"""How often each kind comes by; the flooder comes once."""


@dataclass(slots=True)
class Diary:
    """What viewers did and what they were told at once; the ledger has the last word later."""

    decisions: int = 0
    unfilled: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    chargeable: set[str] = field(default_factory=set)
    kinds: Counter[ViewerKind] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Spot:
    """A board in a world and the id under which it is sold."""

    scene: Scene
    surface: Surface
    placement: int


def spots(placements: Mapping[str, int]) -> list[Spot]:
    """Every board, with its placement's id by the board's name."""
    return [
        Spot(scene, surface, placements[surface.name]) for scene in SCENES for surface in scene.surfaces
    ]


class Traffic:
    """Rounds of viewers until told to stop. `diary` may be read at any time and is complete after `stop`."""

    def __init__(self, base_url: str, places: list[Spot], token_key: bytes, seed: int, viewers: int) -> None:
        self.diary = Diary()
        self._base_url = base_url
        self._places = places
        self._token_key = token_key
        self._dice = Random(seed)
        self._viewers = viewers
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="viewers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> Diary:
        """Let everybody finish what they are doing. Raises DemoError when the viewers' thread has failed."""
        self._stop.set()
        self._thread.join(STOP_SECONDS_MAX)
        self.raise_if_failed()
        if self._thread.is_alive():
            raise DemoError("viewers are still waiting for answers")
        return self.diary

    def raise_if_failed(self) -> None:
        if self._failure is not None:
            raise DemoError(f"a viewer failed: {self._failure!r}") from self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._rounds())
        except BaseException as error:
            self._failure = error

    async def _rounds(self) -> None:
        ads = AdClient(self._base_url, CONNECTIONS_MAX)
        late: set[asyncio.Task[None]] = set()
        try:
            while not self._stop.is_set():
                started = time.monotonic()
                crowd = [kind for kind in ViewerKind if not self.diary.kinds[kind]]      # everybody at least once
                crowd += self._dice.choices(list(USUAL), list(USUAL.values()), k=max(0, self._viewers - len(crowd)))
                tasks = [asyncio.create_task(self._view(ads, kind, Random(self._dice.random()))) for kind in crowd]
                late = {task for task in late if not task.done()}
                late |= {task for task, kind in zip(tasks, crowd, strict=True) if kind is ViewerKind.LATE}
                await asyncio.gather(*(task for task in tasks if task not in late))
                await asyncio.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - started)))
            await asyncio.gather(*late)
        finally:
            await ads.close()

    async def _view(self, ads: AdClient, kind: ViewerKind, dice: Random) -> None:
        spot = dice.choice(self._places)
        answer = await self._decision(ads, spot, kind, dice)
        if answer is None:
            return
        self.diary.kinds[kind] += 1
        samples = exposure(spot.scene, spot.surface, kind, dice)
        sent = visit(kind, Exhibit(str(answer["token"]), self._token_key, samples), dice)
        await self._report(ads, sent, int(str(answer["expires_at_ms"])))

    async def _decision(self, ads: AdClient, spot: Spot, kind: ViewerKind, dice: Random) -> dict[str, object] | None:
        """An ad, or None when nobody bids or the server does not answer."""
        agent = CRAWLER if kind is ViewerKind.BOT else "Mozilla/5.0 (demo world)"
        answer = await ads.decide(spot.placement, dice.randbytes(12).hex(), agent)
        if answer is None:
            self.diary.unanswered += 1
            return None
        if "token" not in answer:
            self.diary.unfilled += 1
            return None
        self.diary.decisions += 1
        return answer

    async def _report(self, ads: AdClient, sent: Visit, expires_ms: int) -> None:
        for parcel in sent.parcels:
            if parcel.after_expiry:
                await asyncio.sleep(max(0.0, expires_ms / 1000 - time.time()) + 0.1)
            verdicts = await self._until_stored(ads, sent, parcel.events)
            self.diary.acknowledged += len(verdicts)
            self.diary.verdicts.update(str(verdict.get("reason", verdict["status"])) for verdict in verdicts)
        self.diary.chargeable |= sent.chargeable

    async def _until_stored(
        self, ads: AdClient, sent: Visit, events: list[dict[str, object]]
    ) -> list[dict[str, object]]:
        """Send until it is acknowledged, as the SDK does: what the server has stored twice counts once anyway."""
        for _ in range(RETRIES_MAX):
            verdicts = await ads.report(events, sent.user_agent)
            if verdicts is not None:
                return verdicts
            self.diary.unanswered += 1
            await asyncio.sleep(RETRY_SECONDS)
        raise DemoError("events were not taken in; see serve.log")
