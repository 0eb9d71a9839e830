"""Epochs from the ledger to the chain and the publishers' wallets, on real servers and contracts."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import Client
from sqlalchemy import Engine, text
from web3 import Web3

from backend.api import problems, settlements
from backend.core.money import split
from backend.jobs.verify_epoch import report, verify_epoch
from backend.local import rpc
from backend.settlement.attestor.client import SettlementClient
from backend.settlement.attestor.service import AttestorService
from backend.settlement.epoch import Close, Finalise, Nothing, Propose, Publish, Reopen, Roll, next_action
from backend.settlement.publication.service import PublicationService
from backend.settlement.statement import decode

sys.path.insert(0, str(Path(__file__).resolve().parent))
from settlement_kit.in_process import client_of
from settlement_kit.stage import (
    CHAIN_ID,
    EPOCH_SECONDS,
    START_MS,
    USDC,
    WINDOW_SECONDS,
    Sale,
    Stage,
    address_of,
    key_of,
)

EPOCH_MS = 1_000 * EPOCH_SECONDS
FIRST = [
    Sale(1, 0, 1, 700_001), Sale(2, 0, 2, 333), Sale(3, 1, 2, 400_000), Sale(4, 1, 5, 1),
]
SECOND = [Sale(5, 1, 5, 55_555, START_MS + EPOCH_MS + 1), Sale(6, 0, 1, 9_999, START_MS + EPOCH_MS + 2)]


@pytest.fixture
def stage(rpc_url: str, fresh_database_url: str, fresh_engine: Engine, tmp_path: Path) -> Stage:
    stage = Stage(rpc_url, fresh_database_url, fresh_engine, tmp_path)
    for _ in range(2):
        stage.open_campaign(5 * USDC)
    return stage


@pytest.fixture
def api(stage: Stage) -> Iterator[Client]:
    app = FastAPI()
    problems.install(app)
    app.include_router(settlements.router(
        PublicationService(stage.engine, stage.escrow("stranger"), stage.bundles)
    ))
    with client_of(app) as client:
        yield client


def attestor(stage: Stage, api: Client, number: int) -> AttestorService:
    role = f"attestor {number}"
    return AttestorService(
        SettlementClient("", api), stage.escrow("stranger"), key_of(role), stage.folder / role
    )


def do(stage: Stage, *expected: object) -> None:
    """Take steps that must be decided to be these."""
    service = stage.epochs()
    for action in expected:
        assert next_action(service.facts()) == action
        assert service.step()


def quorum(stage: Stage, api: Client) -> None:
    for number in (1, 2):
        assert attestor(stage, api, number).step()


def propose_first(stage: Stage, api: Client) -> None:
    """Epoch 1 with FIRST is pending on chain."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))


def accounts(stage: Stage) -> dict[str, int]:
    """Credits minus debits by account."""
    with stage.engine.connect() as connection:
        rows = connection.execute(text("select account, credits - debits as balance from ledger_account"))
        return {row.account: int(row.balance) for row in rows}


def test_two_epochs__roll_then_finalise__everybody_is_paid_to_the_cent(stage: Stage, api: Client) -> None:
    """L3, L19, L35, L38: what the contracts paid is what the bundles say."""
    propose_first(stage, api)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    stage.sell(SECOND)
    stage.bill()
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    assert stage.escrow("stranger").epoch() == 1
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    keeper = stage.keeper()
    while keeper.step():
        pass
    first = split({1: 700_001, 2: 400_333, 5: 1}, 1_000)
    second = split({5: 55_555, 1: 9_999}, 1_000)
    for publisher in (1, 2, 5):
        owed = first.net_micro_usdc.get(publisher, 0) + second.net_micro_usdc.get(publisher, 0)
        assert stage.balance(address_of(f"publisher {publisher}")) == owed
    assert stage.balance(address_of("treasury")) == first.dust_micro_usdc + second.dust_micro_usdc
    assert stage.escrow("stranger").fees() == first.fee_micro_usdc + second.fee_micro_usdc
    assert stage.balance(stage.payout_address) == 0
    spent = 1_100_335 + 65_554
    assert stage.balance(stage.escrow_address) == 10 * USDC - spent + stage.escrow("stranger").fees()
    balances = accounts(stage)
    assert balances["fee"] == stage.escrow("stranger").fees()
    assert sum(balances.values()) == 0
    assert all(balance == 0 for account, balance in balances.items() if account.startswith("earned:"))


