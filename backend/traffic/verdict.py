"""Which cells are invalid, and why: impossible ones at once, suspicious ones when enough comes together (MRC: SIVT).

Everything is decided by sums and by thresholds of the ruleset: whoever is told the sums can decide the same.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass
from enum import StrEnum

from backend.core.ruleset import Ruleset
from backend.traffic.cells import Cell, Cells, Key, Level
from backend.traffic.clicks import log10_alpha, log10_tail, look

BASIS_POINTS = 10_000
BASE_RATE_PPM = 10_000          # a market of which little is known: 1 %, …
BASE_VIEWS = 1_000              # … which weighs so many views
SIGNALS_NEEDED = 100


class Rule(StrEnum):
    """Names of rules in evidence; public and stable."""

    MORE_SEEN_THAN_TIME = "more_seen_than_time"
    TOO_MANY_VIEWS = "too_many_views"
    REPLAYED_TRACE = "replayed_trace"
    TOO_MANY_CLICKS = "too_many_clicks"
    CLICKS_ON_A_TIMER = "clicks_on_a_timer"
    SIGNALS = "signals"


class Scope(StrEnum):
    """What is flagged of a cell."""

    ALL = "all"
    CLICKS = "clicks"           # on a whole placement, honest views stand beside them


@dataclass(frozen=True, slots=True)
class Finding:
    """`evidence` has the sums, what was computed of them and the threshold; no personal data."""

    rule: Rule
    scope: Scope
    evidence: dict[str, int | float]


@dataclass(frozen=True, slots=True)
class Case:
    """A cell after a batch, with what it is compared with. `…_before`: before the batch, for tests at doublings."""

    level: Level
    cell: Cell
    views_before: int
    clicks_before: int
    placement: Cell
    market: Cell


Check = Callable[[Case, Ruleset], Finding | None]


def more_seen_than_time(case: Case, rules: Ruleset) -> Finding | None:
    """A surface shows one ad at a time: nobody watches it for longer than from first decision to last report."""
    passed_ms = case.cell.last_ms - case.cell.first_ms + rules.ivt_clock_slack_ms
    if case.level is not Level.VIEWER or case.cell.watched_ms <= passed_ms:
        return None
    return Finding(Rule.MORE_SEEN_THAN_TIME, Scope.ALL, {
        "views": case.cell.views, "watched_ms": case.cell.watched_ms, "passed_ms_max": passed_ms,
    })


def too_many_views(case: Case, rules: Ruleset) -> Finding | None:
    if case.level is not Level.VIEWER or case.cell.views <= rules.ivt_viewer_views_per_day_max:
        return None
    return Finding(Rule.TOO_MANY_VIEWS, Scope.ALL, {
        "views": case.cell.views, "views_max": rules.ivt_viewer_views_per_day_max,
    })


def replayed_trace(case: Case, rules: Ruleset) -> Finding | None:
    if case.level is not Level.TRACE or case.cell.views <= rules.ivt_trace_repeats_max:
        return None
    return Finding(Rule.REPLAYED_TRACE, Scope.ALL, {
        "repeats": case.cell.views, "repeats_max": rules.ivt_trace_repeats_max,
        "points_min": rules.ivt_trace_points_min,
    })


def too_many_clicks(case: Case, rules: Ruleset) -> Finding | None:
    """Looked at when a cell has doubled, so that looking often does not make a false alarm likely."""
    cell, looks = case.cell, look(case.cell.views, rules.ivt_click_views_min)
    if not looks or looks == look(case.views_before, rules.ivt_click_views_min):
        return None
    expected_ppm = _expected_ppm(case)
    if cell.clicks * 1_000_000 < rules.ivt_click_times_min * expected_ppm * cell.views:
        return None
    tail = log10_tail(min(cell.clicks, cell.views), cell.views, expected_ppm, rules.ivt_click_prior_views)
    alpha = log10_alpha(rules.ivt_click_alpha_exponent, looks)
    if tail >= alpha:
        return None
    return Finding(Rule.TOO_MANY_CLICKS, _clicks_scope(case), {
        "views": cell.views, "clicks": cell.clicks, "expected_ppm": expected_ppm,
        "log10_probability": round(tail, 1), "log10_threshold": round(alpha, 1),
    })


def _expected_ppm(case: Case) -> int:
    """The rate of everybody else, shrunk towards 1 %."""
    views = case.market.views - case.placement.views + BASE_VIEWS
    clicks = case.market.clicks - case.placement.clicks
    return (clicks * 1_000_000 + BASE_VIEWS * BASE_RATE_PPM) // views


def clicks_on_a_timer(case: Case, rules: Ruleset) -> Finding | None:
    """People take a second or ten; the standard deviation of a machine's delays is a sliver of their mean."""
    cell = case.cell
    n = cell.clicks
    if case.level is Level.TRACE or n < rules.ivt_click_delays_min:
        return None
    # (s / mean)^2 = n * sum(x^2) / sum(x)^2 - 1, compared without dividing
    square = cell.delay_ms * cell.delay_ms
    spread_bp = rules.ivt_click_delay_spread_bp_min
    if (n * cell.delay_ms2 - square) * BASIS_POINTS**2 >= spread_bp * spread_bp * square:
        return None
    return Finding(Rule.CLICKS_ON_A_TIMER, _clicks_scope(case), {
        "clicks": n, "mean_delay_ms": cell.delay_ms // n, "spread_bp_min": spread_bp,
        "spread_bp": int(((n * cell.delay_ms2 - square) / max(1, square)) ** 0.5 * BASIS_POINTS),
    })


