"""Simulated people (and others) in a world: where they walk, where they look, and what a board's meter records.

A viewer is simulated at 10 Hz in its own time; nothing is decided here, samples come from the geometry alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from backend.core.events import Sample
from backend.demo.geometry import Board, Camera, Vec, heading, look_at, measure
from backend.demo.scene import KIOSK_ANGLE, KIOSK_DISTANCE, Scene, Surface

SAMPLE_MS = 100
EYE_METRES = 1.7
WALK_METRES_PER_SECOND = 1.4
RUN_METRES_PER_SECOND = 6.0


class ViewerKind(StrEnum):
    """What a simulated viewer does; the first four are told apart by geometry alone."""

    ATTENTIVE = "attentive"                    # walks up and looks
    PASSER_BY = "passer_by"                    # runs past with a glance, never a full second
    BEHIND_WALL = "behind_wall"                # looks at the board, but a kiosk is in between
    OBLIQUE = "oblique"                        # looks along the wall
    INACTIVE = "inactive"                      # away from the keyboard, or the tab is hidden
    CLICKER = "clicker"                        # looks, then clicks
    CLICK_BEFORE_VIEW = "click_before_view"    # clicks after a mere glance
    BOT = "bot"                                # says it is a crawler
    REPLAYER = "replayer"                      # sends what counted once again
    FORGER = "forger"                          # alters tokens, or signs its own
    LATE = "late"                              # reports after the token has expired
    WRONG_CHAIN = "wrong_chain"                # carries a token of another chain
    FROM_THE_FUTURE = "from_the_future"        # says it has watched for longer than the ad has been there
    BROKEN = "broken"                          # a world with a broken SDK: values outside their units
    FLOODER = "flooder"                        # one event, again and again, faster than anybody looks


@dataclass(frozen=True, slots=True)
class Gaze:
    """The camera of one moment, and whether anybody is there."""

    camera: Camera
    active: bool = True
    foreground: bool = True


def exposure(scene: Scene, surface: Surface, kind: ViewerKind, dice: Random) -> list[Sample]:
    """The samples a board's meter takes while a viewer of this kind is near it."""
    first_tick = dice.randrange(1000)
    return [
        _sample(scene, surface.board, gaze, tick * SAMPLE_MS, first_tick + tick)
        for tick, gaze in enumerate(walk(surface.board, kind, dice))
    ]


def walk(board: Board, kind: ViewerKind, dice: Random) -> Iterator[Gaze]:
    """One gaze per 100 ms."""
    match kind:
        case ViewerKind.PASSER_BY | ViewerKind.CLICK_BEFORE_VIEW:
            return _run_past(board, dice)
        case ViewerKind.BEHIND_WALL:
            return _stand_behind_kiosk(board, dice)
        case ViewerKind.OBLIQUE:
            return _walk_along_wall(board, dice)
        case ViewerKind.INACTIVE:
            return _walk_up_and_leave_keyboard(board, dice)
        case _:
            return _walk_up_and_look(board, dice)


def _sample(scene: Scene, board: Board, gaze: Gaze, t_ms: int, tick: int) -> Sample:
    seen = measure(board, gaze.camera, scene.occluders, tick)
    return Sample(t_ms, seen.visible_bp, seen.screen_bp, seen.angle_cdeg, gaze.active, gaze.foreground)


def _spot(board: Board, angle: float, distance: float) -> Vec:
    """Eye height, `distance` metres from the board, `angle` off its normal (positive: to the board's right)."""
    ground = Vec(board.centre.x, EYE_METRES, board.centre.z)
    return ground + heading(board.yaw + angle) * distance


def _towards(eye: Vec, target: Vec, turn: float = 0.0) -> Camera:
    """A camera that looks at `target`, turned away sideways by `turn`."""
    yaw, pitch = look_at(eye, target)
    return Camera(eye, yaw + turn, pitch)


def _walk_up_and_look(board: Board, dice: Random) -> Iterator[Gaze]:
    """From some metres away to in front of the board: first the way ahead, then the board, with a swaying head."""
    angle, sway = dice.uniform(-0.3, 0.3), dice.uniform(0.01, 0.03)
    distance, away = board.width * dice.uniform(1.3, 1.6), dice.uniform(1.2, 1.6)
    looks_from, ticks = dice.randint(3, 6), dice.randint(18, 24)
    for tick in range(ticks):
        eye = _spot(board, angle, distance + WALK_METRES_PER_SECOND * SAMPLE_MS / 1000 * (ticks - tick) / 2)
        turn = away * (1 - tick / looks_from) if tick < looks_from else sway * math.sin(tick)
        yield Gaze(_towards(eye, board.centre, turn))


def _walk_up_and_leave_keyboard(board: Board, dice: Random) -> Iterator[Gaze]:
    hidden_tab = dice.random() < 0.5
    for gaze in _walk_up_and_look(board, dice):
        yield Gaze(gaze.camera, active=hidden_tab, foreground=not hidden_tab)


def _run_past(board: Board, dice: Random) -> Iterator[Gaze]:
    """Runs across the square, eyes on the way, with one glance of less than a second at the board."""
    distance = board.width * dice.uniform(1.3, 1.8)
    ticks, glance = 22, dice.randint(4, 7)
    side = dice.choice((-1, 1))
    for tick in range(ticks):
        along = RUN_METRES_PER_SECOND * SAMPLE_MS / 1000 * (tick - ticks / 2) * side
        eye = _spot(board, 0.0, distance) + board.across * along
        way = eye + board.across * (10.0 * side)
        glances = abs(tick - ticks // 2) <= glance // 2
        yield Gaze(_towards(eye, board.centre if glances else way))


def _stand_behind_kiosk(board: Board, dice: Random) -> Iterator[Gaze]:
    """Right behind the kiosk that `backend.demo.scene` put to the board's right."""
    angle = KIOSK_ANGLE + dice.uniform(-0.02, 0.02)
    distance = board.width * KIOSK_DISTANCE + dice.uniform(1.6, 2.2)
    for tick in range(20):
        yield Gaze(_towards(_spot(board, angle, distance), board.centre, 0.02 * math.sin(tick)))


def _walk_along_wall(board: Board, dice: Random) -> Iterator[Gaze]:
    """Close to the wall that carries the board, looking at it from 60 to 75 degrees."""
    angle = -math.radians(dice.uniform(60, 72))
    for tick in range(20):
        yield Gaze(_towards(_spot(board, angle - 0.002 * tick, board.width * 1.4), board.centre))
