"""Writes the bundle of a closed epoch: the same entries give the same bytes on every machine."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from backend.core.ruleset import Ruleset
from backend.settlement.bundle import ChargedEvent, compress, encode_events, events_digest
from backend.settlement.closing import PublisherLine
from backend.settlement.statement import (
    SCHEMA,
    Contracts,
    Debit,
    Entry,
    EventsPart,
    Interval,
    RulesetPart,
    Statement,
    Totals,
    encode,
    publishers_tree,
)
from backend.settlement.tree import debits_hash, encode_debits
from backend.settlement.verify import Bundle


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed epoch, as stored: times in Unix milliseconds, amounts in micro-USDC."""

    epoch: int
    attempt: int
    from_ms: int
    to_ms: int
    total: int
    fee: int
    dust: int
    lines: Sequence[PublisherLine]
    debits: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a settlement belongs: chain id and lowercase contract addresses."""

    chain_id: int
    escrow: str
    payout: str


def draft(
    closed: Closed, place: Place, ruleset: Ruleset, previous_root: str, events: Iterable[ChargedEvent]
) -> tuple[Statement, Bundle]:
    """The statement and both files. `ruleset` names the fee that the epoch was closed with."""
    content = encode_events(events)
    entries = [_entry(line) for line in sorted(closed.lines, key=lambda line: line.index)]
    net = closed.total - closed.fee - closed.dust
    statement = Statement(
        schema=SCHEMA,
        chain_id=place.chain_id,
        contracts=Contracts(place.escrow, place.payout),
        epoch=closed.epoch,
        attempt=closed.attempt,
        interval=Interval(closed.from_ms, closed.to_ms),
        ruleset=RulesetPart(asdict(ruleset), _hex(ruleset.digest())),
        previous_root=previous_root,
        publishers_root=_hex(publishers_tree(entries).root),
        publishers=entries[-1].index + 1,
        debits_hash=_hex(debits_hash(encode_debits(dict(closed.debits)))),
        entries=entries,
        debits=[Debit(campaign, str(amount)) for campaign, amount in sorted(closed.debits.items())],
        totals=Totals(str(closed.total), str(closed.fee), str(net), str(closed.dust)),
        events=EventsPart(content.count(b"\n") - 1, len(content), _hex(events_digest(content))),
    )
    return statement, Bundle(encode(statement), compress(content))


def _entry(line: PublisherLine) -> Entry:
    return Entry(line.index, line.recipient, str(line.gross), str(line.net), str(line.cumulative))


def _hex(digest: bytes) -> str:
    return "0x" + digest.hex()
