"""The door to the stream in Redis: one script counts viewers, sees what came before, and writes, all or nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import redis.asyncio

from backend.ingest.stream import BYTES, STREAM
from backend.net.resp import Resp, Script
from backend.net.resp.commands import part

RATE_SECONDS = 120
SEEN_MS = 60_000                # events are remembered by the minute in which their token expires
SEEN_GRACE_MS = 5_000           # longer than clocks of workers differ

# Nothing is written while the queue is full, or while one event must be refused: then the caller takes the refused
# ones out and asks again. Viewers are counted in the first call, so that the second has none.
# KEYS: stream, bytes, then a counter for each viewer, then a set for each minute of expiry.
# ARGV: entry, entries at most, bytes at most, events a viewer may report, seconds, viewers; each viewer's events;
#       then for each set: until when (Unix ms), how many names, the names. A name is handed on as it came: to cut
#       them out of one text would cost a third of the script.
# -> {-1} full | {0, counted before …, 1 if it came before else 0 …} | 1
_ADMIT = Script("""
local size = #ARGV[1]
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[2])
   or tonumber(redis.call('GET', KEYS[2]) or 0) + size > tonumber(ARGV[3]) then
    return {-1}
end
local most, viewers = tonumber(ARGV[4]), tonumber(ARGV[6])
local answer, objection = {0}, false
for place = 1, viewers do
    local n = tonumber(ARGV[6 + place])
    local counted = redis.call('INCRBY', KEYS[2 + place], n)
    if counted == n then redis.call('EXPIRE', KEYS[2 + place], ARGV[5]) end
    if counted > most then objection = true end
    answer[1 + place] = counted - n
end
local until_at = 7 + viewers
for place = 3 + viewers, #KEYS do
    local first, last = until_at + 2, until_at + 1 + ARGV[until_at + 1]
    local seen = redis.call('SMISMEMBER', KEYS[place], unpack(ARGV, first, last))
    for i = 1, #seen do
        if seen[i] == 1 then objection = true end
        answer[#answer + 1] = seen[i]
    end
    until_at = last + 1
end
if objection then return answer end
until_at = 7 + viewers
for place = 3 + viewers, #KEYS do
    local last = until_at + 1 + ARGV[until_at + 1]
    redis.call('SADD', KEYS[place], unpack(ARGV, until_at + 2, last))
    redis.call('PEXPIREAT', KEYS[place], ARGV[until_at])
    until_at = last + 1
end
redis.call('XADD', KEYS[1], '*', 'batch', ARGV[1])
redis.call('INCRBY', KEYS[2], size)
return 1
""")
_head = lru_cache(1_024)(_ADMIT.head)
_number = lru_cache(1_024)(part)        # the same few again and again
_QUEUE = part(STREAM) + part(BYTES)

Names = tuple[int, int, bytes]
"""Claims whose tokens expire in one minute (Unix minutes): how many, and the claims as they go over the wire."""

Answer = list[int]
"""Why the script wrote nothing."""


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

    `viewers`: events of each in this request; `claims`: when each event's token expires and its name, no two the
    same. When this returns None, Redis has it (on disk: AOF always). Raises Full.
    """
    names = [
        (group, len(places), b"".join([part(claims[place][1]) for place in places]))
        for group, places in _groups(claims).items()
    ]
    answer = await ask(client, entry, room, minute, viewers, names, events_per_minute_max)
    return None if answer is None else refused(answer, viewers, claims)


def refused(answer: Answer, viewers: Mapping[bytes, int], claims: Sequence[tuple[int, bytes]]) -> Refused:
    """What the script had against an entry with these viewers and claims."""
    flags = iter(answer[1 + len(viewers):])
    seen = frozenset(place for places in _groups(claims).values() for place in places if next(flags))
    return Refused(dict(zip(viewers, answer[1:], strict=False)), seen)


def _groups(claims: Sequence[tuple[int, bytes]]) -> dict[int, list[int]]:
    """Places of the claims by the minute in which they expire."""
    groups: dict[int, list[int]] = {}
    for place, (expires_ms, _) in enumerate(claims):
        groups.setdefault(expires_ms // SEEN_MS, []).append(place)
    return groups


async def ask(
    client: "redis.asyncio.Redis | Resp", entry: bytes, room: Room, minute: int, viewers: Mapping[bytes, int],
    names: Sequence[Names], events_per_minute_max: int,
) -> Answer | None:
    """As `admit`, for claims that are in `names` already."""
    keys = [b"sl:rate:%b:%d" % (viewer.hex().encode(), minute) for viewer in viewers]
    keys += [b"sl:seen:%d" % group for group, _, _ in names]
    numbers = [
        room.entries_max, room.bytes_max, events_per_minute_max, RATE_SECONDS, len(viewers), *viewers.values()
    ]
    counts = [((group + 1) * SEEN_MS + SEEN_GRACE_MS, many) for group, many, _ in names]
    if isinstance(client, Resp):
        arguments = 1 + len(numbers) + sum([2 + many for _, many in counts])
        pieces = [_head(2 + len(keys), arguments), _QUEUE, *map(part, keys), part(entry), *map(_number, numbers)]
        for (until_ms, many), (_, _, packed) in zip(counts, names, strict=True):
            pieces += (_number(until_ms), _number(many), packed)
        answer = await client.run(_ADMIT, b"".join(pieces))
    else:
        answer = await _eval(client, [STREAM, BYTES, *keys], [entry, *numbers, *_unpacked(counts, names)])
    if answer == 1:
        return None
    if answer[0] == -1:
        raise Full
    return cast(Answer, answer)


def _unpacked(counts: Sequence[tuple[int, int]], names: Sequence[Names]) -> Iterator[bytes | int]:
    for (until_ms, many), (_, _, packed) in zip(counts, names, strict=True):
        length = len(packed) // many
        yield from (until_ms, many)
        yield from (packed[at : at + length].partition(b"\r\n")[2][:-2] for at in range(0, len(packed), length))


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
    client: redis.asyncio.Redis, keys: Sequence[bytes | str], arguments: Sequence[bytes | int]
) -> Any:
    try:
        return await client.evalsha(_ADMIT.sha.decode(), len(keys), *keys, *arguments)
    except redis.exceptions.NoScriptError:
        return await client.eval(_ADMIT.source, len(keys), *keys, *arguments)
