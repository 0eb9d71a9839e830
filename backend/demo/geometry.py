"""What a camera sees of a board: share on screen, share of the screen, angle, and what stands in between.

World space is right-handed with y up; metres and radians. A camera with yaw 0 looks along +z, positive yaw turns
it towards +x (its left), positive pitch up. The screen is [-1, 1]², so that shares do not depend on a resolution.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BASIS_POINTS = 10_000
GOLDEN_STEP = 0.381_966_011_25     # 2 - golden ratio: steps of it fill [0, 1) evenly, whenever one stops
PROBES_PER_SIDE = 3


@dataclass(frozen=True, slots=True)
class Vec:
    """A point or a direction, metres."""

    x: float
    y: float
    z: float

    def __add__(self, other: "Vec") -> "Vec":
        return Vec(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other: "Vec") -> "Vec":
        return Vec(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, factor: float) -> "Vec":
        return Vec(self.x * factor, self.y * factor, self.z * factor)

    def dot(self, other: "Vec") -> float:
        return self.x * other.x + self.y * other.y + self.z * other.z

    @property
    def length(self) -> float:
        return math.sqrt(self.dot(self))


def heading(yaw: float) -> Vec:
    """Horizontal unit vector of a yaw."""
    return Vec(math.sin(yaw), 0.0, math.cos(yaw))


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera. `fov` is the vertical field of view, `aspect` width / height."""

    position: Vec
    yaw: float
    pitch: float
    fov: float = math.radians(60)
    aspect: float = 16 / 9
    near: float = 0.05
    far: float = 500.0


@dataclass(frozen=True, slots=True)
class Board:
    """A flat upright surface. Its front looks along `yaw`; seen from there u runs from left to right, v upwards."""

    centre: Vec
    yaw: float
    width: float
    height: float

    @property
    def normal(self) -> Vec:
        return heading(self.yaw)

    @property
    def across(self) -> Vec:
        """Unit vector of u. Whoever stands in front looks against the normal, so their right is this."""
        return heading(self.yaw + math.pi / 2)

    def point(self, u: float, v: float) -> Vec:
        """The point at (u, v) in [0, 1]²."""
        return self.centre + self.across * ((u - 0.5) * self.width) + Vec(0.0, (v - 0.5) * self.height, 0.0)


@dataclass(frozen=True, slots=True)
class Box:
    """Something solid: a box turned by `yaw` around the vertical."""

    centre: Vec
    size: Vec
    yaw: float = 0.0


@dataclass(frozen=True, slots=True)
class Measure:
    """One measurement in the units of `backend.core.events.Sample`."""

    visible_bp: int
    screen_bp: int
    angle_cdeg: int


@dataclass(frozen=True, slots=True)
class _Corner:
    """A point in homogeneous screen space (x/w, y/w) that remembers where on the board it is."""

    x: float
    y: float
    w: float
    u: float
    v: float


def measure(board: Board, camera: Camera, occluders: Iterable[Box] = (), tick: int = 0) -> Measure:
    """What `camera` sees of `board`. `tick` moves the nine points at which occlusion is probed.

    Seen from behind a board shows nothing: both shares are 0.
    """
    angle = viewing_angle(board, camera.position)
    angle_cdeg = round(math.degrees(angle) * 100)
    polygon = _in_view(board, camera) if angle < math.pi / 2 else []
    if len(polygon) < 3:
        return Measure(0, 0, angle_cdeg)
    in_view = _area([(corner.u, corner.v) for corner in polygon])
    on_screen = _area([(corner.x / corner.w, corner.y / corner.w) for corner in polygon]) / 4
    open_share = _open_share(board, camera, tuple(occluders), tick)
    return Measure(_basis_points(in_view * open_share), _basis_points(on_screen * open_share), angle_cdeg)


def viewing_angle(board: Board, eye: Vec) -> float:
    """Angle in [0, π] between the board's normal and the line from its centre to the eye."""
    line = eye - board.centre
    if line.length == 0:
        return 0.0
    return math.acos(max(-1.0, min(1.0, board.normal.dot(line) / line.length)))


def hit(start: Vec, end: Vec, box: Box) -> bool:
    """Whether the segment meets the box (slab test in the box's own axes)."""
    low, high = 0.0, 1.0
    for origin, delta, half in _slabs(start, end, box):
        if abs(delta) < 1e-12:
            if abs(origin) > half:
                return False
            continue
        near, far = sorted(((-half - origin) / delta, (half - origin) / delta))
        low, high = max(low, near), min(high, far)
        if low > high:
            return False
    return True


