"""The purses with their holds in Redis, and what keeps them in step with SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import redis
from sqlalchemy import Connection, text

from backend.core.reasons import NoBidReason
from backend.net.resp import Resp, Script, Then
from backend.serving.catalogue import Purse, day_of
from backend.serving.purses import (
    GIVE_BACK,
    HOLD_HOUR,
    LOWER,
    NO_CAP,
    REFUSALS,
    SYNC,
    day_purse,
    hour_key,
    keys,
    total_purse,
)
from backend.serving.wire import HOLD_SCRIPT

BUDGETS_LOCK = 0x5167_4201
CURSOR_KEY = "sl:budgets:cursor"
TICKET_KEY = "sl:budgets:ticket"
# Gone a minute after the last refresh; health checks look at it.
FRESH_KEY, FRESH_SECONDS = "sl:budgets:fresh", 60
LEADER_KEY, LEADER_MS = "sl:budgets:leader", 3_000
CAMPAIGNS_KEY = "sl:budgets:campaigns"
EVENT_STREAM = "sl:events"
SETTLED_MAX = 20_000
STEPS_AT_ONCE = 200         # so that no hold waits long for them
GIVE_BACK_SCRIPT, LOWER_SCRIPT, HOLD_HOUR_SCRIPT = Script(GIVE_BACK), Script(LOWER), Script(HOLD_HOUR)


# ---- purses ---------------------------------------------------------------------------------------------------------


class Purses:
    """Holds of the deciding processes."""

    def __init__(self, client: Resp) -> None:
        self._client = client
        for script in (HOLD_SCRIPT, GIVE_BACK_SCRIPT, LOWER_SCRIPT, HOLD_HOUR_SCRIPT):
            client.register(script)

    def ask(self, packed: bytes, then: Then) -> None:
        """`then` is told the reply to a packed call of the hold script, for `REFUSALS`, or the exception: NoScriptError
        leaves it to `take`. Raises as `Resp.send`."""
        self._client.ask(packed, then)

    async def take(self, packed: bytes) -> NoBidReason | None:
        """Run a packed call of the hold script: take the price from every purse of the line item at once, or say why
        not. See `backend.serving.purses`."""
        try:
            answer = await self._client.send(packed)
        except redis.exceptions.NoScriptError:
            answer = await self._client.run(HOLD_SCRIPT, packed)
        return REFUSALS.get(answer)

    async def take_with(self, script: Script, other: bytes, packed: bytes) -> tuple[int, NoBidReason | None]:
        """The same at the same time as a packed call of another script; its answer first. Neither hinders the other."""
        try:
            replies = await self._client.all([other, packed])
        except redis.exceptions.NoScriptError:      # a hold that was taken is not taken twice
            replies = [await self._client.run(script, other), await self._client.run(HOLD_SCRIPT, packed)]
        return int(replies[0]), REFUSALS.get(replies[1])

    async def hold(
        self, chain_campaign: int, price_micro_usdc: int, expires_ms: int, member: str, total: str, day: str,
        kept_total: int | None, kept_day: int | None,
    ) -> NoBidReason | None:
        """As `take`, with the parts by name."""
        kept = [NO_CAP if one is None else one for one in (kept_total, kept_day)]
        arguments = [price_micro_usdc, expires_ms, member, total, day, *kept]
        return await self.take(HOLD_SCRIPT.packed(keys(chain_campaign), arguments))

    async def hold_hour(
        self, chain_campaign: int, line_item: int, hour_ms: int, price_micro_usdc: int, until_ms: int, member: str
    ) -> NoBidReason | None:
        """Hold the price of an hour of a sponsorship once, whoever asks and however often, until `until_ms`."""
        day = day_purse(line_item, day_of(hour_ms))
        arguments: list[str | int] = [
            price_micro_usdc, until_ms, member, total_purse(line_item), day, NO_CAP, NO_CAP,
        ]
        names = [*keys(chain_campaign), hour_key(chain_campaign, line_item, hour_ms)]
        return REFUSALS.get(await self._client.eval(HOLD_HOUR_SCRIPT, names, arguments))

    async def give_back(self, chain_campaign: int, member: str) -> None:
        """Release a hold whose decision will never be charged; one that is gone is gone."""
        await self._client.eval(GIVE_BACK_SCRIPT, keys(chain_campaign), [member])

    async def lower(
        self, chain_campaign: int, member: str, price_micro_usdc: int, expires_ms: int, lowered: str
    ) -> None:
        """Hold less than before: `lowered` names the hold at its new price, and is what the settled event finds."""
        await self._client.eval(LOWER_SCRIPT, keys(chain_campaign), [member, expires_ms, price_micro_usdc, lowered])


@dataclass(frozen=True, slots=True)
class PurseState:
    """Base and held micro-USDC of a campaign's purses, by purse."""

    base: Mapping[str, int]
    held: Mapping[str, int]

    @property
    def campaign(self) -> Purse | None:
        """None while the counters are unknown."""
        base = self.base.get("campaign")
        return None if base is None else Purse(base, self.held.get("campaign", 0))


def read_purses(client: redis.Redis, chain_campaigns: Sequence[int]) -> dict[int, PurseState]:
    """State of the purses of these campaigns, in one round trip."""
    pipeline = client.pipeline(transaction=False)
    for chain_campaign in chain_campaigns:
        base, held, _ = keys(chain_campaign)
        pipeline.hgetall(base)
        pipeline.hgetall(held)
    answers = [_integers(answer) for answer in pipeline.execute()]
    return {
        chain_campaign: PurseState(answers[2 * place], answers[2 * place + 1])
        for place, chain_campaign in enumerate(chain_campaigns)
    }


