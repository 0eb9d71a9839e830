"""Simulated viewers: their geometry alone decides what a strict reading of the viewability rule says about them."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.events import Sample
from backend.core.ruleset import Ruleset
from backend.demo.scene import CAMPAIGNS, SCENES, Scene, Surface
from backend.demo.viewers import SAMPLE_MS, ViewerKind, exposure, walk

RULES = Ruleset()
PLACES = [(scene, surface) for scene in SCENES for surface in scene.surfaces]
LOOKS = (
    ViewerKind.ATTENTIVE, ViewerKind.CLICKER, ViewerKind.BOT, ViewerKind.REPLAYER, ViewerKind.FORGER,
    ViewerKind.LATE, ViewerKind.WRONG_CHAIN,
)


def counts(sample: Sample) -> bool:
    return (
        sample.visible_bp >= RULES.visible_bp_min
        and sample.screen_bp >= RULES.screen_bp_min
        and sample.angle_cdeg < RULES.angle_cdeg_below
        and sample.active
        and sample.foreground
    )


def longest_ms(samples: list[Sample]) -> int:
    """Longest run of samples that count, from its first to its last."""
    best = started = 0
    running = False
    for sample in samples:
        if not counts(sample):
            running = False
            continue
        if not running:
            running, started = True, sample.t_ms
        best = max(best, sample.t_ms - started)
    return best


seeds = st.integers(0, 2**32)
places = st.sampled_from(PLACES)


@settings(max_examples=60, deadline=None)
@given(seeds, places, st.sampled_from(LOOKS))
def test_exposure__looks_at_the_board__is_viewable(seed: int, place: tuple[Scene, Surface], kind: ViewerKind) -> None:
    samples = exposure(*place, kind, Random(seed))
    assert longest_ms(samples) >= RULES.viewable_ms_min
    assert not counts(samples[0]), "a viewer comes from somewhere"


@settings(max_examples=60, deadline=None)
@given(seeds, places, st.sampled_from([ViewerKind.PASSER_BY, ViewerKind.CLICK_BEFORE_VIEW]))
def test_exposure__runs_past__a_glance_but_no_second(seed: int, place: tuple[Scene, Surface], kind: ViewerKind) -> None:
    assert 0 < longest_ms(exposure(*place, kind, Random(seed))) < RULES.viewable_ms_min


@settings(max_examples=40, deadline=None)
@given(seeds, places)
def test_exposure__behind_the_kiosk__hidden_only_by_it(seed: int, place: tuple[Scene, Surface]) -> None:
    scene, surface = place
    assert not any(counts(sample) for sample in exposure(scene, surface, ViewerKind.BEHIND_WALL, Random(seed)))
    cleared = Scene(scene.name, scene.engine, scene.category, scene.surfaces, ())
    assert longest_ms(exposure(cleared, surface, ViewerKind.BEHIND_WALL, Random(seed))) >= RULES.viewable_ms_min


@settings(max_examples=40, deadline=None)
@given(seeds, places)
def test_exposure__oblique__fails_by_the_angle_alone(seed: int, place: tuple[Scene, Surface]) -> None:
    samples = exposure(*place, ViewerKind.OBLIQUE, Random(seed))
    assert all(sample.angle_cdeg >= RULES.angle_cdeg_below for sample in samples)
    assert all(sample.visible_bp >= RULES.visible_bp_min and sample.active for sample in samples)


@settings(max_examples=40, deadline=None)
@given(seeds, places)
def test_exposure__nobody_there__would_be_viewable_otherwise(seed: int, place: tuple[Scene, Surface]) -> None:
    samples = exposure(*place, ViewerKind.INACTIVE, Random(seed))
    assert not any(counts(sample) for sample in samples)
    awake = [Sample(s.t_ms, s.visible_bp, s.screen_bp, s.angle_cdeg, True, True) for s in samples]
    assert longest_ms(awake) >= RULES.viewable_ms_min


@pytest.mark.parametrize("kind", list(ViewerKind))
def test_exposure__same_seed__same_samples_at_ten_hertz(kind: ViewerKind) -> None:
    first, second = (exposure(*PLACES[0], kind, Random(7)) for _ in range(2))
    assert first == second
    assert [sample.t_ms for sample in first] == [SAMPLE_MS * i for i in range(len(first))]
    assert first != exposure(*PLACES[0], kind, Random(8))


@pytest.mark.parametrize("kind", list(ViewerKind))
def test_walk__any_kind__the_camera_moves(kind: ViewerKind) -> None:
    poses = {(gaze.camera.position, gaze.camera.yaw) for gaze in walk(PLACES[0][1].board, kind, Random(1))}
    assert len(poses) > 5


def test_scenes__eight_boards_in_three_worlds_of_four_publishers() -> None:
    assert len(SCENES) == 3
    assert len(PLACES) == 8
    assert {surface.owner for _, surface in PLACES} == {0, 1, 2, 3}
    assert len(CAMPAIGNS) == 5
    assert {plan.advertiser for plan in CAMPAIGNS} == {0, 1, 2}
    assert {item.bid_kind for plan in CAMPAIGNS for item in plan.line_items} == {"vcpm", "cpc"}
