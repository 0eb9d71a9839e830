"""PostgreSQL, Redis or the chain's node goes away under traffic and comes back: clear answers, nothing lost (L44).

One system with all its real processes; the servers are really ended and started again on their ports and data. At the
end, what a stranger may try on the same chain: a deposit of nothing, a proof of another epoch.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_typing import Hash32
from web3.exceptions import ContractLogicError

from backend.config import Settings
from backend.demo.books import debited
from backend.demo.chain import Chain
from backend.demo.episodes import proof_arguments
from backend.local import rpc
from backend.local.ports import free_port
from backend.main.serve import create_app
from backend.settlement.attestation import compact

sys.path.insert(0, str(Path(__file__).resolve().parent))
from outage_kit import (
    ATTESTORS,
    FLOOR,
    SECONDS_MAX,
    Running,
    Viewers,
    another_chain,
    bearer,
    check_counted_once,
    refusal_of,
    running_system,
    send_blindly,
)

ELSEWHERE = 7_777


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_system() as running:
        yield running


# --- nothing is there yet ---------------------------------------------------------------------------------------------


def test_start__no_server_is_there__says_which_and_goes_on_when_they_come(running: Running) -> None:
    """L44: each process waits for what it needs and names it; none is started again."""
    answers = running.arrival.answers
    assert refusal_of(answers["decide, nothing"]) == (503, "redis_unavailable")         # which it asks first
    for path in ("/v1/status", "/v1/settlements"):
        assert refusal_of(answers[f"{path}, nothing"]) == (503, "database_unavailable")
        assert answers[f"{path}, only PostgreSQL"].status_code == 200
    for asked in ("report", "/v1/auth/nonce"):
        assert refusal_of(answers[f"{asked}, nothing"]) == (503, "redis_unavailable")
        assert refusal_of(answers[f"{asked}, only PostgreSQL"]) == (503, "redis_unavailable")
        assert answers[f"{asked}, no chain"].is_success
    assert readiness(answers["/readyz, nothing"]) == (503, "down", "down", "unknown")
    assert readiness(answers["/readyz, only PostgreSQL"]) == (503, "ok", "down", "unknown")
    assert readiness(answers["/readyz, no chain"]) == (200, "ok", "ok", "unknown")
    assert readiness(answers["/readyz, everything"]) == (200, "ok", "ok", "ok")
    assert all(answers[f"/healthz, {present}"].status_code == 200 for present in ("nothing", "everything"))


def test_start__no_server_is_there__logs_are_lines_and_not_tracebacks(running: Running) -> None:
    logs = running.arrival.logs
    for job, missing in (
        ("ingest", "redis"), ("budgets", "redis"), ("tallies", "redis"), ("ledger", "database"), ("epochs", "database"),
        ("keeper", "database"), ("epochs", "chain"),
    ):
        assert f"{job}: {missing}_unavailable: " in logs["worker"], (job, missing)
    assert "cannot reach the RPC" in logs["index"]
    assert all("attest: settlement_unavailable: " in logs[name] for name in ATTESTORS)
    assert not [name for name, log in logs.items() if "Traceback" in log]
    assert running.same_processes()


def readiness(answer: httpx.Response) -> tuple[int, str, str, str]:
    found = answer.json()
    return answer.status_code, found["database"], found["redis"], found["chain"]


# --- a server goes away under traffic ---------------------------------------------------------------------------------


def test_postgres__crashes_under_traffic__ads_go_on_and_all_is_counted_once(running: Running) -> None:
    """L24, L25, L44"""
    advertiser = running.sign_in(running.cast.advertisers[1])
    order = {"json": {"name": "Winter", "category": "art"},
             "headers": bearer(advertiser) | {"Idempotency-Key": "winter"}}
    with Viewers(running) as viewers:
        viewers.wait_for("traffic", lambda: len(viewers.acknowledged) > 5)
        running.servers["postgres"].take_away()
        known = len(viewers.acknowledged)
        for path in ("/v1/campaigns", "/v1/publisher", "/v1/status", "/v1/settlements", "/v1/settlements/pending"):
            answer = running.http.get(path, headers=bearer(advertiser))
            assert refusal_of(answer) == (503, "database_unavailable"), path
        assert refusal_of(running.http.post("/v1/campaigns", **order)) == (503, "database_unavailable")
        assert readiness(running.http.get("/readyz"))[:3] == (503, "down", "ok")
        assert running.http.get("/healthz").status_code == 200
        shown = running.decide("a viewer of the last catalogue").json()
        assert running.http.get(f"/c/{shown['token']}").headers["location"] == shown["creative"]["click_url"]
        viewers.wait_for("traffic without SQL", lambda: len(viewers.acknowledged) > known + 10)
        running.servers["postgres"].bring_back()
        running.wait_for("readiness", lambda: running.http.get("/readyz").status_code == 200)
        assert running.http.post("/v1/campaigns", **order).status_code == 201
        assert len(advertiser.get("/v1/campaigns")["items"]) == 1
        known = len(viewers.acknowledged)
        viewers.wait_for("traffic again", lambda: len(viewers.acknowledged) > known + 5)
        check_counted_once(running, viewers)
    assert not viewers.refusals, "decisions are made from the last catalogue, events wait in the stream"


def test_redis__killed_under_traffic__refused_until_it_is_back_and_nothing_acknowledged_is_lost(
    running: Running,
) -> None:
    """L24, L25, L44"""
    advertiser = running.sign_in(running.cast.advertisers[0])
    token = running.decide("a viewer who clicks").json()["token"]
    with Viewers(running) as viewers:
        viewers.wait_for("traffic", lambda: len(viewers.acknowledged) > 5)
        running.servers["redis"].take_away()
        running.system.start("serve", "serve-late", SIGHTLINE_PORT=str(late_port := free_port()))
        for asked in (
            running.http.get("/v1/auth/nonce"), running.decide(),
            running.http.post("/v1/events", json={"events": [{"kind": "click", "token": token}]}),
        ):
            assert refusal_of(asked) == (503, "redis_unavailable")
        assert readiness(running.http.get("/readyz"))[:3] == (503, "ok", "down")
        assert running.http.get(f"/c/{token}").status_code == 302
        for path in ("/v1/status", "/v1/settlements", "/healthz", "/v1/campaigns"):
            assert running.http.get(path, headers=bearer(advertiser)).status_code == 200, "sessions are in SQL"
        viewers.wait_for("refusals", lambda: viewers.refused("redis_unavailable") > 10)
        late = running.wait_for("the second API", lambda: decide_at(running, late_port))
        assert refusal_of(late) == (503, "redis_unavailable"), "it never saw a catalogue, and says why"
        running.servers["redis"].bring_back()
        running.wait_for("the second API", lambda: decide_at(running, late_port).is_success)
        running.system.end("serve-late")
        known = len(viewers.acknowledged)
        viewers.wait_for("traffic again", lambda: len(viewers.acknowledged) > known + 5)
        assert advertiser.get("/v1/campaigns")["items"], "the session is still there"
        check_counted_once(running, viewers)
    assert {(refusal.status, refusal.code) for refusal in viewers.refusals} == {(503, "redis_unavailable")}
    assert all(int(refusal.retry_after or 0) > 0 for refusal in viewers.refusals)


def test_chain__node_ends_under_traffic__ads_go_on_and_the_settlement_waits_for_it(running: Running) -> None:
    """L44, L39: what was charged before, during and after becomes final on chain, once."""
    with Viewers(running) as viewers:
        settled = running.wait_for("a published epoch", lambda: published(running))
        assert refusal_of(attest(running, settled)) == (422, "not_an_attestor")
        running.servers["anvil"].take_away()
        known = len(viewers.acknowledged)
        told = running.log("worker").count("epochs: chain_unavailable")
        answer = attest(running, settled)
        assert refusal_of(answer) == (503, "chain_unavailable")
        assert running.stack.rpc_url.rpartition("/")[2] not in answer.text
        status = running.http.get("/v1/status")
        assert status.status_code == 200
        assert status.json()["solvency"]["solvent"] is None
        assert readiness(running.http.get("/readyz"))[:3] == (200, "ok", "ok")
        viewers.wait_for("traffic without a chain", lambda: len(viewers.acknowledged) > known + 10)
        running.wait_for(
            "the worker to say so", lambda: running.log("worker").count("epochs: chain_unavailable") > told
        )
        running.servers["anvil"].bring_back()
        check_counted_once(running, viewers)
    await_final(running)
    assert refusal_of(attest(running, settled)) == (422, "not_an_attestor")
    assert "Traceback" not in running.log("index")
    assert running.same_processes()


def decide_at(running: Running, port: int) -> httpx.Response | None:
    """An ad request to another API of the same system; None when nobody listens yet."""
    body = {"placement_id": running.placement, "viewer_key": "an early viewer"}
    try:
        return httpx.post(f"http://127.0.0.1:{port}/v1/decisions", json=body, timeout=SECONDS_MAX)
    except httpx.ConnectError:
        return None


def published(running: Running) -> dict[str, Any] | None:
    """The newest settlement whose bundle is there."""
    found = running.http.get("/v1/settlements").json()["settlements"]
    ready = [one for one in found if one["data_hash"]]
    if not ready:
        return None
    answer: dict[str, Any] = running.http.get(f"/v1/settlements/{ready[0]['epoch']}").json()
    return answer


def settle(running: Running) -> dict[str, Any]:
    """Some traffic, until all of it is final on chain; the newest settlement."""
    with Viewers(running) as viewers:
        viewers.wait_for("traffic", lambda: len(viewers.acknowledged) > 5)
        check_counted_once(running, viewers)
    await_final(running)
    newest = published(running)
    assert newest is not None
    return newest


def await_final(running: Running) -> None:
    charged = running.rows("select sum(amount_micro_usdc) from ledger_transfer where kind = 'charge'")[0][0]
    running.wait_for("all charges to be final on chain", lambda: debited(running.chain) == charged)


def attest(running: Running, settlement: dict[str, Any]) -> httpx.Response:
    path, body = attestation(running, settlement)
    return running.http.post(path, json=body)


def attestation(running: Running, settlement: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """A stranger signs a settlement, rightly: only the chain knows that it is no attestor."""
    stranger = running.cast.stranger
    made = stranger.unsafe_sign_hash(Hash32(bytes.fromhex(settlement["digest"][2:])))
    signature = "0x" + compact(made.r, made.s, made.v - 27).hex()
    path = f"/v1/settlements/{settlement['epoch']}/{settlement['attempt']}/attestations"
    return path, {"attestor": stranger.address, "signature": signature}


# --- another chain ----------------------------------------------------------------------------------------------------


def test_rpc__of_another_chain__index_ends_worker_waits_and_both_say_which(running: Running, tmp_path: Path) -> None:
    """L44: nobody reads or writes a chain that is not the deployment's."""
    before = running.rows("select number from chain_cursor")
    with another_chain(tmp_path, ELSEWHERE) as rpc_url:
        running.system.start("index", "index-elsewhere", RPC_URL=rpc_url)
        key = running.cast.operator.key.hex()
        running.system.start("worker", "worker-elsewhere", RPC_URL=rpc_url, SIGHTLINE_OPERATOR_KEY=key)
        ended = running.system.children.pop("index-elsewhere")
        assert ended.wait(SECONDS_MAX) == 1
        log = ended.log_path.read_text()
        assert f"serves chain {ELSEWHERE}, the deployment is on chain 31337" in log
        assert "Traceback" not in log
        running.wait_for("the worker to say so", lambda: told_elsewhere(running))
        running.system.end("worker-elsewhere")
        assert head(rpc_url) == 0, "nothing was sent there"
        settlement = published(running) or settle(running)
        assert refusal_of(attest_elsewhere(running, settlement, rpc_url)) == (503, "wrong_chain")
    assert running.rows("select number from chain_cursor") >= before
    assert running.same_processes()