def look_at(position: Vec, target: Vec) -> tuple[float, float]:
    """(yaw, pitch) of a camera at `position` whose centre of the screen is `target`."""
    line = target - position
    return math.atan2(line.x, line.z), math.atan2(line.y, math.hypot(line.x, line.z))


def _project(point: Vec, camera: Camera, u: float = 0.0, v: float = 0.0) -> _Corner:
    line = point - camera.position
    ahead = line.dot(heading(camera.yaw))
    right = -line.dot(heading(camera.yaw + math.pi / 2))    # with y up, +z ahead has +x on its left
    depth = ahead * math.cos(camera.pitch) + line.y * math.sin(camera.pitch)
    up = line.y * math.cos(camera.pitch) - ahead * math.sin(camera.pitch)
    scale = math.tan(camera.fov / 2)
    return _Corner(right / (scale * camera.aspect), up / scale, depth, u, v)


def _distances(corner: _Corner, camera: Camera) -> tuple[float, ...]:
    """Signed distances from the six planes of the view volume, positive inside."""
    x, y, w = corner.x, corner.y, corner.w
    return w - camera.near, camera.far - w, w + x, w - x, w + y, w - y


def _in_view(board: Board, camera: Camera) -> list[_Corner]:
    """The board's quad, clipped by the view volume before the division by w (Sutherland-Hodgman)."""
    polygon = [_project(board.point(u, v), camera, u, v) for u, v in ((0, 0), (1, 0), (1, 1), (0, 1))]
    for plane in range(6):
        polygon = _clip(polygon, [_distances(corner, camera)[plane] for corner in polygon])
    return polygon


def _clip(polygon: Sequence[_Corner], distances: Sequence[float]) -> list[_Corner]:
    kept: list[_Corner] = []
    for i, corner in enumerate(polygon):
        before, here, there = polygon[i - 1], distances[i], distances[i - 1]
        if (here >= 0) != (there >= 0):
            kept.append(_between(before, corner, there / (there - here)))
        if here >= 0:
            kept.append(corner)
    return kept


def _between(a: _Corner, b: _Corner, t: float) -> _Corner:
    return _Corner(*(p + (q - p) * t for p, q in ((a.x, b.x), (a.y, b.y), (a.w, b.w), (a.u, b.u), (a.v, b.v))))


def _area(points: Sequence[tuple[float, float]]) -> float:
    """Area of a simple polygon (shoelace formula)."""
    return abs(sum(points[i - 1][0] * y - x * points[i - 1][1] for i, (x, y) in enumerate(points))) / 2


def _open_share(board: Board, camera: Camera, occluders: Sequence[Box], tick: int) -> float:
    """Share of the probed points in view that nothing hides. The points wander, so that no gap is missed for long."""
    if not occluders:
        return 1.0
    probes = open_probes = 0
    for u, v in _probes(tick):
        point = board.point(u, v)
        if min(_distances(_project(point, camera), camera)) < 0:
            continue
        probes += 1
        open_probes += not any(hit(camera.position, point, box) for box in occluders)
    return open_probes / probes if probes else 1.0


def _probes(tick: int) -> list[tuple[float, float]]:
    shift_u, shift_v = tick * GOLDEN_STEP % 1, (0.5 + tick * GOLDEN_STEP * GOLDEN_STEP) % 1
    cells = range(PROBES_PER_SIDE)
    return [((i + shift_u) / PROBES_PER_SIDE, (j + shift_v) / PROBES_PER_SIDE) for i in cells for j in cells]


def _slabs(start: Vec, end: Vec, box: Box) -> list[tuple[float, float, float]]:
    """(origin, direction, half size) of the segment along each axis of the box."""
    origin, delta = start - box.centre, end - start
    x_axis, z_axis = heading(box.yaw + math.pi / 2), heading(box.yaw)
    return [
        (origin.dot(x_axis), delta.dot(x_axis), box.size.x / 2),
        (origin.y, delta.y, box.size.y / 2),
        (origin.dot(z_axis), delta.dot(z_axis), box.size.z / 2),
    ]


def _basis_points(share: float) -> int:
    return min(BASIS_POINTS, max(0, round(share * BASIS_POINTS)))
