"""Budgets by slot: who may not spend, how much of his bid everybody offers, how often he takes part."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.auction import PPM
from backend.serving.catalogue import NOTHING_SPENT, Spending
from backend.serving.index.codes import CODE, Codes, Numbers
from backend.serving.index.terms import Column, Terms
from backend.serving.published import Budgets, Part


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
    objections, open_holds = np.zeros(terms.size, np.uint8), dict[int, tuple[int, int]]()
    multipliers, participation = np.full(terms.size, PPM, np.int64), np.full(terms.size, PPM, np.int64)
    if budgets.parts:
        told = np.concatenate([_coded(part) for part in budgets.parts], axis=1)
        slots = terms.slots_of(told[0])
        told, slots = told[:, slots >= 0], slots[slots >= 0]
        objections[slots], multipliers[slots], participation[slots] = told[1:4]
        holding = (told[4] > 0) | (told[5] > 0)
        held = zip(*told[4:, holding].tolist(), strict=True)
        open_holds = dict(zip(slots[holding].tolist(), held, strict=True))
    if spent := [campaign for part in budgets.parts for campaign in part.spent]:
        objections[np.isin(terms.cells[Column.CHAIN_CAMPAIGN], spent)] = CODE[NoBidReason.BUDGET]
    return Paces(objections, multipliers, participation, open_holds)


def _coded(part: Part) -> Numbers:
    """Allowances of a part, with objections as codes."""
    codes = np.array([CODE[reason] for reason in part.reasons], np.int64)
    return np.concatenate((part.allowances[:1], codes[part.allowances[1:2]], part.allowances[2:]))
