"""The demo's three virtual worlds: who owns which board, what it costs at least, and what stands around."""

import math
from dataclasses import dataclass

from backend.demo.geometry import Board, Box, Vec, heading


@dataclass(frozen=True, slots=True)
class Surface:
    """A board for sale. `owner` counts the demo's publishers from 0; the floor is for one viewable impression."""

    name: str
    owner: int
    board: Board
    pixels: tuple[int, int]
    floor_micro_usdc: int
    kind: str = "image"


@dataclass(frozen=True, slots=True)
class Scene:
    """A virtual world. Land in a world may belong to several publishers; each registers the part that is theirs."""

    name: str
    engine: str
    category: str
    surfaces: tuple[Surface, ...]
    occluders: tuple[Box, ...]

    @property
    def owners(self) -> list[int]:
        return sorted({surface.owner for surface in self.surfaces})


KIOSK_ANGLE = math.radians(45)      # off the board's normal, so that it hides nothing from people in front
KIOSK_DISTANCE = 1.5                # both in widths of the board it hides from a part of the square
KIOSK_WIDTH = 0.75


def _board(x: float, z: float, yaw_degrees: float, width: float, height: float) -> Board:
    return Board(Vec(x, height / 2 + 1.2, z), math.radians(yaw_degrees), width, height)


def _kiosk(board: Board) -> Box:
    """A kiosk in front of a board, off to the right: whoever stands right behind it sees nothing of the board."""
    direction = board.yaw + KIOSK_ANGLE
    ground = Vec(board.centre.x, 2.5, board.centre.z)
    place = ground + heading(direction) * (board.width * KIOSK_DISTANCE)
    return Box(place, Vec(board.width * KIOSK_WIDTH, 5.0, 1.5), direction)


def _scene(name: str, engine: str, category: str, *surfaces: Surface) -> Scene:
    return Scene(name, engine, category, surfaces, tuple(_kiosk(surface.board) for surface in surfaces))


# Boards stand far apart and look away from each other's kiosks, so that each is its own little square.
SCENES = (
    _scene(
        "Harbour Plaza", "decentraland", "social",
        Surface("Ferry terminal", 0, _board(0, 0, 0, 6, 3), (1024, 512), 2_000),
        Surface("Fish market", 0, _board(80, 0, 90, 4, 2), (1024, 512), 1_500),
        Surface("Lighthouse banner", 0, _board(0, -80, 180, 5, 2.5), (1024, 512), 1_000),
    ),
    _scene(
        "Neon Raceway", "babylon", "games",
        Surface("Start gantry", 1, _board(0, 0, 20, 8, 4), (1024, 512), 3_000),
        Surface("Pit wall", 1, _board(90, 10, -60, 6, 3), (1024, 512), 2_500),
        Surface("Hairpin", 1, _board(-90, 0, 200, 6, 3), (1024, 512), 2_000),
    ),
    _scene(
        "Gallery of Light", "three", "art",
        Surface("Atrium", 2, _board(0, 0, -45, 4, 2), (1024, 512), 4_000),
        Surface("North wing", 3, _board(70, -30, 135, 3, 1.5), (1024, 512), 3_500),
    ),
)


@dataclass(frozen=True, slots=True)
class LineItemPlan:
    """What an advertiser orders: `bid_micro_usdc` is the most one billable event may cost."""

    name: str
    bid_kind: str
    bid_micro_usdc: int
    categories: tuple[str, ...]
    daily_cap_micro_usdc: int | None = None


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """A campaign of the demo. `advertiser` counts from 0; `by_permit` chooses how its money gets on chain."""

    advertiser: int
    name: str
    category: str
    deposit_micro_usdc: int
    by_permit: bool
    line_items: tuple[LineItemPlan, ...]


# The caps are small, so that in every world somebody else wins after a while.
CAMPAIGNS = (
    CampaignPlan(
        0, "Aurora sneakers", "fashion", 40_000_000, True, (LineItemPlan("Launch", "vcpm", 9_000, ("games",), 700_000),)
    ),
    CampaignPlan(
        0, "Aurora outlet", "fashion", 20_000_000, False,
        (LineItemPlan("Clicks", "cpc", 350_000, ("social",), 2_000_000),),
    ),
    CampaignPlan(1, "Tidal radio", "music", 25_000_000, True, (LineItemPlan("Reach", "vcpm", 7_500, ("games",)),)),
    CampaignPlan(
        1, "Tidal tickets", "music", 15_000_000, False, (LineItemPlan("Tickets", "cpc", 300_000, ("social", "games")),)
    ),
    CampaignPlan(2, "Meridian maps", "travel", 30_000_000, True, (LineItemPlan("Always on", "vcpm", 6_000, ("art",)),)),
)
