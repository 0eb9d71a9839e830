"""The demo's measurement of boards against an independent ray caster that counts pixels."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.demo.geometry import Board, Box, Camera, Vec, heading, hit, look_at, measure, viewing_angle

BOARD = Board(Vec(0, 2, 0), 0.0, 4.0, 2.0)
SCREEN = (96, 54)


def facing(x: float, y: float, z: float, target: Vec = BOARD.centre) -> Camera:
    eye = Vec(x, y, z)
    yaw, pitch = look_at(eye, target)
    return Camera(eye, yaw, pitch)


def rays(camera: Camera) -> list[Vec]:
    """One direction through the middle of each pixel, built from the camera's axes and not from a projection."""
    ahead = heading(camera.yaw) * math.cos(camera.pitch) + Vec(0, math.sin(camera.pitch), 0)
    right = heading(camera.yaw + math.pi / 2) * -1
    up = heading(camera.yaw) * -math.sin(camera.pitch) + Vec(0, math.cos(camera.pitch), 0)
    half = math.tan(camera.fov / 2)
    return [
        ahead
        + right * (((i + 0.5) / SCREEN[0] * 2 - 1) * half * camera.aspect)
        + up * (((j + 0.5) / SCREEN[1] * 2 - 1) * half)
        for i in range(SCREEN[0])
        for j in range(SCREEN[1])
    ]


def counted_screen_share(board: Board, camera: Camera, boxes: tuple[Box, ...] = ()) -> float:
    """Share of the pixels whose ray meets the board's front before any box."""
    shown = 0
    for ray in rays(camera):
        towards = ray.dot(board.normal)
        if towards >= 0:
            continue
        distance = (board.centre - camera.position).dot(board.normal) / towards
        point = camera.position + ray * distance
        across, up = (point - board.centre).dot(board.across), point.y - board.centre.y
        inside = abs(across) <= board.width / 2 and abs(up) <= board.height / 2 and distance > 0
        shown += inside and not any(hit(camera.position, point, box) for box in boxes)
    return shown / (SCREEN[0] * SCREEN[1])


def surface_share_in_view(board: Board, camera: Camera, side: int = 60) -> float:
    """Share of a fine grid of points of the surface that lie inside the view, by their angles."""
    inside = 0
    ahead = heading(camera.yaw) * math.cos(camera.pitch) + Vec(0, math.sin(camera.pitch), 0)
    right = heading(camera.yaw + math.pi / 2) * -1
    up = heading(camera.yaw) * -math.sin(camera.pitch) + Vec(0, math.cos(camera.pitch), 0)
    half = math.tan(camera.fov / 2)
    for i in range(side):
        for j in range(side):
            line = board.point((i + 0.5) / side, (j + 0.5) / side) - camera.position
            depth = line.dot(ahead)
            inside += depth > camera.near and (
                abs(line.dot(right)) <= depth * half * camera.aspect and abs(line.dot(up)) <= depth * half
            )
    return inside / side**2


poses = st.builds(
    facing,
    st.floats(-12, 12),
    st.floats(0.5, 6),
    st.floats(1.5, 15),
    st.builds(Vec, st.floats(-8, 8), st.floats(-2, 5), st.floats(-6, 6)),
)


@settings(max_examples=40, deadline=None)
@given(poses)
@example(facing(0, 2, 6))
@example(facing(0.4, 1.7, 1.6))
def test_measure__any_pose__areas_match_counted_pixels(camera: Camera) -> None:
    seen = measure(BOARD, camera)
    assert seen.screen_bp == pytest.approx(counted_screen_share(BOARD, camera) * 10_000, abs=120)
    assert seen.visible_bp == pytest.approx(surface_share_in_view(BOARD, camera) * 10_000, abs=200)


@settings(max_examples=100, deadline=None)
@given(st.floats(-1.4, 1.4), st.floats(2, 20))
def test_measure__mirrored_eye__same_angle_and_shares(angle: float, distance: float) -> None:
    left, right = (
        measure(BOARD, facing(side * distance * math.sin(angle), 2, distance * math.cos(angle))) for side in (-1, 1)
    )
    assert left.angle_cdeg == right.angle_cdeg == pytest.approx(abs(math.degrees(angle)) * 100, abs=1)
    assert abs(left.visible_bp - right.visible_bp) <= 1
    assert abs(left.screen_bp - right.screen_bp) <= 1


