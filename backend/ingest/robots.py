"""Traffic that no person makes, by rules that can be told to whom they hit."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from backend.core.events import Sample

DECLARED = (
    "bot", "crawl", "spider", "headless", "phantomjs", "slurp", "preview", "selenium", "puppeteer", "playwright",
    "curl/", "wget/", "python-requests", "python-urllib", "scrapy", "go-http-client", "java/", "libwww",
)
"""Parts of user agents of programs that say what they are (general invalid traffic in the MRC's words)."""
PEOPLES = re.compile(r"libcurl/|\bcubot")
"""What has such a part and is no program: the library of Unity's requests, and a maker of phones."""

SAMPLE_GAP_MS_MIN = 4           # no display shows, and no camera is rendered at, more than 250 frames a second
FROZEN_MS_MIN = 10_000
GAPS_COUNTED_MIN = 10


@lru_cache(maxsize=4_096)
def declared(user_agent: str) -> bool:
    """Whether the sender calls itself a program."""
    lowered = PEOPLES.sub("", user_agent.lower())
    return any(word in lowered for word in DECLARED)


def robotic(samples: Sequence[Sample]) -> bool:
    """Whether the samples cannot come from a person in front of a screen."""
    return too_fast(samples) or frozen(samples)


def too_fast(samples: Sequence[Sample]) -> bool:
    """More samples than a renderer draws frames."""
    gaps = len(samples) - 1
    return gaps >= GAPS_COUNTED_MIN and samples[-1].t_ms - samples[0].t_ms < gaps * SAMPLE_GAP_MS_MIN


def frozen(samples: Sequence[Sample]) -> bool:
    """Ten seconds of input without the view moving by a hundredth of a degree, on a timer that never misses a beat."""
    if samples[-1].t_ms - samples[0].t_ms < FROZEN_MS_MIN or not all(sample.active for sample in samples):
        return False
    views = {(sample.visible_bp, sample.screen_bp, sample.angle_cdeg) for sample in samples}
    gaps = {later.t_ms - earlier.t_ms for earlier, later in pairwise(samples)}
    return len(views) == 1 and len(gaps) == 1