def test_keeper__manual_publisher__only_with_an_auto_neighbour(stage: Stage, api: Client) -> None:
    stage.sell([Sale(1, 0, 1, 1_000), Sale(2, 0, 2, 1_000), Sale(3, 0, 9, 1_000), Sale(4, 0, 10, 1_000)])
    with stage.engine.begin() as connection:
        connection.execute(text("update publisher set payout_mode = 'manual' where index in (2, 9, 10)"))
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    assert stage.keeper().step()
    assert not stage.keeper().step()
    paid = [stage.balance(address_of(f"publisher {n}")) for n in (1, 2, 9, 10)]
    assert paid == [900, 900, 0, 0]


def test_proof__of_a_manual_publisher__claims_what_it_says(stage: Stage, api: Client) -> None:
    """L19: entries and proof of the API are what the payout contract accepts."""
    propose_first(stage, api)
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    stage.epochs().facts()
    proof = api.get("/v1/settlements/1/proof/5").json()
    payout = stage.payout("stranger")
    entries, nodes = [int(word) for word in proof["entries"]], [bytes.fromhex(node[2:]) for node in proof["proof"]]
    assert proof["final"] is True
    assert proof["cumulative_micro_usdc"] == 0
    proof = api.get("/v1/settlements/1/proof/2").json()
    entries, nodes = [int(word) for word in proof["entries"]], [bytes.fromhex(node[2:]) for node in proof["proof"]]
    assert payout.claimable(2, entries, nodes) == proof["cumulative_micro_usdc"] == 360_299
    payout.claim(2, entries, nodes)
    assert stage.balance(address_of("publisher 2")) == 360_299


def test_veto__same_entries_again__and_what_was_closed_behind_it_is_opened(stage: Stage, api: Client) -> None:
    """L18, L34: a new attempt carries the same entries; old signatures are worthless."""
    propose_first(stage, api)
    stage.sell(SECOND)
    stage.bill()
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))
    before = decode(stage.bundles.read_statement(CHAIN_ID, 1, 0) or b"")
    stage.escrow("guardian").veto(1)
    do(stage, Reopen(2), Publish(1))
    after = decode(stage.bundles.read_statement(CHAIN_ID, 1, 1) or b"")
    assert (after.entries, after.debits, after.events) == (before.entries, before.debits, before.events)
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    quorum(stage, api)
    do(stage, Propose(1), Close(2), Publish(2))
    quorum(stage, api)
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    assert sum(accounts(stage).values()) == 0
    with stage.engine.connect() as connection:
        charged = connection.execute(text(
            "select epoch, sum(amount_micro_usdc)::bigint from ledger_transfer where kind = 'charge' "
            "group by 1 order by 1"
        )).all()
    assert [tuple(row) for row in charged] == [(1, 1_100_335), (2, 65_554)]


def test_reorg__proposal_undone__is_proposed_again(stage: Stage, api: Client) -> None:
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    snapshot = rpc(stage.rpc_url, "evm_snapshot")
    do(stage, Propose(1))
    assert isinstance(next_action(stage.epochs().facts()), Nothing)
    rpc(stage.rpc_url, "evm_revert", snapshot)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))


def test_close__budget_withdrawn_on_chain_meanwhile__the_rest_stays_open(stage: Stage, api: Client) -> None:
    """L4, L14: an epoch never holds a debit that the escrow would refuse."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    escrow = ("advertiser", "CampaignEscrow", stage.escrow_address)
    stage.send(*escrow, "set_epoch_cap", 0, 500)
    do(stage, Close(1), Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(1))
    # The cap binds from epoch 2 on: 500 of what comes now fits, the rest waits.
    later = START_MS + EPOCH_MS
    stage.sell([Sale(n, 0, 1, 200, later + n) for n in range(10, 14)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    do(stage, Close(2), Publish(2))
    second = decode(stage.bundles.read_statement(CHAIN_ID, 2, 0) or b"")
    assert [debit.amount_micro_usdc for debit in second.debits] == ["400"]
    quorum(stage, api)
    do(stage, Propose(2))
    stage.send(*escrow, "set_epoch_cap", 0, 0)
    stage.clock.now_ms += 2 * EPOCH_MS
    do(stage, Close(3))


def test_close__nothing_fits__the_proposal_before_becomes_final_all_the_same(stage: Stage, api: Client) -> None:
    stage.send("advertiser", "CampaignEscrow", stage.escrow_address, "set_epoch_cap", 0, 100)
    propose_first(stage, api)
    stage.sell([Sale(10, 0, 1, 200, START_MS + EPOCH_MS)])
    stage.bill()
    stage.clock.now_ms += 2 * EPOCH_MS
    stage.wait(WINDOW_SECONDS)
    service = stage.epochs()
    assert next_action(service.facts()) == Close(2)
    assert service.step()
    assert stage.escrow("stranger").epoch() == 1
    assert not service.step()


def test_close__only_what_was_decided_before_the_end__the_rest_is_next(stage: Stage, api: Client) -> None:
    stage.sell([*FIRST, Sale(9, 0, 1, 77, START_MS + EPOCH_MS)])
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1))
    with stage.engine.connect() as connection:
        left = connection.execute(text(
            "select amount_micro_usdc from ledger_transfer where epoch is null and kind = 'charge'"
        )).scalars().all()
    assert left == [77]


TAMPERINGS = [
    ("amount", "700001", "800001"),
    ("cumulative", '"cumulative_micro_usdc":"630000"', '"cumulative_micro_usdc":"640000"'),
    ("recipient of the dust account", address_of("treasury"), address_of("stranger")),
]


@pytest.mark.parametrize(("what", "old", "new"), TAMPERINGS, ids=[row[0] for row in TAMPERINGS])
def test_attestor__tampered_statement__refuses_with_the_difference(
    stage: Stage, api: Client, caplog: pytest.LogCaptureFixture, what: str, old: str, new: str
) -> None:
    """L37: nothing is signed, nothing is sent, and the log names the difference."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    path = stage.bundles.folder(CHAIN_ID, 1, 0) / "statement.json"
    honest = path.read_text()
    assert old in honest
    path.write_text(honest.replace(old, new))
    with caplog.at_level(logging.ERROR):
        assert not attestor(stage, api, 1).step()
    assert "refused" in caplog.text
    assert not list((stage.folder / "attestor 1").rglob("signed/*"))
    assert api.get("/v1/settlements/1").json()["attested_by"] == []
    path.write_text(honest)
    assert attestor(stage, api, 1).step()