@settings(max_examples=200, deadline=None)
@given(st.floats(-30, 30), st.floats(0, 8), st.floats(-30, 30), st.floats(-math.pi, math.pi), st.floats(-1.5, 1.5))
def test_measure__random_pose__stays_in_range(x: float, y: float, z: float, yaw: float, pitch: float) -> None:
    seen = measure(BOARD, Camera(Vec(x, y, z), yaw, pitch), (Box(Vec(1, 1, 3), Vec(1, 2, 1), 0.3),), tick=7)
    assert 0 <= seen.visible_bp <= 10_000
    assert 0 <= seen.screen_bp <= 10_000
    assert 0 <= seen.angle_cdeg <= 18_000


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (Camera(Vec(0, 2, 6), 0.0, 0.0), "the camera looks away"),
        (Camera(Vec(0, 2, -6), 0.0, 0.0), "the camera is behind the board"),
        (Camera(Vec(40, 2, 6), math.pi, 0.0), "the board is beside the screen"),
        (Camera(Vec(0, 2, 6), math.pi, 0.0, far=4.0), "the board is too far away"),
    ],
)
def test_measure__not_in_view__nothing_is_seen(camera: Camera, why: str) -> None:
    seen = measure(BOARD, camera)
    assert (seen.visible_bp, seen.screen_bp) == (0, 0), why


def test_measure__straight_ahead__everything_at_no_angle() -> None:
    seen = measure(BOARD, facing(0, 2, 6))
    # 4 m x 2 m at 6 m through 60 degrees, 16:9: half heights 1/(6 tan 30), half widths 2/(6 tan 30 * 16/9)
    expected = (1 / (6 * math.tan(math.radians(30)))) * (2 / (6 * math.tan(math.radians(30)) * 16 / 9))
    assert seen.visible_bp == 10_000
    assert seen.screen_bp == pytest.approx(expected * 10_000, abs=1)
    assert seen.angle_cdeg == 0


@settings(max_examples=30, deadline=None)
@given(st.floats(-1.0, 1.0), st.floats(5, 12), st.floats(0.45, 0.8), st.integers(0, 1000))
def test_measure__wall_in_front__hidden(angle: float, distance: float, along: float, tick: int) -> None:
    eye = Vec(distance * math.sin(angle), 2, distance * math.cos(angle))
    wall = Box(BOARD.centre + (eye - BOARD.centre) * along, Vec(9, 9, 0.2), angle)
    seen = measure(BOARD, facing(eye.x, eye.y, eye.z), (wall,), tick)
    assert (seen.visible_bp, seen.screen_bp) == (0, 0)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.8, 0.8), st.integers(0, 1000))
def test_measure__wall_behind_the_board_or_the_eye__hides_nothing(angle: float, tick: int) -> None:
    eye = Vec(8 * math.sin(angle), 2, 8 * math.cos(angle))
    walls = (Box(Vec(0, 2, -0.5), Vec(9, 9, 0.2)), Box(eye * 1.4, Vec(9, 9, 0.2), angle))
    assert measure(BOARD, facing(eye.x, 2, eye.z), walls, tick) == measure(BOARD, facing(eye.x, 2, eye.z), (), tick)


def test_measure__half_hidden__the_moving_probes_average_to_the_counted_share() -> None:
    camera = facing(0, 2, 8)
    pillar = Box(Vec(-1.0, 2, 4), Vec(1.3, 6, 0.4))
    probed = sum(measure(BOARD, camera, (pillar,), tick).screen_bp for tick in range(60)) / 60
    assert probed == pytest.approx(counted_screen_share(BOARD, camera, (pillar,)) * 10_000, rel=0.08)


@pytest.mark.parametrize(("yaw", "expected"), [(0.0, 0.0), (math.pi / 2, 90.0), (math.pi, 180.0)])
def test_viewing_angle__board_turned__degrees_to_its_normal(yaw: float, expected: float) -> None:
    board = Board(Vec(0, 0, 0), yaw, 1, 1)
    assert math.degrees(viewing_angle(board, Vec(0, 0, 5))) == pytest.approx(expected)
