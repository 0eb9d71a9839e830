"""The counters of views in Redis: one hash for each viewer and UTC day, gone at midnight."""

from typing import cast

import redis.asyncio

from backend.serving.catalogue import Frequency
from backend.serving.views.window import FIELDS_MAX, MS_PER_HOUR, field_of, kept_until_ms

# ARGV: line item, impressions, hours, this hour, kept until (ms), fields at most. 1: taken, 0: seen enough.
_TAKE = """
local seen = 0
for back = 0, tonumber(ARGV[3]) do
  seen = seen + tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. ':' .. (ARGV[4] - back)) or 0)
end
if seen >= tonumber(ARGV[2]) or redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[6]) then return 0 end
redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':' .. ARGV[4], 1)
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
return 1
"""

# A key that has just ended stays away.
_GIVE_BACK = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[1], ARGV[1], -1) end
return 0
"""


class Views:
    """Counters by viewer; `viewer` is the keyed hash that changes every day."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._take = client.register_script(_TAKE)
        self._give_back = client.register_script(_GIVE_BACK)

    async def seen(self, viewer: bytes) -> dict[str, int]:
        """The viewer's counters of today; see `backend.serving.views.window`."""
        answer = cast("dict[bytes, bytes]", await self._redis.hgetall(_key(viewer)))
        return {name.decode(): int(n) for name, n in answer.items()}

    async def take(self, viewer: bytes, line_item: int, cap: Frequency, now_ms: int) -> bool:
        """Count one ad, unless the viewer has seen enough: whoever asks at the same time, the cap holds (L52)."""
        hour = now_ms // MS_PER_HOUR
        taken = await self._take(
            keys=[_key(viewer)],
            args=[line_item, cap.impressions, cap.hours, hour, kept_until_ms(now_ms), FIELDS_MAX],
        )
        return bool(taken)

    async def give_back(self, viewer: bytes, line_item: int, now_ms: int) -> None:
        """The ad was not shown after all."""
        await self._give_back(keys=[_key(viewer)], args=[field_of(line_item, now_ms // MS_PER_HOUR)])


def _key(viewer: bytes) -> str:
    return f"sl:views:{viewer.hex()}"
