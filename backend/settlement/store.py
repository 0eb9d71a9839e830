"""SQL of the settlement: open charges in, closed epochs, their lines and attestations out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from backend.core.transfers import campaign_account
from backend.settlement.bundle import ChargedEvent
from backend.settlement.closing import Charge, Closing, OpenCharges, PublisherLine
from backend.settlement.epoch import Span

EPOCH_MAX = 2**63 - 1
OPERATOR_LOCK = 0x5167_4C02
"""Advisory lock of whoever sends the operator's transactions: epochs and payouts share one account."""


@dataclass(frozen=True, slots=True)
class EpochRow:
    """A closed epoch. Hashes are 0x text, None until the bundle is published; times Unix milliseconds."""

    epoch: int
    attempt: int
    status: str
    from_ms: int
    to_ms: int
    events: int
    total: int
    fee: int
    dust: int
    previous_root: str | None
    publishers_root: str | None
    debits_hash: str | None
    data_hash: str | None


_EPOCHS = text("""
select epoch, attempt, status, from_ms, to_ms, events, total_micro_usdc, fee_micro_usdc, dust_micro_usdc,
       previous_root, publishers_root, debits_hash, data_hash
  from epoch where epoch >= :low and epoch < :high and status like :status order by epoch desc limit :limit
""")

# A flag that the ledger has not dealt with yet: its charge is about to be given back, so no epoch takes it.
_NOT_FLAGGED = """not exists (select from flagged_event f where f.event_id = ledger_transfer.event_id
                                                                and f.state = 'pending')"""

# The first 12 hex digits of an event id are the milliseconds of its decision, so text order is time order.
_OPEN = text(f"""
select waiting.debit_account, waiting.oldest, first.amount_micro_usdc as first, waiting.amount
  from (select debit_account, min(id) as oldest, sum(amount_micro_usdc) as amount
          from ledger_transfer
         where epoch is null and kind = 'charge' and left(event_id, 12) collate "C" < :before and {_NOT_FLAGGED}
         group by debit_account) waiting
  join ledger_transfer first on first.id = waiting.oldest
""")  # noqa: S608 -- SQL of ours

_ASSIGN = text(f"""
update ledger_transfer set epoch = :epoch
  from (select id, most, sum(amount_micro_usdc) over (partition by debit_account order by id) as running
          from ledger_transfer
          join unnest(cast(:accounts as text[]), cast(:limits as bigint[])) as l(account, most)
               on l.account = debit_account
         where epoch is null and kind = 'charge' and left(event_id, 12) collate "C" < :before and {_NOT_FLAGGED}
       ) candidate
 where ledger_transfer.id = candidate.id and candidate.running <= candidate.most
""")  # noqa: S608 -- SQL of ours

# Flags that came too late for an epoch come in time when it is closed anew. They are locked, since whoever lifts one
# meanwhile has looked whether it still has something pending.
_STILL_IN_TIME = text("""
with standing as (
    select flag.id from traffic_flag flag
     where flag.status <> 'lifted' and flag.id in (
        select f.flag_id from flagged_event f join ledger_transfer t using (event_id)
         where t.epoch = :epoch and t.kind = 'charge' and f.state = 'late')
     order by flag.id for share
)
update flagged_event f set state = 'pending', amount_micro_usdc = 0
  from ledger_transfer t, standing
 where t.epoch = :epoch and t.kind = 'charge' and t.event_id = f.event_id and f.state = 'late'
   and standing.id = f.flag_id
""")

_CHARGES = text("""
select debit_account, credit_account, sum(amount_micro_usdc) as amount
  from ledger_transfer where epoch = :epoch and kind = 'charge' group by debit_account, credit_account
""")

_SPAN = text("""
select count(*) as events,
       min(left(event_id, 12) collate "C") filter (where right(event_id, 2) <> '03') as oldest,
       min(left(event_id, 12) collate "C") filter (where right(event_id, 2) = '03') as oldest_conversion
  from ledger_transfer where epoch = :epoch and kind = 'charge'
""")

_EVENTS = text("""
select t.event_id, t.debit_account, t.credit_account, t.amount_micro_usdc as amount,
       e.line_item_id, e.creative_id, e.placement_id
  from ledger_transfer t join event e using (event_id)
 where t.epoch = :epoch and t.kind = 'charge'
""")

_SYNC = text("""
update epoch set status = now.status
  from (select epoch, case when epoch <= :finalised then 'finalised'
                           when epoch = :pending then 'proposed'
                           when status in ('proposed', 'finalised') then 'published'
                           else status end as status from epoch) now
 where now.epoch = epoch.epoch and now.status <> epoch.status
""")


def try_operator_lock(connection: Connection) -> bool:
    """Take the operator's lock until the transaction ends; False when another process has it."""
    return bool(connection.execute(
        text("select pg_try_advisory_xact_lock(:lock)"), {"lock": OPERATOR_LOCK}
    ).scalar_one())


