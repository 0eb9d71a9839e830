"""Budget facts out of chain tables and ledger: what came counts once confirmed, what left counts at once (L33)."""

from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import Connection, insert, text

from backend.core.budget import CampaignBudget
from backend.db.budgets import read_budgets
from indexer.schema import metadata

CHAIN_ID, CONFIRMED = 31337, 10
OWNER, META, HASH = "0x" + "11" * 20, "0x" + "22" * 32, "0x" + "33" * 32


def write(connection: Connection, table: str, **values: object) -> None:
    """A row in which every column that is not named has some harmless value."""
    columns = metadata.tables[table].columns
    given = {"chain_id": CHAIN_ID, "tx_hash": HASH, "log_index": 0, "block_timestamp": 0} | values
    rest = {c.name: _harmless(c.type.python_type) for c in columns if not c.nullable and c.name not in given}
    connection.execute(insert(metadata.tables[table]).values(
        {name: value for name, value in (given | rest).items() if name in columns}
    ))


def _harmless(kind: type) -> object:
    known = {str: OWNER, datetime: datetime(2026, 1, 1, tzinfo=UTC)}
    return known[kind] if kind in known else kind()


@pytest.fixture
def campaign(connection: Connection) -> Connection:
    """Campaign 0: 100 deposited and confirmed, 30 of them charged, 20 of these in no epoch yet."""
    metadata.create_all(connection)
    write(connection, "chain_cursor", number=12, confirmed_number=CONFIRMED, hash=HASH, genesis_hash=HASH)
    write(connection, "chain_campaign_opened", campaign=0, owner=OWNER, amount=100, meta=META, number=5)
    connection.execute(text(
        "insert into ledger_account (account, debits, credits) values ('campaign:0', 30, 0)"
    ))
    connection.execute(text(
        "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, epoch) "
        "values ('charge', 'campaign:0', 'earned:1', 10, 1), ('charge', 'campaign:0', 'earned:1', 20, null)"
    ))
    return connection


def read(
    connection: Connection, *, deposited: int, withdrawn: int = 0, reserved: int = 0, **columns: object
) -> CampaignBudget:
    write(
        connection, "chain_campaign", campaign=0, owner=OWNER, meta=META, deposited=deposited, withdrawn=withdrawn,
        reserved=reserved, debited=10, remaining=deposited - withdrawn - reserved - 10, active=True,
        **({"epoch_cap": 0} | columns),
    )
    return read_budgets(connection, CHAIN_ID)[0]


def test_read_budgets__confirmed_deposit__less_what_was_charged(campaign: Connection) -> None:
    budget = read(campaign, deposited=100)
    assert (budget.deposited, budget.ledger_debits, budget.open_charged, budget.chain_debits) == (100, 30, 0, 10)
    assert budget.spendable == 70


@pytest.mark.parametrize(("columns", "spendable"), [
    ({"epoch_cap": 50}, 30), ({"epoch_cap": 20}, 0), ({"epoch_cap": 500}, 70),
    ({"epoch_cap": 50, "epoch_cap_from": 9}, 70),       # it binds later
])
def test_read_budgets__cap_that_may_bind__counts_what_is_in_no_epoch_yet(
    campaign: Connection, columns: dict[str, int], spendable: int
) -> None:
    budget = read(campaign, deposited=100, **columns)
    assert (budget.open_charged, budget.spendable) == (20, spendable)


def charges_read(connection: Connection) -> int:
    """Rows of the ledger, and entries of its indexes, that this transaction looked at."""
    return int(connection.execute(text(
        "select sum(pg_stat_get_xact_tuples_returned(relation)) from (select 'ledger_transfer'::regclass as relation"
        " union all select indexrelid from pg_index where indrelid = 'ledger_transfer'::regclass) as relations"
    )).scalar_one())


