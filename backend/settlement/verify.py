"""Recomputes a settlement from its bundle and the one before, and names every difference."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.core.ids import DUST_PUBLISHER
from backend.core.money import Split, split
from backend.settlement.bundle import BundleError, ChargedEvent, decode_events, decompress, events_digest
from backend.settlement.statement import (
    ZERO_ROOT,
    Entry,
    Statement,
    StatementError,
    decode,
    publishers_tree,
)
from backend.settlement.tree import debits_hash, encode_debits

DEBIT_WORDS_MAX = 256


@dataclass(frozen=True, slots=True)
class Bundle:
    """The two files of a bundle, as published."""

    statement: bytes
    events: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """A settlement that was verified before, as much of it as later ones are compared with.

    `event_ids` may be only the conversions of an epoch that is too old to hold another event of the later one.
    """

    statement: Statement
    event_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`differences` is empty when everything was recomputed to the same values; `settled` is None unless it is."""

    differences: list[str]
    settled: Settled | None


def read_statement(bundle: Bundle) -> Statement:
    """The statement of a bundle. Raises StatementError."""
    return decode(bundle.statement)


def oldest_decision_ms(statement: Statement, conversions: Sequence[str]) -> int:
    """No event of the epoch was decided before this time (Unix ms). `conversions` are its conversions' ids, sorted."""
    return min([statement.earliest_ms, *(int(event_id[:12], 16) for event_id in conversions[:1])])


def needed_epochs(statement: Statement, earlier: Sequence[Statement], oldest_ms: int) -> int | None:
    """The next older epoch that must be compared for repeated events; None when `earlier` (newest first) suffices.

    `oldest_ms` is `oldest_decision_ms`: an epoch that ended before it holds none of them.
    """
    if not earlier:
        return statement.epoch - 1 or None
    oldest = earlier[-1]
    if oldest.epoch == 1 or oldest.interval.to_ms <= oldest_ms:
        return None
    return oldest.epoch - 1


def verify(bundle: Bundle, earlier: Sequence[Settled]) -> Verdict:
    """Verify a bundle against the settlements before it, newest first, as many as `needed_epochs` asks for."""
    try:
        statement = read_statement(bundle)
        events = decode_events(decompress(bundle.events, statement.events.bytes))
    except (StatementError, BundleError) as error:
        return Verdict([str(error)], None)
    differences = [
        *_chain_of_epochs(statement, events, earlier),
        *_ruleset(statement),
        *_events(statement, events, bundle),
        *_repetitions(events, earlier),
        *_debits(statement, events),
        *_entries(statement, events, earlier[0].statement if earlier else None),
        *_root(statement),
    ]
    settled = None if differences else Settled(statement, frozenset(event.event_id for event in events))
    return Verdict(differences, settled)


def _differs(what: str, stated: object, recomputed: object) -> Iterator[str]:
    if stated != recomputed:
        yield f"{what}: stated {stated}, recomputed {recomputed}"


def _chain_of_epochs(
    statement: Statement, events: Sequence[ChargedEvent], earlier: Sequence[Settled]
) -> Iterator[str]:
    oldest_ms = oldest_decision_ms(statement, [event.event_id for event in events if event.is_conversion])
    missing = needed_epochs(statement, [settled.statement for settled in earlier], oldest_ms)
    if missing is not None:
        yield f"epoch {missing} is needed to verify epoch {statement.epoch}"
    if statement.interval.from_ms >= statement.interval.to_ms:
        yield "the interval is empty"
    if not earlier:
        if statement.epoch == 1:
            yield from _differs("previous_root", statement.previous_root, ZERO_ROOT)
        return
    before = earlier[0].statement
    yield from _differs("epoch", statement.epoch, before.epoch + 1)
    yield from _differs("previous_root", statement.previous_root, before.publishers_root)
    yield from _differs("chain_id", statement.chain_id, before.chain_id)
    yield from _differs("contracts", statement.contracts, before.contracts)
    if statement.interval.from_ms > before.interval.to_ms:
        yield f"interval: starts at {statement.interval.from_ms}, after {before.interval.to_ms}, the end of the last"
    if statement.interval.to_ms <= before.interval.to_ms:
        yield f"interval: ends at {statement.interval.to_ms}, not after {before.interval.to_ms}"


def _ruleset(statement: Statement) -> Iterator[str]:
    canonical = json.dumps(statement.ruleset.parameters, sort_keys=True, separators=(",", ":"))
    digest = "0x" + hashlib.sha256(canonical.encode()).hexdigest()
    yield from _differs("ruleset.sha256", statement.ruleset.sha256, digest)
    for name in ("fee_bps", "token_seconds"):
        if name not in statement.ruleset.parameters:
            yield f"ruleset.parameters: {name} is missing"
    if statement.fee_bps > 10_000:
        yield f"ruleset.parameters: fee_bps is {statement.fee_bps}, more than the whole"


