"""Budgets by slot: who may not spend, how much of his bid everybody offers, how often he takes part."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.auction import PPM
from backend.serving.catalogue import NOTHING_SPENT, Spending
from backend.serving.index.codes import CODE, Codes, Numbers
from backend.serving.index.terms import Terms
from backend.serving.published import Allowance, Budgets


@dataclass(frozen=True)
class Paces:
    """`objections` by slot (0: may spend); multipliers and participation in parts per million; `open_holds` by slot."""

    objections: Codes
    multipliers_ppm: Numbers
    participation_ppm: Numbers
    open_holds: dict[int, tuple[int, int]]

    @cached_property
    def throttles(self) -> bool:
        """Whether anybody takes part in some decisions only."""
        return bool((self.participation_ppm < PPM).any())

    def held(self, slot: int, day: int) -> Spending:
        """What open holds have taken of a line item's caps."""
        found = self.open_holds.get(slot)
        if found is None:
            return NOTHING_SPENT
        return Spending(held_total_micro_usdc=found[0], held_by_day_micro_usdc={day: found[1]})


def paces_of(terms: Terms, budgets: Budgets) -> Paces:
    """Whoever is not named may spend."""
    paces = Paces(
        np.zeros(terms.size, np.uint8), np.full(terms.size, PPM, np.int64), np.full(terms.size, PPM, np.int64), {}
    )
    _allow(terms, paces, budgets.allowances)
    if budgets.spent:
        gone = [
            slot for slot in terms.alive.tolist()
            if terms.item(slot).chain_campaign in budgets.spent
        ]
        paces.objections[gone] = CODE[NoBidReason.BUDGET]
    return paces


def _allow(terms: Terms, paces: Paces, allowances: Sequence[Allowance]) -> None:
    for one in allowances:
        slot = terms.slots.get(one.line_item)
        if slot is None:
            continue
        paces.objections[slot] = CODE[one.objection]
        paces.multipliers_ppm[slot], paces.participation_ppm[slot] = one.multiplier_ppm, one.participation_ppm
        if one.held_total_micro_usdc or one.held_today_micro_usdc:
            paces.open_holds[slot] = (one.held_total_micro_usdc, one.held_today_micro_usdc)