def read_epoch(connection: Connection, epoch: int) -> EpochRow | None:
    found = _read_epochs(connection, low=epoch, high=epoch + 1)
    return found[0] if found else None


def read_epochs(connection: Connection, limit: int, before: int | None = None) -> list[EpochRow]:
    """Epochs, the newest first."""
    return _read_epochs(connection, high=EPOCH_MAX if before is None else before, limit=limit)


def read_published(connection: Connection) -> list[EpochRow]:
    """Epochs whose bundle waits for attestations, the oldest first."""
    return _read_epochs(connection, status="published")[::-1]


def _read_epochs(
    connection: Connection, *, low: int = 0, high: int = EPOCH_MAX, status: str = "%", limit: int = 100
) -> list[EpochRow]:
    rows = connection.execute(_EPOCHS, {"low": low, "high": high, "status": status, "limit": limit})
    return [EpochRow(*row) for row in rows]


def first_open_charge(connection: Connection) -> str | None:
    """Event id of the open charge that was posted first."""
    found: str | None = connection.execute(text(
        "select event_id from ledger_transfer where epoch is null and kind = 'charge' order by id limit 1"
    )).scalar()
    return found


def read_open(connection: Connection, before_ms: int) -> list[OpenCharges]:
    """Open charges of events that were decided before a time (Unix milliseconds), by campaign."""
    rows = connection.execute(_OPEN, {"before": _hex_ms(before_ms)})
    return [
        OpenCharges(_number(row.debit_account), int(row.oldest), int(row.first), int(row.amount)) for row in rows
    ]


def assign_charges(connection: Connection, epoch: int, before_ms: int, limits: Mapping[int, int]) -> None:
    """Put open charges into an epoch, the oldest first, up to each campaign's limit in micro-USDC."""
    connection.execute(_ASSIGN, {
        "epoch": epoch, "before": _hex_ms(before_ms),
        "accounts": [campaign_account(campaign) for campaign in limits], "limits": list(limits.values()),
    })


def read_charges(connection: Connection, epoch: int) -> list[Charge]:
    rows = connection.execute(_CHARGES, {"epoch": epoch})
    return [Charge(_number(row.debit_account), _number(row.credit_account), int(row.amount)) for row in rows]


def is_awaited(connection: Connection, chain_id: int, epoch: int) -> bool:
    """Whether an open withdrawal request waits for `epoch` to become final; false before the indexer's first start."""
    if connection.execute(text("select to_regclass('chain_campaign')")).scalar() is None:
        return False
    return bool(connection.execute(text(
        "select exists (select from chain_campaign where chain_id = :chain_id and reserved > 0 "
        "and reserved_after_epoch >= :epoch)"
    ), {"chain_id": chain_id, "epoch": epoch}).scalar())


def read_span(connection: Connection, epoch: int) -> Span:
    """What the charges of an epoch span."""
    row = connection.execute(_SPAN, {"epoch": epoch}).one()
    oldest, conversion = (None if text is None else int(text, 16) for text in (row.oldest, row.oldest_conversion))
    return Span(int(row.events), oldest, conversion)


def read_events(connection: Connection, epoch: int) -> list[ChargedEvent]:
    """The charged events of an epoch, in no order."""
    return [
        ChargedEvent(
            row.event_id, _number(row.debit_account), int(row.line_item_id), int(row.creative_id),
            int(row.placement_id), _number(row.credit_account), int(row.amount),
        )
        for row in connection.execute(_EVENTS, {"epoch": epoch})
    ]


def read_lines(connection: Connection, epoch: int) -> list[PublisherLine]:
    """Publishers' lines of an epoch by index."""
    rows = connection.execute(text(
        "select publisher_index, recipient, gross_micro_usdc, net_micro_usdc, cumulative_micro_usdc "
        "from epoch_publisher where epoch = :epoch order by publisher_index"
    ), {"epoch": epoch})
    return [PublisherLine(*row) for row in rows]


def read_debits(connection: Connection, epoch: int) -> dict[int, int]:
    """Debits of an epoch in micro-USDC by campaign."""
    rows = connection.execute(
        text("select chain_campaign, amount_micro_usdc from epoch_debit where epoch = :epoch"), {"epoch": epoch}
    )
    return {int(campaign): int(amount) for campaign, amount in rows}


def read_wallets(connection: Connection, indexes: Sequence[int]) -> dict[int, str]:
    rows = connection.execute(
        text("select index, wallet from publisher where index = any(:indexes)"), {"indexes": list(indexes)}
    )
    return {int(index): str(wallet) for index, wallet in rows}


def read_auto_publishers(connection: Connection) -> set[int]:
    """Indexes of the publishers who are paid without asking."""
    return set(connection.execute(text("select index from publisher where payout_mode = 'auto'")).scalars())


