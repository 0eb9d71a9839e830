"""Line charts as SVG, without a library: panels side by side, each with lines over a shared pair of axes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 190, 46, 60, 24
COLOURS = {"black": "#1f2328", "blue": "#0969da", "orange": "#bc4c00", "green": "#1a7f37"}
DASHES = {"black": "5 4"}


@dataclass(frozen=True, slots=True)
class Line:
    """Points are shares of both axes, 0 to 1."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes."""

    title: str
    lines: Sequence[Line]


def chart(panels: Sequence[Panel], columns: int, across: Sequence[str], up: Sequence[str], caption: str) -> str:
    """An SVG document; `across` and `up` are labels at even distances, from the origin on."""
    rows = -(-len(panels) // columns)
    width = columns * (WIDTH + LEFT + GAP)
    height = TOP + rows * (HEIGHT + TOP) - 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#57606a">',
        f"<title>{escape(caption)}</title>", f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *_legend({line.name: line.colour for panel in panels for line in panel.lines}),
    ]
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        x, y = LEFT + column * (WIDTH + LEFT + GAP), TOP + 10 + row * (HEIGHT + TOP)
        parts += [f'<g transform="translate({x} {y})">', *_panel(panel, across, up), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: dict[str, str]) -> Iterable[str]:
    x = LEFT
    for name, colour in names.items():
        yield f'<path d="M{x} 24h24" fill="none" {_stroke(colour)}/>'
        yield f'<text x="{x + 30}" y="28">{escape(name)}</text>'
        x += 52 + 7 * len(name)


def _panel(panel: Panel, across: Sequence[str], up: Sequence[str]) -> Iterable[str]:
    yield f'<text x="0" y="-12" font-weight="600" fill="#1f2328">{escape(panel.title)}</text>'
    for place, label in enumerate(up):
        y = HEIGHT - round(HEIGHT * place / (len(up) - 1))
        yield f'<path d="M0 {y}h{WIDTH}" stroke="#d0d7de"/><text x="-6" y="{y + 4}" text-anchor="end">{label}</text>'
    for place, label in enumerate(across):
        x = round(WIDTH * place / (len(across) - 1))
        yield f'<text x="{x}" y="{HEIGHT + 18}" text-anchor="middle">{label}</text>'
    for line in sorted(panel.lines, key=lambda line: line.colour in DASHES):     # dashes lie upon what follows them
        points = " ".join(f"{WIDTH * x:.1f},{HEIGHT * (1 - y):.1f}" for x, y in line.points)
        yield f'<polyline points="{points}" fill="none" {_stroke(line.colour)}/>'


def _stroke(colour: str) -> str:
    dashes = f' stroke-dasharray="{DASHES[colour]}"' if colour in DASHES else ""
    return f'stroke="{COLOURS[colour]}" stroke-width="2"{dashes}'
