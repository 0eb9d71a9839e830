"""Copies SQL's budgets into the purses, whichever process does it, and lets holds go."""

from collections import defaultdict
from collections.abc import Mapping

import redis

from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.serving import store
from backend.serving.budgets import purse_bases, settled_until_ms
from backend.serving.catalogue import day_of
from backend.serving.purses import hold_member


class BudgetSync:
    """Copies SQL's budgets into the purses and releases the holds that those budgets have absorbed (L31)."""

    def __init__(self, engine: Engine, client: redis.Redis, chain_id: int) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id

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
                    return self._sync(connection, ticket, in_stream_ms, now_ms)

    def _sync(self, connection: Connection, ticket: int, in_stream_ms: int | None, now_ms: int) -> bool:
        until_ms = settled_until_ms(now_ms, in_stream_ms, store.oldest_accepted_ms(connection))
        cursor, last = store.read_cursor(self._redis), store.last_settled(connection)
        # A new Redis has no holds, so there is nothing to release from the past; tables that were lost count anew.
        cursor = last if cursor is None else min(cursor, last)
        settled = store.read_settled(connection, cursor)
        bases = self._bases(connection, now_ms)
        released: dict[int, list[str]] = defaultdict(list)
        for event in settled:
            released[event.chain_campaign].append(_hold_of(event))
        store.remember_campaigns(self._redis, bases)
        for campaign in bases.keys() | store.known_campaigns(self._redis):
            # a campaign that a reorganisation took away has nothing left
            if not self._write(campaign, ticket, until_ms, bases.get(campaign, {"campaign": 0}), released[campaign]):
                return False
        store.write_cursor(self._redis, settled[-1].settled_seq if settled else cursor)
        return len(settled) == store.SETTLED_MAX

    def _bases(self, connection: Connection, now_ms: int) -> dict[int, dict[str, int]]:
        budgets = read_budgets(connection, self._chain_id)
        spend = store.read_spend(connection, now_ms - 86_400_000)
        caps: dict[tuple[str, str], list[tuple[int, int | None, int | None]]] = defaultdict(list)
        for item in store.read_capped_line_items(connection, now_ms):
            caps[item.escrow_owner, item.meta].append((item.id, item.total_cap_micro_usdc, item.daily_cap_micro_usdc))
        return {
            campaign: purse_bases(budget.spendable, caps[budget.owner, budget.meta], spend, now_ms)
            for campaign, budget in budgets.items()
        }

    def _write(self, campaign: int, ticket: int, until_ms: int, bases: Mapping[str, int], holds: list[str]) -> bool:
        """False when another pass has overtaken this one."""
        chunk = 2_000           # arguments of one script call
        lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, holds[:chunk])
        for start in range(chunk, len(holds), chunk):
            # the bases contain these events already; until their holds go, they count twice, never not at all
            lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, holds[start : start + chunk])
        while lapsed == 1_000:
            lapsed = store.sync_purses(self._redis, campaign, ticket, until_ms, bases, ())
        return lapsed >= 0


def _hold_of(event: store.SettledEvent) -> str:
    decided_ms = int(event.decision_id[:12], 16)
    return hold_member(event.line_item, day_of(decided_ms), event.price_micro_usdc, event.decision_id)
