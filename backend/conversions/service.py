"""Takes conversions in, from advertisers' servers and from the chain, and decides which ad each is due to."""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import redis

from backend.conversions import postback, store
from backend.conversions.attribution import CLOCKS_APART_MS, Attributed, attribute, too_early
from backend.conversions.client import LogReader
from backend.conversions.conversion import Conversion, verdict_of
from backend.conversions.goal import Goal, GoalKind, GoalStatus, GoalTerms, checked
from backend.conversions.logs import ConversionLog, next_range, words
from backend.core.click_id import ClickIdError, click_id, decision_of, landing_url
from backend.core.errors import BadRequest, NotFound, NotSignedIn, Unavailable, Unprocessable
from backend.core.ids import Address, CampaignId
from backend.core.reasons import DropReason
from backend.db import audit
from backend.db.decision_locks import lock_decisions
from backend.db.engine import Connection, Engine
from backend.db.failures import DATABASE_UNAVAILABLE
from backend.db.idempotency import once

log = logging.getLogger("sightline.conversions")

GOALS_SECONDS = 5.0         # how old the list of line items with goals may be
BLOCKS_MAX = 500
LIST_WAIT_SECONDS = 1.0
WAITING_MAX = 200
WAITING_MS = 2_000


@dataclass(frozen=True, slots=True)
class GoalWithSecret:
    """A goal and, when it was made or its secret was changed just now, the secret."""

    goal: Goal
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a postback. `repeated`: the goal had this order id already; nothing was changed."""

    conversion_id: int
    verdict: str
    repeated: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """A conversion that is stored as waiting; with `may_wait` it goes on waiting while its click may still come."""

    goal: Goal
    conversion: int
    decision_id: str
    occurred_ms: int
    received_ms: int
    may_wait: bool


def _decide(connection: Connection, cases: Sequence[_Case]) -> None:
    """Attribute conversions, and make the events that are charged for them (L53). Needs `lock_decisions`.

    Refusals come last and by reason: everybody's counters are changed in one order, so that nobody waits in a circle.
    """
    refused: list[tuple[str, _Case]] = []
    for case in cases:
        found = attribute(
            case.goal.terms, case.goal.campaign_id, store.touches(connection, case.decision_id), case.occurred_ms,
            counted_before=store.is_counted(connection, case.goal.id, case.decision_id),
        )
        if isinstance(found, Attributed):
            event_id = store.insert_event(
                connection, case.conversion, found.touch, case.occurred_ms, case.received_ms
            )
            store.count(connection, case.conversion, found.touch, event_id)
        elif not (case.may_wait and found is DropReason.NOT_ATTRIBUTED):
            refused.append((found.value, case))
    for reason, case in sorted(refused, key=lambda pair: pair[0]):
        store.refuse(connection, case.conversion, reason, case.decision_id, case.received_ms)


class GoalService:
    """What advertisers say is a conversion, and what they see of those that came."""

    def __init__(
        self, engine: Engine, token_key: bytes, reader: LogReader, confirmations: int,
        *, clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._token_key = token_key
        self._reader = reader
        self._confirmations = confirmations
        self._clock = clock

    def create(
        self, owner: Address, campaign: CampaignId, terms: GoalTerms, *, key: str | None = None
    ) -> GoalWithSecret:
        """A goal of the owner's campaign, with its secret. Logs are read from now on.

        Raises NotFound, Unprocessable when the terms break a rule, Unavailable when the chain does not answer.
        """
        terms = checked(terms)
        head = self._reader.confirmed(self._confirmations) if terms.kind is GoalKind.ON_CHAIN else None

        def create() -> Goal:
            goal = store.insert_goal(connection, campaign, terms, None if head is None else max(0, head))
            audit.record(connection, "conversion_goal.create", f"conversion_goal:{goal.id}", campaign=campaign,
                         kind=terms.kind.value)
            return goal

        with self._engine.begin() as connection:
            _check_own_campaign(connection, owner, campaign)
            goal = once(connection, owner, key, ("conversion goal", campaign, terms), Goal, create)
            return self._with_secret(goal)

    def goal(self, owner: Address, goal: int) -> Goal:
        with self._engine.begin() as connection:
            return _own_goal(connection, owner, goal)

    def goals(self, owner: Address, campaign: CampaignId | None, *, after: int = 0, limit: int = 50) -> list[Goal]:
        with self._engine.begin() as connection:
            return store.goals_of(connection, owner, campaign, after, limit)

    def change(self, owner: Address, goal: int, *, name: str | None, status: GoalStatus | None) -> Goal:
        """Rename, archive or take up again. What counts as a conversion cannot be changed: make another goal."""
        with self._engine.begin() as connection:
            found = _own_goal(connection, owner, goal, lock=True)
            terms = replace(found.terms, name=name or found.terms.name)
            changed = replace(found, terms=terms, status=status or found.status)
            if found.status is GoalStatus.ARCHIVED and found.read_number is not None:
                # what was logged meanwhile is not read
                head = max(0, self._reader.confirmed(self._confirmations))
                changed = replace(changed, read_number=head, read_from=head, again_number=None)
            store.update_goal(connection, changed)
            audit.record(connection, "conversion_goal.change", f"conversion_goal:{goal}", status=changed.status.value)
            return changed

    def rotate(self, owner: Address, goal: int, overlap_hours: int, *, key: str | None = None) -> GoalWithSecret:
        """A new secret; the one before is good for `overlap_hours` more, all older ones for no time at all.

        Raises Unprocessable `goal_has_no_secret` for a goal whose conversions come from the chain.
        """
        def rotate() -> Goal:
            found = _own_goal(connection, owner, goal, lock=True)
            if found.terms.kind is not GoalKind.POSTBACK:
                raise Unprocessable("goal_has_no_secret", "conversions of this goal come from the chain, unsigned")
            until = datetime.fromtimestamp(self._clock(), UTC) + timedelta(hours=overlap_hours)
            changed = replace(found, secret_version=found.secret_version + 1, previous_until=until)
            store.update_goal(connection, changed)
            audit.record(connection, "conversion_goal.rotate", f"conversion_goal:{goal}", overlap_hours=overlap_hours)
            return changed

        with self._engine.begin() as connection:
            request = ("conversion secret", goal, overlap_hours)
            return self._with_secret(once(connection, owner, key, request, Goal, rotate))

    def conversions(
        self, owner: Address, campaign: CampaignId, *, after: int = 0, limit: int = 50
    ) -> list[Conversion]:
        """Conversions of the owner's campaign, by id."""
        with self._engine.begin() as connection:
            _check_own_campaign(connection, owner, campaign)
            return store.page(connection, campaign, after, limit)

    def counts(self, owner: Address, campaign: CampaignId) -> dict[int, Counter[str]]:
        """How many conversions of the owner's campaign have which verdict, by goal."""
        with self._engine.begin() as connection:
            _check_own_campaign(connection, owner, campaign)
            found: dict[int, Counter[str]] = {}
            for goal, state, reason, status, n in store.counts(connection, campaign):
                found.setdefault(goal, Counter())[verdict_of(state, reason, status)] += n
            return found

    def _with_secret(self, goal: Goal) -> GoalWithSecret:
        if goal.terms.kind is not GoalKind.POSTBACK:
            return GoalWithSecret(goal)
        return GoalWithSecret(goal, postback.secret(self._token_key, goal.id, goal.secret_version))


