"""Events indexed per second, proofs included, against a raw COPY of the same rows into the same tables.

The chain is made for it: blocks of 100 events, emitted by two contracts in the place of ours. `--json` prints JSON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from eth_abi.abi import encode
from psycopg import sql
from sha3 import keccak_256

from backend.local import Stack, rpc, start_stack
from backend.local.rpc import Json
from indexer.config import Config, Deployment
from indexer.events import EVENT_TYPES, CampaignOpened, Deposited, Event, Paid
from indexer.main import run
from indexer.schema import create_schema, drop_schema, metadata
from indexer.store import plain_url

ROOT = Path(__file__).resolve().parents[1]
EMITTER = ROOT / "tests" / "indexer" / "emitter.vy"
SENDER = "0x" + "5e" * 20
EVENTS_PER_CALL, CALLS_PER_BLOCK, CAMPAIGNS = 50, 2, 1_000
ROUNDS = 3
Buffers = dict[str, list[bytes]]


@dataclass(frozen=True)
class Result:
    """Medians over the rounds, in events per second."""

    indexed: float
    copied: float
    events: int
    blocks: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--events", type=int, default=20_000, help="events on the chain (default: 20000)")
    parser.add_argument("--proof", choices=["receipts", "off"], default="receipts")
    options = parser.parse_args()
    with local_stack() as stack:
        deployment = make_chain(stack.rpc_url, options.events)
        config = Config(stack.database_url, stack.rpc_url, deployment, proof=options.proof, once=True)
        result = measure(config, rounds=ROUNDS)
    row = {
        "value": result.indexed,
        "unit": "events/s",
        "baseline": result.copied,
        "ratio": result.indexed / result.copied,
    }
    if options.json:
        print(json.dumps({"indexed_events": row}))
    else:
        print(f"{result.events} events in {result.blocks} blocks, proof {options.proof}, median of {ROUNDS}")
        print(f"indexed {result.indexed:,.0f}/s, raw COPY {result.copied:,.0f}/s, ratio {row['ratio']:.3f}")


@contextmanager
def local_stack() -> Iterator[Stack]:
    """PostgreSQL and a chain of this run's own."""
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may run as another user than ours
        env = {"PATH": os.environ.get("PATH", "")}
        need = frozenset({"postgres", "anvil"})
        with start_stack(Path(folder), need=need, block_time_seconds=None, env=env, fast_unsafe=True) as stack:
            yield stack


# --- the chain --------------------------------------------------------------------------------------------------


def make_chain(rpc_url: str, events: int) -> Deployment:
    """Blocks of 100 events: campaigns are opened, then deposits and claims alternate."""
    rpc(rpc_url, "anvil_autoImpersonateAccount", True)
    rpc(rpc_url, "anvil_setBalance", SENDER, hex(10**24))
    escrow, payout = deploy(rpc_url), deploy(rpc_url)
    start = number(rpc(rpc_url, "eth_blockNumber")) + 1
    rpc(rpc_url, "evm_setAutomine", False)
    calls = events // EVENTS_PER_CALL
    for call in range(calls):
        first = call * EVENTS_PER_CALL
        batch = [event_number(i) for i in range(first, first + EVENTS_PER_CALL)]
        target = payout if isinstance(batch[0], Paid) else escrow
        fields: dict[str, Json] = {"from": SENDER, "to": target, "gas": hex(6_000_000), "data": emit(batch)}
        rpc(rpc_url, "eth_sendTransaction", fields)
        if call % CALLS_PER_BLOCK == CALLS_PER_BLOCK - 1 or call == calls - 1:
            rpc(rpc_url, "anvil_mine", "0x1")
    return Deployment(number(rpc(rpc_url, "eth_chainId")), escrow, payout, start)


def deploy(rpc_url: str) -> str:
    done = subprocess.run(
        ["vyper", "-f", "bytecode", str(EMITTER)], cwd=ROOT, capture_output=True, check=True, text=True
    )
    fields: dict[str, Json] = {"from": SENDER, "gas": hex(6_000_000), "data": done.stdout.strip()}
    sent = rpc(rpc_url, "eth_sendTransaction", fields)
    rpc(rpc_url, "anvil_mine", "0x1")
    receipt = rpc(rpc_url, "eth_getTransactionReceipt", sent)
    assert isinstance(receipt, dict)
    return str(receipt["contractAddress"])


def event_number(i: int) -> Event:
    """The i-th event of the chain; a call emits events of one kind."""
    campaign = i % CAMPAIGNS
    if i < CAMPAIGNS:
        return CampaignOpened(campaign, "0x" + "a1" * 20, 10**9, "0x" + "07" * 32)
    if i // EVENTS_PER_CALL % 5 == 0:
        return Paid(campaign, "0x" + "b1" * 20, i)
    return Deposited(campaign, "0x" + "a1" * 20, i)


def emit(batch: list[Event]) -> str:
    """Calldata that makes the emitter log these events."""
    selector: bytes = keccak_256(b"emit_logs((bytes32[],bytes)[])").digest()[:4]
    return "0x" + (selector + encode(["(bytes32[],bytes)[]"], [[record(event) for event in batch]])).hex()


def record(event: Event) -> tuple[list[bytes], bytes]:
    """Topics and data of an event."""
    kind = next(kind for kind in EVENT_TYPES if kind.event is type(event))
    topics, data = [kind.topic], b""
    values: tuple[int | str, ...] = event
    for field, value in zip(kind.fields, values, strict=True):
        word = value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")
        if field.indexed:
            topics.append(word)
        else:
            data += word
    return topics, data


def number(answer: Json) -> int:
    assert isinstance(answer, str)
    return int(answer, 16)


# --- the measurement --------------------------------------------------------------------------------------------


def measure(config: Config, *, rounds: int) -> Result:
    """Index and copy in turns; the rows to copy are those that the index made."""
    indexed, copied, events, blocks = [], [], 0, 0
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        drop_schema(config.database_url)
        create_schema(config.database_url)
        started = time.perf_counter()
        run(replace(config, once=True))
        indexed.append(time.perf_counter() - started)
        with psycopg.connect(plain_url(config.database_url), autocommit=True) as connection:
            buffers = rows_of(connection)
            events, blocks = (len(b"".join(buffers[name]).splitlines()) for name in ("chain_event", "chain_block"))
            drop_schema(config.database_url)
            create_schema(config.database_url)
            started = time.perf_counter()
            copy_back(connection, buffers)
            copied.append(time.perf_counter() - started)
    return Result(events / statistics.median(indexed), events / statistics.median(copied), events, blocks)


def rows_of(connection: psycopg.Connection) -> Buffers:
    """All rows of all tables in COPY's text form."""
    buffers: Buffers = {}
    for name in metadata.tables:
        with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
            buffers[name] = [bytes(chunk) for chunk in copy]
    return buffers


def copy_back(connection: psycopg.Connection, buffers: Buffers) -> None:
    """The floor: ready-made rows in one transaction, nothing read, proven or folded."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        for name, chunks in buffers.items():
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                copy.write(b"".join(chunks))


if __name__ == "__main__":
    main()
