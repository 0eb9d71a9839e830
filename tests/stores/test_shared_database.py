"""What the tests of a worker share is empty for each of them."""

from typing import Any

from sqlalchemy import text

from bench.market import Market
from tests.conftest import clear, filled


def test_database__written_to_by_a_test__is_empty_for_the_next(shared: Any) -> None:
    url = shared.engine.url.render_as_string(hide_password=False)
    market = Market(shared.engine, url)
    market.placement(market.world(publisher=1))
    with shared.engine.begin() as connection:
        connection.execute(text(
            "insert into audit_entry (actor, account, action, subject) values ('x', 'x', 'x.make', 'x:1')"
        ))
        connection.execute(text("create table made_by_a_test as select 1 as n"))
        assert {"world", "placement", "audit_entry", "made_by_a_test"} <= filled(connection) - shared.migrated
    clear(shared)
    with shared.engine.begin() as connection:
        assert filled(connection) == shared.migrated
        connection.execute(text("drop table made_by_a_test"))
