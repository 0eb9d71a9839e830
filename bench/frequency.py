"""Memory of counters of views: a million viewers, what another line item adds, and how little an attack can take.

Views are counted inside Redis a thousand at a time, by the same function as one by one, under names of the same form.
Under attack a million viewers are invented, with all bytes of a day cut to a sixteenth.
"""

import argparse
import tempfile
import time
from hashlib import blake2b
from pathlib import Path

import redis

from backend.local import start_stack
from backend.serving.catalogue import MS_PER_DAY, Frequency
from backend.serving.views.scripts import DAY_BYTES_MAX, TAKE, TAKE_VIEW, take_arguments, view_keys
from bench.tables import tell

VIEWERS, SOME = 1_000_000, 200_000
AT_ONCE = 1_000
NOON_MS = 20_000 * MS_PER_DAY + MS_PER_DAY // 2
CAP, BOTH = Frequency(3, 24), Frequency(3, 24, 10)
NO_BOUND = 1 << 40
ATTACKED = DAY_BYTES_MAX // 16
MANY = TAKE_VIEW + """
local taken = 0
for i = tonumber(ARGV[13]), tonumber(ARGV[14]) do
  local viewer = string.sub(redis.sha1hex(i), 1, 16)
  local shard = 'sl:views:{' .. string.sub(viewer, 1, 2) .. '}'
  if take_view(shard .. ':' .. viewer, shard .. ':used', 1) == 0 then taken = taken + 1 end
end
return taken
"""


def measure() -> dict[str, dict[str, object]]:
    """Rows; memory is `used_memory` of Redis after less before."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        Path(folder).chmod(0o755)
        with start_stack(Path(folder), need=frozenset({"redis"})) as stack:
            with redis.Redis.from_url(stack.redis_url, socket_timeout=60) as client:
                client.config_set("appendonly", "no")
                before = _memory(client)
                counted = _count(client, 1, BOTH, VIEWERS, ATTACKED)
                attacked = _memory(client) - before
                client.flushall()
                before = _memory(client)
                _count(client, 1, CAP, VIEWERS)
                first = _memory(client) - before
                _count(client, 2, CAP, SOME)
                second = _memory(client) - before - first
                one_us = _one_by_one(client)
    return {
        "views_mb_1m_viewers": _row(first / 1e6, "MB"),
        "views_bytes_per_viewer": _row(first / VIEWERS, "bytes", keys_accounted=208),
        "views_bytes_per_line_item_more": _row(second / SOME, "bytes"),
        "views_take_us": _row(one_us, "µs", pipelined=100),
        "views_attack_mb": _row(attacked / 1e6, "MB", baseline=ATTACKED / 4e6, viewers_counted=counted),
    }


def _count(client: redis.Redis, line_item: int, cap: Frequency, viewers: int, bytes_max: int = NO_BOUND) -> int:
    """How many views of so many viewers were counted."""
    script = client.register_script(MANY)
    arguments = take_arguments(line_item, cap, NOON_MS, bytes_max)
    return sum(
        int(script(keys=(), args=[*arguments, start, start + AT_ONCE - 1])) for start in range(0, viewers, AT_ONCE)
    )


def _one_by_one(client: redis.Redis) -> float:
    """Microseconds of Redis and this client for a view, 100 on their way at once."""
    take, arguments = client.register_script(TAKE), take_arguments(3, BOTH, NOON_MS, NO_BOUND)
    began = time.perf_counter()
    for start in range(0, 20_000, 100):
        pipeline = client.pipeline(transaction=False)
        for number in range(start, start + 100):
            take(keys=view_keys(_viewer(number)), args=arguments, client=pipeline)
        pipeline.execute()
    return (time.perf_counter() - began) / 20_000 * 1e6


def _viewer(number: int) -> bytes:
    return blake2b(number.to_bytes(8, "big"), digest_size=8).digest()


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _row(value: float, unit: str, baseline: float | None = None, **more: object) -> dict[str, object]:
    row: dict[str, object] = {"value": round(value, 1), "unit": unit, "baseline": baseline and round(baseline, 1)}
    return row | {"ratio": None if baseline is None else round(value / baseline, 2)} | more


def main() -> None:
    """Print the rows, as text or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    tell(measure(), as_json=as_json)


if __name__ == "__main__":
    main()
