"""Takes the status picture, at most once a second however many people look."""

import threading
import time

from backend.db.engine import Connection, Engine
from backend.reports.status import store
from backend.reports.status.client import BalanceReader
from backend.reports.status.overview import Overview, money, solvency

FRESH_SECONDS = 1.0


class StatusService:
    """`overview` answers from memory while the last picture is fresh; one thread takes the next, the others wait."""

    def __init__(self, engine: Engine, chain_id: int, balances: BalanceReader) -> None:
        self._engine = engine
        self._chain_id = chain_id
        self._balances = balances
        self._lock = threading.Lock()
        self._last: tuple[float, Overview] | None = None

    def overview(self) -> Overview:
        """The picture, no older than FRESH_SECONDS. Raises what the database driver raises when it is down."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > FRESH_SECONDS:
                with self._engine.begin() as connection:
                    overview = self._read(connection)
                self._last = (time.monotonic(), overview)
            return self._last[1]

    def _read(self, connection: Connection) -> Overview:
        store.hold_snapshot(connection)
        traffic = store.read_traffic(connection)
        if not store.has_chain_tables(connection):
            books = money([], final_fee_micro_usdc=0, final_net_micro_usdc=0, paid_micro_usdc=0)
            return Overview(None, [], [], [], traffic, books, solvency(books, 0, None, None))
        chain = store.read_chain(connection, self._chain_id)
        campaigns = store.read_campaigns(connection, self._chain_id)
        final = store.read_final_totals(connection, self._chain_id)
        books = money(
            campaigns, final_fee_micro_usdc=final.fee, final_net_micro_usdc=final.net, paid_micro_usdc=final.paid
        )
        held = self._balances.balances([chain.escrow, chain.payout], chain.head_number) if chain else None
        escrow, payout = held or (None, None)
        return Overview(
            chain=chain,
            epochs=store.read_epochs(connection, self._chain_id),
            campaigns=campaigns[: store.CAMPAIGNS_MAX],
            publishers=store.read_publishers(connection, self._chain_id),
            traffic=traffic,
            money=books,
            solvency=solvency(books, final.fees_withdrawn, escrow, payout),
        )
