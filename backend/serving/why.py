"""Why nobody bought: every line item has one reason."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from backend.core.reasons import NoBidReason
from backend.serving.auction import PPM
from backend.serving.index.audience import Said
from backend.serving.index.codes import CODE, CODES_MAX, Codes, Numbers, counted
from backend.serving.index.moment import Moment
from backend.serving.index.stall import FLOOR_SCALE, Stall

Away = Mapping[int, NoBidReason]


def why_none(stall: Stall, moment: Moment, said: Said, floor_micro_usdc: int, away: Away) -> dict[NoBidReason, int]:
    """Number of line items per reason, most frequent first. `away`: line items that have fallen away by name."""
    _, codes = outcomes(stall, moment, said, floor_micro_usdc, away)
    total = Counter(standing_counts(stall)) + Counter(counted(codes))
    return dict(total.most_common())


def standing_counts(stall: Stall) -> dict[NoBidReason, int]:
    """Line items per standing objection; external ones are left out where they were asked."""
    codes = stall.codes[stall.terms.alive]
    found = np.bincount(codes, minlength=CODES_MAX)
    found[0] = 0
    if stall.external:
        found[CODE[NoBidReason.EXTERNAL]] = 0
    return {reason: n for reason, n in _named(found).items() if n}


def outcomes(
    stall: Stall, moment: Moment, said: Said, floor_micro_usdc: int, away: Away
) -> tuple[Numbers, Codes]:
    """Slots without a standing objection and why each of them did not buy, when nobody did."""
    terms = stall.terms
    external = [terms.slots[one.line_item.id] for one in stall.external]
    sponsors = [terms.slots[one.line_item.id] for one in stall.sponsors]
    slots = np.concatenate([stall.competing(), np.array(external, np.int64), np.array(sponsors, np.int64)])
    codes = stall.objections(moment, said, slots)
    named = {terms.slots[one]: reason for one, reason in away.items() if one in terms.slots}
    if named:
        for place in np.flatnonzero(np.isin(slots, list(named))).tolist():
            codes[place] = CODE[named[int(slots[place])]]
    left = np.flatnonzero(codes == 0)
    low = stall.order.scores[slots[left]] < floor_micro_usdc * FLOOR_SCALE
    # so many could not pay that the last of them were not asked
    codes[left] = np.where(low, CODE[NoBidReason.BELOW_SOFT_FLOOR], CODE[NoBidReason.BUDGET_UNKNOWN])
    throttled = stall.paces.participation_ppm[slots[left]] < PPM
    codes[left[throttled]] = CODE[NoBidReason.PACING]
    apart = {lot.slot: lot for lot in stall.apart}
    for place in left.tolist():
        lot = apart.get(int(slots[place])) if apart else None
        if lot is not None:
            reached = lot.bid.reaches(floor_micro_usdc)
            codes[place] = CODE[NoBidReason.BUDGET_UNKNOWN if reached else NoBidReason.BELOW_SOFT_FLOOR]
    return slots, codes


def _named(found: Numbers) -> dict[NoBidReason, int]:
    return {reason: int(found[code]) for reason, code in CODE.items() if reason is not None}
