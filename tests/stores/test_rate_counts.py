"""Counts behind the rates: exactly those of the events, however the passes fall, and counted anew when lost (L78)."""

from collections import Counter
from random import Random

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from backend.db.ledger import try_lock as try_ledger_lock
from backend.pctr import store
from backend.pctr.rate import Cell, Counts
from backend.pctr.service import RateCounting

KINDS = ("viewable", "click", "conversion", "sponsored_hour")
CHANGES = (
    ("accepted", "billed"), ("accepted", "unpaid"), ("accepted", "dropped"), ("accepted", "invalid"),
    ("billed", "invalid"), ("unpaid", "invalid"), ("invalid", "accepted"), ("invalid", "billed"),
)


@pytest.fixture
def counting(fresh_engine: Engine) -> RateCounting:
    """Passes of two changes, so that every story needs several."""
    return RateCounting(fresh_engine, deltas_max=2)


def happen(engine: Engine, dice: Random) -> None:
    """Events come; the ledger decides some; some of those turn out to be invalid, and some not so after all."""
    with engine.begin() as connection:
        for _ in range(dice.randint(0, 15)):
            connection.execute(
                text("""insert into event (event_id, decision_id, kind, bid_kind, chain_campaign, line_item_id,
                                           creative_id, placement_id, publisher_index, price_micro_usdc, occurred_ms,
                                           received_ms, stream_id, stream_index, status)
                        values (gen_random_uuid(), 'd', :kind, 'cpa', 1, :item, 1, :placement, 1, 0, 0, 0,
                                gen_random_uuid(), 0, 'accepted')"""),
                {"kind": dice.choice(KINDS), "item": dice.randint(1, 3), "placement": dice.randint(1, 2)},
            )
    for before, after in dice.sample(CHANGES, len(CHANGES)):
        with engine.begin() as connection:
            connection.execute(
                text("""update event set status = :after where event_id in (
                            select event_id from event where status = :before order by seq limit :n)"""),
                {"before": before, "after": after, "n": dice.randint(0, 6)},
            )


def answer(engine: Engine, minute: int, item: int, n: int) -> None:
    """Decisions for a line item on placement 1, so many minutes after an hour of long ago."""
    with engine.begin() as connection:
        connection.execute(
            text("""insert into serving_tally (minute, placement_id, line_item_id, outcome, n)
                    values (timestamptz '2026-11-02 10:00Z' + make_interval(mins => :minute), 1, :item, 'decision', :n)
                    on conflict (minute, placement_id, line_item_id, outcome) do update
                   set n = serving_tally.n + excluded.n"""),
            {"minute": minute, "item": item, "n": n},
        )


def all_passes(counting: RateCounting) -> int:
    passes = 1
    while counting.step():
        passes += 1
    return passes


def counted(engine: Engine) -> dict[Cell, Counts]:
    with engine.connect() as connection:
        return dict(store.read_fresh(connection, 0).cells)


def of_events(engine: Engine) -> dict[Cell, Counts]:
    """The same by one scan of the whole table, which is what nobody does any more."""
    found: Counter[tuple[Cell, str]] = Counter()
    with engine.connect() as connection:
        for row in connection.execute(text("select * from event where status in ('billed', 'unpaid', 'dropped')")):
            found[(row.line_item_id, row.placement_id), row.kind] += 1
    cells = {cell for cell, kind in found if kind != "sponsored_hour"}
    return {cell: Counts(*(found[cell, kind] for kind in KINDS[:3])) for cell in cells}


def known(engine: Engine) -> dict[Cell, Counts]:
    """What is counted, without what came back to nothing."""
    return {cell: counts for cell, counts in counted(engine).items() if counts != Counts()}


