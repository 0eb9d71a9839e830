"""An account's ads are not shown where it, or whoever belongs to it, is paid: by who is a member of what right now."""

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from backend.serving.feed.service import CatalogueFeed
from tests.services.conftest import CHAIN_ID

PUBLISHER, PAYEE = "0xpublisher", "0xpayee"
ACCOUNTS = (PUBLISHER, PAYEE, "0xone", "0xtwo", "0xthree")
ALONE, SHARED = 1, 2                # placements of the publisher; of one, the payee is paid a half
ROLES = ("owner", "manager", "reporter")
Members = dict[tuple[str, str], str]
"""Roles by account and wallet."""


def stands_for(account: str, members: Members) -> set[str]:
    return {account} | {wallet for (of, wallet), role in members.items() if of == account and role == "owner"}


def people(account: str, members: Members) -> set[str]:
    return {account} | {wallet for of, wallet in members if of == account}


def belong_together(one: str, other: str, members: Members) -> bool:
    """The definition of docs/publishers.md, word by word."""
    return bool(
        stands_for(one, members) & people(other, members) or stands_for(other, members) & people(one, members)
    )


def own(payees: tuple[str, ...], members: Members) -> set[str]:
    return {one for one in ACCOUNTS if any(belong_together(one, payee, members) for payee in payees)}


@pytest.fixture
def feed(fresh_engine: Engine, redis_client: redis.Redis) -> CatalogueFeed:
    with fresh_engine.begin() as connection:
        for statement in (
            f"insert into publisher (index, wallet, payout_mode) values (1, '{PUBLISHER}', 'auto'),"
            f" (2, '{PAYEE}', 'auto')",
            "insert into world (id, publisher_index, name, engine, category, url, status)"
            " values (1, 1, 'w', 'three', 'games', 'u', 'active')",
            "insert into placement (id, world_id, name, kind, width, height, floor_micro_usdc, status)"
            " values (1, 1, 'p', 'image', 2, 1, 0, 'active'), (2, 1, 'p', 'image', 2, 1, 0, 'active')",
            "insert into placement_share values (2, 1, 5000), (2, 2, 5000)",
        ):
            connection.execute(text(statement))
        for account in ACCOUNTS:
            connection.execute(text("insert into organisation (wallet, name, advertiser, publisher)"
                                    " values (:account, 'n', true, true)"), {"account": account})
    return CatalogueFeed(fresh_engine, redis_client, CHAIN_ID)


def save(connection: Connection, account: str, wallet: str, role: str | None) -> None:
    """The role of a member; None: it is none."""
    connection.execute(text(
        "delete from member where account = :account and wallet = :wallet" if role is None else
        "insert into member (account, wallet, role) values (:account, :wallet, :role)"
        " on conflict (account, wallet) do update set role = excluded.role"
    ), {"account": account, "wallet": wallet, "role": role})


def shown(feed: CatalogueFeed) -> dict[int, frozenset[str]]:
    return {number: surface.own for number, surface in feed.refresh(1_790_000_000_000).placements.items()}


CHANGE = st.tuples(
    st.sampled_from(ACCOUNTS), st.sampled_from((*ACCOUNTS[2:], "0xnobody", PUBLISHER)), st.sampled_from((*ROLES, None)),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.lists(CHANGE, min_size=1, max_size=3), min_size=1, max_size=6))
def test_refresh__members_come_rise_and_go__own_is_what_the_definition_says(
    feed: CatalogueFeed, fresh_engine: Engine, steps: list[list[tuple[str, str, str | None]]]
) -> None:
    """L74: the feed reads on from where it was, and knows as much as if it had read everything."""
    members: Members = {}
    with fresh_engine.begin() as connection:
        connection.execute(text("delete from member"))
    feed.refresh(1_790_000_000_000)
    for step in steps:
        with fresh_engine.begin() as connection:
            for account, wallet, role in step:
                save(connection, account, wallet, role)
                members.pop((account, wallet), None)
                members |= {(account, wallet): role} if role else {}
        found = shown(feed)
        assert found[ALONE] & set(ACCOUNTS) == own((PUBLISHER,), members)
        assert found[SHARED] & set(ACCOUNTS) == own((PUBLISHER, PAYEE), members)


@pytest.mark.parametrize("first", [0, 1])
def test_refresh__one_person_joins_two_accounts_at_once__neither_is_overlooked(
    feed: CatalogueFeed, fresh_engine: Engine, first: int
) -> None:
    """Neither transaction sees the other's member, so none can say alone whose accounts belong together."""
    feed.refresh(1_790_000_000_000)
    connections = [fresh_engine.connect(), fresh_engine.connect()]
    transactions = [connection.begin() for connection in connections]
    save(connections[0], PUBLISHER, "0xperson", "owner")
    save(connections[1], "0xone", "0xperson", "reporter")
    transactions[first].commit()
    assert "0xone" not in shown(feed)[ALONE]
    transactions[1 - first].commit()
    assert shown(feed)[ALONE] == {PUBLISHER, "0xperson", "0xone"}
    for connection in connections:
        connection.close()


def test_refresh__agency_of_both_sides__keeps_its_clients_apart_until_it_owns_one(
    feed: CatalogueFeed, fresh_engine: Engine
) -> None:
    """An agency is a manager of clients on both sides: they are shown to each other, its own ads are to neither."""
    agency = "0xtwo"
    for account, role, refused in (
        (PUBLISHER, "manager", {agency}), ("0xone", "manager", {agency}), ("0xone", "owner", {agency, "0xone"}),
        ("0xone", "reporter", {agency}), (PUBLISHER, "owner", {agency, "0xone"}), (PUBLISHER, None, set()),
    ):
        with fresh_engine.begin() as connection:
            save(connection, account, agency, role)
        assert shown(feed)[ALONE] == {PUBLISHER} | refused, (account, role)
