"""The treasury deposits what was cleared, each payment exactly once, whatever is killed or replaced. Laws L59, L60."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from cards_kit.till import CENT, Till
from settlement_kit.stage import Stage, address_of, key_of
from sqlalchemy import Engine, text

from backend.chain.client import Chain
from backend.chain.signer import LocalSigner
from backend.local import rpc
from backend.onramp import store
from backend.onramp.book import heard
from backend.onramp.payment import Warned

ROOT = Path(__file__).resolve().parents[3]
MOMENTS_MAX = 80


@pytest.fixture
def till(rpc_url: str, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path) -> Till:
    till = Till(Stage(rpc_url, fresh_database_url, fresh_engine, tmp_path))
    till.fund(10**12)
    return till


@pytest.fixture
def by_hand(till: Till) -> Iterator[Till]:
    """Blocks are mined only when the test says so."""
    till.client.allow_escrow(1)
    rpc(till.stage.rpc_url, "evm_setAutomine", False)
    yield till
    rpc(till.stage.rpc_url, "evm_setAutomine", True)


def test_step__two_payments_of_a_campaign__open_and_deposit_once(till: Till) -> None:
    campaign = till.campaign()
    first, second = till.cleared(campaign, 100_00), till.cleared(campaign, 60_00)
    till.run()
    assert till.deposits() == [60_00, 100_00]
    assert (till.status(first), till.status(second)) == ("deposited", "deposited")
    assert till.stage.escrow("stranger").remaining(0) == 160_00 * CENT
    assert till.read("select chain_campaign from card_campaign where campaign_id = :id", id=campaign) == 0
    assert till.read("select credits from ledger_account where account = 'treasury'") == 160_00 * CENT
    assert till.read("select credits - debits from ledger_account where account = :a", a=f"card:{campaign}") == 0
    assert till.service.step() is False


def test_step__killed_at_every_moment__deposits_exactly_once(till: Till) -> None:
    """L60: the process is killed with SIGKILL between all calls to the chain and commits."""
    place = {"rpc_url": till.stage.rpc_url, "database_url": till.stage.database_url,
             "escrow": till.stage.escrow_address, "token": till.stage.token}
    program = subprocess.Popen(
        [sys.executable, "-c", "from cards_kit.till import main; main()", json.dumps(place)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'services'}"},
    )
    assert program.stdin is not None
    assert program.stdout is not None

    def order(moment: int) -> str:
        program.stdin.write(f"{moment}\n")
        program.stdin.flush()
        return str(program.stdout.readline()).strip()

    expected = []
    for moment in range(1, MOMENTS_MAX):
        campaign = till.campaign()
        for cents in (10_000 + moment, 20_000 + moment):        # the first opens, the second deposits
            till.cleared(campaign, cents)
            expected.append(cents)
        killed = order(moment)
        assert killed in ("killed", "done")
        if killed == "done":
            break
        assert order(0) == "done"
    program.stdin.close()
    program.wait(10)
    program.stdout.close()
    assert killed == "done"
    assert moment > 20
    assert till.deposits() == sorted(expected)
    assert till.read("select count(*) from card_payment where status <> 'deposited'") == 0
    assert till.read("select credits from ledger_account where account = 'treasury'") == sum(expected) * CENT


def test_step__nonce_used_by_another_transaction__is_signed_anew_once(by_hand: Till) -> None:
    till = by_hand
    payment = till.cleared(till.campaign(), 100_00)
    assert till.service.step()
    other = Chain(till.stage.rpc_url, 31_337, key=key_of("treasury"))
    nonce, price = till.client.next_nonce(), 10**12
    signed = LocalSigner(key_of("treasury")).sign_transaction({
        "to": other.web3.to_checksum_address(address_of("stranger")), "value": 1, "nonce": nonce, "gas": 21_000,
        "maxFeePerGas": price, "maxPriorityFeePerGas": price, "chainId": 31_337,
    })
    other.web3.eth.send_raw_transaction(signed.raw)
    till.mine()
    assert (till.service.step(), till.deposits()) == (False, [])      # young: the block may be taken away again
    till.mine()
    till.run()
    assert (till.deposits(), till.status(payment)) == ([100_00], "deposited")
    assert till.read("select count(distinct nonce) from treasury_transaction") == 2


def test_step__stuck_too_long__is_replaced_under_the_same_nonce(by_hand: Till) -> None:
    till = by_hand
    payment = till.cleared(till.campaign(), 100_00)
    assert till.service.step()
    with till.stage.engine.begin() as connection:
        connection.execute(text("update treasury_transaction set signed_at = now() - interval '2 minutes'"))
    till.service.step()
    assert till.read("select count(*) || ' of ' || count(distinct nonce) from treasury_transaction") == "2 of 1"
    till.run()
    assert (till.deposits(), till.status(payment)) == ([100_00], "deposited")


def test_step__block_taken_away__sends_the_same_transaction_again(by_hand: Till) -> None:
    till = by_hand
    payment = till.cleared(till.campaign(), 100_00)
    before = rpc(till.stage.rpc_url, "evm_snapshot")
    assert till.service.step()
    till.mine()
    assert (till.deposits(), till.service.step(), till.status(payment)) == ([100_00], False, "depositing")
    rpc(till.stage.rpc_url, "evm_revert", before)
    assert till.deposits() == []
    till.run()
    assert (till.deposits(), till.status(payment)) == ([100_00], "deposited")
    assert till.read("select count(*) from treasury_transaction") == 1


def test_step__treasury_cannot_pay__signs_nothing_until_it_can(till: Till) -> None:
    payment = till.cleared(till.campaign(), 10**9)
    assert till.service.step() is False
    assert (till.status(payment), till.read("select count(*) from treasury_transaction")) == ("cleared", 0)
    till.fund(10**13)
    till.run()
    assert till.deposits() == [10**9]


def test_step__frozen_before_it_is_signed__is_called_off(till: Till) -> None:
    campaign = till.campaign()
    payment = till.cleared(campaign, 100_00)
    with till.stage.engine.begin() as connection:
        store.change_book(connection, campaign, partial(heard, payment=payment, fact=Warned("issfr_1")))
    assert (till.service.step(), till.deposits(), till.status(payment)) == (False, [], "frozen")


def test_step__somebody_opened_the_account_for_us__pays_into_it(till: Till) -> None:
    """Anybody can open an escrow account with our `meta` for the treasury; the first one is served."""
    from settlement_kit.stage import show_campaign

    campaign = till.campaign()
    meta = till.read("select meta from campaign where id = :id", id=campaign)
    checksum = till.client.chain.web3.to_checksum_address
    till.stage.send("owner", "MockUSDC", till.stage.token, "mint", checksum(address_of("stranger")), 1)
    till.stage.send("stranger", "MockUSDC", till.stage.token, "approve", checksum(till.stage.escrow_address), 1)
    till.stage.send("stranger", "CampaignEscrow", till.stage.escrow_address, "open_campaign",
                    checksum(address_of("treasury")), 1, bytes.fromhex(meta[2:]))
    with till.stage.engine.begin() as connection:
        show_campaign(connection, 0, 1, owner=address_of("treasury"), meta=meta)
    till.cleared(campaign, 100_00)
    till.run()
    assert till.stage.escrow("stranger").remaining(0) == 100_00 * CENT + 1


def test_step__two_workers__take_turns(till: Till) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for _ in range(3):
        till.cleared(till.campaign(), 50_00)
    second = Till(till.stage)
    works: list[Callable[[], None]] = [till.run, second.run]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda work: work(), works))
    assert till.deposits() == [50_00] * 3


def test_worker__cards_set_up__has_their_loops_and_a_key_of_its_own(till: Till, tmp_path: Path) -> None:
    from backend.chain.client import EscrowClient
    from backend.config import MissingSetting, Settings
    from backend.main.areas.cards import loops
    from backend.main.parts import WorkerParts

    stage = till.stage
    deployment = tmp_path / "31337.json"
    deployment.write_text(json.dumps({"chain_id": 31_337, "contracts": {
        "CampaignEscrow": {"address": stage.escrow_address, "block": 1},
        "MockUSDC": {"address": stage.token, "block": 1},
    }}))

    def names(**more: object) -> list[str]:
        settings = Settings(**{
            "database_url": stage.database_url, "redis_url": "redis://127.0.0.1:9/0", "rpc_url": stage.rpc_url,
            "token_key": "5a" * 32, "deployment": deployment, **more,
        })
        operator = EscrowClient(Chain(stage.rpc_url, 31_337, key=key_of("operator")), stage.escrow_address)
        return [loop.name for loop in loops(WorkerParts(settings, stage.engine, None, operator))]  # type: ignore[arg-type]

    stripe = {"stripe_key": "sk_test_x", "stripe_webhook_secret": "whsec_x"}
    assert names() == []
    assert names(**stripe, treasury_key=key_of("treasury")) == ["cards", "stripe", "treasury"]
    with pytest.raises(MissingSetting, match="TREASURY"):
        names(**stripe)
    with pytest.raises(MissingSetting, match="of its own"):
        names(**stripe, treasury_key=key_of("operator"))
    with pytest.raises(MissingSetting, match="of its own"):
        names(**stripe, treasury_key=key_of("treasury"), treasury_address="0x" + "11" * 20)