@pytest.mark.parametrize("seed", range(2))
def test_step__any_story__counts_are_those_of_the_events(
    fresh_engine: Engine, counting: RateCounting, seed: int
) -> None:
    """L78: also when events are found to be invalid, or are so no more."""
    dice = Random(seed)
    for _ in range(5):
        happen(fresh_engine, dice)
        for _ in range(dice.randint(0, 3)):
            counting.step()
    all_passes(counting)
    assert known(fresh_engine) == of_events(fresh_engine)
    assert all_passes(counting) == 1                # nothing is counted twice
    with fresh_engine.begin() as connection:
        connection.execute(text("delete from rate_cursor"))
    all_passes(counting)
    assert counted(fresh_engine) == of_events(fresh_engine)


def test_step__fails_before_it_commits__counts_once(fresh_engine: Engine, counting: RateCounting) -> None:
    """L78: counts and position change together."""
    happen(fresh_engine, Random(5))
    before = counted(fresh_engine)
    with fresh_engine.begin() as connection:
        connection.execute(text("alter table rate_cursor add constraint stop check (generation < 2)"))
    with pytest.raises(IntegrityError):
        counting.step()
    assert counted(fresh_engine) == before == {}
    with fresh_engine.begin() as connection:
        connection.execute(text("alter table rate_cursor drop constraint stop"))
    all_passes(counting)
    assert known(fresh_engine) == of_events(fresh_engine) != {}


def test_step__another_process_is_at_it__does_nothing(fresh_engine: Engine, counting: RateCounting) -> None:
    happen(fresh_engine, Random(5))
    with fresh_engine.begin() as connection:
        assert store.try_lock(connection)
        assert not counting.step()
    assert counted(fresh_engine) == {}


def test_step__position_is_gone__counts_anew_once_the_ledger_rests(
    fresh_engine: Engine, counting: RateCounting
) -> None:
    """L78"""
    happen(fresh_engine, Random(5))
    answer(fresh_engine, 0, 1, 50)
    answer(fresh_engine, 20, 1, 1)
    all_passes(counting)
    with fresh_engine.begin() as connection:
        generation = store.read_fresh(connection, 0).generation
        connection.execute(text("delete from rate_cursor"))
    with fresh_engine.begin() as ledger:
        assert try_ledger_lock(ledger)
        assert not counting.step()
    all_passes(counting)
    assert counted(fresh_engine)[1, 1].decisions == 50
    with fresh_engine.begin() as connection:
        assert store.read_fresh(connection, generation).cells == counted(fresh_engine)


def test_step__decisions__are_counted_when_they_are_ten_minutes_old(
    fresh_engine: Engine, counting: RateCounting
) -> None:
    answer(fresh_engine, 0, 1, 100)
    answer(fresh_engine, 5, 2, 7)
    all_passes(counting)
    assert counted(fresh_engine) == {}
    answer(fresh_engine, 0, 1, 20)                      # flushed late
    answer(fresh_engine, 14, 2, 1)
    all_passes(counting)
    assert counted(fresh_engine) == {(1, 1): Counts(decisions=120)}
    answer(fresh_engine, 60 * 24 * 3, 2, 1)             # three days later: a day of tallies in a pass
    assert all_passes(counting) >= 3
    assert counted(fresh_engine) == {(1, 1): Counts(decisions=120), (2, 1): Counts(decisions=8)}


def test_read_fresh__known_before__has_what_changed_alone(fresh_engine: Engine, counting: RateCounting) -> None:
    answer(fresh_engine, 0, 1, 1)
    answer(fresh_engine, 20, 2, 1)
    all_passes(counting)
    with fresh_engine.connect() as connection:
        first = store.read_fresh(connection, 0)
    answer(fresh_engine, 40, 3, 1)
    all_passes(counting)
    with fresh_engine.connect() as connection:
        later = store.read_fresh(connection, first.generation)
        assert later.cells.keys() == {(2, 1)}
        assert not later.all
        assert store.read_fresh(connection, later.generation).cells == {}
        assert store.read_fresh(connection, later.generation + 5).all
