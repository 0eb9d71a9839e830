"""Keeps the purses in Redis in step with SQL; two workers may run it, one of them works at a time."""

import time

from backend.serving.sync.service import BudgetSync


class BudgetsJob:
    """Loop around `BudgetSync`."""

    def __init__(self, budgets: BudgetSync) -> None:
        self._budgets = budgets

    def step(self) -> bool:
        """True when settled events are waiting. One process leads; three seconds after its last pass another does."""
        return self._budgets.leads() and self._budgets.sync(time.time_ns() // 1_000_000)
