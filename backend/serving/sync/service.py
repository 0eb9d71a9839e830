"""Copies SQL's budgets into the purses, whichever process does it, and lets holds go."""

from collections import defaultdict
from collections.abc import Mapping

import redis

from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.serving import store
from backend.serving.budgets import Books, purse_bases, settled_until_ms
from backend.serving.catalogue import MS_PER_DAY, day_of
from backend.serving.feed.described.store import read_week
from backend.serving.feed.store import forget_changes, publish_budgets
from backend.serving.published import encode_allowances, encode_funds
from backend.serving.purses import hold_member
from backend.serving.steering.store import read_paces

GONE: Mapping[str, int] = {"campaign": 0}
HOLDS_AT_ONCE = 2_000           # arguments of one script call
LAPSED_AT_ONCE = 1_000          # see SYNC
FORGET_MS = 60_000


class BudgetSync:
    """Copies SQL's budgets into the purses and releases the holds that those budgets have absorbed (L31)."""

    def __init__(self, engine: Engine, client: redis.Redis, chain_id: int) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id
        self._capped = store.CappedLineItems()
        self._ticket = self._forgot_ms = 0
        self._written: dict[int, Mapping[str, int]] = {}

    def sync(self, now_ms: int) -> bool:
        """One pass over all campaigns; True when more is waiting. Does nothing while another process does it.

        The order matters: the lock comes before the SQL snapshot, which is taken by the first statement of a
        transaction, so that no pass writes what it saw before another one. The stream is looked at and the ticket taken
        before it too, so that the snapshot contains whatever had left the stream, and a pass whose lock was lost with
        its connection is refused.
        """
        with self._engine.begin() as lock:
            if not store.lock_budgets(lock):
                return False
            in_stream_ms = store.oldest_in_stream_ms(self._redis)
            ticket = store.take_ticket(self._redis)
            with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                with connection.begin():
                    more = self._sync(connection, ticket, in_stream_ms, now_ms)
            if abs(now_ms - self._forgot_ms) > FORGET_MS:
                forget_changes(lock)
                self._forgot_ms = now_ms
            return more

    def _sync(self, connection: Connection, ticket: int, in_stream_ms: int | None, now_ms: int) -> bool:
        until_ms = settled_until_ms(now_ms, in_stream_ms, store.oldest_accepted_ms(connection))
        cursor, last = store.read_cursor(self._redis), store.last_settled(connection)
        if cursor is None or ticket != self._ticket + 1:
            # a new Redis, or somebody else was at it: nothing that was written before is sure to be there still
            self._written = {}
        self._ticket = ticket
        # A new Redis has no holds, so there is nothing to release from the past; tables that were lost count anew.
        cursor = last if cursor is None else min(cursor, last)
        settled = store.read_settled(connection, cursor)
        books = self._read(connection, now_ms)
        released: dict[int, list[str]] = defaultdict(list)
        for event in settled:
            released[event.chain_campaign].append(_hold_of(event))
        store.remember_campaigns(self._redis, books.bases)
        held = self._write(books.bases, ticket, until_ms, released)
        if held is None:
            self._written = {}
            return False
        store.write_cursor(self._redis, settled[-1].settled_seq if settled else cursor)
        self._publish(books, held, now_ms)
        return len(settled) == store.SETTLED_MAX

    def _read(self, connection: Connection, now_ms: int) -> Books:
        """What SQL says of all campaigns, in one snapshot."""
        budgets = read_budgets(connection, self._chain_id)
        spend = store.read_spend(connection, now_ms - MS_PER_DAY)
        capped = self._capped.read(connection, read_week(connection), now_ms)
        caps: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = defaultdict(list)
        for item, payer in capped:
            caps[payer].append((item.id, item.total_cap_micro_usdc, item.daily_cap_micro_usdc))
        bases = {
            campaign: purse_bases(budget.spendable, caps[budget.owner, budget.meta], spend, now_ms)
            for campaign, budget in budgets.items()
        }
        return Books(budgets, bases, capped, spend)

    def _write(
        self, bases: Mapping[int, Mapping[str, int]], ticket: int, until_ms: int, released: Mapping[int, list[str]]
    ) -> dict[int, dict[str, int]] | None:
        """What open holds have taken of purses afterwards; None when another pass has overtaken this one.

        Left alone are campaigns without open holds whose bases are those that this process wrote in the last pass.
        """
        steps: list[store.Step] = []
        campaigns = list(bases.keys() | store.known_campaigns(self._redis))
        held = store.read_held(self._redis, campaigns)
        for campaign in campaigns:
            # a campaign that a reorganisation took away has nothing left
            base, holds = bases.get(campaign, GONE), released.get(campaign, [])
            if holds or held[campaign] or self._written.get(campaign) != base:
                # the bases contain all of these events; until their holds go, they count twice, never not at all
                parts = range(0, max(1, len(holds)), HOLDS_AT_ONCE)
                steps.extend((campaign, base, holds[start : start + HOLDS_AT_ONCE]) for start in parts)
            self._written[campaign] = base
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

    def _publish(self, books: Books, held: Mapping[int, Mapping[str, int]], now_ms: int) -> None:
        """Tell the deciding processes what may be spent."""
        publish_budgets(
            self._redis, encode_funds(books.funds()), encode_allowances(
                books.spent(held), books.allowances(held, read_paces(self._redis), now_ms)
            ),
        )


def _hold_of(event: store.SettledEvent) -> str:
    decided_ms = int(event.decision_id[:12], 16)
    return hold_member(event.line_item, day_of(decided_ms), event.price_micro_usdc, event.decision_id)