def clicks_at_one_moment(case: Case, rules: Ruleset) -> Finding | None:
    """A timer among people: of a placement's clicks, too many come in the same tenth of a second after their ads.

    What people do there may itself be concentrated: the share is Beta distributed around the most that is expected of
    them, as rates are in `too_many_clicks`. Only these clicks, and the views that they belong to, are flagged.
    """
    cell, looks = case.cell, look(case.cell.clicks, rules.ivt_click_delays_min)
    if case.level is not Level.TRACE or not looks or looks == look(case.clicks_before, rules.ivt_click_delays_min):
        return None
    clicks = max(cell.clicks, case.placement.clicks)
    tail = log10_tail(cell.clicks, clicks, 100 * rules.ivt_click_moment_bp_max, rules.ivt_click_prior_views)
    alpha = log10_alpha(rules.ivt_click_alpha_exponent, looks)
    if tail >= alpha:
        return None
    return Finding(Rule.CLICKS_ON_A_TIMER, Scope.ALL, {
        "clicks": cell.clicks, "placement_clicks": clicks, "mean_delay_ms": cell.delay_ms // cell.clicks,
        "moment_ms": rules.ivt_click_moment_ms, "share_bp_max": rules.ivt_click_moment_bp_max,
        "log10_probability": round(tail, 1), "log10_threshold": round(alpha, 1),
    })


def _clicks_scope(case: Case) -> Scope:
    return Scope.CLICKS if case.level is Level.PLACEMENT else Scope.ALL


def signals(case: Case, rules: Ruleset) -> Finding | None:
    """Each can be honest; people to whom all of them apply have not been met."""
    if case.level not in (Level.VIEWER, Level.NETWORK) or case.cell.views < rules.ivt_signal_views_min:
        return None
    found = {name: weight for name, weight, sees in SIGNALS if sees(case, rules)}
    if sum(found.values()) < SIGNALS_NEEDED:
        return None
    cell = case.cell
    return Finding(Rule.SIGNALS, Scope.ALL, {
        **found, "views": cell.views, "steady": cell.steady, "still": cell.still, "viewers": cell.viewers,
        "placement_views": case.placement.views, "passed_ms": cell.last_ms - cell.first_ms,
        "needed": SIGNALS_NEEDED,
    })


def steady(case: Case, rules: Ruleset) -> bool:
    return case.cell.steady * BASIS_POINTS >= rules.ivt_steady_bp_min * case.cell.views


def still(case: Case, rules: Ruleset) -> bool:
    return case.cell.still * BASIS_POINTS >= rules.ivt_still_bp_min * case.cell.views


def endless(case: Case, rules: Ruleset) -> bool:
    cell = case.cell
    long = cell.last_ms - cell.first_ms >= rules.ivt_endless_ms_min
    return case.level is Level.VIEWER and long and cell.views >= rules.ivt_endless_views_min


def concentrated(case: Case, rules: Ruleset) -> bool:
    return (
        case.level is Level.NETWORK and case.placement.views >= rules.ivt_network_views_min
        and case.cell.views * BASIS_POINTS > rules.ivt_network_share_bp_max * case.placement.views
    )


def churning(case: Case, rules: Ruleset) -> bool:
    """A new viewer for every view, where the same placement's other visitors stay for more than one."""
    views, viewers = case.placement.views - case.cell.views, case.placement.viewers - case.cell.viewers
    return (
        case.level is Level.NETWORK and views >= rules.ivt_signal_views_min
        and case.cell.viewers * BASIS_POINTS >= rules.ivt_churn_bp_min * case.cell.views
        and viewers * BASIS_POINTS <= rules.ivt_churn_others_bp_max * views
    )


SIGNALS: tuple[tuple[str, int, Callable[[Case, Ruleset], bool]], ...] = (
    ("signal_steady", 30, steady), ("signal_still", 30, still), ("signal_endless", 40, endless),
    ("signal_concentrated", 40, concentrated), ("signal_churning", 40, churning),
)
CHECKS: tuple[Check, ...] = (
    more_seen_than_time, too_many_views, replayed_trace, too_many_clicks, clicks_on_a_timer, clicks_at_one_moment,
    signals,
)
"""In the order in which they name a cell's rule."""


def judge(case: Case, rules: Ruleset) -> Finding | None:
    """The first rule that a cell breaks."""
    return next((found for check in CHECKS if (found := check(case, rules)) is not None), None)


def judge_cells(deltas: Cells, totals: Cells, flagged: Set[Key], rules: Ruleset) -> dict[Key, Finding]:
    """The cells that a batch made invalid. `deltas`: what it added; `totals`: the same cells after it."""
    found: dict[Key, Finding] = {}
    for key, delta in deltas.items():
        if key.level is Level.MARKET or key in flagged:
            continue
        cell = totals[key]
        case = Case(
            key.level, cell, cell.views - delta.views, cell.clicks - delta.clicks,
            totals[Key(key.day, key.placement, Level.PLACEMENT)], totals[Key(key.day, 0, Level.MARKET)],
        )
        finding = judge(case, rules)
        if finding is not None:
            found[key] = finding
    return found
