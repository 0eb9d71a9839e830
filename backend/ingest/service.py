"""Takes reported events in, durably before they are acknowledged, and stores each of them exactly once."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import msgspec
import redis
import redis.asyncio

from backend.core.decision_token import DecisionToken, TokenError, verify
from backend.core.errors import BadRequest, TooLarge, Unavailable, Unprocessable
from backend.core.ids import Address
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.db.decision_locks import lock_decisions
from backend.db.engine import Connection, Engine
from backend.db.failures import REDIS_UNAVAILABLE
from backend.db.notices import notify
from backend.ingest import kernel, pipeline, quick, reports, store
from backend.ingest.door import store as door
from backend.ingest.kernel import Whole
from backend.ingest.pipeline import NO_LISTS, Circumstances, Lists
from backend.ingest.quick import Asked, Judged
from backend.ingest.reports import Entry
from backend.ingest.sequence import asked_early, asked_ids, click_id, in_order, late_decisions
from backend.ingest.store import Poison, Stored
from backend.net.resp import Resp

log = logging.getLogger("sightline.ingest")

QUEUE_ENTRIES_MAX = 200_000
QUEUE_BYTES_MAX = 512 * 1024 * 1024
MEMORY_PERCENT_MAX = 85         # of what Redis may use: the rest is for holds and counters
MEMORY_SECONDS = 1.0
RETRY_AFTER_SECONDS = 5
ENTRIES_PER_PASS = 4_000
PARTS_PER_PASS = 6
BYTES_PER_PART = 1024 * 1024    # what one pass holds in memory is a few of these, however much waits
SET_ASIDE = "events.set_aside"
VIEWER_BYTES = 8
EARLY_CLICK_MS = 86_400_000     # far longer than any token lives
KERNEL = None if os.environ.get("SIGHTLINE_KERNEL") == "python" else kernel.load()


class IngestService:
    """The API's side: verdicts, then one entry in the stream for all events of a request."""

    def __init__(
        self, client: "redis.asyncio.Redis | Resp", chain_id: int, token_key: bytes, ruleset: Ruleset, *,
        queue_length_max: int = QUEUE_ENTRIES_MAX, queue_bytes_max: int = QUEUE_BYTES_MAX,
        lists: Lists = NO_LISTS,
    ) -> None:
        self._redis = client
        self._chain_id = chain_id
        self._token_key = token_key
        self._ruleset = ruleset
        self._lists = lists
        self._room = door.Room(queue_length_max, queue_bytes_max)
        self._memory = MemoryWatch(client)

    async def accept(
        self, body: bytes, now_ms: int, user_agent: str, origin: str = "", *, is_link: bool = False, ip: str = "",
    ) -> list[DropReason | None]:
        """A verdict per event (None: accepted), stored in Redis when this returns. `body` is JSON {"events": […]}.

        Raises BadRequest or Unprocessable when the body is no batch, TooLarge above 100 events, Unavailable when the
        queue is full; then nothing was taken in. An accepted event can still turn out to be a replay that Redis has
        forgotten, or a click without a view.
        """
        about = Circumstances(
            now_ms, user_agent, self._chain_id, self._token_key, self._ruleset, origin, is_link, ip, self._lists
        )
        request = quick.asked(about)
        whole = quick.judge_whole(body, request, KERNEL)
        answer = None if whole is None else await self._admit_whole(whole, now_ms)
        if whole is not None and answer is None:
            return [None] * whole.events
        judged = _judged(body, request)
        await self.admit(judged, now_ms, answer)
        return [one.reason for one in judged]

    async def _admit_whole(self, whole: Whole, now_ms: int) -> "door.Answer | None":
        """None: everything is written. Else what the first round of `admit` would have heard."""
        self._memory.check()
        try:
            return await door.ask(
                self._redis, whole.entry, self._room, now_ms // 60_000, {whole.viewer: whole.events}, whole.names,
                self._ruleset.viewer_events_per_minute_max,
            )
        except door.Full:
            raise _queue_full() from None

    def judge_click(self, token: str, now_ms: int, user_agent: str, ip: str = "") -> Judged:
        """The verdict about a click that came as a link."""
        about = Circumstances(
            now_ms, user_agent, self._chain_id, self._token_key, self._ruleset, "", True, ip, self._lists
        )
        return quick.judge(reports.Click(token), quick.asked(about))

    async def outside(self, facts: DecisionToken, now_ms: int) -> DropReason | None:
        """A viewable impression of an ad that another exchange shows, by its own word (L87); as `accept`.

        `facts` were checked by the caller, and their price is what is charged.
        """
        return await self._outside(facts, reports.Viewable(token="", samples=[]), now_ms)

    async def outside_click(self, facts: DecisionToken, now_ms: int) -> DropReason | None:
        """A click on such an ad."""
        return await self._outside(facts, reports.Click(token=""), now_ms)

    async def _outside(self, facts: DecisionToken, report: reports.Report, now_ms: int) -> DropReason | None:
        judged = self._judge_outside(facts, report, now_ms)
        await self.admit([judged], now_ms)
        return judged.reason

    def judge_outside_click(self, facts: DecisionToken, now_ms: int) -> Judged:
        """The verdict about `outside_click`, for who counts it later."""
        return self._judge_outside(facts, reports.Click(token=""), now_ms)

    def _judge_outside(self, facts: DecisionToken, report: reports.Report, now_ms: int) -> Judged:
        about = Circumstances(now_ms, "", self._chain_id, self._token_key, self._ruleset)
        record = pipeline.accepted(pipeline.Incoming(msgspec.Raw(b""), report, facts), about)
        record.viewer_mark = None       # one key may stand for all viewers of an exchange
        # the exchange answers for its viewers; asked again, it is told of a replay, not of a viewer in a hurry
        return quick.of_record(record, secrets.token_bytes(VIEWER_BYTES), facts.expires_ms)

    def read_token(self, token: str) -> DecisionToken | None:
        """The facts behind a token of ours, expired or not; None when it is not ours."""
        try:
            return verify(token, self._token_key)
        except TokenError:
            return None

    async def admit(self, judged: list[Judged], now_ms: int, answer: "door.Answer | None" = None) -> None:
        """Write the entry once nothing in it must be refused; the verdicts are in it, so a redelivery decides the same.

        Each round refuses at least one event more, for good: whatever came before stays so. Raises Unavailable when
        the queue is full. `answer`: the door has answered the first round already.
        """
        self._memory.check()
        passed = [one for one in judged if one.reason is None]
        viewers: dict[bytes, int] = {}
        for one in passed:
            viewers[one.viewer] = viewers.get(one.viewer, 0) + 1
        _refuse_twins(passed)
        while True:
            claimed = [one for one in passed if one.reason is None]
            claims = [(one.expires_ms, one.claim) for one in claimed]
            if answer is None:
                refused = await self._admit_judged(judged, now_ms, viewers, claims)
            else:
                refused, answer = door.refused(answer, viewers, claims), None
            if refused is None:
                return
            for place in refused.seen:
                claimed[place].refuse(DropReason.REPLAYED)
            self._refuse_too_many(passed, refused)
            viewers = {}

    async def _admit_judged(
        self, judged: list[Judged], now_ms: int, viewers: dict[bytes, int], claims: list[tuple[int, bytes]]
    ) -> "door.Refused | None":
        entry = reports.encode_entry(reports.Written(now_ms, [one.record for one in judged]))
        try:
            return await door.admit(
                self._redis, entry, self._room, now_ms // 60_000, viewers, claims,
                self._ruleset.viewer_events_per_minute_max,
            )
        except door.Full:
            raise _queue_full() from None

    def _refuse_too_many(self, passed: list[Judged], refused: door.Refused) -> None:
        position: Counter[bytes] = Counter()
        for one in passed:
            if one.viewer in refused.counted:
                reason = pipeline.rate(position[one.viewer], refused.counted[one.viewer], self._ruleset)
                position[one.viewer] += 1
                if reason is not None:
                    one.refuse(reason)


