"""What is written when lost tables are restored from bundles."""

import pytest
from sqlalchemy import Connection, text

from backend.core.errors import Conflict
from backend.settlement.closing import PublisherLine
from backend.settlement.recovery import store

WALLET = "0x" + "11" * 20
ANOTHER = "0x" + "22" * 20


def line(index: int, wallet: str) -> PublisherLine:
    return PublisherLine(index, wallet, gross=10, net=9, cumulative=9)


def publishers(connection: Connection) -> list[tuple[int, str]]:
    return [tuple(row) for row in connection.execute(text("select index, wallet from publisher order by 1"))]


def test_insert_publishers__lost_or_there_already__each_has_its_index_once(connection: Connection) -> None:
    store.insert_publishers(connection, [line(1, WALLET)])
    store.insert_publishers(connection, [line(1, WALLET), line(2, ANOTHER)])
    assert publishers(connection) == [(1, WALLET), (2, ANOTHER)]


@pytest.mark.parametrize("other", [line(1, ANOTHER), line(2, WALLET)])
def test_insert_publishers__index_or_wallet_taken_meanwhile__refused(
    connection: Connection, other: PublisherLine
) -> None:
    store.insert_publishers(connection, [other])
    with pytest.raises(Conflict, match="publisher_taken"):
        store.insert_publishers(connection, [line(1, WALLET)])
