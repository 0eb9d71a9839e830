"""The loop: follow the head, prove, write, roll back when the chain changed its mind, retry what may pass."""

import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
from sqlalchemy.exc import OperationalError

from indexer import schema
from indexer.answers import Header
from indexer.config import Config, Deployment
from indexer.decode import DecodeError
from indexer.handlers import CalldataMissing, Contradiction
from indexer.reader import Block, NotLinked, Range, Reader
from indexer.reorg import Step, Tip, common_ancestor, confirmed, next_step
from indexer.rpc import METHOD_NOT_FOUND, Client, RpcError, RpcRefused
from indexer.store import Cursor, LostFence, Store

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.05
# A table that is gone was dropped by a rebuild: connecting again creates it.
DATABASE_AWAY = (
    psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UndefinedTable,
    OperationalError,  # SQLAlchemy's, while missing tables are created
)
NO_HASH = "0x" + "00" * 32
WALK_BLOCKS = 64  # stored hashes compared at a time when looking for a common ancestor


class Refused(Exception):
    """The indexer must not work on this database or chain: a person has to change something. Nothing was written."""


class Halted(Exception):
    """The chain's facts do not add up. The reason is in `chain_cursor.halted`; nothing was guessed or written."""


def run(config: Config, stop: threading.Event | None = None) -> None:
    """Index until `stop` is set, or with `once` or `until` the end is reached; without `stop`, until SIGTERM or SIGINT.

    Node or database away: waits and retries for ever. Raises Refused (wrong chain, foreign tables) and Halted.
    """
    stop = stop or _stop_on_signal()
    indexer = Indexer(config)
    try:
        indexer.follow(stop)
    finally:
        indexer.close()


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    return stop


def rebuild(config: Config, stop: threading.Event | None = None) -> None:
    """Drop every `chain_*` table and index again, up to the block that was reached before (or the head).

    Stop other indexers of this database first: they would fill the new tables too.
    """
    until = _reached(config)
    schema.drop_schema(config.database_url)
    run(replace(config, once=True, until=until), stop)


def _reached(config: Config) -> int | None:
    """The block that the present tables have reached; None when they are empty or of another version."""
    store = Store(config.database_url, config.deployment)
    try:
        cursor = store.cursor()
    except psycopg.ProgrammingError:
        return None
    finally:
        store.close()
    return None if cursor is None else cursor.tip.number


