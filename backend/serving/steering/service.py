"""Steps every line item's controller, from what it has spent and holds, and publishes what deciders use."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import redis

from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.serving.catalogue import MS_PER_DAY, Spending, day_of
from backend.serving.pacing.controller import Pace, State
from backend.serving.pacing.curve import week_of
from backend.serving.purses import day_purse, total_purse
from backend.serving.steering import store
from backend.serving.steering.progress import stepped
from backend.serving.store import PurseState, read_purses

WEEK_MS = 7 * MS_PER_DAY
DAYS_BACK = 28


class Pacing:
    """One step after the other, whichever process does it; a step that is not done costs nothing but time."""

    def __init__(self, engine: Engine, client: redis.Redis, chain_id: int) -> None:
        self._engine = engine
        self._redis = client
        self._chain_id = chain_id
        self._paced = store.PacedLineItems()

    def step(self, now_ms: int) -> int:
        """How many line items were paced; none while another process does it."""
        with self._engine.begin() as connection:
            if not store.lock_pacing(connection):
                return 0
            paced = self._paced.read(connection, self._week(connection, now_ms), now_ms)
            payers = self._payers(connection, paced)
            known = store.read_states(self._redis)
            campaigns = sorted(set(payers.values()))
            purses, prices = read_purses(self._redis, campaigns), store.read_prices(self._redis, campaigns)
            steps = {
                one.item.id: _stepped(
                    one, purses.get(payers.get(one.payer, 0)), prices.get(one.item.id, ()), known.get(one.item.id),
                    now_ms,
                )
                for one in paced
            }
            store.write_states(self._redis, steps, known.keys() - steps.keys(), now_ms)
        return len(steps)

    def _payers(self, connection: Connection, paced: list[store.Paced]) -> Mapping[tuple[str, str], int]:
        """Chain campaigns by owner and meta; of two with the same the older one, as everywhere."""
        budgets = read_budgets(connection, self._chain_id, sorted({one.payer[1] for one in paced}))
        return {(budgets[number].owner, budgets[number].meta): number for number in sorted(budgets, reverse=True)}

    def _week(self, connection: Connection, now_ms: int) -> tuple[int, ...]:
        """Made anew once a UTC day from whole days of records."""
        week = store.read_week(connection)
        if day_of(week.made_ms) == day_of(now_ms):
            return week.weights
        until = datetime.fromtimestamp(store.today_ms(now_ms) / 1000, UTC)
        seen, first = store.read_opportunities(connection, until - timedelta(days=DAYS_BACK), until)
        weights = week_of(seen, -(-int((until - first).total_seconds() * 1000) // WEEK_MS))
        store.save_week(connection, weights, datetime.fromtimestamp(now_ms / 1000, UTC))
        return weights


def _stepped(
    one: store.Paced, purses: PurseState | None, prices: Sequence[int], known: tuple[State, int] | None, now_ms: int
) -> tuple[State, Pace]:
    state, last_ms = known or (State(), now_ms)
    line_item, day, held = one.item.id, day_of(now_ms), purses.held if purses else {}
    spending = Spending(
        spent_total_micro_usdc=one.spent_total, held_total_micro_usdc=held.get(total_purse(line_item), 0),
        spent_by_day_micro_usdc={day: one.spent_today},
        held_by_day_micro_usdc={day: held.get(day_purse(line_item, day), 0)},
    )
    return stepped(one.item, spending, prices, state, last_ms, now_ms)
