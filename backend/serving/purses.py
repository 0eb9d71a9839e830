"""Purses in Redis: what a campaign or a cap may still spend, and the holds of decisions whose events may still come.

Each campaign has three keys (one hash tag, so one node of a cluster):
  base   hash  purse → micro-USDC left by SQL's books: `campaign`, `line:<id>:total`, `line:<id>:<day>`; and `ticket`
  held   hash  purse → micro-USDC in open holds
  holds  zset  `<line item>:<day>:<price>:<decision id>` by the time until which an event may still be charged
and one for every hour of a sponsorship that is being delivered, so that its price is held once.
A purse has base - held to give. Numbers stay below 2^53 micro-USDC (9 billion USDC), exact in Lua.
"""

from enum import IntEnum

from backend.core.reasons import NoBidReason

HOLD_GRACE_MS = 30_000      # longer than any event is under way between its acceptance and the stream, skew included
NO_CAP = "-"


class HoldAnswer(IntEnum):
    """What the hold script returns."""

    HELD = 0
    BUDGET = 1
    TOTAL_CAP = 2
    DAILY_CAP = 3
    PACING = 4
    UNKNOWN = 5


REFUSALS = {
    HoldAnswer.BUDGET: NoBidReason.BUDGET,
    HoldAnswer.TOTAL_CAP: NoBidReason.TOTAL_CAP,
    HoldAnswer.DAILY_CAP: NoBidReason.DAILY_CAP,
    HoldAnswer.PACING: NoBidReason.PACING,
    HoldAnswer.UNKNOWN: NoBidReason.BUDGET_UNKNOWN,
}


def keys(chain_campaign: int) -> list[str]:
    """Keys of a campaign: base, held, holds."""
    return [f"sl:{{{chain_campaign}}}:{name}" for name in ("base", "held", "holds")]


def hour_key(chain_campaign: int, line_item: int, hour_ms: int) -> str:
    """Says that the price of an hour of a sponsorship is held, or was charged already."""
    return f"sl:{{{chain_campaign}}}:hour:{line_item}:{hour_ms}"


def total_purse(line_item: int) -> str:
    return f"line:{line_item}:total"


def day_purse(line_item: int, day: int) -> str:
    return f"line:{line_item}:{day}"


def hold_member(line_item: int, day: int, price_micro_usdc: int, decision_id: str) -> str:
    """Name of a hold; made from nothing but what the settled event also knows. `decision_id` is hex."""
    return f"{line_item}:{day}:{price_micro_usdc}:{decision_id}"


# ARGV: price, expiry ms, hold, purse of the total cap, purse of the day's cap, kept back in each ("-": no cap).
# A cap that is expected but unknown refuses; a cap that is known binds, expected or not. Asked again (the client
# retries when a connection breaks), a hold that is there is there.
HOLD = """
if redis.call('ZSCORE', KEYS[3], ARGV[3]) then return 0 end
local price = tonumber(ARGV[1])
local base = redis.call('HMGET', KEYS[1], 'campaign', ARGV[4], ARGV[5])
local held = redis.call('HMGET', KEYS[2], 'campaign', ARGV[4], ARGV[5])
local kept = {'-', ARGV[6], ARGV[7]}
if not base[1] then return 5 end
for i = 1, 3 do
  if base[i] then
    local left = tonumber(base[i]) - tonumber(held[i] or 0)
    if left < price then return i end
    if left - (tonumber(kept[i]) or 0) < price then return 4 end
  elseif kept[i] ~= '-' then
    return 5
  end
end
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[2], 'campaign', price)
redis.call('HINCRBY', KEYS[2], ARGV[4], price)
redis.call('HINCRBY', KEYS[2], ARGV[5], price)
return 0
"""

# As HOLD, of the price of an hour of a sponsorship, with the hour's key as the fourth: who finds the hour held, or
# charged already, holds nothing more. In one step, so that nobody relies on a hold that another does not get.
HOLD_HOUR = f"""
if redis.call('EXISTS', KEYS[4]) == 1 then return 0 end
local function hold() {HOLD} end
local answer = hold()
if answer == 0 then redis.call('SET', KEYS[4], '1', 'PXAT', ARGV[2]) end
return answer
"""

_RELEASE = """
local function give_back(purse, price)
  if redis.call('HINCRBY', KEYS[2], purse, -price) <= 0 then redis.call('HDEL', KEYS[2], purse) end
end
local function release(hold)
  if redis.call('ZREM', KEYS[3], hold) == 0 then return end
  local line, day, price = string.match(hold, '^(%d+):(%d+):(%d+):')
  give_back('campaign', price)
  give_back('line:' .. line .. ':total', price)
  give_back('line:' .. line .. ':' .. day, price)
end
"""

# ARGV: hold. What will not be charged after all is given back at once.
GIVE_BACK = _RELEASE + """
release(ARGV[1])
return 0
"""

# ARGV: hold, expiry ms and price of the hold that takes its place, its name. The price is never higher than before.
LOWER = _RELEASE + """
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then return 0 end
release(ARGV[1])
local line, day = string.match(ARGV[4], '^(%d+):(%d+):')
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
for _, purse in ipairs({'campaign', 'line:' .. line .. ':total', 'line:' .. line .. ':' .. day}) do
  redis.call('HINCRBY', KEYS[2], purse, ARGV[3])
end
return 0
"""

# ARGV: ticket, settled until ms, number of purses, purse and base of each, holds of events that these bases contain.
# Returns -1 when somebody with a later ticket was here, else how many holds had lapsed (of at most 1000 per call).
SYNC = (
    _RELEASE
    + """
local ticket = tonumber(ARGV[1])
if ticket < tonumber(redis.call('HGET', KEYS[1], 'ticket') or 0) then return -1 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'ticket', ARGV[1])
local last = 3 + 2 * tonumber(ARGV[3])
for i = 4, last, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = last + 1, #ARGV do release(ARGV[i]) end
local lapsed = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[2], 'LIMIT', 0, 1000)
for i = 1, #lapsed do release(lapsed[i]) end
return #lapsed
"""
)
