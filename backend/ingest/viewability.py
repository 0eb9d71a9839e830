"""When was the ad seen? The IAB/MRC intrinsic in-game rule (2022) over exposure samples."""

from collections.abc import Iterable, Sequence

from backend.core.events import Sample
from backend.core.ruleset import Ruleset


def viewable_at_ms(samples: Iterable[Sample], ruleset: Ruleset, *, video: bool) -> int | None:
    """Time of the sample that completes a viewable impression, in ms since rendering, or None.

    It needs continuous viewing for one second (video: two) of samples that each pass; a failing sample, or a gap
    longer than the ruleset allows, starts the count anew. The viewer must be active and the world in the foreground.
    """
    return _continuous(
        ((sample.t_ms, sample.active and sample.foreground and shown(sample, ruleset)) for sample in samples),
        ruleset, video,
    )


def shown_at_ms(samples: Iterable[Sample], ruleset: Ruleset, *, video: bool) -> int | None:
    """The same by geometry alone: what it would have been with an active viewer."""
    return _continuous(((sample.t_ms, shown(sample, ruleset)) for sample in samples), ruleset, video)


def plainly_viewable_at_ms(samples: Sequence[Sample], ruleset: Ruleset, *, video: bool) -> int:
    """As `viewable_at_ms` in one plain loop, for the usual case; 0 when it is not so, or time does not go forward."""
    visible_bp_min, screen_bp_min = ruleset.visible_bp_min, ruleset.screen_bp_min
    angle_cdeg_below, gap_ms_max = ruleset.angle_cdeg_below, ruleset.sample_gap_ms_max
    needed_ms = ruleset.viewable_video_ms_min if video else ruleset.viewable_ms_min
    since_ms = last_ms = -1
    seen_ms = 0
    for sample in samples:
        t_ms = sample.t_ms
        if t_ms <= last_ms:
            return 0
        if (
            sample.visible_bp >= visible_bp_min and sample.screen_bp >= screen_bp_min
            and sample.angle_cdeg < angle_cdeg_below and sample.active and sample.foreground
        ):
            if since_ms < 0 or t_ms - last_ms > gap_ms_max:
                since_ms = t_ms
            elif not seen_ms and t_ms - since_ms >= needed_ms:
                seen_ms = t_ms
        else:
            since_ms = -1
        last_ms = t_ms
    return seen_ms


def shown(sample: Sample, ruleset: Ruleset) -> bool:
    """Whether the geometry of one sample passes every threshold."""
    return (
        sample.visible_bp >= ruleset.visible_bp_min
        and sample.screen_bp >= ruleset.screen_bp_min
        and sample.angle_cdeg < ruleset.angle_cdeg_below
    )


def _continuous(passing: Iterable[tuple[int, bool]], ruleset: Ruleset, video: bool) -> int | None:
    needed_ms = ruleset.viewable_video_ms_min if video else ruleset.viewable_ms_min
    since_ms: int | None = None
    last_ms = 0
    for t_ms, passes in passing:
        if not passes:
            since_ms = None
            continue
        if since_ms is None or t_ms - last_ms > ruleset.sample_gap_ms_max:
            since_ms = t_ms
        last_ms = t_ms
        if t_ms - since_ms >= needed_ms:
            return t_ms
    return None
