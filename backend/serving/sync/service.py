"""Copies SQL's budgets into the purses, whichever process does it, and lets holds go.

A pass looks at the budgets that may be others than in the last one, and in turn at some of all: a change of one among
ten thousand is copied as soon as one among ten, and what nobody told is seen all the same, a few seconds later, as what
Redis has lost is written again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import redis

from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.serving import store
from backend.serving.budgets import Books, purse_bases, settled_until_ms
from backend.serving.catalogue import MS_PER_DAY, day_of
from backend.serving.feed.described.store import read_week
from backend.serving.feed.store import Seen, forget_changes, publish_budgets, read_changes, read_digests, read_version
from backend.serving.published import PARTS, digest, encode_part
from backend.serving.purses import hold_member
from backend.serving.steering.store import read_paces
from backend.serving.sync.store import read_capped, read_marks, read_metas, read_spend
from backend.serving.sync.turn import Accounts

GONE: Mapping[str, int] = {"campaign": 0}
HOLDS_AT_ONCE = 2_000           # arguments of one script call
LAPSED_AT_ONCE = 1_000          # see SYNC
FORGET_MS = 60_000
READ_MS_MAX = 600_000           # after such a pause everything is looked at: changes are kept for an hour only
METAS_AT_ONCE = 250             # whose turn it is in a pass


@dataclass
class _Known:
    """What this process has looked at, up to its last pass, when nobody else passed since.

    `written` are bases by campaign on chain, as they are in Redis; `whole`: everything has been published.
    """

    at_ms: int
    seen: Seen
    accounts: Accounts = field(default_factory=Accounts)
    written: dict[int, Mapping[str, int]] = field(default_factory=dict)
    whole: bool = False


class BudgetSync:
    """Copies SQL's budgets into the purses and releases the holds that those budgets have absorbed (L31)."""

    def __init__(
        self, engine: Engine, client: redis.Redis, chain_id: int, *, metas_at_once: int = METAS_AT_ONCE
    ) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id
        self._metas_at_once = metas_at_once
        self._name = uuid4().bytes
        self._ticket = self._forgot_ms = 0
        self._known: _Known | None = None

    def leads(self) -> bool:
        """Whether nobody else has just passed: it takes no turns, since after another's pass there is more to do."""
        return store.read_leader(self._redis) in (None, self._name)

    def sync(self, now_ms: int) -> bool:
        """One pass; True when more is waiting. Does nothing while another process does it.

        The order matters: the lock comes before the SQL snapshot, which is taken by the first statement of a
        transaction, so that no pass writes what it saw before another one. The stream is looked at and the ticket taken
        before it too, so that the snapshot contains whatever had left the stream, and a pass whose lock was lost with
        its connection is refused.
        """
        # Whatever stops this pass, the next one looks at everything.
        known, self._known = self._known, None
        with self._engine.begin() as lock:
            if not store.lock_budgets(lock):
                return False
            in_stream_ms = store.oldest_in_stream_ms(self._redis)
            ticket = store.take_ticket(self._redis, self._name)
            with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                with connection.begin():
                    more = self._sync(connection, known, ticket, in_stream_ms, now_ms)
            if abs(now_ms - self._forgot_ms) > FORGET_MS:
                forget_changes(lock)
                self._forgot_ms = now_ms
            return more

    def _sync(
        self, connection: Connection, known: _Known | None, ticket: int, in_stream_ms: int | None, now_ms: int
    ) -> bool:
        until_ms = settled_until_ms(now_ms, in_stream_ms, store.oldest_accepted_ms(connection))
        cursor, last = store.read_cursor(self._redis), store.last_settled(connection)
        # After somebody else's pass everything is looked at, and after Redis is new or was put back to what it was:
        # nothing that was written before is sure to be there still.
        if cursor is None or ticket != self._ticket + 1:
            known = None
        self._ticket = ticket
        # A new Redis has no holds, so there is nothing to release from the past; tables that were lost count anew.
        cursor = last if cursor is None else min(cursor, last)
        settled = store.read_settled(connection, cursor)
        released: dict[int, list[str]] = defaultdict(list)
        for event in settled:
            released[event.chain_campaign].append(_hold_of(event))
        known, metas, campaigns = self._look(connection, known, released, now_ms)
        books = self._read(connection, metas, now_ms)
        store.remember_campaigns(self._redis, books.bases)
        campaigns = campaigns | books.bases.keys() | released.keys()
        known.accounts.gone = (known.accounts.gone | campaigns) - books.bases.keys()
        held = self._write(known, books.bases, campaigns, ticket, until_ms, released)
        if held is None:
            return False
        store.write_cursor(self._redis, settled[-1].settled_seq if settled else cursor)
        self._publish(known, metas, books, held, now_ms)
        store.stay_leader(self._redis, self._name)
        self._known = known
        return len(settled) == store.SETTLED_MAX

    def _look(
        self, connection: Connection, known: _Known | None, settled: Collection[int], now_ms: int
    ) -> tuple[_Known, set[str], set[int]]:
        """Metas to look at, and campaigns on chain that had purses by them; `settled` are those with decided events."""
        marks = read_marks(connection, self._chain_id)
        if known is None or abs(now_ms - known.at_ms) > READ_MS_MAX:
            known = _Known(now_ms, read_version(connection)[1])
            return known, known.accounts.follow(marks), store.known_campaigns(self._redis)
        changes = read_changes(connection, known.seen)
        known.at_ms, known.seen = now_ms, changes.seen
        metas = known.accounts.follow(marks)
        turn = known.accounts.next(self._metas_at_once)
        gone = known.accounts.next_gone()
        for campaign in known.accounts.campaigns(turn) | gone:
            known.written.pop(campaign, None)
        metas |= turn | read_metas(connection, self._chain_id, changes.ids, settled if marks else ())
        return known, metas, known.accounts.campaigns(metas) | gone

    def _read(self, connection: Connection, metas: Collection[str], now_ms: int) -> Books:
        """What SQL says of all campaigns with these metas, in one snapshot."""
        budgets = read_budgets(connection, self._chain_id, list(metas))
        capped = read_capped(connection, metas, read_week(connection), now_ms - MS_PER_DAY)
        spend = read_spend(connection, [item.id for item, _ in capped])
        caps: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = defaultdict(list)
        for item, payer in capped:
            caps[payer].append((item.id, item.total_cap_micro_usdc, item.daily_cap_micro_usdc))
        bases = {
            campaign: purse_bases(budget.spendable, caps[budget.owner, budget.meta], spend, now_ms)
            for campaign, budget in budgets.items()
        }
        return Books(budgets, bases, capped, spend)

    def _write(
        self, known: _Known, bases: Mapping[int, Mapping[str, int]], campaigns: Collection[int], ticket: int,
        until_ms: int, released: Mapping[int, Sequence[str]],
    ) -> dict[int, dict[str, int]] | None:
        """What open holds have taken of purses afterwards; None when another pass has overtaken this one.

        Left alone are campaigns without open holds whose bases are those that this process wrote last. In their turn
        they are written all the same: a failover may keep a pass's ticket and lose what it wrote.
        """
        steps: list[store.Step] = []
        held = store.read_held(self._redis, list(campaigns))
        for campaign in campaigns:
            # a campaign that a reorganisation took away has nothing left
            base, holds = bases.get(campaign, GONE), released.get(campaign, ())
            if holds or held[campaign] or known.written.get(campaign) != base:
                # the bases contain all of these events; until their holds go, they count twice, never not at all
                parts = range(0, max(1, len(holds)), HOLDS_AT_ONCE)
                steps.extend((campaign, base, holds[start : start + HOLDS_AT_ONCE]) for start in parts)
            known.written[campaign] = base
        stepped = list({campaign for campaign, _, _ in steps})
        while steps:
            answers = store.sync_many(self._redis, steps, ticket, until_ms)
            if min(answers) < 0:
                return None
            steps = [
                (campaign, base, ()) for (campaign, base, _), lapsed in zip(steps, answers, strict=True)
                if lapsed == LAPSED_AT_ONCE
            ]
        return held | store.read_held(self._redis, stepped)

    def _publish(
        self, known: _Known, metas: Collection[str], books: Books, held: Mapping[int, Mapping[str, int]], now_ms: int
    ) -> None:
        """Tell the deciding processes what may be spent; what they were told already is not told again.

        No ticket guards it: a pass that lost its lock may overwrite what a later one told, until the part's turn comes.
        These are hints; the purses decide.
        """
        paces = read_paces(self._redis, [item.id for item, _ in books.capped])
        parts = known.accounts.tell(metas, books.told(held, paces, now_ms))
        digests = read_digests(self._redis)
        texts = {
            part: encode_part(known.accounts.of_part(part)) for part in range(PARTS)
            if part in parts or digests[part] is None or not known.whole
        }
        publish_budgets(self._redis, {part: text for part, text in texts.items() if digest(text) != digests[part]})
        known.whole = True


def _hold_of(event: store.SettledEvent) -> str:
    decided_ms = int(event.decision_id[:12], 16)
    return hold_member(event.line_item, day_of(decided_ms), event.price_micro_usdc, event.decision_id)