def _check_own_campaign(connection: Connection, owner: Address, campaign: CampaignId) -> None:
    if not store.owns_campaign(connection, owner, campaign):
        raise NotFound("campaign_unknown", f"you have no campaign {campaign}")


def _own_goal(connection: Connection, owner: Address, goal: int, *, lock: bool = False) -> Goal:
    found = store.goal_of(connection, owner, goal, lock=lock)
    if found is None:
        raise NotFound("goal_unknown", f"you have no conversion goal {goal}")
    return found


class PostbackService:
    """Conversions that advertisers' servers report, signed with the secret of the goal."""

    def __init__(
        self, engine: Engine, client: redis.Redis, token_key: bytes, token_seconds: int,
        *, clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._redis = client
        self._token_key = token_key
        self._token_seconds = token_seconds
        self._clock = clock

    def receive(self, body: bytes, timestamp: str, signature: str) -> Receipt:
        """Store and decide a conversion; `body` is a `Postback` as JSON. Sent again, it answers the same.

        Raises BadRequest or Unprocessable when the body is none, NotSignedIn `postback_too_old` or
        `postback_not_signed` (also for goals that there are not): then nothing was changed.
        """
        report = _decoded(body)
        now_seconds = self._clock()
        if not postback.is_timely(timestamp, int(now_seconds)):
            raise NotSignedIn("postback_too_old", f"the timestamp is not within {postback.TOLERANCE_SECONDS} s of now")
        with self._engine.begin() as connection:
            goal = store.any_goal(connection, report.goal_id)
            secrets = self._secrets(goal, now_seconds)
            if not postback.is_signed(body, timestamp, signature, secrets) or goal is None:
                raise NotSignedIn("postback_not_signed", "the signature is not that of the goal's secret")
            return self._take_in(connection, goal, report, int(now_seconds * 1_000))

    def _secrets(self, goal: Goal | None, now_seconds: float) -> list[str]:
        """For a goal that there is not, one that nobody knows: the answer takes as long."""
        if goal is None or goal.terms.kind is not GoalKind.POSTBACK:
            return [postback.secret(self._token_key, 0, 0)]
        versions = postback.valid_versions(goal, now_seconds)
        return [postback.secret(self._token_key, goal.id, version) for version in versions]

    def _take_in(self, connection: Connection, goal: Goal, report: postback.Postback, now_ms: int) -> Receipt:
        decision = self._decision(report.click_id)
        name = None if decision is None else decision.hex()
        conversion = store.insert_conversion(connection, goal, report.order_id, name, now_ms, now_ms)
        if conversion is None:
            return _receipt(connection, goal, report.order_id, repeated=True)
        refusal = _refusal(goal, name)
        if refusal is not None:
            store.refuse(connection, conversion, refusal.value, name, now_ms)
        elif decision is not None:
            early = too_early(decision, _stored_until_ms(self._redis, now_ms), self._token_seconds)
            lock_decisions(connection, [decision.hex()])
            _decide(connection, [_Case(goal, conversion, decision.hex(), now_ms, now_ms, early)])
        return _receipt(connection, goal, report.order_id, repeated=False)

    def _decision(self, click: str) -> bytes | None:
        try:
            return decision_of(click, self._token_key)
        except ClickIdError:
            return None


def _refusal(goal: Goal, decision_id: str | None) -> DropReason | None:
    if goal.status is GoalStatus.ARCHIVED:
        return DropReason.GOAL_ARCHIVED
    return DropReason.CLICK_UNKNOWN if decision_id is None else None


def _stored_until_ms(client: redis.Redis, now_ms: int) -> int:
    """All events that came before this time (Unix milliseconds) are in the tables."""
    oldest_ms = store.oldest_in_stream_ms(client)
    return now_ms if oldest_ms is None else min(now_ms, oldest_ms)


def _receipt(connection: Connection, goal: Goal, order_id: str, *, repeated: bool) -> Receipt:
    row = store.conversion_of_order(connection, goal.id, order_id)
    return Receipt(row.id, row.verdict, repeated)


def _decoded(body: bytes) -> postback.Postback:
    try:
        return postback.decode(body)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", f"not a conversion: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error


class WaitingConversions:
    """Decides conversions that came before their click was stored. Safe in several processes, and to be killed."""

    def __init__(
        self, engine: Engine, client: redis.Redis, token_seconds: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._redis = client
        self._token_seconds = token_seconds
        self._clock = clock

    def settle(self) -> bool:
        """One pass over those that wait, in one transaction. Never asks to be called again at once."""
        now_ms = int(self._clock() * 1_000)
        stored_until_ms = _stored_until_ms(self._redis, now_ms)     # before the tables are read
        with self._engine.begin() as connection:
            cases = [
                self._case(connection, row, stored_until_ms)
                for row in store.waiting(connection, now_ms - WAITING_MS, WAITING_MAX)
            ]
            lock_decisions(connection, [case.decision_id for case in cases])
            _decide(connection, cases)
            return False

    def _case(self, connection: Connection, row: Conversion, stored_until_ms: int) -> _Case:
        goal = store.any_goal(connection, row.goal_id)
        assert goal is not None       # conversions refer to their goal
        assert row.decision_id is not None      # without one it was refused at once
        early = too_early(bytes.fromhex(row.decision_id), stored_until_ms, self._token_seconds)
        return _Case(goal, row.id, row.decision_id, row.occurred_ms, row.received_ms, early)


class ChainConversions:
    """Conversions that contracts log: what a goal names is read in ranges of confirmed blocks, each exactly once, and
    once more where a click was stored late.

    The range, its conversions and the goal's `read_number` are one transaction, so it may be killed at any moment.
    """

    def __init__(
        self, engine: Engine, client: redis.Redis, reader: LogReader, confirmations: int,
        *, clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._redis = client
        self._reader = reader
        self._confirmations = confirmations
        self._clock = clock

    def step(self) -> bool:
        """Read one range for every goal; True when one of them is still behind."""
        with self._engine.begin() as connection:
            goals = store.on_chain_goals(connection)
        if not goals:
            return False
        confirmed = self._reader.confirmed(self._confirmations)
        if not self._is_stored_until(confirmed):
            return False
        behind = [self._try(goal, partial(self._read, goal, confirmed)) for goal in goals]
        with self._engine.begin() as connection:
            late = store.goals_to_read_again(connection)
        behind += [self._try(goal, partial(self._read_again, goal)) for goal in late]
        return any(behind)

    def _is_stored_until(self, confirmed: int) -> bool:
        """Whether the clicks before that block are in the tables: else a log would be read before its click is."""
        oldest_ms = store.oldest_in_stream_ms(self._redis)
        return oldest_ms is None or (confirmed >= 0 and self._reader.block_ms(confirmed) < oldest_ms)

    def _try(self, goal: int, read: Callable[[], bool]) -> bool:
        """What a node will not tell of one contract must not keep it from telling of others."""
        try:
            return read()
        except Unavailable as error:
            log.warning("goal %d: %s", goal, error)
            return False

    def _read(self, goal_id: int, confirmed: int) -> bool:
        with self._engine.begin() as connection:
            goal = store.claim_goal(connection, goal_id)
            if goal is None or goal.terms.contract is None or goal.terms.topic0 is None:
                return False
            span = next_range(goal.read_number or 0, confirmed, BLOCKS_MAX)
            if span is None:
                return False
            found = self._reader.logs(goal.terms.contract, goal.terms.topic0, *span)
            self._take_in(connection, goal, found)
            store.advance(connection, goal.id, span[1])
            return span[1] < confirmed

    def _read_again(self, goal_id: int) -> bool:
        """A range of what was read before a click was stored that had come by then: it had waited on a disk, or for its
        view. What is begun is read to its end before more is begun, and new blocks are read all the while: late clicks
        without end keep nothing from being read.
        """
        with self._engine.begin() as connection:
            goal = store.claim_goal(connection, goal_id)
            if goal is None or goal.terms.contract is None or goal.terms.topic0 is None:
                return False
            last = goal.read_number or 0
            start = goal.again_number
            if start is None:
                late_ms = store.take_late(connection, goal.id)
                if late_ms is None:
                    return False
                first = last if goal.read_from is None else goal.read_from
                start = self._last_before(late_ms - CLOCKS_APART_MS, first, last)
            span = next_range(start, last, BLOCKS_MAX)
            if span is not None:
                self._take_in(connection, goal, self._reader.logs(goal.terms.contract, goal.terms.topic0, *span))
            reached = last if span is None else span[1]
            store.advance_again(connection, goal.id, None if reached == last else reached)
            return reached != last

    def _last_before(self, time_ms: int, first: int, last: int) -> int:
        """The last block from `first` to `last` that is older than a time; `first` when none is."""
        while first < last:
            middle = (first + last + 1) // 2
            if self._reader.block_ms(middle) < time_ms:
                first = middle
            else:
                last = middle - 1
        return first

    def _take_in(self, connection: Connection, goal: Goal, found: list[ConversionLog]) -> None:
        """Logs without a reference of ours are somebody's business, not conversions."""
        wanted = {one.order_id: words(one) for one in found}
        every = {word for inside in wanted.values() for word in inside}
        known = store.decisions_by_reference(connection, every) if every else {}
        named = [(known[word], one) for one in found for word in wanted[one.order_id] if word in known]
        blocks_ms = {number: self._reader.block_ms(number) for number in sorted({one.block for _, one in named})}
        lock_decisions(connection, {decision_id for decision_id, _ in named})
        now_ms = int(self._clock() * 1_000)
        cases: list[_Case] = []
        for decision_id, one in sorted(named, key=lambda pair: pair[0]):      # one that names two is one conversion
            at_ms = blocks_ms[one.block]
            conversion = store.insert_conversion(connection, goal, one.order_id, decision_id, at_ms, now_ms)
            if conversion is not None:
                cases.append(_Case(goal, conversion, decision_id, at_ms, now_ms, may_wait=False))
        _decide(connection, cases)


class Landing:
    """Where a click leads: the creative's page, told the click id when the line item has a goal."""

    def __init__(self, engine: Engine, token_key: bytes, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._token_key = token_key
        self._clock = clock
        self._line_items: frozenset[int] = frozenset()
        self._asked_at = -math.inf
        self._asking: asyncio.Task[None] | None = None

    async def url(self, target: str, line_item: int, decision_id: bytes) -> str:
        """`target`, with the click id where it is wanted. Nobody waits long for SQL: then the last list holds."""
        now = self._clock()
        is_asking = self._asking is not None and not self._asking.done()
        if not is_asking and now - self._asked_at > GOALS_SECONDS:
            self._asked_at = now
            self._asking = asyncio.create_task(asyncio.to_thread(self._refresh))
        left_seconds = self._asked_at + LIST_WAIT_SECONDS - now
        if self._asking is not None and left_seconds > 0:
            await asyncio.wait({self._asking}, timeout=left_seconds)
        if line_item not in self._line_items:
            return target
        return landing_url(target, click_id(decision_id, self._token_key))

    def _refresh(self) -> None:
        try:
            with self._engine.begin() as connection:
                self._line_items = store.line_items_with_goals(connection)
        except DATABASE_UNAVAILABLE as error:
            log.warning("goals cannot be read: %s", type(error).__name__)
