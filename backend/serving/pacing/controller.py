"""How much of its bid a line item offers, and how often it takes part, so that it spends as planned.

A line item with a budget does best when it bids its value divided by 1 + mu, where mu, the price of its budget, is
found by descending the dual: down while it spends less than planned, up while it spends more (Balseiro and Gur,
"Learning in repeated auctions with budgets", Management Science 2019; multiplicative steps are mirror descent with the
entropy, Balseiro, Lu and Mirrokni, "The best of many worlds: dual mirror descent for online allocation problems",
Operations Research 2023). `effort` is 1 / (1 + mu). Each step multiplies it by the change of the error and by the error
itself, proportional and integral, so that it follows the planned curve and not only its slope. Errors are measured by
how far ahead of its plan a cap may be at most (`release.lead_micro_usdc`).

Where bidding less does not buy less but nothing, since all prices are the same floor, effort below what has lately been
paid for a bid is not taken from the bid but from how often the line item takes part: probabilistic throttling (Agarwal,
Ghosh, Wei and You, "Budget pacing for targeted online advertisements at LinkedIn", KDD 2014).

Time is counted in budget: a step weighs by how much was to be spent in it, so that a quiet night changes nothing and an
hour's flight behaves as a month's. All numbers are integers in parts per million, effort per billion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from backend.serving.pacing.release import lead_micro_usdc

PPM = 1_000_000
PPB = 1_000_000_000
MULTIPLIER_MIN_PPM = 10_000         # a hundredth of the bid
EFFORT_MIN = PPB // 10_000
ERROR_MAX = 3 * PPM
PROPORTIONAL, INTEGRAL = 2, 1
STEP_MAX = PPM // 4                 # a controller that was away does not make up for it in one step
ABOVE_PAID_PPM = 1_020_000          # the multiplier stays so much above what is paid
PAID_SHARE = 20                     # each step moves to the newest prices by a twentieth


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered between steps: effort (ppb), the last error (ppm of the scale), and the mean share of its bid
    that the line item paid lately (ppm; 0: not known)."""

    effort: int = PPB
    error: int = 0
    paid_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """One cap: all of it, what should be spent by now and what is, and what was to be spent since the last step."""

    cap: int
    planned: int
    spent: int
    step: int


@dataclass(frozen=True, slots=True)
class Pace:
    """What deciders use: how much of the bid is offered, and in how many of the ad requests it takes part."""

    multiplier_ppm: int = PPM
    participation_ppm: int = PPM


FULL = Pace()


def next_multiplier(
    state: State, caps: Sequence[Progress], event_micro_usdc: int, paid_ppm: int | None = None
) -> tuple[State, Pace]:
    """One step. The cap that is furthest ahead of its plan decides; without caps there is nothing to pace.

    `event_micro_usdc` is what an event costs at most, `paid_ppm` the mean share of their bids that the newest events
    cost, None when there were none.
    """
    if not caps:
        return State(), FULL
    error, step = max((_error(one, event_micro_usdc), _step(one, event_micro_usdc)) for one in caps)
    change = PROPORTIONAL * (error - state.error) + INTEGRAL * error * step // PPM
    effort = max(EFFORT_MIN, min(PPB, _times_exp(state.effort, -change)))
    known = state.paid_ppm
    if paid_ppm is not None:
        known = paid_ppm if known == 0 else known + (paid_ppm - known) // PAID_SHARE
    return State(effort, error, known), pace_of(effort, known)


def pace_of(effort: int, paid_ppm: int) -> Pace:
    """Effort as a multiplier, and what of it the multiplier must not take as participation."""
    least = max(MULTIPLIER_MIN_PPM, min(PPM, paid_ppm * ABOVE_PAID_PPM // PPM))
    multiplier = max(least, effort * PPM // PPB)
    return Pace(multiplier, max(1, min(PPM, effort * PPM // (multiplier * (PPB // PPM)))))


def takes_part(random: bytes, line_item: int, participation_ppm: int) -> bool:
    """Whether a line item takes part in the decision made of these random bytes: the same answer whoever asks."""
    if participation_ppm >= PPM:
        return True
    drawn = blake2b(random, digest_size=8, key=line_item.to_bytes(8, "big"), person=b"sightline-pacing").digest()
    return int.from_bytes(drawn, "big") * PPM >> 64 < participation_ppm


def _error(one: Progress, event_micro_usdc: int) -> int:
    """How far ahead of the plan, ppm of the scale."""
    scale = lead_micro_usdc(one.cap, event_micro_usdc)
    return max(-ERROR_MAX, min(ERROR_MAX, (one.spent - one.planned) * PPM // scale))


def _step(one: Progress, event_micro_usdc: int) -> int:
    """What was to be spent since the last step, ppm of the scale."""
    return max(0, min(STEP_MAX, one.step * PPM // lead_micro_usdc(one.cap, event_micro_usdc)))


def _times_exp(number: int, exponent_ppm: int) -> int:
    """About number * e^exponent, in integers and never the wrong way round."""
    if exponent_ppm >= 0:
        return number * (PPM + exponent_ppm) // PPM
    return number * PPM // (PPM - exponent_ppm)
