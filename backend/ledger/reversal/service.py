"""Reverses charges of flagged events before their epoch closes, in one transaction a batch under the ledger's lock."""

from backend.core.transfers import Transfer, campaign_account, earned_account
from backend.db.budgets import read_budgets
from backend.db.engine import Connection, Engine
from backend.db.ledger import try_lock, write_transfers
from backend.ledger import store as ledger
from backend.ledger.posting import AcceptedEvent, Posted, post
from backend.ledger.reversal import store
from backend.ledger.reversal.reversing import Flagged, State, reversal_of

BATCH_EVENTS = 2_000


class ReversalService:
    """Safe in several processes and to kill: the lock is the biller's, and a closing epoch waits for it (L85)."""

    def __init__(self, engine: Engine, chain_id: int) -> None:
        self._engine = engine
        self._chain_id = chain_id

    def step(self, batch_size: int = BATCH_EVENTS) -> bool:
        """One batch of flags and one of lifted flags; True when more may wait."""
        with self._engine.begin() as connection:
            if not try_lock(connection):
                return False
            pending = store.read_pending(connection, batch_size)
            if pending:
                _reverse(connection, pending)
            lifting = store.read_lifting(connection, batch_size)
            if lifting:
                self._lift(connection, lifting)
        return batch_size in (len(pending), len(lifting))

    def _lift(self, connection: Connection, events: list[AcceptedEvent]) -> None:
        """Charge again what still fits; the advertiser's limits bind as they do for a new event."""
        charged = [event for event in events if event.price_micro_usdc]
        free = [event.event_id for event in events if not event.price_micro_usdc]
        limits = ledger.read_limits(
            connection, {event.line_item for event in charged}, {event.day for event in charged}
        )
        outcomes = post(charged, read_budgets(connection, self._chain_id), limits)
        again = [one.event for one in outcomes if isinstance(one, Posted)]
        forgone = [one.event for one in outcomes if not isinstance(one, Posted)]
        ids = [event.event_id for event in again]
        write_transfers(connection, [_charge(event) for event in again], epoch=store.NO_EPOCH)
        store.put_back(connection, ids)
        store.add_spend(connection, [(event, event.price_micro_usdc) for event in again])
        store.take_back_drops(connection, [*ids, *free])
        ledger.settle_events(connection, [(event_id, "billed") for event_id in ids])
        store.bill_again(connection, free)
        store.write_states(connection, {
            **dict.fromkeys(free, (State.CLEARED, 0)),
            **{event.event_id: (State.REINSTATED, event.price_micro_usdc) for event in again},
            **{event.event_id: (State.FORGONE, 0) for event in forgone},
        })


def _reverse(connection: Connection, events: list[Flagged]) -> None:
    states = {event.event_id: (reversal_of(event), event.charged_micro_usdc) for event in events}
    given_back = [event for event in events if states[event.event_id][0] is State.REVERSED]
    invalid = [event_id for event_id, (state, _) in states.items() if state in (State.REVERSED, State.VOIDED)]
    store.put_aside(connection, [event.event_id for event in given_back])
    write_transfers(connection, [_reversal(event) for event in given_back], epoch=store.NO_EPOCH)
    store.add_spend(connection, [(_accepted(event), -event.charged_micro_usdc) for event in given_back])
    store.drop(connection, invalid)
    ledger.settle_events(connection, [(event_id, "invalid") for event_id in invalid])
    store.write_states(connection, states)


def _accepted(event: Flagged) -> AcceptedEvent:
    return AcceptedEvent(
        event.event_id, event.campaign, event.line_item, event.publisher, event.charged_micro_usdc
    )


def _reversal(event: Flagged) -> Transfer:
    return Transfer(
        "reversal", earned_account(event.publisher), campaign_account(event.campaign), event.charged_micro_usdc,
        event.event_id,
    )


def _charge(event: AcceptedEvent) -> Transfer:
    return Transfer(
        "reinstatement", campaign_account(event.campaign), earned_account(event.publisher), event.price_micro_usdc,
        event.event_id,
    )
