"""The settlements before one, each proved by the data_hash that the chain has for it."""

from collections.abc import Callable
from dataclasses import dataclass

from backend.settlement.bundle import BundleError, conversion_ids, decode_events, decompress, events_digest
from backend.settlement.statement import Statement, data_hash
from backend.settlement.verify import Bundle, Settled, needed_epochs, oldest_decision_ms, read_statement


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the chain says of the last proposal of an epoch."""

    attempt: int
    data_hash: bytes


def check_on_chain(bundle: Bundle, epoch: int, known: OnChain) -> Statement:
    """The statement of a bundle that is exactly the one on chain. Raises BundleError."""
    if data_hash(bundle.statement) != known.data_hash:
        raise BundleError(f"the bundle of epoch {epoch}, attempt {known.attempt} is not the one on chain")
    return read_statement(bundle)


def settlements_before(
    bundle: Bundle, on_chain: Callable[[int], OnChain], fetch: Callable[[int, OnChain], Bundle]
) -> list[Settled]:
    """The settlements that `bundle` must be compared with, newest first. Raises BundleError or StatementError.

    `on_chain` knows an epoch's last proposal, `fetch` gets its bundle. What it gives need not be trusted: the chain has
    the hash of the statement, and the statement that of the events. A conversion may be of a decision weeks ago; of
    epochs that only it could be in, nothing but the conversions is read.
    """
    statement = read_statement(bundle)
    conversions = conversion_ids(decompress(bundle.events, statement.events.bytes))
    oldest_ms = oldest_decision_ms(statement, conversions)
    earlier: list[Settled] = []
    while (epoch := needed_epochs(statement, [settled.statement for settled in earlier], oldest_ms)) is not None:
        known = on_chain(epoch)
        copy = fetch(epoch, known)
        before = check_on_chain(copy, epoch, known)
        content = decompress(copy.events, before.events.bytes)
        if "0x" + events_digest(content).hex() != before.events.sha256:
            raise BundleError(f"the events of epoch {epoch} are not those of its statement")
        is_far = before.interval.to_ms <= statement.earliest_ms
        event_ids = conversion_ids(content) if is_far else [event.event_id for event in decode_events(content)]
        earlier.append(Settled(before, frozenset(event_ids)))
    return earlier
