"""Blocks replaced, cut off, or replaced while we read: afterwards the tables are those of a fresh index (L41)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from indexer.main import Halted
from indexer.store import plain_url

USDC = 1_000_000
ADVERTISER = "0x" + "a1" * 20


def assert_like_fresh(mirror: Any, fresh_mirror: Callable[..., Any]) -> None:
    again = fresh_mirror(mirror.config)
    again.catch_up()
    assert mirror.digest() == again.digest()


def test_reorganisation__deposits_undone__projections_repaired(
    market: Any, mirror: Any, fresh_mirror: Callable[..., Any]
) -> None:
    """L41."""
    campaign = market.open(10 * USDC)
    market.deposit(campaign, 2 * USDC)
    market.open(5 * USDC)
    mirror.catch_up()
    market.node.reorg(2)
    market.deposit(campaign, 7 * USDC)
    mirror.catch_up()
    assert mirror.select("SELECT campaign, deposited FROM chain_campaign") == [(campaign, 17 * USDC)]
    head = market.node.head()
    assert mirror.select("SELECT ancestor_number, depth FROM chain_reorg") == [(head - 3, 2)]
    assert_like_fresh(mirror, fresh_mirror)


def test_reorganisation__settlement_and_payout_undone__done_again_otherwise(
    market: Any, mirror: Any, fresh_mirror: Callable[..., Any]
) -> None:
    """L41."""
    first, second = market.open(10 * USDC), market.open(10 * USDC)
    market.escrow.send(ADVERTISER, "request_withdrawal", first, 8 * USDC)
    market.propose({first: 3 * USDC, second: 1}, market.cumulative(1, 2, 3).root)
    mirror.catch_up()
    before = market.node.head()
    market.finalize()
    market.claim(1)
    market.pay_range(0, 1)
    market.propose({second: 4}, market.cumulative(5, 5, 5).root)
    market.veto()
    mirror.catch_up()
    assert mirror.value("SELECT reserved FROM chain_campaign WHERE campaign = %s", first) == 7 * USDC
    market.node.reorg(market.node.head() - before)
    market.veto()
    market.propose({second: 2 * USDC}, market.cumulative(0, 9).root)
    mirror.catch_up()
    assert mirror.select("SELECT epoch, attempt, status FROM chain_epoch ORDER BY attempt") == [
        (1, 0, "vetoed"),
        (1, 1, "proposed"),
    ]
    assert mirror.value("SELECT count(*) FROM chain_publisher") == 0
    assert mirror.value("SELECT reserved FROM chain_campaign WHERE campaign = %s", first) == 8 * USDC
    market.finalize()
    market.pay_range(0, 1)
    mirror.catch_up()
    assert mirror.select("SELECT publisher_index, paid FROM chain_publisher") == [(1, 9)]
    assert_like_fresh(mirror, fresh_mirror)


def test_reorganisation__below_the_deployment__starts_over(market: Any, mirror: Any) -> None:
    market.open(USDC)
    mirror.catch_up()
    market.node.reorg(market.node.head())
    mirror.catch_up()
    assert mirror.value("SELECT count(*) FROM chain_event") == 0
    assert mirror.value("SELECT count(*) FROM chain_campaign") == 0


def test_reorganisation__deeper_than_allowed__stops_and_says_so(market: Any, mirror: Any) -> None:
    market.open(USDC)
    market.node.mine(5)
    mirror.config = replace(mirror.config, reorg_blocks_max=3)
    mirror.catch_up()
    before = mirror.digest()
    market.node.reorg(5)
    market.node.mine()
    with pytest.raises(Halted, match="forked 5 blocks"):
        mirror.catch_up()
    assert mirror.digest() == before
    assert "forked 5 blocks" in mirror.value("SELECT halted FROM chain_cursor")
    mirror.config = replace(mirror.config, reorg_blocks_max=5)
    mirror.catch_up()
    assert mirror.value("SELECT halted FROM chain_cursor") is None


def test_shorter_chain__first_waits_then_believes(market: Any, mirror: Any, fresh_mirror: Callable[..., Any]) -> None:
    campaign = market.open(10 * USDC)
    market.deposit(campaign, USDC)
    mirror.catch_up()
    before = mirror.digest()
    market.node.call_rpc("anvil_rollback", 1)
    mirror.catch_up()  # may be a node that lags
    assert mirror.digest() == before
    mirror.config = replace(mirror.config, shorter_seconds=0)
    mirror.catch_up()
    assert mirror.value("SELECT deposited FROM chain_campaign") == 10 * USDC
    assert_like_fresh(mirror, fresh_mirror)


def test_reorganisation__while_reading__nothing_of_the_old_chain_is_written(
    market: Any, mirror: Any, proxy: Any, fresh_mirror: Callable[..., Any]
) -> None:
    """L41."""
    campaign = market.open(10 * USDC)
    market.deposit(campaign, USDC)
    market.node.mine(3)
    reorganised: list[int] = []

    def reorganise_after_headers(calls: list[Any], answers: list[Any]) -> list[Any]:
        if calls[0]["method"] == "eth_getBlockReceipts" and not reorganised:
            reorganised.append(1)
            market.node.reorg(4)
            market.node.mine()
        return answers

    proxy.fault = reorganise_after_headers
    mirror.config = replace(mirror.config, rpc_url=proxy.url)
    mirror.catch_up()
    assert mirror.value("SELECT deposited FROM chain_campaign") == 10 * USDC
    assert_like_fresh(mirror, fresh_mirror)


def test_reorganisation__confirmed_number__follows_the_chain(market: Any, mirror: Any) -> None:
    """L43."""
    market.open(USDC)
    mirror.catch_up()
    head = market.node.head()
    assert mirror.value("SELECT confirmed_number FROM chain_cursor") == head - 2
    market.node.mine(4)
    mirror.catch_up()
    assert mirror.value("SELECT confirmed_number FROM chain_cursor") == head + 2


def test_notification__after_each_commit__wakes_listeners(market: Any, mirror: Any) -> None:
    with psycopg.connect(plain_url(mirror.config.database_url), autocommit=True) as listener:
        listener.execute("LISTEN chain_tables")
        market.open(USDC)
        mirror.catch_up()
        assert [note.channel for note in listener.notifies(timeout=60, stop_after=1)] == ["chain_tables"]