def insert_epoch(
    connection: Connection, epoch: int, attempt: int, interval: tuple[int, int], events: int, closing: Closing
) -> None:
    """Store a closed epoch with its lines and debits. `interval` is from and to in Unix milliseconds."""
    connection.execute(text("""
        insert into epoch (epoch, attempt, status, from_ms, to_ms, events, total_micro_usdc, fee_micro_usdc,
                           dust_micro_usdc)
        values (:epoch, :attempt, 'closed', :from_ms, :to_ms, :events, :total, :fee, :dust)
    """), {
        "epoch": epoch, "attempt": attempt, "from_ms": interval[0], "to_ms": interval[1], "events": events,
        "total": closing.total, "fee": closing.fee, "dust": closing.dust,
    })
    connection.execute(text("""
        insert into epoch_publisher (epoch, publisher_index, recipient, gross_micro_usdc, net_micro_usdc,
                                     cumulative_micro_usdc)
        select :epoch, line.* from unnest(cast(:indexes as bigint[]), cast(:recipients as text[]),
               cast(:gross as bigint[]), cast(:net as bigint[]), cast(:cumulative as bigint[])) as line
    """), {
        "epoch": epoch, "indexes": [line.index for line in closing.lines],
        "recipients": [line.recipient for line in closing.lines], "gross": [line.gross for line in closing.lines],
        "net": [line.net for line in closing.lines], "cumulative": [line.cumulative for line in closing.lines],
    })
    connection.execute(text("""
        insert into epoch_debit (epoch, chain_campaign, amount_micro_usdc)
        select :epoch, debit.* from unnest(cast(:campaigns as bigint[]), cast(:amounts as bigint[])) as debit
    """), {"epoch": epoch, "campaigns": list(closing.debits), "amounts": list(closing.debits.values())})


def delete_epoch(connection: Connection, epoch: int) -> None:
    """Forget a closed epoch; its charges are open again. Its other transfers stay and must be reversed."""
    connection.execute(_STILL_IN_TIME, {"epoch": epoch})
    for statement in (
        "update ledger_transfer set epoch = null where epoch = :epoch and kind = 'charge'",
        "delete from attestation where epoch = :epoch",
        "delete from epoch_debit where epoch = :epoch",
        "delete from epoch_publisher where epoch = :epoch",
        "delete from epoch where epoch = :epoch",
    ):
        connection.execute(text(statement), {"epoch": epoch})


def mark_published(connection: Connection, epoch: int, attempt: int, hashes: Mapping[str, str]) -> None:
    """Record what was published. `hashes`: previous_root, publishers_root, debits_hash, data_hash, ruleset_hash."""
    connection.execute(text("""
        update epoch set status = 'published', attempt = :attempt, previous_root = :previous_root,
               publishers_root = :publishers_root, debits_hash = :debits_hash, data_hash = :data_hash,
               ruleset_hash = :ruleset_hash
         where epoch = :epoch
    """), {"epoch": epoch, "attempt": attempt, **hashes})


def sync_statuses(connection: Connection, finalised: int, pending: int | None) -> None:
    """Make statuses say what the chain says: up to `finalised`, and the epoch that is `pending`; also after a reorg."""
    connection.execute(_SYNC, {"finalised": finalised, "pending": pending or -1})


def read_attestations(connection: Connection, epoch: int, attempt: int) -> list[tuple[str, str, str]]:
    """(attestor, digest, signature) as 0x text, by attestor."""
    rows = connection.execute(text(
        "select attestor, digest, signature from attestation where epoch = :epoch and attempt = :attempt "
        "order by attestor"
    ), {"epoch": epoch, "attempt": attempt})
    return [(row.attestor, row.digest, row.signature) for row in rows]


def read_attestors(connection: Connection, epochs: Sequence[EpochRow]) -> dict[tuple[int, int], list[str]]:
    """Who has attested each of these attempts, by (epoch, attempt)."""
    rows = connection.execute(text("""
        select epoch, attempt, array_agg(attestor order by attestor) as attestors
          from attestation join unnest(cast(:epochs as bigint[]), cast(:attempts as int[])) as asked (epoch, attempt)
         using (epoch, attempt) group by epoch, attempt
    """), {"epochs": [row.epoch for row in epochs], "attempts": [row.attempt for row in epochs]})
    return {(row.epoch, row.attempt): row.attestors for row in rows}


def insert_attestation(
    connection: Connection, epoch: int, attempt: int, attestor: str, digest: str, signature: str
) -> None:
    """Store an attestation; the newest one of an attestor counts."""
    connection.execute(text("""
        insert into attestation (epoch, attempt, attestor, digest, signature)
        values (:epoch, :attempt, :attestor, :digest, :signature)
            on conflict (epoch, attempt, attestor) do update
           set digest = excluded.digest, signature = excluded.signature
    """), {"epoch": epoch, "attempt": attempt, "attestor": attestor, "digest": digest, "signature": signature})


def _number(account: str) -> int:
    return int(account.partition(":")[2])


def _hex_ms(milliseconds: int) -> str:
    return milliseconds.to_bytes(6, "big").hex()
