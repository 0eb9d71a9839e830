"""Whatever changes what is sold or bought is told, once, to whoever reads on from where he was (L74)."""

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from backend.serving.feed import store

BEFORE = (
    "insert into publisher (index, wallet, payout_mode) values (76, 'v', 'auto')",
    "insert into world (id, publisher_index, name, engine, category, url, status)"
    " values (9, 76, 'w', 'three', 'games', 'u', 'active')",
    "insert into placement (id, world_id, name, kind, width, height, floor_micro_usdc, status)"
    " values (8, 9, 'p', 'image', 2, 1, 0, 'active')",
    "insert into campaign (id, owner, name, category, meta, status) values (7, 'v', 'n', 'games', 'm1', 'active')",
    "insert into line_item (id, campaign_id, name, bid_kind, bid_micro_usdc, pacing, starts_at, ends_at, status)"
    " values (6, 7, 'l', 'vcpm', 1, 'asap', now(), now() + interval '1 day', 'active')",
)
CHANGES = (
    ("insert into publisher (index, wallet, payout_mode) values (77, 'w', 'auto')", "publisher", 77),
    ("update publisher set payout_mode = 'manual' where index = 76", "publisher", 76),
    ("update world set status = 'paused'", "world", 9),
    ("update placement set floor_micro_usdc = 1", "placement", 8),
    ("insert into placement_share values (8, 76, 10000)", "placement", 8),
    ("insert into publisher_block (publisher_index, kind, value) values (76, 'category', 'games')", "publisher", 76),
    ("insert into deal (placement_id, publisher, advertiser, name, price_kind, price_micro_usdc, status)"
     " values (8, 'p', 'a', 'd', 'fixed', 1, 'offered')", "placement", 8),
    ("update campaign set frozen = true", "campaign", 7),
    ("update line_item set bid_micro_usdc = 2", "line_item", 6),
    ("delete from line_item", "line_item", 6),
    ("insert into creative (line_item_id, kind, width, height, asset_url, asset_sha256, click_url, status)"
     " values (6, 'image', 2, 1, 'a', 'b', 'c', 'approved')", "line_item", 6),
    ("insert into conversion_goal (campaign_id, name, kind, click_days, view_days, repeatable, status, secret_version)"
     " values (7, 'g', 'postback', 7, 0, false, 'active', 1)", "campaign", 7),
)


def snapshot(engine: Engine) -> Connection:
    connection = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    connection.begin()
    return connection


def test_changes__each_table__told_by_kind_and_number_and_then_no_more(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
    for change, kind, number in CHANGES:
        with snapshot(fresh_engine) as connection:
            version, seen = store.read_version(connection)
        with fresh_engine.connect() as connection:
            transaction = connection.begin()
            connection.execute(text(change))
            changes = store.read_changes(connection, seen)
            assert (changes.ids, changes.count) == ({kind: {number}}, 1), change
            assert store.read_changes(connection, changes.seen).ids == {}
            assert store.read_version(connection)[0] == version + 1
            transaction.rollback()


def test_changes__memberships__told_by_hashes_of_both_wallets_whatever_else_is_done(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into organisation (wallet, name, advertiser, publisher)"
                                " values ('v', 'n', true, true)"))
        hashes = {wallet: connection.execute(text("select hashtextextended(:w, 0)"), {"w": wallet}).scalar_one()
                  for wallet in "uvw"}
    for change, wallets in (
        ("insert into member (account, wallet, role) values ('v', 'v', 'owner'), ('v', 'w', 'reporter')", "vw"),
        ("insert into member (account, wallet, role) values ('v', 'w', 'owner')"
         " on conflict (account, wallet) do update set role = excluded.role", "vw"),
        ("update member set wallet = 'u' where wallet = 'w'", "uvw"),
        ("delete from member where wallet = 'u'", "uv"),
        ("delete from member where wallet = 'u'", ""),
    ):
        with snapshot(fresh_engine) as connection:
            seen = store.read_version(connection)[1]
        with fresh_engine.begin() as connection:
            connection.execute(text(change))
            told = {"member": {hashes[one] for one in wallets}} if wallets else {}
            assert store.read_changes(connection, seen).ids == told, change


def test_forget__old_changes__the_version_stays_the_same(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        for statement in BEFORE:
            connection.execute(text(statement))
        connection.execute(text("update serving_change set at = now() - interval '2 hours' where kind = 'world'"))
        before = store.read_version(connection)[0]
    with fresh_engine.begin() as connection:
        store.forget_changes(connection)
        store.forget_changes(connection)
    with fresh_engine.begin() as connection:
        assert store.read_version(connection)[0] == before
        kinds = set(connection.execute(text("select kind from serving_change")).scalars())
    assert "world" not in kinds
    assert "campaign" in kinds


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(0, 3)), st.tuples(st.just("change"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["commit", "rollback"]), st.integers(0, 3)),
        st.tuples(st.just("read"), st.integers(0, 1)),
    ),
    min_size=6, max_size=30,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(STEPS)
def test_changes__transactions_end_in_any_order__nobody_misses_one_and_versions_agree(
    fresh_engine: Engine, steps: list[tuple[str, int]]
) -> None:
    """L74: two readers who read whenever they like; at the end both have everything, at the same version."""
    engine = fresh_engine
    writers: dict[int, Any] = {}
    readers = [Reader(engine), Reader(engine)]
    for step, number in steps:
        if step == "read":
            readers[number].read()
        elif step == "begin" and number not in writers:
            connection = engine.connect()
            writers[number] = (connection, connection.begin(), [])
        elif step == "change" and number in writers:
            writers[number][2].append(insert(writers[number][0]))
        elif step in ("commit", "rollback") and number in writers:
            connection, transaction, _ = writers.pop(number)
            getattr(transaction, step)()
            connection.close()
    for connection, transaction, _ in writers.values():
        transaction.commit()
        connection.close()
    for reader in readers:
        reader.read()
    with engine.begin() as connection:
        there = set(connection.execute(text("select id from campaign")).scalars())
    assert {reader.version for reader in readers} == {Reader(engine).version}
    assert all(reader.known == there for reader in readers)


class Reader:
    """Keeps in mind which campaigns there are, as a deciding process does."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with snapshot(engine) as connection:
            self.version, self.seen = store.read_version(connection)
            self.known = set(connection.execute(text("select id from campaign")).scalars())

    def read(self) -> None:
        with snapshot(self.engine) as connection:
            changes = store.read_changes(connection, self.seen)
            ids = sorted(changes.ids.get("campaign", ()))
            found = connection.execute(text("select id from campaign where id = any(:ids)"), {"ids": ids}).scalars()
            self.known = self.known - set(ids) | set(found)
            self.version, self.seen = self.version + changes.count, changes.seen


_numbers = iter(range(1, 10**9))
_lock = threading.Lock()


def insert(connection: Connection) -> int:
    with _lock:
        number = next(_numbers)
    row = connection.execute(
        text("insert into campaign (owner, name, category, meta, status)"
             " values ('v', 'n', 'games', :meta, 'active') returning id"), {"meta": f"meta-{number}"},
    )
    return int(row.scalar_one())


@pytest.fixture(autouse=True)
def _end(fresh_engine: Engine) -> Any:
    yield
    fresh_engine.dispose()
