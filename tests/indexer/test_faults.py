"""Nodes that lie, fail, hang up or serve another chain: nothing wrong is ever written, nothing is lost (L42, L44)."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from indexer.decode import DecodeError
from indexer.main import Halted, Indexer, Refused, run
from indexer.reader import Range
from indexer.reorg import Tip
from indexer.schema import drop_schema
from indexer.store import LostFence, Store

USDC = 1_000_000
Fault = Callable[[list[Any], list[Any]], list[Any] | int | None]


def once(fault: Fault, method: str) -> Fault:
    """The fault the first time that `method` is asked, the truth afterwards."""
    done: list[bool] = []

    def apply(calls: list[Any], answers: list[Any]) -> list[Any] | int | None:
        if done or all(call["method"] != method for call in calls):
            return answers
        done.append(True)
        return fault(calls, answers)

    return apply


def edit(change: Callable[[Any], Any]) -> Fault:
    """Change the last result of a batch."""

    def apply(calls: list[Any], answers: list[Any]) -> list[Any]:
        answers[-1] = answers[-1] | {"result": change(answers[-1]["result"])}
        return answers

    return apply


def without_a_log(receipts: list[Any]) -> list[Any]:
    receipts[-1]["logs"].pop()
    return receipts


def with_a_changed_amount(receipts: list[Any]) -> list[Any]:
    log = receipts[-1]["logs"][0]
    log["data"] = log["data"][:-1] + ("0" if log["data"][-1] != "0" else "1")
    return receipts


def with_a_spaced_address(receipts: list[Any]) -> list[Any]:
    """The same bytes to a careless reader of hex, another string."""
    log = receipts[-1]["logs"][0]
    log["address"] = log["address"][:4] + " " + log["address"][4:]
    return receipts


RECEIPTS, HEADER = "eth_getBlockReceipts", "eth_getBlockByNumber"
FAULTS: dict[str, tuple[str, Fault]] = {
    "log left out": (RECEIPTS, edit(without_a_log)),
    "log told twice": (RECEIPTS, edit(lambda receipts: [*receipts[:-1], *receipts[-1:] * 2])),
    "log changed": (RECEIPTS, edit(with_a_changed_amount)),
    "address spelled otherwise": (RECEIPTS, edit(with_a_spaced_address)),
    "receipts of no block": (RECEIPTS, edit(lambda receipts: [])),
    "null receipts": (RECEIPTS, edit(lambda receipts: None)),
    "other transaction hash": (RECEIPTS, edit(lambda rs: [*rs[:-1], rs[-1] | {"transactionHash": "0x" + "99" * 32}])),
    "bloom emptied": (HEADER, edit(lambda header: header | {"logsBloom": "0x" + "00" * 256})),
    "other timestamp": (HEADER, edit(lambda header: header | {"timestamp": "0x1"})),
    "not hex": (HEADER, edit(lambda header: header | {"number": "zzz"})),
    "null head": (HEADER, edit(lambda header: None)),
    "another shape": (HEADER, edit(lambda header: {"hash": 5})),
    "half of the batch": (RECEIPTS, lambda calls, answers: answers[:-1]),
    "limit exceeded": (RECEIPTS, lambda calls, answers: [{"id": 0, "error": {"code": -32005, "message": "limit"}}]),
    "HTTP 500": (RECEIPTS, lambda calls, answers: 500),
    "HTTP 429": (HEADER, lambda calls, answers: 429),
    "hangs up": (RECEIPTS, lambda calls, answers: None),
    "calldata of another transaction": ("eth_getTransactionByHash", edit(lambda tx: None)),
}


@pytest.mark.parametrize("name", FAULTS)
def test_odd_answer__retried__nothing_lost(market: Any, mirror: Any, proxy: Any, name: str) -> None:
    """L42, L44: the same digest as from an honest node."""
    campaign = market.open(10 * USDC)
    market.propose({campaign: 3}, market.cumulative(1, 2).root)
    market.finalize()
    method, fault = FAULTS[name]
    proxy.fault = once(fault, method)
    mirror.config = replace(mirror.config, rpc_url=proxy.url)
    mirror.catch_up()
    assert mirror.select("SELECT deposited, debited FROM chain_campaign") == [(10 * USDC, 3)]
    assert mirror.value("SELECT count(*) FROM chain_event") == mirror.value(
        "SELECT count(*) FROM chain_event WHERE block_hash IN (SELECT hash FROM chain_block)"
    )
    assert mirror.value("SELECT number FROM chain_cursor") == market.node.head()


def test_log_left_out__for_ever__not_one_block_of_it_is_written(market: Any, mirror: Any, proxy: Any) -> None:
    """L42."""
    market.open(10 * USDC)
    told, stop = count(1), threading.Event()

    def leave_out(calls: list[Any], answers: list[Any]) -> list[Any] | int | None:
        if calls[0]["method"] != RECEIPTS:
            return answers
        if next(told) == 4:
            stop.set()
        return edit(without_a_log)(calls, answers)

    proxy.fault = leave_out
    mirror.config = replace(mirror.config, rpc_url=proxy.url)
    with pytest.raises(TimeoutError):       # it asks again and again, and does not come to an end
        mirror.catch_up(stop=stop)
    assert next(told) > 4
    assert mirror.value("SELECT count(*) FROM chain_block WHERE number >= %s", market.start_block) == 0
    proxy.fault = lambda calls, answers: answers
    mirror.catch_up()
    assert mirror.value("SELECT count(*) FROM chain_campaign") == 1


def test_proof_off__log_left_out_of_a_block__bloom_tells(market: Any, mirror: Any, proxy: Any) -> None:
    """L42: also without proofs, a block whose bloom promises logs is proven before it counts as empty."""
    market.open(10 * USDC)

    def forget_one(calls: list[Any], answers: list[Any]) -> list[Any]:
        if calls[0]["method"] == "eth_getLogs":
            answers[0]["result"] = [
                log for log in answers[0]["result"] if int(log["blockNumber"], 16) == market.start_block
            ]
        return answers

    proxy.fault = forget_one
    mirror.config = replace(mirror.config, rpc_url=proxy.url, proof="off")
    mirror.catch_up()
    assert mirror.value("SELECT deposited FROM chain_campaign") == 10 * USDC
    unproven = mirror.select("SELECT number FROM chain_block WHERE NOT proven")
    assert unproven == [(market.start_block,)]


def test_wrong_chain_id__refused_and_nothing_created(market: Any, mirror: Any, start_node: Callable[..., Any]) -> None:
    other = start_node(chain_id=1337)
    mirror.config = replace(mirror.config, rpc_url=other.url)
    with pytest.raises(Refused, match=r"serves chain 1337, the deployment is on chain 31337"):
        mirror.catch_up()
    assert mirror.value("SELECT to_regclass('chain_cursor')") is None


def test_same_chain_id_other_genesis__refused(market: Any, mirror: Any, start_node: Callable[..., Any]) -> None:
    market.open(USDC)
    mirror.catch_up()
    before = mirror.digest()
    other = start_node(31337, "--timestamp", "1700000000")
    other.mine(market.node.head() + 3)
    mirror.config = replace(mirror.config, rpc_url=other.url)
    with pytest.raises(Refused, match="genesis"):
        mirror.catch_up()
    assert mirror.digest() == before


def test_other_contracts__refused(market: Any, mirror: Any) -> None:
    mirror.catch_up()
    other = replace(mirror.config.deployment, payout="0x" + "77" * 20)
    mirror.config = replace(mirror.config, deployment=other)
    with pytest.raises(Refused, match="rebuild"):
        mirror.catch_up()


def test_node_away__waits_until_it_is_back(market: Any, mirror: Any, proxy: Any) -> None:
    """L44."""
    market.open(USDC)
    proxy.fault = lambda calls, answers: None
    mirror.config = replace(mirror.config, rpc_url=proxy.url)
    follower = threading.Thread(target=mirror.catch_up)
    follower.start()
    while proxy.requests < 4:
        assert follower.is_alive()
    proxy.fault = lambda calls, answers: answers
    follower.join(60)
    assert mirror.value("SELECT count(*) FROM chain_campaign") == 1


def test_database_hangs_up__connects_again(market: Any, mirror: Any) -> None:
    """L44."""
    campaign, stop = market.open(USDC), threading.Event()
    follower = threading.Thread(target=run, args=(replace(mirror.config, once=False, poll_seconds=0.01), stop))
    follower.start()
    try:
        mirror.await_value("SELECT count(*) FROM chain_campaign", 1)
        ours = "SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
        assert mirror.value(f"{ours} AND pid <> pg_backend_pid()")
        market.deposit(campaign, 5)
        mirror.await_value("SELECT deposited FROM chain_campaign", USDC + 5)
    finally:
        stop.set()
        follower.join(60)


def test_tables_dropped_while_running__indexed_again(market: Any, mirror: Any) -> None:
    """L39."""
    market.open(USDC)
    stop = threading.Event()
    follower = threading.Thread(target=run, args=(replace(mirror.config, once=False, poll_seconds=0.01), stop))
    follower.start()
    try:
        mirror.await_value("SELECT count(*) FROM chain_campaign", 1)
        drop_schema(mirror.config.database_url)
        mirror.await_value("SELECT count(*) FROM chain_campaign", 1)
    finally:
        stop.set()
        follower.join(60)


def test_two_indexers__the_slower_one_writes_nothing(market: Any, mirror: Any) -> None:
    """L40: a range read from an old cursor cannot be written once the cursor has moved."""
    mirror.catch_up()
    market.open(USDC)
    tip = Tip(*mirror.select("SELECT number, hash FROM chain_cursor")[0])
    indexer, store = Indexer(mirror.config), Store(mirror.config.database_url, mirror.config.deployment)
    part: Range = indexer._reader.read(tip, market.node.head())
    mirror.catch_up()
    before = mirror.digest()
    with pytest.raises(LostFence):
        store.append(part, 0)
    assert mirror.digest() == before
    store.close()
    indexer.close()


def test_two_indexers__at_the_same_time__one_complete_index(
    market: Any, mirror: Any, fresh_mirror: Callable[..., Any]
) -> None:
    """L40."""
    campaign = market.open(10 * USDC)
    for amount in range(1, 30):
        market.deposit(campaign, amount)
    mirror.config = replace(mirror.config, range_blocks=2)
    both = [threading.Thread(target=mirror.catch_up) for _ in range(2)]
    for indexer in both:
        indexer.start()
    for indexer in both:
        indexer.join(60)
    again = fresh_mirror(mirror.config)
    again.catch_up()
    assert mirror.digest() == again.digest()


def test_unknown_event_of_our_contract__halts(
    market: Any, mirror: Any, emitter_code: bytes, encode_call: Callable[..., bytes]
) -> None:
    emitter = market.node.send("0x" + "05" * 20, None, emitter_code)["contractAddress"]
    mirror.config = replace(mirror.config, deployment=replace(mirror.config.deployment, payout=emitter))
    mirror.catch_up()
    before = mirror.digest()
    call = encode_call("emit_logs((bytes32[],bytes)[])", [([b"\x55" * 32], b"")])
    market.node.send("0x" + "05" * 20, emitter, call)
    with pytest.raises(Halted, match=DecodeError.__name__):
        mirror.catch_up()
    assert mirror.digest() == before
    assert "unknown event" in mirror.value("SELECT halted FROM chain_cursor")
