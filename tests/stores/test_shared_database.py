"""What the tests of a worker share is empty for each of them."""

from sqlalchemy import text

from bench.market import Market
from tests.conftest import Shared, clear, filled, tables


def test_database__written_to_by_a_test__is_empty_for_the_next(shared: Shared) -> None:
    url = shared.engine.url.render_as_string(hide_password=False)
    market = Market(shared.engine, url)
    market.placement(market.world(publisher=1))
    with shared.engine.begin() as connection:
        connection.execute(text(
            "insert into audit_entry (actor, account, action, subject) values ('x', 'x', 'x.make', 'x:1')"
        ))
        connection.execute(text("create table made_by_a_test as select 1 as n"))
        written = filled(connection, tables(connection)) - shared.migrated
        assert {"world", "placement", "audit_entry", "made_by_a_test"} <= written
    clear(shared)
    with shared.engine.begin() as connection:
        assert filled(connection, tables(connection)) == shared.migrated
        connection.execute(text("drop table made_by_a_test"))
