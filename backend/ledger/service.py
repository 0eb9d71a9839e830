"""Bills accepted events in batches: load what may be spent, decide, post, in one transaction."""

from collections.abc import Sequence

from backend.core.transfers import Transfer, campaign_account, earned_account
from backend.db.budgets import read_budgets
from backend.db.engine import Engine
from backend.db.ledger import try_lock, write_transfers
from backend.ledger import store
from backend.ledger.posting import AcceptedEvent, Dropped, Outcome, Posted, Unpaid, post

_STATUS: dict[type[Outcome], str] = {Posted: "billed", Unpaid: "unpaid", Dropped: "dropped"}


class LedgerService:
    """The only biller. Safe to run in several processes: a lock in PostgreSQL lets one of them work at a time."""

    def __init__(self, engine: Engine, chain_id: int) -> None:
        self._engine = engine
        self._chain_id = chain_id

    def bill(self, batch_size: int) -> int:
        """Bill up to `batch_size` events; how many were decided. 0: nothing to do, or another process is billing."""
        with self._engine.begin() as connection:
            if not try_lock(connection):
                return 0
            events = store.read_accepted(connection, batch_size)
            if not events:
                return 0
            budgets = read_budgets(connection, self._chain_id)
            limits = store.read_limits(
                connection, {event.line_item for event in events}, {event.day for event in events}
            )
            outcomes = post(events, budgets, limits)
            charged = [outcome.event for outcome in outcomes if isinstance(outcome, Posted)]
            write_transfers(connection, [_charge(event) for event in charged])
            store.add_spend(connection, charged)
            store.count_dropped(connection, _dropped_ids(outcomes))
            store.settle_events(connection, [(one.event.event_id, _STATUS[type(one)]) for one in outcomes])
            return len(events)


def _charge(event: AcceptedEvent) -> Transfer:
    return Transfer(
        "charge", campaign_account(event.campaign), earned_account(event.publisher), event.price_micro_usdc,
        event.event_id,
    )


def _dropped_ids(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.event.event_id for outcome in outcomes if isinstance(outcome, Dropped)]
