"""SQL of recovery: what a bundle says, written as the stages before would have written it."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from backend.core.errors import Conflict
from backend.core.events import KIND_BYTE, BidKind, EventKind
from backend.core.transfers import Transfer
from backend.settlement.bundle import ChargedEvent
from backend.settlement.closing import PublisherLine

INGEST_LOCK = 0x5167_4202       # of `ingest`, whoever stores events
_KINDS = {
    KIND_BYTE[EventKind.VIEWABLE]: (EventKind.VIEWABLE.value, BidKind.VCPM.value),
    KIND_BYTE[EventKind.CLICK]: (EventKind.CLICK.value, BidKind.CPC.value),
    KIND_BYTE[EventKind.CONVERSION]: (EventKind.CONVERSION.value, BidKind.CPA.value),
    KIND_BYTE[EventKind.SPONSORED_HOUR]: (EventKind.SPONSORED_HOUR.value, BidKind.SPONSORSHIP.value),
}

# An event that ingest has taken from its stream again is marked as billed, so that it is never charged twice.
_EVENTS = text("""
insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id, creative_id, placement_id,
                   publisher_index, price_micro_usdc, occurred_ms, received_ms, stream_id, stream_index, status,
                   settled_seq)
select event_id, left(event_id, 32), kind, bid_kind, campaign, line_item, creative, placement, publisher, price,
       decided_ms, decided_ms, :stream_id, position, 'billed', cast(:last as bigint) + position
  from unnest(cast(:event_ids as text[]), cast(:kinds as text[]), cast(:bid_kinds as text[]),
              cast(:campaigns as bigint[]), cast(:line_items as bigint[]), cast(:creatives as bigint[]),
              cast(:placements as bigint[]), cast(:publishers as bigint[]), cast(:prices as bigint[]),
              cast(:decided as bigint[]))
       with ordinality as e(event_id, kind, bid_kind, campaign, line_item, creative, placement, publisher, price,
                            decided_ms, position)
    on conflict (event_id) do update set status = 'billed', settled_seq = excluded.settled_seq
""")

_ADOPT = text("""
update ledger_transfer known set epoch = :epoch
  from unnest(cast(:event_ids as text[]), cast(:debits as text[]), cast(:credits as text[]),
              cast(:amounts as bigint[])) as c(event_id, debit_account, credit_account, amount)
 where known.epoch is null and known.kind = 'charge'
   and (known.event_id, known.debit_account, known.credit_account, known.amount_micro_usdc)
     = (c.event_id, c.debit_account, c.credit_account, c.amount)
returning known.event_id
""")

# A backup may have had an event flagged whose charge went on chain before: what is final is not given back.
_REVIVE = text("""
with revived as (
    update ledger_transfer known set epoch = null
      from unnest(cast(:event_ids as text[])) as c(event_id)
     where known.event_id = c.event_id and known.kind = 'charge' and known.epoch = 0 returning known.event_id
), flagged as (
    update flagged_event set state = 'late' from revived where flagged_event.event_id = revived.event_id
)
select event_id from revived
""")

_SPEND = text("""
insert into line_item_spend (line_item_id, day, spent_micro_usdc)
select e.line_item_id, (to_timestamp(e.occurred_ms / 1000) at time zone 'UTC')::date, sum(t.amount_micro_usdc)
  from ledger_transfer t join event e using (event_id)
 where t.event_id = any(cast(:event_ids as text[])) and t.kind = 'charge' group by 1, 2
    on conflict (line_item_id, day) do update
   set spent_micro_usdc = line_item_spend.spent_micro_usdc + excluded.spent_micro_usdc
""")


def first_missing(connection: Connection, newest: int) -> int | None:
    """The lowest epoch from 1 to `newest` that our tables do not have as published: it is on chain, so it was."""
    found: int | None = connection.execute(text(
        "select min(number) from generate_series(1, :newest) number "
        "where not exists (select from epoch where epoch = number and data_hash is not null)"
    ), {"newest": newest}).scalar()
    return found


def insert_events(connection: Connection, epoch: int, events: Sequence[ChargedEvent]) -> None:
    """The charged events of an epoch as billed rows. Needs the ledger's lock.

    Until the transaction ends nobody else stores events: those that come both ways would wait in a circle.
    """
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": INGEST_LOCK})
    last = connection.execute(text("select coalesce(max(settled_seq), 0) from event")).scalar_one()
    kinds = [_KINDS[event.event_id[-2:]] for event in events]
    connection.execute(_EVENTS, {
        "stream_id": f"bundle-{epoch}", "last": last,
        "event_ids": [event.event_id for event in events],
        "kinds": [kind for kind, _ in kinds], "bid_kinds": [bid_kind for _, bid_kind in kinds],
        "campaigns": [event.campaign for event in events], "line_items": [event.line_item for event in events],
        "creatives": [event.creative for event in events], "placements": [event.placement for event in events],
        "publishers": [event.publisher for event in events], "prices": [event.price_micro_usdc for event in events],
        "decided": [event.decided_ms for event in events],
    })
    # events that came without the ledger's deciding them: rates are counted anew (pctr/)
    connection.execute(text("delete from rate_cursor"))


def adopt_charges(connection: Connection, epoch: int, charges: Sequence[Transfer]) -> set[str]:
    """Put those of an epoch's charges that we have, in no epoch yet, into it: our tables may be those of an older day,
    or an event was billed again before its epoch was restored. Gives their event ids. Needs the ledger's lock."""
    return set(connection.execute(_ADOPT, {
        "epoch": epoch, "event_ids": [charge.event_id for charge in charges],
        "debits": [charge.debit_account for charge in charges],
        "credits": [charge.credit_account for charge in charges],
        "amounts": [charge.amount_micro_usdc for charge in charges],
    }).scalars())


def revive_charges(connection: Connection, charges: Sequence[Transfer]) -> list[Transfer]:
    """Open those of an epoch's charges again that were given back as invalid traffic; gives the transfers that undo it.

    Needs the ledger's lock.
    """
    revived = set(connection.execute(_REVIVE, {"event_ids": [charge.event_id for charge in charges]}).scalars())
    return [
        Transfer("reinstatement", one.debit_account, one.credit_account, one.amount_micro_usdc, one.event_id)
        for one in charges if one.event_id in revived
    ]


def add_spend(connection: Connection, charges: Sequence[Transfer]) -> None:
    """Add charges to the spend of their line items by UTC day of the decision."""
    connection.execute(_SPEND, {"event_ids": [charge.event_id for charge in charges]})


def insert_publishers(connection: Connection, lines: Sequence[PublisherLine]) -> None:
    """Wallets and indexes, which last for life. How they like to be paid is not in a bundle: they say it again.

    Raises Conflict `publisher_taken` when somebody else has such an index meanwhile: a person must decide.
    """
    values = {"indexes": [line.index for line in lines], "wallets": [line.recipient for line in lines]}
    connection.execute(text("""
        insert into publisher (index, wallet, payout_mode)
        select publisher.*, 'auto' from unnest(cast(:indexes as bigint[]), cast(:wallets as text[])) as publisher
            on conflict do nothing
    """), values)
    taken = connection.execute(text("""
        select restored.index
          from unnest(cast(:indexes as bigint[]), cast(:wallets as text[])) as restored(index, wallet)
         where not exists (select from publisher
                            where publisher.index = restored.index and publisher.wallet = restored.wallet)
         order by 1
    """), values).scalars().all()
    if taken:
        raise Conflict("publisher_taken", f"publishers {taken[:10]} belong to other wallets than in the bundles")