def _events(statement: Statement, events: Sequence[ChargedEvent], bundle: Bundle) -> Iterator[str]:
    content = decompress(bundle.events, statement.events.bytes)
    yield from _differs("events.count", statement.events.count, len(events))
    yield from _differs("events.sha256", statement.events.sha256, "0x" + events_digest(content).hex())
    for event in events:
        earliest_ms = statement.earliest_conversion_ms if event.is_conversion else statement.earliest_ms
        if not earliest_ms <= event.decided_ms < statement.interval.to_ms:
            yield f"event {event.event_id}: decided at {event.decided_ms}, outside the interval"
        if event.price_micro_usdc == 0:
            yield f"event {event.event_id}: costs nothing, so it is no charge"
        if event.publisher == DUST_PUBLISHER:
            yield f"event {event.event_id}: the dust account sells nothing"


def _repetitions(events: Sequence[ChargedEvent], earlier: Sequence[Settled]) -> Iterator[str]:
    for settled in earlier:
        for event in events:
            if event.event_id in settled.event_ids:
                yield f"event {event.event_id}: was charged in epoch {settled.statement.epoch} before"


def _debits(statement: Statement, events: Iterable[ChargedEvent]) -> Iterator[str]:
    recomputed: dict[int, int] = {}
    for event in events:
        recomputed[event.campaign] = recomputed.get(event.campaign, 0) + event.price_micro_usdc
    stated = {debit.campaign: int(debit.amount_micro_usdc) for debit in statement.debits}
    campaigns = [debit.campaign for debit in statement.debits]
    if campaigns != sorted(set(campaigns)):
        yield "debits: not sorted by campaign, or one is there twice"
    for campaign in sorted(recomputed.keys() | stated.keys()):
        yield from _differs(f"debit of campaign {campaign}", stated.get(campaign, 0), recomputed.get(campaign, 0))
    try:
        words = encode_debits(recomputed)
    except ValueError as error:
        yield str(error)
        return
    if len(words) > DEBIT_WORDS_MAX:
        yield f"debits: {len(words)} words, must be at most {DEBIT_WORDS_MAX}"
    yield from _differs("debits_hash", statement.debits_hash, "0x" + debits_hash(words).hex())


def _entries(statement: Statement, events: Iterable[ChargedEvent], before: Statement | None) -> Iterator[str]:
    gross: dict[int, int] = {}
    for event in events:
        gross[event.publisher] = gross.get(event.publisher, 0) + event.price_micro_usdc
    shares = split(gross, statement.fee_bps)
    indexes = [entry.index for entry in statement.entries]
    if indexes != sorted(set(indexes)):
        yield "entries: not sorted by index, or one is there twice"
    stated = {entry.index: entry for entry in statement.entries}
    previous = {entry.index: entry for entry in before.entries} if before else {}
    for index in sorted(gross.keys() | stated.keys() | previous.keys() | {DUST_PUBLISHER}):
        yield from _entry(index, stated.get(index), previous.get(index), gross.get(index, 0), shares)
    totals = statement.totals
    net = sum(shares.net_micro_usdc.values()) + shares.dust_micro_usdc
    yield from _differs("total", int(totals.total_micro_usdc), sum(gross.values()))
    yield from _differs("fee", int(totals.fee_micro_usdc), shares.fee_micro_usdc)
    yield from _differs("net", int(totals.net_micro_usdc), net - shares.dust_micro_usdc)
    yield from _differs("dust", int(totals.dust_micro_usdc), shares.dust_micro_usdc)


def _entry(index: int, stated: Entry | None, before: Entry | None, gross: int, shares: Split) -> Iterator[str]:
    if stated is None:
        yield f"publisher {index}: the entry is missing"
        return
    net = shares.dust_micro_usdc if index == DUST_PUBLISHER else shares.net_micro_usdc.get(index, 0)
    cumulative = (int(before.cumulative_micro_usdc) if before else 0) + net
    yield from _differs(f"gross of publisher {index}", int(stated.gross_micro_usdc), gross)
    yield from _differs(f"net of publisher {index}", int(stated.net_micro_usdc), net)
    yield from _differs(f"cumulative of publisher {index}", int(stated.cumulative_micro_usdc), cumulative)
    if before is None and gross == 0 and index != DUST_PUBLISHER:
        yield f"publisher {index}: is new but sold nothing"
    if before is not None:
        yield from _differs(f"recipient of publisher {index}", stated.recipient, before.recipient)


def _root(statement: Statement) -> Iterator[str]:
    if not statement.entries:
        yield "entries: empty"
        return
    try:
        tree = publishers_tree(statement.entries)
    except ValueError as error:
        yield str(error)
        return
    yield from _differs("publishers", statement.publishers, statement.entries[-1].index + 1)
    yield from _differs("publishers_root", statement.publishers_root, "0x" + tree.root.hex())
