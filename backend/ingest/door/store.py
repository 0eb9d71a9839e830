"""The door to the stream in Redis: one script counts viewers, sees what came before, and writes, all or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio

from backend.ingest.stream import BYTES, STREAM
from backend.net.resp import Resp, Script

RATE_SECONDS = 120
SEEN_MS = 60_000                # events are remembered by the minute in which their token expires
SEEN_GRACE_MS = 5_000           # longer than clocks of workers differ

# Nothing is written while the queue is full, or while one event must be refused: then the caller takes the refused
# ones out and asks again. Viewers are counted in the first call, so that the second has none.
# KEYS: stream, bytes, then a counter for each viewer, then a set for each minute of expiry.
# ARGV: entry, entries at most, bytes at most, events a viewer may report, seconds, viewers, bytes of a name;
#       each viewer's events; then for each set: until when (Unix ms), and the names in one.
# -> {-1} full | {0, counted before …, 1 if it came before else 0 …} | {1}
_ADMIT = Script("""
local size = #ARGV[1]
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2])
   or tonumber(redis.call('GET', KEYS[2]) or 0) + size > tonumber(ARGV[3]) then
    return {-1}
end
local most, viewers, width = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local answer, objection = {0}, false
for place = 1, viewers do
    local n = tonumber(ARGV[7 + place])
    local counted = redis.call('INCRBY', KEYS[2 + place], n)
    if counted == n then redis.call('EXPIRE', KEYS[2 + place], ARGV[5]) end
    if counted > most then objection = true end
    answer[#answer + 1] = counted - n
end
local sets = {}
for place = 3 + viewers, #KEYS do
    local names, packed = {}, ARGV[7 + viewers + 2 * (place - 2 - viewers)]
    for at = 1, #packed, width do names[#names + 1] = string.sub(packed, at, at + width - 1) end
    local seen = redis.call('SMISMEMBER', KEYS[place], unpack(names))
    for i = 1, #names do
        if seen[i] == 1 then objection = true end
        answer[#answer + 1] = seen[i]
    end
    sets[place] = names
end
if objection then return answer end
for place = 3 + viewers, #KEYS do
    redis.call('SADD', KEYS[place], unpack(sets[place]))
    redis.call('PEXPIREAT', KEYS[place], ARGV[7 + viewers + 2 * (place - 2 - viewers) - 1])
end
redis.call('XADD', KEYS[1], '*', 'batch', ARGV[1])
redis.call('INCRBY', KEYS[2], size)
return {1}
""")


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait in the stream."""

    entries_max: int
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written. `counted`: events of each viewer before; `seen`: places of claims that came before."""

    counted: Mapping[bytes, int]
    seen: frozenset[int]


class Full(Exception):
    """Too much waits in the stream."""


async def admit(
    client: "redis.asyncio.Redis | Resp", entry: bytes, room: Room, minute: int, viewers: Mapping[bytes, int],
    claims: Sequence[tuple[int, bytes]], events_per_minute_max: int,
) -> Refused | None:
    """Write an entry with events that are all new, and of viewers who have not reported too much; None when written.

    `viewers`: events of each in this request; `claims`: when each event's token expires and its name, all of one
    length and no two the same. When this returns None, Redis has it (on disk: AOF always). Raises Full.
    """
    groups: dict[int, list[int]] = {}
    for place, (expires_ms, _) in enumerate(claims):
        groups.setdefault(expires_ms // SEEN_MS, []).append(place)
    keys: list[bytes | str] = [STREAM, BYTES]
    arguments: list[bytes | str | int] = [
        entry, room.entries_max, room.bytes_max, events_per_minute_max, RATE_SECONDS, len(viewers),
        len(claims[0][1]) if claims else 0, *viewers.values(),
    ]
    keys += [f"sl:rate:{viewer.hex()}:{minute}" for viewer in viewers]
    for group, places in groups.items():
        keys.append(f"sl:seen:{group}")
        arguments += [(group + 1) * SEEN_MS + SEEN_GRACE_MS, b"".join([claims[place][1] for place in places])]
    answer = await _eval(client, _ADMIT, keys, arguments)
    if answer[0] == 1:
        return None
    if answer[0] == -1:
        raise Full
    flags = iter(answer[1 + len(viewers):])
    seen = frozenset(place for places in groups.values() for place in places if next(flags))
    return Refused(dict(zip(viewers, answer[1:], strict=False)), seen)


async def memory(client: "redis.asyncio.Redis | Resp") -> tuple[int, int]:
    """Bytes that Redis uses, and may use (half of the machine's when it is not limited)."""
    if isinstance(client, Resp):
        lines = (await client.call("INFO", "memory")).decode().splitlines()
        info: dict[str, Any] = dict(line.split(":", 1) for line in lines if ":" in line)
    else:
        info = await client.info("memory")
    limit = int(info["maxmemory"]) or int(info["total_system_memory"]) // 2
    return int(info["used_memory"]), limit


async def _eval(
    client: "redis.asyncio.Redis | Resp", script: Script, keys: Sequence[bytes | str],
    arguments: Sequence[bytes | str | int],
) -> list[int]:
    if isinstance(client, Resp):
        answer: list[int] = await client.eval(script, keys, arguments)
        return answer
    try:
        answer = await client.evalsha(script.sha.decode(), len(keys), *keys, *arguments)
    except redis.exceptions.NoScriptError:
        answer = await client.eval(script.source, len(keys), *keys, *arguments)
    return answer