def test_attestor__two_digests_for_one_attempt__signs_only_the_first(stage: Stage, api: Client) -> None:
    """L37: also after a restart, when only the disk remembers."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    assert attestor(stage, api, 1).step()
    with stage.engine.begin() as connection:
        connection.execute(text("delete from attestation"))
        # The operator publishes another, equally consistent bundle under the same attempt.
        connection.execute(text("update epoch set to_ms = to_ms + 1, status = 'closed'"))
    do(stage, Publish(1))
    assert not attestor(stage, api, 1).step()
    assert attestor(stage, api, 2).step()
    attested_by = api.get("/v1/settlements/1").json()["attested_by"]
    assert attested_by == [address_of("attestor 2")]


def test_attestor__without_history__takes_it_from_the_bundle_that_is_on_chain(stage: Stage, api: Client) -> None:
    propose_first(stage, api)
    stage.sell(SECOND)
    stage.bill()
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))
    assert attestor(stage, api, 3).step()
    assert api.get("/v1/settlements/2").json()["attested_by"] == [address_of("attestor 3")]


@pytest.fixture
def published(stage: Stage) -> Stage:
    """Epoch 1 waits for attestations."""
    stage.sell(FIRST)
    stage.bill()
    stage.clock.now_ms = START_MS + EPOCH_MS
    do(stage, Close(1), Publish(1))
    return stage


def signed(stage: Stage, api: Client, role: str, digest: str | None = None) -> dict[str, str]:
    from eth_account import Account

    from backend.settlement.attestation import compact

    over = digest or api.get("/v1/settlements/pending").json()["settlements"][0]["digest"]
    made = Account.unsafe_sign_hash(bytes.fromhex(over[2:]), key_of(role))
    return {"attestor": address_of(role), "signature": "0x" + compact(made.r, made.s, made.v - 27).hex()}


ATTEST = "/v1/settlements/1/0/attestations"


def test_attest__twice__once(published: Stage, api: Client) -> None:
    body = signed(published, api, "attestor 1")
    assert api.post(ATTEST, json=body).status_code == 200
    assert api.post(ATTEST, json=body).json()["attested_by"] == [address_of("attestor 1")]


def test_attest__whatever_is_wrong__a_clear_problem_and_no_row(published: Stage, api: Client) -> None:
    """L45: bad attestations change nothing."""
    good = signed(published, api, "attestor 1")
    other = signed(published, api, "attestor 1", "0x" + "11" * 32)
    cases = [
        ("/v1/settlements/9/0/attestations", good, 404, "settlement_unknown"),
        ("/v1/settlements/1/1/attestations", good, 409, "attempt_over"),
        (ATTEST, signed(published, api, "stranger"), 422, "not_an_attestor"),
        (ATTEST, {**good, "attestor": address_of("attestor 2")}, 422, "wrong_signer"),
        (ATTEST, other, 422, "wrong_signer"),
        (ATTEST, {**good, "digest": "0x" + "11" * 32}, 422, "wrong_digest"),
        (ATTEST, {**good, "signature": "0x" + "00" * 64}, 400, "signature_malformed"),
        (ATTEST, {**good, "signature": "0x" + "ff" * 64}, 400, "signature_malformed"),
        (ATTEST, {**good, "signature": "0x12"}, 422, "invalid_request"),
        (ATTEST, {**good, "extra": 1}, 422, "invalid_request"),
        ("/v1/settlements/0/0/attestations", good, 422, "invalid_request"),
        ("/v1/settlements/99999999999999999999/0/attestations", good, 422, "invalid_request"),
    ]
    for path, body, status, code in cases:
        answer = api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (path, body, answer.text)
    with published.engine.connect() as connection:
        assert connection.execute(text("select count(*) from attestation")).scalar_one() == 0


@pytest.mark.parametrize(
    "path",
    [
        "/bundles/31337/1/0/..%2f..%2fsecret", "/bundles/31337/1/0/.env", "/bundles/31337/1/0/statement.json.bak",
        "/bundles/31337/1/7/statement.json", "/bundles/1/1/0/statement.json", "/bundles/31337/1/0/..%5csecret",
        "/bundles/31337/1/0/%00", "/v1/settlements/7", "/v1/settlements/7/proof/1", "/v1/settlements/1/proof/77",
    ],
)
def test_read__not_there_or_not_allowed__404(published: Stage, api: Client, path: str) -> None:
    (published.folder / "secret").write_text("of nobody's business")
    assert api.get(path).status_code == 404


def test_bundle__files__as_on_disk(published: Stage, api: Client) -> None:
    shown = api.get("/v1/settlements").json()["settlements"][0]
    folder = published.bundles.folder(CHAIN_ID, 1, 0)
    assert api.get(shown["statement_url"]).content == (folder / "statement.json").read_bytes()
    assert api.get(shown["events_url"]).content == (folder / "events.csv.zst").read_bytes()


def test_rpc_gone__unavailable__nothing_changes(published: Stage) -> None:
    """L44: without the chain the step says so and our tables stay as they were."""
    from backend.chain.client import Chain, EscrowClient
    from backend.core.errors import Unavailable

    nowhere = EscrowClient(Chain("http://127.0.0.1:9", CHAIN_ID), published.escrow_address)
    with pytest.raises(Unavailable, match="chain_unavailable"):
        nowhere.epoch()
    wrong = EscrowClient(Chain(published.rpc_url, 1), published.escrow_address)
    with pytest.raises(Exception, match="the RPC serves chain 31337, not 1"):
        wrong.epoch()
    empty = EscrowClient(Chain(published.rpc_url, CHAIN_ID), Web3.to_checksum_address("0x" + "12" * 20))
    with pytest.raises(Exception, match="no such contract"):
        empty.epoch()


@pytest.fixture
def two_final(stage: Stage, api: Client) -> Stage:
    """Two epochs are final, the first at its second attempt."""
    propose_first(stage, api)
    stage.escrow("guardian").veto(1)
    do(stage, Publish(1))
    quorum(stage, api)
    do(stage, Propose(1))
    stage.sell(SECOND)
    stage.bill()
    stage.clock.now_ms += EPOCH_MS + 3
    do(stage, Close(2), Publish(2))
    quorum(stage, api)
    stage.wait(WINDOW_SECONDS)
    do(stage, Roll(2))
    stage.wait(WINDOW_SECONDS)
    do(stage, Finalise(2))
    return stage


def test_verify_epoch__final_epochs__ok_and_every_lie_is_named(two_final: Stage) -> None:
    """L38: chain and bundle are enough to tell whether a settlement is right."""
    def check(epoch: int, attempt: int, escrow: str = two_final.escrow_address) -> list[str]:
        folder = two_final.bundles.folder(CHAIN_ID, epoch, attempt)
        return verify_epoch(two_final.rpc_url, str(folder / "statement.json"), escrow=escrow)

    assert check(1, 1) == []
    assert check(2, 1) == []
    assert report(check(2, 1)) == "OK"
    assert check(1, 0) == ["attempt 0 was vetoed"]
    path = two_final.bundles.folder(CHAIN_ID, 2, 1) / "statement.json"
    honest = path.read_text()
    path.write_text(honest.replace('"55555"', '"55556"').replace('"65554"', '"65555"'))
    found = check(2, 1)
    assert found[0].startswith("data_hash: the statement hashes to 0x")
    assert "gross of publisher 5: stated 55556, recomputed 55555" in found
    path.write_text(honest)
    before = two_final.bundles.folder(CHAIN_ID, 1, 1) / "statement.json"
    before.write_text(before.read_text().replace('"1100335"', '"1100336"'))
    assert check(2, 1) == ["the bundle of epoch 1, attempt 1 is not the one on chain"]
    assert check(2, 1, "0x" + "ee" * 20)[0].startswith("contracts.escrow: stated")
    assert check(3, 0)[0].startswith("bundle_unknown")
    assert verify_epoch("http://127.0.0.1:9", str(path))[0].startswith("chain_unavailable")
