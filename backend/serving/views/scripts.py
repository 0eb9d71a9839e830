"""What runs inside Redis to count a view: both functions are Lua, so that another script can take a view and more.

Each viewer and UTC day has one hash of counters; a shard of viewers shares a hash of how many bytes were taken up this
hour and this day. Both have the shard as hash tag, so they are on one node of a cluster.

Bounded memory. Whoever invents viewer keys makes hashes, not counters in old ones: every new hash and field is paid for
from its shard's bytes of the hour and of the day, at no less than what Redis takes for it (`bench/frequency.py`). When
they are used up, nobody new is counted, and what is capped is not shown to who cannot be counted: the caps hold, the
memory too, and the next hour has its own bytes. The shard follows from the keyed hash, so nobody can aim at one.
"""

from enum import IntEnum

from backend.core.reasons import NoBidReason
from backend.serving.catalogue import MS_PER_DAY, Frequency
from backend.serving.views.window import FIELDS_MAX, MS_PER_HOUR, MS_PER_MINUTE, field_of, kept_ms, mark_of

SHARDS = 256
DAY_BYTES_MAX = 1 << 30         # of all counters of a UTC day
HOUR_SHARE = 4                  # one hour may take a quarter of it
USED_KEPT_MS = 2 * MS_PER_HOUR
KEY_BYTES = 176                 # of a viewer's hash: key, entries of both dictionaries, header
FIELD_BYTES = 32                # of a field while the hash is packed
PACKED_FIELDS = 128             # hash-max-listpack-entries of Redis; beyond, each field is an object
UNPACKING_BYTES = 12_288        # what the 129th field costs
OBJECT_BYTES = 112


class ViewAnswer(IntEnum):
    """What `take_view` returns."""

    TAKEN = 0
    FREQUENCY = 1
    RECENCY = 2
    FULL = 3


VIEW_REFUSALS = {
    ViewAnswer.FREQUENCY: NoBidReason.FREQUENCY_CAP,
    ViewAnswer.RECENCY: NoBidReason.RECENCY_CAP,
    ViewAnswer.FULL: NoBidReason.NO_CONSENT,        # nobody may be counted now, as if he had not agreed
}

# take_view(viewer's key, shard's key, first argument): see `take_arguments` for the arguments from there on.
TAKE_VIEW = f"""
local function view_bytes(fields)
  if fields == 0 then return {KEY_BYTES + FIELD_BYTES} end
  if fields < {PACKED_FIELDS} then return {FIELD_BYTES} end
  if fields == {PACKED_FIELDS} then return {UNPACKING_BYTES} end
  return {OBJECT_BYTES}
end
local function take_view(viewer, shard, at)
  local counter, mark, minute, apart = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local most, hours, keep = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local fields, cost, made = redis.call('HLEN', viewer), 0, 0
  if apart > 0 and fields > 0 then
    local last = redis.call('HGET', viewer, mark)
    if last and minute - tonumber(last) <= apart then return 2 end
  end
  if most > 0 and fields > 0 then
    local line, hour = string.match(counter, '^(%d+):(%d+)$')
    local names = {{}}
    for back = 0, hours do names[back + 1] = line .. ':' .. string.format('%d', hour - back) end
    local seen = 0
    for _, n in ipairs(redis.call('HMGET', viewer, unpack(names))) do seen = seen + (tonumber(n or 0) or 0) end
    if seen >= most then return 1 end
  end
  if fields >= {FIELDS_MAX} then return 1 end
  if most > 0 and redis.call('HEXISTS', viewer, counter) == 0 then cost = view_bytes(fields); made = 1 end
  if apart > 0 and redis.call('HEXISTS', viewer, mark) == 0 then cost = cost + view_bytes(fields + made) end
  if cost > 0 then
    local hour_name, day_name = ARGV[at + 7], ARGV[at + 8]
    local used = redis.call('HMGET', shard, hour_name, day_name)
    local of_hour, of_day = tonumber(used[1] or 0) + cost, tonumber(used[2] or 0) + cost
    if of_hour > tonumber(ARGV[at + 9]) or of_day > tonumber(ARGV[at + 10]) then return 3 end
    redis.call('HSET', shard, hour_name, of_hour, day_name, of_day)
    redis.call('PEXPIRE', shard, ARGV[at + 11])
  end
  if most > 0 then redis.call('HINCRBY', viewer, counter, 1) end
  if apart > 0 then redis.call('HSET', viewer, mark, minute) end
  if redis.call('PTTL', viewer) < keep then redis.call('PEXPIRE', viewer, keep) end
  return 0
end
"""

# Of what `take_view` took a moment ago with the same arguments. A key that has just ended stays away. The ad before was
# longer ago than its cap asks for, so forgetting its minute forgets nothing that matters.
GIVE_VIEW_BACK = """
local function give_view_back(viewer, at)
  if redis.call('HEXISTS', viewer, ARGV[at]) == 1 then redis.call('HINCRBY', viewer, ARGV[at], -1) end
  if redis.call('HGET', viewer, ARGV[at + 1]) == ARGV[at + 2] then redis.call('HDEL', viewer, ARGV[at + 1]) end
end
"""

TAKE = TAKE_VIEW + "return take_view(KEYS[1], KEYS[2], 1)"
GIVE_BACK = GIVE_VIEW_BACK + "give_view_back(KEYS[1], 1) return 0"


def view_keys(viewer: bytes) -> list[str]:
    """Keys of a viewer's counters and of the bytes that its shard has taken up."""
    shard = f"sl:views:{{{viewer[0] % SHARDS:02x}}}"
    return [f"{shard}:{viewer.hex()}", f"{shard}:used"]


def take_arguments(line_item: int, cap: Frequency, now_ms: int, day_bytes_max: int = DAY_BYTES_MAX) -> list[str | int]:
    """Twelve arguments of `take_view`: counter, mark, minute, minutes apart, impressions (0: any number), hours back
    (no more than the day has had), how long to keep (ms), names of this hour's and day's bytes, how many a shard may
    take in them, how long to keep those.
    """
    hour, day = now_ms // MS_PER_HOUR, now_ms // MS_PER_DAY
    return [
        field_of(line_item, hour), mark_of(line_item), now_ms // MS_PER_MINUTE, cap.apart_minutes,
        cap.impressions or 0, min(cap.hours, hour % 24), kept_ms(cap, now_ms), f"h{hour}", f"d{day}",
        day_bytes_max // SHARDS // HOUR_SHARE, day_bytes_max // SHARDS, MS_PER_DAY - now_ms % MS_PER_DAY + USED_KEPT_MS,
    ]