def told_elsewhere(running: Running) -> bool:
    log = running.log("worker-elsewhere")
    return f"wrong_chain: the RPC serves chain {ELSEWHERE}, not 31337" in log and "Traceback" not in log


def head(rpc_url: str) -> int:
    return int(str(rpc(rpc_url, "eth_blockNumber")), 16)


def attest_elsewhere(running: Running, settlement: dict[str, Any], rpc_url: str) -> httpx.Response:
    """As `attest`, to an API that was given the RPC of another chain."""
    system = running.system
    app = create_app(Settings(
        database_url=running.stack.database_url, redis_url=running.stack.redis_url, rpc_url=rpc_url,
        deployment=system.deployment_path, data_dir=system.base, token_key=running.cast.token_key.hex(),
    ))
    path, body = attestation(running, settlement)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://elsewhere") as client:
            return await client.post(path, json=body)

    return asyncio.run(ask())


# --- bad input on a real chain ----------------------------------------------------------------------------------------


def test_deposit__of_nothing_or_for_nobody__reverts_and_no_table_changes(running: Running) -> None:
    """L45: refused before it is sent, and when it is sent all the same, reverted in its block."""
    chain, stranger = running.chain, running.cast.stranger
    escrow = chain.escrow.functions
    before = mirrored_money(running)
    calls = {
        "zero": [escrow.deposit(running.campaign, 0), escrow.open_campaign(stranger.address, 0, bytes(32))],
        "campaign": [escrow.deposit(running.campaign + 1, 1)],
    }
    for reason, refused in calls.items():
        for call in refused:
            with pytest.raises(ContractLogicError, match=reason):
                chain.submit(stranger, call)
            assert send_blindly(running, stranger, call)["status"] == 0
    top = chain.head
    running.wait_for("the mirror", lambda: running.rows("select number from chain_cursor")[0][0] >= top)
    assert mirrored_money(running) == before


