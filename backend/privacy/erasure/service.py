"""Erases an account in one transaction, and again what a backup brings back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.core.ids import Address
from backend.db import audit
from backend.db.engine import Engine
from backend.privacy.erasure import store
from backend.privacy.erasure.request import Done, check_obligations, check_request


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure and what it did."""

    id: int
    account: Address
    erased_at: datetime
    done: Done


class ErasureService:
    """`clock` gives Unix seconds."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._clock = clock

    def erase(self, account: Address, member: Address, confirm: Address, signed_in_at: datetime) -> Erased:
        """Everything personal of the account is deleted or unreadable when this returns, sessions and keys too.

        Who asks twice at once is told of one erasure twice: it has ended the sign-in that both go by. Raises NotAllowed
        or Unprocessable (request.check_request), or Conflict `erasure_blocked`; then nothing changed.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)
        check_request(account, member, confirm, signed_in_at, now)
        with self._engine.begin() as connection:
            store.lock_account(connection, account)
            before = store.erased_after(connection, account, signed_in_at)
            if before is not None:
                number, erased_at, done = before
                return Erased(number, account, erased_at, done)
            check_obligations(store.obligations(connection, account))
            done = store.erase(connection, account)
            erasure = store.insert_erasure(connection, account, done, now)
            audit.record(connection, "account.erase", f"erasure:{erasure}", keys=done.keys)
        return Erased(erasure, account, now, done)

    def step(self) -> bool:
        """Erase again what was erased after the backup that these tables come from; True when there was something."""
        with self._engine.begin() as connection:
            found = store.undone(connection)
            if found is None:
                return False
            store.lock_account(connection, found.account)
            done = store.erase(connection, found.account)
            audit.record(connection, "account.erase", f"erasure:{found.id}", keys=done.keys, again=True)
        return True