class Indexer:
    """One chain into one database. `follow` runs it; `step` is one look at the head."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._deployment = config.deployment
        self._client = Client(config.rpc_url, timeout_seconds=config.rpc_timeout_seconds, batch=config.rpc_batch)
        self._reader = Reader(
            self._client,
            config.deployment,
            prove=config.proof == "receipts",
            range_blocks=config.range_blocks,
            range_events=config.range_events,
        )
        self._store: Store | None = None
        self._cursor: Cursor | None = None
        self._retries = 0
        self._shorter_since: float | None = None
        self._progress = _Progress()

    def close(self) -> None:
        self._forget()
        self._client.close()

    def follow(self, stop: threading.Event) -> None:
        """Step until told to stop; every failure that may pass costs only time."""
        while not stop.is_set():
            try:
                at_head = self.step(stop)
            except RpcError as error:
                self._retry(error, stop)
                continue
            except LostFence as error:
                self._cursor = None
                self._retry(error, stop)
                continue
            except DATABASE_AWAY as error:
                self._forget()
                self._retry(error, stop)
                continue
            self._retries = 0
            if at_head and (self._config.once or self._reached_end()):
                return
            if at_head:
                stop.wait(self._config.poll_seconds)

    def step(self, stop: threading.Event) -> bool:
        """One look at the head and all that follows from it. True when there is nothing more to do for now."""
        chain_id, head_header = self._client.chain_and_head()
        if chain_id != self._deployment.chain_id:
            raise Refused(
                f"the RPC at {self._client.name} serves chain {chain_id}, the deployment is on chain"
                f" {self._deployment.chain_id}: check --rpc-url and --deployment"
            )
        store, cursor = self._ready()
        head = _tip(head_header)
        if head.number < self._deployment.start_block - 1:
            raise RpcError(f"the chain ends at block {head.number}, before the deployment")
        if self._reached_end():
            return True
        stored = store.hashes(head.number, head.number).get(head.number)
        match next_step(cursor.tip, head, stored):
            case Step.NOTHING:
                self._shorter_since = None
                self._confirm(store, cursor, head)
                return True
            case Step.FORWARD:
                self._shorter_since = None
                self._forward(store, cursor, head, stop)
                return False
            case Step.SHORTER:
                return self._shorter(store, cursor, head)
            case Step.ROLL_BACK:
                self._shorter_since = None
                self._roll_back(store, cursor, head)
                return False

    # --- getting ready ------------------------------------------------------------------------------------------

    def _ready(self) -> tuple[Store, Cursor]:
        """Store and cursor; connects and checks first when there is none."""
        if self._store is None:
            self._store = Store(self._config.database_url, self._deployment)
        if self._cursor is None:
            self._cursor = self._checked_cursor(self._store)
        return self._store, self._cursor

    def _checked_cursor(self, store: Store) -> Cursor:
        cursor = store.cursor()
        if cursor is None:
            store.start(self._base(), self._genesis_hash())
            log.info("chain %d: starting at block %d", self._deployment.chain_id, self._deployment.start_block)
            return self._checked_cursor(store)
        self._check_belongs(cursor)
        return cursor

    def _check_belongs(self, cursor: Cursor) -> None:
        """Raises Refused when the tables tell of another chain or other contracts than ours."""
        _check_belongs(cursor, self._deployment, self._genesis_hash())

    def _genesis_hash(self) -> str:
        """What block 1 says: an anvil that was restarted may show another block 0 than the one its chain grew from."""
        return self._client.headers([1])[0].parent_hash

    def _base(self) -> Block:
        """The block below the first that may matter, known by its hash only."""
        first = self._deployment.start_block
        return Block(first - 1, self._client.headers([first])[0].parent_hash, NO_HASH, 0, True)

    def _forget(self) -> None:
        """Drop the database connection and what we believed; the next step starts from the stored cursor."""
        store, self._store, self._cursor = self._store, None, None
        if store is not None:
            store.close()

    def _retry(self, error: Exception, stop: threading.Event) -> None:
        wait = min(self._config.retry_seconds_max, RETRY_SECONDS * 2 ** min(self._retries, 16))
        self._retries += 1
        level = logging.WARNING if self._retries == 1 or self._retries % 10 == 0 else logging.DEBUG
        log.log(level, "nothing changed, retrying in %.2f s (%d. time): %s", wait, self._retries, error)
        stop.wait(wait)

    # --- forward ------------------------------------------------------------------------------------------------

    def _reached_end(self) -> bool:
        until = self._config.until
        return until is not None and self._cursor is not None and self._cursor.tip.number >= until

    def _confirm(self, store: Store, cursor: Cursor, head: Tip) -> None:
        number = confirmed(cursor.tip.number, head.number, self._config.confirmations)
        if number != cursor.confirmed_number:
            store.confirm(cursor.tip, number)
            self._cursor = store.cursor()

    def _forward(self, store: Store, cursor: Cursor, head: Tip, stop: threading.Event) -> None:
        """Read and write ranges up to the head; the next range is read while the present one is written."""
        tip, until = cursor.tip, self._config.until
        last = head.number if until is None else min(until, head.number)
        with ThreadPoolExecutor(1, thread_name_prefix="reader") as pool:
            ahead = pool.submit(self._reader.read, tip, last)
            while not stop.is_set():
                try:
                    part = ahead.result()
                except NotLinked:
                    self._roll_back_below(store, tip, head)
                    return
                except DecodeError as error:
                    raise self._halted(store, error) from error
                if part.tip.number < last:
                    ahead = pool.submit(self._reader.read, part.tip, last)
                self._write(store, part, head)
                tip = part.tip
                if tip.number >= last:
                    return

    def _write(self, store: Store, part: Range, head: Tip) -> None:
        number = confirmed(part.tip.number, head.number, self._config.confirmations)
        try:
            self._append(store, part, number)
        except Contradiction as error:
            raise self._contradicted(store, error) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise self._halted(store, error) from error
        self._cursor = store.cursor()
        self._retries = 0
        self._progress.wrote(part, head.number)

    def _append(self, store: Store, part: Range, confirmed_number: int) -> None:
        """Adds the range; where the calldata of a transaction proves nothing, the calls inside it are looked at."""
        asked: set[str] = set()
        while True:
            try:
                return store.append(part, confirmed_number)
            except CalldataMissing as missing:
                if missing.tx_hash in asked:
                    raise
                asked.add(missing.tx_hash)
                part.inputs[missing.tx_hash] = self._inner_inputs(missing)

    def _inner_inputs(self, missing: CalldataMissing) -> list[bytes]:
        """Calldata of the calls inside a transaction, for contracts that compose it themselves."""
        log.info("%s: looking into the calls inside the transaction", missing)
        try:
            return self._client.inner_inputs(missing.tx_hash)
        except RpcRefused as refused:
            if refused.code != METHOD_NOT_FOUND:
                raise
            raise Contradiction(f"{missing}; an RPC with debug_traceTransaction could look inside") from refused

    def _contradicted(self, store: Store, error: Exception) -> Exception:
        """Without proofs, a log left out is the likely reason: from now on prove, then judge again."""
        if self._reader.prove:
            return self._halted(store, error)
        self._reader.prove = True
        return RpcError(f"{error}; proving every block from here on")

    def _halted(self, store: Store, error: Exception) -> Halted:
        reason = f"{type(error).__name__}: {error}"
        store.halt(reason)
        return Halted(reason)

    # --- back ---------------------------------------------------------------------------------------------------

    def _shorter(self, store: Store, cursor: Cursor, head: Tip) -> bool:
        """A head below our tip on our own chain: a lagging node, unless it stays; then the chain was cut."""
        now = time.monotonic()
        self._shorter_since = self._shorter_since or now
        if now - self._shorter_since < self._config.shorter_seconds:
            return True
        self._shorter_since = None
        self._roll_back(store, cursor, head)
        return False

    def _roll_back_below(self, store: Store, tip: Tip, head: Tip) -> None:
        cursor = store.cursor()
        if cursor is None or cursor.tip != tip:
            raise LostFence("the cursor moved while a reorganisation was looked into")
        self._roll_back(store, cursor, head)

    def _roll_back(self, store: Store, cursor: Cursor, head: Tip) -> None:
        self._check_belongs(cursor)  # a node that was replaced by another chain's has reorganised nothing
        ancestor = self._ancestor(store, cursor.tip, head)
        if ancestor is None:
            raise RpcError("the chain linked again while looking for the fork")
        depth = cursor.tip.number - ancestor.number
        if depth > self._config.reorg_blocks_max:
            message = f"the chain forked {depth} blocks below block {cursor.tip.number}: check the RPC, then rebuild"
            raise self._halted(store, Contradiction(message))
        number = confirmed(ancestor.number, head.number, self._config.confirmations)
        store.roll_back(cursor.tip, ancestor, head.hash, number)
        self._cursor = store.cursor()
        log.warning("reorganisation: %d blocks rolled back to block %d", depth, ancestor.number)

    def _ancestor(self, store: Store, tip: Tip, head: Tip) -> Block | None:
        """The highest block that we and the chain share; the block below the deployment when we share none.

        None when our tip itself is still part of the chain.
        """
        base = self._base()
        high = min(tip.number, head.number)
        while True:
            low = max(base.number, high - WALK_BLOCKS + 1)
            headers = {_tip(header).number: header for header in self._client.headers(range(low, high + 1))}
            canonical = {number: header.hash for number, header in headers.items()}
            if low == base.number:
                canonical[base.number] = base.hash
            shared = common_ancestor(store.hashes(low, high), canonical)
            if shared == tip.number:
                return None
            if shared is None and low > base.number:
                high = low - 1
                continue
            return base if shared in (None, base.number) else _block(headers[shared])


class _Progress:
    """One log line per range while catching up."""

    def __init__(self) -> None:
        self._at = time.monotonic()

    def wrote(self, part: Range, head_number: int) -> None:
        now = time.monotonic()
        rate = len(part.occurrences) / max(now - self._at, 1e-6)
        self._at = now
        first, last = part.blocks[0].number, part.tip.number
        behind = max(0, head_number - last)
        level = logging.INFO if part.occurrences or behind else logging.DEBUG
        share = 100 * last / max(1, head_number, last)
        text = "blocks %d-%d of %d (%.1f %%), %d events (%.0f/s), %d behind"
        log.log(level, text, first, last, head_number, share, len(part.occurrences), rate, behind)


def _check_belongs(cursor: Cursor, deployment: Deployment, genesis_hash: str) -> None:
    """Raises Refused when the tables tell of another chain or other contracts."""
    fix = "rebuild the index (python -m indexer --rebuild) or use another database"
    if cursor.genesis_hash != genesis_hash:
        raise Refused(
            f"the tables mirror a chain {deployment.chain_id} with genesis {cursor.genesis_hash}, the RPC serves one"
            f" with genesis {genesis_hash}: {fix}"
        )
    if (cursor.escrow, cursor.payout) != (deployment.escrow, deployment.payout):
        raise Refused(
            f"the tables mirror the contracts {cursor.escrow} and {cursor.payout}, the deployment names"
            f" {deployment.escrow} and {deployment.payout}: {fix}"
        )
    if cursor.schema_version != schema.SCHEMA_VERSION:
        raise Refused(f"the tables have version {cursor.schema_version}, not {schema.SCHEMA_VERSION}: {fix}")


def _tip(header: Header) -> Tip:
    return Tip(int(header.number, 16), header.hash)


def _block(header: Header) -> Block:
    """The block where two chains fork; it is stored already."""
    return Block(int(header.number, 16), header.hash, header.parent_hash, int(header.timestamp, 16), True)