def _judged(body: bytes, request: Asked) -> list[Judged]:
    try:
        events = reports.decode_batch(body).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [quick.judge_raw(raw, request) for raw in _raw_events(body)]
    _check_length(len(events))
    return quick.judge_all(events, request, KERNEL)


def _raw_events(body: bytes) -> list[msgspec.Raw]:
    try:
        batch = reports.decode_raw_batch(body)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", f"not a batch of events: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error
    _check_length(len(batch.events))
    return batch.events


def _check_length(events: int) -> None:
    if events > reports.EVENTS_MAX:
        raise TooLarge("batch_too_large", f"at most {reports.EVENTS_MAX} events may be sent at once")


def _refuse_twins(passed: list[Judged]) -> None:
    """The same event twice in one request."""
    if len({one.claim for one in passed}) == len(passed):
        return
    seen: set[bytes] = set()
    for one in passed:
        if one.claim in seen:
            one.refuse(DropReason.REPLAYED)
        seen.add(one.claim)


def _queue_full() -> Unavailable:
    return Unavailable("queue_full", "too many events wait to be stored", retry_after_seconds=RETRY_AFTER_SECONDS)


class MemoryWatch:
    """Whether Redis has room, looked at once a second at most while events come; no event waits for the look."""

    def __init__(
        self, client: "redis.asyncio.Redis | Resp", *, percent_max: int = MEMORY_PERCENT_MAX,
        seconds: float = MEMORY_SECONDS,
    ) -> None:
        self._redis = client
        self._percent_max = percent_max
        self._seconds = seconds
        self._looked_at = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._full = False

    def check(self) -> None:
        """Raises Unavailable when Redis had little room left a moment ago."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._looked_at >= self._seconds and (self._looking is None or self._looking.done()):
            self._looked_at = loop.time()
            self._looking = loop.create_task(self.look())
        if self._full:
            raise _queue_full()

    async def look(self) -> None:
        """Ask Redis now."""
        try:
            used, limit = await door.memory(self._redis)
        except REDIS_UNAVAILABLE:
            return
        self._full = used * 100 > limit * self._percent_max


class IngestConsumer:
    """The worker's side: stream → tables, one SQL transaction per pass, acknowledged after it.

    Exactly once: an entry that is delivered again after a crash is recognised by its rows. One process at a time
    (a lock in PostgreSQL), and what was delivered to a dead one comes first, so events keep their order. A pass holds
    a few megabytes, however much waits. Admins are told of what had to be set aside (L81).
    """

    def __init__(
        self, engine: Engine, client: redis.Redis, *, entries_per_step: int = ENTRIES_PER_PASS,
        bytes_per_part: int = BYTES_PER_PART, admins: Collection[Address] = (),
    ) -> None:
        self._engine = engine
        self._redis = client
        self._entries_per_step = entries_per_step
        self._bytes_per_part = bytes_per_part
        self._reader = ThreadPoolExecutor(1, "ingest-reader")
        self._admins = admins

    def consume(self) -> bool:
        """One pass; True when there was something to do."""
        if store.is_empty(self._redis):
            return False
        for attempt in (self._hopefully, self._carefully, self._one_by_one):
            try:
                return self._pass(attempt)
            except Exception as error:
                why = store.why_unstorable(error)
                if why is None or attempt == self._one_by_one:
                    raise
                log.info("a pass of the event stream is done again with more care: %s", type(why).__name__)
        raise AssertionError("not reached")

    def _pass(self, attempt: "Callable[[Connection, _Entries], dict[str, Poison]]") -> bool:
        sizes: dict[str, int] = {}
        poison: dict[str, Poison] = {}
        with self._engine.begin() as connection:
            if not store.lock_ingest(connection):
                return False
            # closed at once when SQL objects: else what is read ahead would be in no order with the next attempt
            with contextlib.closing(self._ahead(store.Deliveries(self._redis))) as parts:
                for delivered in parts:
                    sizes |= delivered.sizes
                    known = store.stored_entries(connection, [stream_id for stream_id, _ in delivered.entries])
                    fresh = [(stream_id, entry) for stream_id, entry in delivered.entries if stream_id not in known]
                    late = late_decisions(fresh)
                    if late:
                        lock_decisions(connection, late)
                    bad = delivered.poison | _displaced(delivered.entries, known) | attempt(connection, fresh)
                    received_ms = [entry.received_ms for stream_id, entry in fresh if stream_id not in bad]
                    if received_ms:
                        store.forget_early(connection, received_ms[0] - EARLY_CLICK_MS)
                    poison |= bad
                    if late:
                        break       # such locks are taken once in a transaction; the next pass goes on
            if poison:
                self._tell(connection, len(poison))
        if sizes:
            store.acknowledge(self._redis, sizes, poison)
        return bool(sizes)

    def _tell(self, connection: Connection, entries: int) -> None:
        """Admins are told, once an hour."""
        if not store.told_lately(connection, SET_ASIDE):
            for admin in sorted({*store.admins(connection), *self._admins}):
                notify(connection, admin, SET_ASIDE, entries=entries)

    def _ahead(self, deliveries: store.Deliveries) -> "Generator[_Delivered]":
        """Parts of a pass; while SQL works on one, the next is read."""
        delivered = self._read(deliveries, self._entries_per_step)
        left = self._entries_per_step
        for part in range(1, PARTS_PER_PASS + 1):
            left -= len(delivered.sizes)
            is_full = sum(delivered.sizes.values()) >= self._bytes_per_part
            is_more = is_full and left > 0 and part < PARTS_PER_PASS
            following = self._reader.submit(self._read, deliveries, left) if is_more else None
            try:
                yield delivered
            finally:
                if following is not None:
                    delivered = following.result()
            if following is None:
                return

    def _read(self, deliveries: store.Deliveries, most: int) -> "_Delivered":
        return _decode(deliveries.read(most, self._bytes_per_part))

    def _hopefully(self, connection: Connection, fresh: "_Entries") -> dict[str, Poison]:
        """Redis has kept out what came before; where it has not, a unique key says so, and nothing was done."""
        self._store(connection, fresh, views_too=False)
        return {}

    def _carefully(self, connection: Connection, fresh: "_Entries") -> dict[str, Poison]:
        """SQL is asked about every event: Redis has forgotten some."""
        self._store(connection, fresh, views_too=True)
        return {}

    def _one_by_one(self, connection: Connection, fresh: "_Entries") -> dict[str, Poison]:
        """One of them cannot be stored: find it, and put it aside."""
        poison: dict[str, Poison] = {}
        for stream_id, entry in fresh:
            try:
                with connection.begin_nested():
                    self._store(connection, [(stream_id, entry)], views_too=True)
            except Exception as error:
                why = store.why_unstorable(error)
                if why is None:
                    raise
                log.error("entry %s of the event stream cannot be stored: %s", stream_id, type(why).__name__)
                reason = f"{type(why).__name__}: {str(why).partition(chr(10))[0]}"
                poison[stream_id] = Poison(reason, reports.encode_entry(entry))
        return poison

    def _store(self, connection: Connection, fresh: "_Entries", *, views_too: bool) -> None:
        stored = store.stored_events(connection, asked_ids(fresh, views_too=views_too))
        found = in_order(fresh, stored, store.early_clicks(connection, asked_early(fresh)))
        store.take_back(connection, found.taken_back)
        store.copy_rows(connection, found.rows)
        store.keep_early(connection, found.early)
        late = late_decisions(fresh)
        if late:
            store.decide_again(connection, late)
        if late or found.taken_back:
            store.read_again(connection, {click_id(decision) for decision in late} | set(found.taken_back))


_Entries = Sequence[tuple[str, Entry]]


@dataclass(frozen=True, slots=True)
class _Delivered:
    """Entries, what cannot be read, and the bytes of both."""

    entries: _Entries
    poison: dict[str, Poison]
    sizes: dict[str, int]


def _displaced(entries: _Entries, known: Mapping[str, Stored]) -> dict[str, Poison]:
    """New entries in the place of old ones: the stream was lost, and its clock goes behind. Put back, they get a place
    of their own.
    """
    return {
        stream_id: Poison("another entry was stored under its id", reports.encode_entry(entry))
        for stream_id, entry in entries if stream_id in known and not _is_same(entry, known[stream_id])
    }


def _is_same(entry: Entry, stored: Stored) -> bool:
    if entry.received_ms != stored.received_ms or stored.stream_index >= len(entry.records):
        return False
    record = entry.records[stored.stream_index]
    return (record.decision_id, record.kind) == (stored.decision_id, stored.kind)


def _decode(delivered: Sequence[tuple[str, bytes | None]]) -> _Delivered:
    entries: list[tuple[str, Entry]] = []
    poison: dict[str, Poison] = {}
    for stream_id, batch in delivered:
        try:
            entries.append((stream_id, reports.decode_entry(batch or b"")))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.error("entry %s of the event stream cannot be read: %s", stream_id, error)
            poison[stream_id] = Poison(str(error), batch or b"")
    return _Delivered(entries, poison, {stream_id: len(batch or b"") for stream_id, batch in delivered})
