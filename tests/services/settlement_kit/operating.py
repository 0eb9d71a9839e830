"""The operator's jobs in a process that may be killed at any moment.

Started once (imports take seconds), it forks a worker for every line it reads and prints the worker's process id.
A line is the clock's Unix milliseconds; the worker bills, settles and pays in a loop until it is killed.
"""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from backend.core.errors import SightlineError
from backend.db.engine import make_engine
from backend.ledger.service import LedgerService
from settlement_kit.stage import CHAIN_ID, Stage


def work(place: dict[str, str], now_ms: int) -> None:
    """Loop over the jobs, as `sightline worker` does, in one thread."""
    stage = Stage(
        place["rpc_url"], place["database_url"], make_engine(place["database_url"]), Path(place["folder"]), deploy=False
    )
    stage.token, stage.escrow_address, stage.payout_address = place["token"], place["escrow"], place["payout"]
    stage.clock.now_ms = now_ms
    ledger, epochs, keeper = LedgerService(stage.engine, CHAIN_ID), stage.epochs(), stage.keeper()
    while True:
        try:
            # Small batches, so that a kill may fall between two of them.
            worked = ledger.bill(20) > 0 or epochs.step() or keeper.step()
        except SightlineError as error:
            sys.stderr.write(f"{error}\n")
            worked = False
        if not worked:
            time.sleep(0.02)


def main() -> None:
    place = json.loads(sys.argv[1])
    for line in sys.stdin:
        while _reap():
            pass
        child = os.fork()
        if child == 0:
            work(place, int(line))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


if __name__ == "__main__":
    main()