def _integers(answer: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in answer.items()}


# ---- keeping the purses in step with SQL ----------------------------------------------------------------------------

_LOCK = text("select pg_try_advisory_xact_lock(:lock)")

_SETTLED = text("""
select settled_seq, chain_campaign, line_item_id, price_micro_usdc, decision_id
  from event where settled_seq > :cursor and price_micro_usdc > 0 order by settled_seq limit :most
""")

_LAST_SETTLED = text("select coalesce(max(settled_seq), 0) from event")
_OLDEST_ACCEPTED = text("select min(received_ms) from event where status = 'accepted'")


@dataclass(frozen=True, slots=True)
class SettledEvent:
    """An event that the ledger has decided; `price_micro_usdc` was held for it."""

    settled_seq: int
    chain_campaign: int
    line_item: int
    price_micro_usdc: int
    decision_id: str


def lock_budgets(connection: Connection) -> bool:
    """Whether this transaction is the one that syncs budgets."""
    return bool(connection.execute(_LOCK, {"lock": BUDGETS_LOCK}).scalar())


def read_settled(connection: Connection, cursor: int) -> list[SettledEvent]:
    """Billable events settled after the cursor, in the order of settlement, at most 20,000."""
    return [SettledEvent(*row) for row in connection.execute(_SETTLED, {"cursor": cursor, "most": SETTLED_MAX})]


def last_settled(connection: Connection) -> int:
    return int(connection.execute(_LAST_SETTLED).scalar_one())


def oldest_accepted_ms(connection: Connection) -> int | None:
    """When the oldest event came in that the ledger has not decided yet."""
    oldest: int | None = connection.execute(_OLDEST_ACCEPTED).scalar()
    return oldest


def oldest_in_stream_ms(client: redis.Redis) -> int | None:
    """When the oldest event came in that is not in SQL yet; what the consumer has stored, it deletes."""
    first = cast("list[tuple[bytes, object]]", client.xrange(EVENT_STREAM, count=1))
    return int(first[0][0].split(b"-")[0]) if first else None


def take_ticket(client: redis.Redis, name: bytes = b"") -> int:
    """A number that grows: who reads SQL after a later ticket knows more, and is not overwritten by who knows less.

    `name` is who takes it; see `read_leader`.
    """
    with client.pipeline() as pipe:
        pipe.incr(TICKET_KEY)
        pipe.set(FRESH_KEY, b"1", ex=FRESH_SECONDS)
        pipe.set(LEADER_KEY, name, px=LEADER_MS)
        return int(pipe.execute()[0])


def stay_leader(client: redis.Redis, name: bytes) -> None:
    """The same name again when its pass ends: one over everything takes longer than three seconds."""
    client.set(LEADER_KEY, name, px=LEADER_MS)


def read_leader(client: redis.Redis) -> bytes | None:
    """Whose pass began or ended last, for three seconds."""
    return cast("bytes | None", client.get(LEADER_KEY))


def read_cursor(client: redis.Redis) -> int | None:
    cursor = cast("bytes | None", client.get(CURSOR_KEY))
    return None if cursor is None else int(cursor)


def write_cursor(client: redis.Redis, cursor: int) -> None:
    client.set(CURSOR_KEY, cursor)


def known_campaigns(client: redis.Redis) -> set[int]:
    """Campaigns that have purses."""
    return {int(member) for member in cast("set[bytes]", client.smembers(CAMPAIGNS_KEY))}


def remember_campaigns(client: redis.Redis, chain_campaigns: Iterable[int]) -> None:
    if members := list(chain_campaigns):
        client.sadd(CAMPAIGNS_KEY, *members)


def sync_purses(
    client: redis.Redis, chain_campaign: int, ticket: int, settled_until_ms: int, bases: Mapping[str, int],
    settled_holds: Sequence[str],
) -> int:
    """Replace a campaign's bases and release holds; see `backend.serving.purses.SYNC` for the answer."""
    return sync_many(client, [(chain_campaign, bases, settled_holds)], ticket, settled_until_ms)[0]


Step = tuple[int, Mapping[str, int], Sequence[str]]
"""A campaign on chain, its bases, and the holds that they have absorbed."""


def sync_many(client: redis.Redis, steps: Sequence[Step], ticket: int, settled_until_ms: int) -> list[int]:
    """The same for many campaigns, in few round trips, in their order."""
    answers: list[int] = []
    script = client.register_script(SYNC)
    for start in range(0, len(steps), STEPS_AT_ONCE):
        pipeline = client.pipeline(transaction=False)
        for chain_campaign, bases, settled_holds in steps[start : start + STEPS_AT_ONCE]:
            pairs = [part for pair in bases.items() for part in pair]
            arguments = [ticket, settled_until_ms, len(bases), *pairs, *settled_holds]
            script(keys=keys(chain_campaign), args=arguments, client=pipeline)
        answers.extend(int(answer) for answer in pipeline.execute())
    return answers


def read_held(client: redis.Redis, chain_campaigns: Sequence[int]) -> dict[int, dict[str, int]]:
    """What open holds have taken of each campaign's purses."""
    found: dict[int, dict[str, int]] = {}
    for start in range(0, len(chain_campaigns), STEPS_AT_ONCE):
        some = chain_campaigns[start : start + STEPS_AT_ONCE]
        pipeline = client.pipeline(transaction=False)
        for chain_campaign in some:
            pipeline.hgetall(keys(chain_campaign)[1])
        found |= dict(zip(some, map(_integers, pipeline.execute()), strict=True))
    return found
