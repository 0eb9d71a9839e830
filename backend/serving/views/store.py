"""The counters of views in Redis: one hash for each viewer and UTC day, gone at midnight at the latest."""

from backend.core.reasons import NoBidReason
from backend.net.resp import Resp, Script
from backend.serving.catalogue import Frequency
from backend.serving.views.scripts import (
    DAY_BYTES_MAX,
    GIVE_BACK,
    TAKE,
    VIEW_REFUSALS,
    ViewAnswer,
    take_arguments,
    view_keys,
)

TAKE_SCRIPT, GIVE_BACK_SCRIPT = Script(TAKE), Script(GIVE_BACK)


class Views:
    """Counters by viewer; `viewer` is the keyed hash that changes every day."""

    def __init__(self, client: Resp, *, day_bytes_max: int = DAY_BYTES_MAX) -> None:
        self._client = client
        self._day_bytes_max = day_bytes_max
        client.register(TAKE_SCRIPT)
        client.register(GIVE_BACK_SCRIPT)

    async def seen(self, viewer: bytes) -> dict[str, int]:
        """The viewer's counters of today; see `backend.serving.views.window`."""
        answer = await self._client.call("HGETALL", view_keys(viewer)[0])
        return {name.decode(): int(n) for name, n in zip(answer[::2], answer[1::2], strict=True)}

    async def take(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> NoBidReason | None:
        """Count one ad, unless the viewer has seen enough, or has just seen it: whoever asks at once, the cap holds.

        None when it was counted (L52, L80).
        """
        packed = self.packed_take(viewer, line_item, cap, now_ms)
        return self.refusal(await self._client.run(TAKE_SCRIPT, packed))

    def packed_take(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> bytes:
        """The call behind `take`, to be sent together with others; `refusal` says what its answer means."""
        arguments = take_arguments(line_item, cap, now_ms, self._day_bytes_max)
        return TAKE_SCRIPT.packed(view_keys(viewer), arguments)

    @staticmethod
    def refusal(answer: int) -> NoBidReason | None:
        """None: it was counted."""
        return VIEW_REFUSALS.get(ViewAnswer(answer))

    async def give_back(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> None:
        """The ad was not shown after all. The arguments are those of `take`."""
        arguments = take_arguments(line_item, cap, now_ms, self._day_bytes_max)
        await self._client.eval(GIVE_BACK_SCRIPT, view_keys(viewer)[:1], arguments)
