"""Takes reported events in, durably before they are acknowledged, and stores each of them exactly once."""

import logging
from collections import Counter
from collections.abc import Sequence

import msgspec
import redis
import redis.asyncio

from backend.core.decision_token import DecisionToken, TokenError, verify
from backend.core.errors import BadRequest, TooLarge, Unavailable, Unprocessable
from backend.core.reasons import DropReason
from backend.core.ruleset import Ruleset
from backend.db.engine import Engine
from backend.ingest import pipeline, reports, store
from backend.ingest.pipeline import Circumstances, Incoming
from backend.ingest.reports import Entry
from backend.ingest.sequence import asked_ids, in_order

log = logging.getLogger("sightline.ingest")

QUEUE_LENGTH_MAX = 20_000
RETRY_AFTER_SECONDS = 5
ENTRIES_PER_STEP = 64


class IngestService:
    """The API's side: verdicts, then one entry in the stream for all events of a request."""

    def __init__(
        self, client: redis.asyncio.Redis, chain_id: int, token_key: bytes, ruleset: Ruleset, *,
        queue_length_max: int = QUEUE_LENGTH_MAX,
    ) -> None:
        self._redis = client
        self._chain_id = chain_id
        self._token_key = token_key
        self._ruleset = ruleset
        self._queue_length_max = queue_length_max
        self._queue_length = 0

    async def accept(self, body: bytes, now_ms: int, user_agent: str) -> list[DropReason | None]:
        """A verdict per event (None: accepted), stored in Redis when this returns. `body` is JSON {"events": […]}.

        Raises BadRequest or Unprocessable when the body is no batch, TooLarge above 100 events, Unavailable when the
        queue is full; then nothing was taken in. An accepted event can still turn out to be a replay, or a click
        without a view.
        """
        events = _events(body)
        await self._check_queue()
        about = Circumstances(now_ms, user_agent, self._chain_id, self._token_key, self._ruleset)
        verdicts = [pipeline.run(event, about) for event in events]
        await self._limit_rate(events, verdicts, now_ms)
        records = [
            pipeline.accepted(event, about) if reason is None else pipeline.dropped(event, reason)
            for event, reason in zip(events, verdicts, strict=True)
        ]
        self._queue_length = await store.append(self._redis, reports.encode_entry(Entry(now_ms, records)))
        return verdicts

    async def click(self, token: str, now_ms: int, user_agent: str) -> list[DropReason | None]:
        """A click that came as a link, taken in like a reported one."""
        body = msgspec.json.encode({"events": [{"kind": "click", "token": token}]})
        return await self.accept(body, now_ms, user_agent)

    async def outside(self, facts: DecisionToken, now_ms: int, *, click: bool = False) -> None:
        """An impression, or a click, of an ad that another exchange shows: it says when one is billable (L87).

        `facts` are checked by the caller, and their price is what is charged. Durable when this returns.
        """
        await self._check_queue()
        report = reports.Click(token="") if click else reports.Viewable(token="", samples=[])
        about = Circumstances(now_ms, "", self._chain_id, self._token_key, self._ruleset)
        record = pipeline.accepted(Incoming(msgspec.Raw(b""), report, facts), about)
        self._queue_length = await store.append(self._redis, reports.encode_entry(Entry(now_ms, [record])))

    def read_token(self, token: str) -> DecisionToken | None:
        """The facts behind a token of ours, expired or not; None when it is not ours."""
        try:
            return verify(token, self._token_key)
        except TokenError:
            return None

    async def _check_queue(self) -> None:
        """Ask Redis only when the queue was full a moment ago."""
        if self._queue_length < self._queue_length_max:
            return
        self._queue_length = await store.queue_length(self._redis)
        if self._queue_length >= self._queue_length_max:
            raise Unavailable(
                "queue_full", "too many events wait to be stored", retry_after_seconds=RETRY_AFTER_SECONDS
            )

    async def _limit_rate(self, events: Sequence[Incoming], verdicts: list[DropReason | None], now_ms: int) -> None:
        """Count what passed so far; decided here and written into the entry, so a redelivery decides the same."""
        viewers = Counter(
            event.token.viewer for event, reason in zip(events, verdicts, strict=True) if reason is None
        )
        if not viewers:
            return
        before = await store.count_viewers(self._redis, now_ms // 60_000, viewers)
        position: Counter[bytes] = Counter()
        for place, event in enumerate(events):
            if verdicts[place] is None:
                viewer = event.token.viewer
                verdicts[place] = pipeline.rate(position[viewer], before[viewer], self._ruleset)
                position[viewer] += 1


def _events(body: bytes) -> list[Incoming]:
    try:
        batch = reports.decode_batch(body)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", f"not a batch of events: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest("malformed_json", "the body is not valid JSON") from error
    if len(batch.events) > reports.EVENTS_MAX:
        raise TooLarge("batch_too_large", f"at most {reports.EVENTS_MAX} events may be sent at once")
    return [pipeline.incoming(raw) for raw in batch.events]


class IngestConsumer:
    """The worker's side: stream → tables, one SQL transaction per pass, acknowledged after it.

    Exactly once: an entry that is delivered again after a crash is recognised by its rows. One process at a time
    (a lock in PostgreSQL), and what was delivered to a dead one comes first, so events keep their order.
    """

    def __init__(self, engine: Engine, client: redis.Redis, *, entries_per_step: int = ENTRIES_PER_STEP) -> None:
        self._engine = engine
        self._redis = client
        self._entries_per_step = entries_per_step

    def consume(self) -> bool:
        """One pass; True when there was something to do."""
        if store.is_empty(self._redis):
            return False
        with self._engine.begin() as connection:
            if not store.lock_ingest(connection):
                return False
            delivered = store.read_entries(self._redis, self._entries_per_step)
            entries, poison = _decode(delivered)
            known = store.stored_entries(connection, (stream_id for stream_id, _ in entries))
            fresh = [(stream_id, entry) for stream_id, entry in entries if stream_id not in known]
            rows = in_order(fresh, store.stored_events(connection, asked_ids(fresh)))
            store.insert_rows(connection, rows)
        if delivered:
            store.acknowledge(self._redis, [stream_id for stream_id, _ in delivered], poison)
        return bool(delivered)


def _decode(
    delivered: Sequence[tuple[str, bytes | None]],
) -> tuple[list[tuple[str, Entry]], dict[str, tuple[str, bytes]]]:
    """Entries, and what cannot be read with the reason."""
    entries: list[tuple[str, Entry]] = []
    poison: dict[str, tuple[str, bytes]] = {}
    for stream_id, batch in delivered:
        try:
            entries.append((stream_id, reports.decode_entry(batch or b"")))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("entry %s of the event stream cannot be read: %s", stream_id, error)
            poison[stream_id] = (str(error), batch or b"")
    return entries, poison
