"""The counters of views in Redis: one hash for each viewer and UTC day, gone at midnight at the latest."""

from typing import cast

import redis.asyncio

from backend.core.reasons import NoBidReason
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


class Views:
    """Counters by viewer; `viewer` is the keyed hash that changes every day."""

    def __init__(self, client: redis.asyncio.Redis, *, day_bytes_max: int = DAY_BYTES_MAX) -> None:
        self._redis = client
        self._day_bytes_max = day_bytes_max
        self._take = client.register_script(TAKE)
        self._give_back = client.register_script(GIVE_BACK)

    async def seen(self, viewer: bytes) -> dict[str, int]:
        """The viewer's counters of today; see `backend.serving.views.window`."""
        answer = cast("dict[bytes, bytes]", await self._redis.hgetall(view_keys(viewer)[0]))
        return {name.decode(): int(n) for name, n in answer.items()}

    async def take(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> NoBidReason | None:
        """Count one ad, unless the viewer has seen enough, or has just seen it: whoever asks at once, the cap holds.

        None when it was counted (L52, L80).
        """
        arguments = take_arguments(line_item, cap, now_ms, self._day_bytes_max)
        answer = await self._take(keys=view_keys(viewer), args=arguments)
        return VIEW_REFUSALS.get(ViewAnswer(answer))

    async def give_back(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> None:
        """The ad was not shown after all. The arguments are those of `take`."""
        await self._give_back(
            keys=view_keys(viewer)[:1], args=take_arguments(line_item, cap, now_ms, self._day_bytes_max)
        )