def mirrored_money(running: Running) -> list[tuple[Any, ...]]:
    return running.rows(
        "select (select count(*) from chain_campaign), (select sum(deposited) from chain_campaign),"
        " (select count(*) from chain_campaign_opened), (select count(*) from chain_deposited)"
    )


def test_claim__proof_of_an_earlier_epoch_or_altered__reverts_and_the_right_one_pays(running: Running) -> None:
    """L18, L45: the newest root alone counts."""
    chain, stranger = running.chain, running.cast.stranger
    if not chain.escrow.functions.epoch().call():
        settle(running)
    index, old = proof_of(running, chain.escrow.functions.epoch().call())
    settle(running)
    _, new = proof_of(running, chain.escrow.functions.epoch().call())
    assert new != old
    before = balance(chain, running)
    entries, path = new
    raised = [*entries[:1], entries[1] + FLOOR, *entries[2:]]
    for bad in (old, (raised, path), (old[0], path), (entries, [*path, bytes(32)])):
        with pytest.raises(ContractLogicError, match="proof"):
            chain.submit(stranger, chain.payout.functions.claim(index, *bad))
        assert send_blindly(running, stranger, chain.payout.functions.claim(index, *bad))["status"] == 0
    assert balance(chain, running) == before
    due = chain.payout.functions.claimable(index, *new).call()
    assert due >= FLOOR
    chain.send(stranger, chain.payout.functions.claim(index, *new))
    assert balance(chain, running) == before + due


def proof_of(running: Running, epoch: int) -> tuple[int, tuple[list[int], list[bytes]]]:
    """The publisher's place in the tree, and the arguments of its claim under an epoch's root."""
    index = running.rows("select index from publisher")[0][0]
    answer = running.http.get(f"/v1/settlements/{epoch}/proof/{index}")
    assert answer.status_code == 200, answer.text
    return index, proof_arguments(answer.json())


def balance(chain: Chain, running: Running) -> int:
    return int(chain.token.functions.balanceOf(running.cast.publishers[0].address).call())
