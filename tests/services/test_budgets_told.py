"""A pass that looks only at what has changed leaves what a pass over everything would, wherever one was killed."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, text

from backend.serving import store
from backend.serving.feed.store import BUDGETS_KEY, publish_budgets, read_budgets
from backend.serving.published import PARTS, UNKNOWN, Budgets
from backend.serving.purses import keys
from backend.serving.sync import service
from backend.serving.sync.service import BudgetSync
from bench.app import CHAIN_ID
from bench.market import Market

NOW_MS = 1_790_000_000_000
DAY = NOW_MS // 86_400_000
ADDRESS = "0x" + "ee" * 20
CAME = f"""
insert into chain_deposited (chain_id, number, log_index, tx_hash, block_timestamp, campaign, payer, amount)
values ({CHAIN_ID}, 101, 0, '{ADDRESS}', 0, 2, '{ADDRESS}', 300)
"""
CHARGE = """
insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, epoch)
values ('charge', 'campaign:1', 'earned:1', 20, null)
"""
CHANGES = (
    "update chain_campaign set deposited = deposited + 500, remaining = remaining + 500 where campaign = 2",
    "update chain_campaign set reserved = 100 where campaign = 1",
    "update chain_campaign set deposited = 0 where campaign = 3",
    "update chain_campaign set active = false where campaign = 2",
    CAME, "update chain_cursor set confirmed_number = 101",
    "insert into ledger_account (account, debits, credits) values ('campaign:1', 20, 0);" + CHARGE,
    "update chain_campaign set epoch_cap = 50 where campaign = 1",
    "insert into epoch (epoch, attempt, status, from_ms, to_ms) values (1, 0, 'closed', 0, 0);"
    "update ledger_transfer set epoch = 1",
    "update chain_campaign set epoch_cap = 0", "update ledger_account set credits = 20",
    "update line_item set daily_cap_micro_usdc = 70 where id = 2",
    "update line_item set total_cap_micro_usdc = null where id = 1",
    f"update campaign set funder = '{ADDRESS}' where id = 2",
    f"update chain_campaign set owner = '{ADDRESS}' where campaign = 2",
    f"insert into line_item_spend values (2, date '1970-01-01' + {DAY}, 5);"
    "insert into ledger_account (account, debits, credits) values ('campaign:2', 5, 0)",
    "delete from chain_campaign where campaign = 3",
    "delete from chain_campaign",
)


class Books:
    """Three campaigns, two with caps; a sync that looks at nothing but what is named, and what it leaves."""

    def __init__(self, engine: Engine, client: redis.Redis, market: Market) -> None:
        self.engine, self.client = engine, client
        self.sync = self.named()
        for number, caps in enumerate(({"total_cap_micro_usdc": 900}, {"daily_cap_micro_usdc": 80}, {}), 1):
            market.line_item(market.campaign(number, 1_000), 10, **caps)
        self.sync.sync(NOW_MS)

    def named(self) -> BudgetSync:
        """Nobody has a turn: what nobody tells is not seen."""
        return BudgetSync(self.engine, self.client, CHAIN_ID, metas_at_once=0)

    def change(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement))

    def left(self) -> tuple[Any, ...]:
        """Purses, holds and what is told; without tickets."""
        purses = store.read_purses(self.client, [1, 2, 3])
        bases = {one: {**state.base, "ticket": 0} for one, state in purses.items()}
        return bases, {one: state.held for one, state in purses.items()}, self.client.hgetall(BUDGETS_KEY)

    def assert_as_anew(self) -> None:
        """A process that knows nothing finds nothing to do."""
        before = self.left()
        BudgetSync(self.engine, self.client, CHAIN_ID).sync(NOW_MS)
        assert self.left() == before


@pytest.fixture
def books(fresh_engine: Engine, fresh_database_url: str, redis_client: redis.Redis) -> Iterator[Books]:
    return Books(fresh_engine, redis_client, Market(fresh_engine, fresh_database_url, CHAIN_ID))


def test_sync__whatever_a_budget_is_made_of_changes__seen_without_its_turn(books: Books) -> None:
    """L74, L31: money that came and left, its confirmation, charges, epochs and their caps, terms, who pays."""
    for statement in CHANGES:
        before = books.left()
        books.change(statement)
        books.sync.sync(NOW_MS)
        assert books.left() != before, statement
        books.assert_as_anew()


def test_sync__two_processes_take_turns__each_sees_what_the_other_wrote_and_more(books: Books) -> None:
    """L31: neither leaves what it saw before the other one; a budget may come back to what one of them saw."""
    other = books.named()
    other.sync(NOW_MS)
    for number, statement in enumerate(CHANGES):
        books.change(statement)
        who, waits = (books.sync, other)[:: 1 if number % 3 else -1]
        who.sync(NOW_MS)
        assert who.leads()
        assert not waits.leads()
        books.assert_as_anew()


def test_sync__killed_between_two_steps__the_next_one_leaves_what_none_would_have_disturbed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L31: it goes on in the same process and in another."""
    steps = (
        (store, "remember_campaigns"), (store, "sync_many"), (store, "write_cursor"), (service, "publish_budgets"),
    )
    for number, step in enumerate(steps):
        for deposited, who in ((0, books.sync), (700 + number, books.named())):
            books.change(f"update chain_campaign set deposited = {deposited} where campaign = 1")
            with monkeypatch.context() as patch:
                patch.setattr(*step, killed)
                with pytest.raises(KeyboardInterrupt):
                    books.sync.sync(NOW_MS)
            who.sync(NOW_MS)
            assert store.read_purses(books.client, [1])[1].base["campaign"] == deposited
            books.assert_as_anew()


def killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_read__parts_were_lost__nothing_is_known_until_they_are_told_again(books: Books) -> None:
    """L74: a market of which a part is missing is no market."""
    known = read_budgets(books.client, Budgets())
    assert len(known.parts) == PARTS
    assert read_budgets(books.client, known) is known
    for lose in (
        lambda: books.client.hdel(BUDGETS_KEY, "7", "digest:7"), lambda: books.client.delete(BUDGETS_KEY),
        books.client.flushdb,
    ):
        lose()
        assert read_budgets(books.client, known) is UNKNOWN
        books.sync.sync(NOW_MS)
        assert read_budgets(books.client, known).version == known.version
        books.assert_as_anew()


def test_sync__redis_is_put_back_to_what_it_was__everything_is_looked_at(books: Books) -> None:
    """L31: what was written since is written again, though nothing has changed in SQL."""
    kept = {key: books.client.dump(key) for key in books.client.scan_iter()}
    books.change("update chain_campaign set deposited = 0 where campaign = 1")
    books.sync.sync(NOW_MS)
    books.client.flushdb()
    for key, value in kept.items():
        books.client.restore(key, 0, value)
    assert store.read_purses(books.client, [1])[1].base["campaign"] == 1_000
    books.sync.sync(NOW_MS)
    assert store.read_purses(books.client, [1])[1].base["campaign"] == 0
    books.assert_as_anew()


def lose_what_was_written(books: Books) -> None:
    """As a failover may that has kept the ticket."""
    books.client.hset(keys(1)[0], "campaign", "1000")


@pytest.mark.parametrize("change", [
    "update chain_campaign set deposited = 0 where campaign = 1", "delete from chain_campaign where campaign = 1",
    "delete from chain_campaign",
])
def test_sync__redis_lost_what_a_pass_wrote__written_again_in_its_turn(books: Books, change: str) -> None:
    """L31: money that was withdrawn, or left by a reorganisation, does not come back for good, though nothing changes
    any more."""
    in_turn = BudgetSync(books.engine, books.client, CHAIN_ID)
    in_turn.sync(NOW_MS)
    books.change(change)
    in_turn.sync(NOW_MS)
    lose_what_was_written(books)
    in_turn.sync(NOW_MS)
    assert store.read_purses(books.client, [1])[1].base["campaign"] == 0
    books.assert_as_anew()


def test_sync__stopped_before_its_ticket__the_next_one_looks_at_everything(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L31"""
    books.change("update chain_campaign set deposited = 0 where campaign = 1")
    books.sync.sync(NOW_MS)
    with monkeypatch.context() as patch:
        patch.setattr(store, "take_ticket", killed)
        with pytest.raises(KeyboardInterrupt):
            books.sync.sync(NOW_MS)
    lose_what_was_written(books)
    books.sync.sync(NOW_MS)
    assert store.read_purses(books.client, [1])[1].base["campaign"] == 0


def test_sync__longer_than_its_lead__leads_when_it_ends(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(client: redis.Redis, parts: dict[int, bytes]) -> None:
        client.delete(store.LEADER_KEY)
        publish_budgets(client, parts)

    monkeypatch.setattr(service, "publish_budgets", late)
    books.sync.sync(NOW_MS)
    assert books.sync.leads()
    assert not books.named().leads()
