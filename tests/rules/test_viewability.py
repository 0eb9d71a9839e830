"""Only what was seen counts: L29, against a second implementation that looks at every pair of samples."""

from dataclasses import replace as with_changes
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import Sample
from backend.core.ruleset import Ruleset
from backend.ingest.robots import declared, frozen, robotic, too_fast
from backend.ingest.viewability import shown_at_ms, viewable_at_ms

RULES = Ruleset()
GOOD = Sample(0, 10_000, 400, 1_000, True, True)


def look(times_ms: list[int], **changes: Any) -> list[Sample]:
    return [msgspec.structs.replace(GOOD, t_ms=t_ms, **changes) for t_ms in times_ms]


def every(step_ms: int, until_ms: int, start_ms: int = 0) -> list[int]:
    return list(range(start_ms, until_ms + 1, step_ms))


def test_viewable__one_second_of_good_samples__at_the_sample_that_completes_it() -> None:
    assert viewable_at_ms(look(every(100, 1_500)), RULES, video=False) == 1_000


def test_viewable__a_millisecond_short__no() -> None:
    assert viewable_at_ms(look([*every(100, 900), 999]), RULES, video=False) is None


def test_viewable__video__needs_two_seconds() -> None:
    assert viewable_at_ms(look(every(100, 1_900)), RULES, video=True) is None
    assert viewable_at_ms(look(every(100, 2_000)), RULES, video=True) == 2_000


@pytest.mark.parametrize(
    ("field", "passes", "fails"),
    [
        ("visible_bp", 5_000, 4_999), ("screen_bp", 150, 149), ("angle_cdeg", 5_499, 5_500),
        ("active", True, False), ("foreground", True, False),
    ],
)
def test_viewable__each_threshold__is_exact(field: str, passes: object, fails: object) -> None:
    assert viewable_at_ms(look(every(100, 1_000), **{field: passes}), RULES, video=False) == 1_000
    assert viewable_at_ms(look(every(100, 1_000), **{field: fails}), RULES, video=False) is None


def test_viewable__one_failing_sample__starts_anew() -> None:
    samples = look(every(100, 900)) + look([950], visible_bp=0) + look(every(100, 2_100, start_ms=1_000))
    assert viewable_at_ms(samples, RULES, video=False) == 2_000


def test_viewable__gap_over_300_ms__starts_anew_and_300_does_not() -> None:
    assert viewable_at_ms(look([0, 300, 600, 900, 1_000]), RULES, video=False) == 1_000
    assert viewable_at_ms(look([0, 300, 601, 901, 1_000]), RULES, video=False) is None


def test_viewable__one_bright_and_one_late_sample__no() -> None:
    assert viewable_at_ms(look([0, 10_000]), RULES, video=False) is None


def test_shown__inactive_viewer__by_geometry_it_would_have_counted() -> None:
    samples = look(every(100, 1_000), active=False)
    assert viewable_at_ms(samples, RULES, video=False) is None
    assert shown_at_ms(samples, RULES, video=False) == 1_000


SAMPLES = st.lists(
    st.tuples(
        st.integers(1, 400), st.sampled_from([4_999, 5_000, 10_000]), st.sampled_from([149, 150, 500]),
        st.sampled_from([0, 5_499, 5_500]), st.sampled_from([True, True, True, False]), st.just(True),
    ),
    min_size=1, max_size=40,
)
MOSTLY_GOOD = st.lists(
    st.tuples(
        st.integers(50, 320), st.sampled_from([5_000] * 20 + [0]), st.just(150), st.just(5_499), st.just(True),
        st.just(True),
    ),
    min_size=1, max_size=60,
)


def timed(steps: list[tuple[int, int, int, int, bool, bool]]) -> list[Sample]:
    samples, t_ms = [], 0
    for step_ms, *rest in steps:
        t_ms += step_ms
        samples.append(Sample(t_ms, *rest))
    return samples


def by_definition(samples: list[Sample], rules: Ruleset, needed_ms: int) -> int | None:
    """The first sample that ends some unbroken run of passing samples, long enough: written without a timer."""
    def passing(sample: Sample) -> bool:
        return bool(
            sample.active and sample.foreground and sample.visible_bp >= rules.visible_bp_min
            and sample.screen_bp >= rules.screen_bp_min and sample.angle_cdeg < rules.angle_cdeg_below
        )

    for end in range(len(samples)):
        for start in range(end + 1):
            run = samples[start : end + 1]
            unbroken = all(map(passing, run)) and all(
                later.t_ms - earlier.t_ms <= rules.sample_gap_ms_max for earlier, later in pairwise(run)
            )
            if unbroken and run[-1].t_ms - run[0].t_ms >= needed_ms:
                return samples[end].t_ms
    return None


@given(st.one_of(SAMPLES, MOSTLY_GOOD), st.booleans())
def test_viewable__any_samples__as_the_definition_says(
    steps: list[tuple[int, int, int, int, bool, bool]], video: bool
) -> None:
    """L29."""
    samples = timed(steps)
    needed_ms = RULES.viewable_video_ms_min if video else RULES.viewable_ms_min
    assert viewable_at_ms(samples, RULES, video=video) == by_definition(samples, RULES, needed_ms)


@given(MOSTLY_GOOD, st.integers(0, 59))
def test_viewable__a_sample_gets_worse__never_becomes_viewable(
    steps: list[tuple[int, int, int, int, bool, bool]], place: int
) -> None:
    """L29."""
    samples = timed(steps)
    worse = list(samples)
    worse[place % len(samples)] = msgspec.structs.replace(samples[place % len(samples)], visible_bp=0)
    if viewable_at_ms(samples, RULES, video=False) is None:
        assert viewable_at_ms(worse, RULES, video=False) is None


def test_viewable__other_ruleset__other_thresholds() -> None:
    strict = with_changes(RULES, viewable_ms_min=1_500)
    assert viewable_at_ms(look(every(100, 1_400)), strict, video=False) is None


# --- robots -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user_agent", ["Mozilla/5.0 (compatible; ExampleBot/2.1)", "HeadlessChrome/120", "curl/8.0", "python-requests/2"]
)
def test_declared__programs__yes(user_agent: str) -> None:
    assert declared(user_agent)


@pytest.mark.parametrize("user_agent", [
    "", "Mozilla/5.0 (Windows NT 10.0) Firefox/145.0",
    "UnityPlayer/6000.0.23f1 (UnityWebRequest/1.0, libcurl/8.10.1-DEV)",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_NOTE_S) AppleWebKit/537.36 Chrome/74.0 Mobile Safari/537.36",
])
def test_declared__people__no(user_agent: str) -> None:
    assert not declared(user_agent)


def test_too_fast__more_samples_than_frames__robotic() -> None:
    assert too_fast(look(every(1, 100)))
    assert not too_fast(look(every(4, 100)))
    assert not robotic(look(every(100, 1_500)))


def test_frozen__ten_seconds_of_input_without_a_tremble__robotic() -> None:
    assert frozen(look(every(100, 10_000)))
    assert not frozen(look(every(100, 9_900)))
    assert not frozen(look(every(100, 10_000), active=False))
    assert not frozen([*look(every(100, 10_000)), msgspec.structs.replace(GOOD, t_ms=10_101, angle_cdeg=1_001)])
    assert not frozen([*look(every(100, 10_000)), msgspec.structs.replace(GOOD, t_ms=10_133)])
