"""Whether the catalogue's tables have changed is told without reading them."""

import pytest
from sqlalchemy import Engine, text

from backend.serving import store

CHANGES = (
    (store.SUPPLY, "insert into publisher (index, wallet, payout_mode) values (77, 'w', 'auto')"),
    (store.SUPPLY, "update publisher set payout_mode = payout_mode where index = 76"),
    (store.SUPPLY, "delete from publisher where index = 76"),
    (store.DEMAND, "insert into campaign (owner, name, category, meta, status)"
                   " values ('w', 'n', 'games', 'm2', 'active')"),
    (store.DEMAND, "update campaign set frozen = true where meta = 'm1'"),
    (store.DEMAND, "delete from campaign where meta = 'm1'"),
)


@pytest.mark.parametrize(("tables", "change"), CHANGES)
def test_state__a_row_comes_changes_or_goes__is_another_one(
    fresh_engine: Engine, tables: tuple[str, ...], change: str
) -> None:
    with fresh_engine.begin() as connection:
        connection.execute(text("insert into publisher (index, wallet, payout_mode) values (76, 'v', 'auto')"))
        connection.execute(text("insert into campaign (owner, name, category, meta, status)"
                                " values ('v', 'n', 'games', 'm1', 'active')"))
    with fresh_engine.begin() as connection:
        before = {one: store.state_of(connection, one) for one in (store.SUPPLY, store.DEMAND)}
        assert before == {one: store.state_of(connection, one) for one in before}
    with fresh_engine.begin() as connection:
        connection.execute(text(change))
    with fresh_engine.begin() as connection:
        changed = [one for one in before if store.state_of(connection, one) != before[one]]
    assert changed == [tables]