def test_read_budgets__no_cap_and_a_plan_from_when_nothing_was_charged__reads_no_charge(campaign: Connection) -> None:
    """A worker keeps the plan that it made when it began."""
    campaign.execute(text("set local plan_cache_mode = force_generic_plan"))
    read(campaign, deposited=100)
    for _ in range(10):                 # the driver prepares what it is given more than five times
        read_budgets(campaign, CHAIN_ID)
    campaign.execute(text(
        "insert into ledger_transfer (kind, debit_account, credit_account, amount_micro_usdc, event_id)"
        " select 'charge', 'campaign:0', 'earned:1', 1, n::text from generate_series(1, 5000) n"
    ))
    before = charges_read(campaign)
    assert read_budgets(campaign, CHAIN_ID)[0].open_charged == 0
    assert charges_read(campaign) == before
    campaign.execute(text("update chain_campaign set epoch_cap = 100"))
    assert read_budgets(campaign, CHAIN_ID)[0].open_charged == 5_020
    assert charges_read(campaign) >= before + 5_001


def test_read_budgets__deposit_in_the_newest_blocks__waits(campaign: Connection) -> None:
    write(campaign, "chain_deposited", campaign=0, payer=OWNER, amount=50, number=CONFIRMED + 1)
    assert read(campaign, deposited=150).spendable == 70


def test_read_budgets__deposit_just_confirmed__counts(campaign: Connection) -> None:
    write(campaign, "chain_deposited", campaign=0, payer=OWNER, amount=50, number=CONFIRMED)
    assert read(campaign, deposited=150).spendable == 120


def test_read_budgets__withdrawal_in_the_newest_block__counts_at_once(campaign: Connection) -> None:
    assert read(campaign, deposited=100, withdrawn=15, reserved=25).spendable == 30


def test_read_budgets__withdrawal_cancelled_in_the_newest_blocks__stays_reserved(campaign: Connection) -> None:
    write(campaign, "chain_withdrawal_cancelled", campaign=0, amount=25, number=CONFIRMED + 2)
    assert read(campaign, deposited=100).spendable == 45


class Caps:
    """An account's caps as `contracts/modules/budgets.vy` keeps them: of epoch `base`, the two after, and the rest."""

    def __init__(self) -> None:
        self.base, self.word = 0, [0, 0, 0, 0]
        self.set: list[tuple[int, int]] = []

    def at(self, epoch: int) -> int:
        return self.word[min(max(epoch - self.base, 0), 3)]

    def change(self, cap: int, next_epoch: int, from_epoch: int) -> None:
        third = self.at(next_epoch + 2) if from_epoch > next_epoch + 2 else cap
        self.word = [self.at(next_epoch), self.at(next_epoch + 1), third, cap]
        self.base = next_epoch
        self.set.append((cap, from_epoch))


@pytest.mark.parametrize("seed", range(12))
def test_read_budgets__caps_changed_again_and_again__the_least_that_can_still_bind(
    campaign: Connection, seed: int
) -> None:
    """L33: what is charged beyond the cap of the epoch that settles it would wait, perhaps for ever."""
    dice, caps, next_epoch = Random(seed), Caps(), 1
    for _ in range(dice.randint(0, 6)):
        next_epoch += dice.choice([0, 0, 1, 2])
        caps.change(dice.choice([0, 40, 70, 90]), next_epoch, next_epoch + dice.choice([2, 3]))
    running = next_epoch + dice.randint(0, 3)
    for number, (cap, from_epoch) in enumerate(caps.set, 1):
        write(campaign, "chain_epoch_cap_set", campaign=0, cap=cap, from_epoch=from_epoch, number=number)
    campaign.execute(text(
        "insert into epoch (epoch, attempt, status, from_ms, to_ms) "
        "select n, 0, 'closed', 0, 0 from generate_series(1, :closed) n"
    ), {"closed": running - 1})
    cap, from_epoch = caps.set[-1] if caps.set else (0, 0)
    budget = read(campaign, deposited=100, epoch_cap=cap, epoch_cap_from=from_epoch)
    binding = [caps.at(epoch) for epoch in range(running, running + 9) if caps.at(epoch)]
    assert budget.epoch_cap == min(binding, default=0)
    assert budget.spendable == max(0, min([70, *(cap - 20 for cap in binding)]))


def test_read_budgets__another_chain__nothing(campaign: Connection) -> None:
    read(campaign, deposited=100)
    assert read_budgets(campaign, 1) == {}
