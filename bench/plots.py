"""Small plots as SVG, without a library: lines over two logarithmic axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 80, 170, 40, 60


@dataclass(frozen=True)
class Line:
    """A named line through points."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


def log_log(lines: Sequence[Line], *, title: str, x_axis: str, y_axis: str) -> str:
    """An SVG with a grid line for every power of ten. All coordinates are positive."""
    xs = _decades([x for line in lines for x, _ in line.points])
    ys = _decades([y for line in lines for _, y in line.points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - xs[0]) / max(1, xs[-1] - xs[0]) * (WIDTH - LEFT - RIGHT)
        up = (math.log10(y) - ys[0]) / max(1, ys[-1] - ys[0]) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    parts = [_text(LEFT, 22, title, size=15), _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, x_axis, anchor="middle")]
    parts.append(
        f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle"'
        f' font-size="12">{escape(y_axis)}</text>'
    )
    for power in xs:
        x, _ = place(10**power, 10 ** ys[0])
        parts.append(_rule(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{10**power:,}", anchor="middle"))
    for power in ys:
        _, y = place(10 ** xs[0], 10**power)
        parts.append(_rule(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 8, y + 4, f"{10**power:,}", anchor="end"))
    for line in lines:
        parts.append(_drawn(line, [place(*point) for point in line.points]))
    style = "font-family:system-ui,sans-serif;background:#ffffff"
    content = "\n".join(parts)
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' style='{style}'>"
    return f"{head}\n{content}\n</svg>\n"


def _drawn(line: Line, places: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{x},{y}" for x, y in places)
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{line.colour}"/>' for x, y in places)
    last_x, last_y = places[-1]
    name = _text(last_x + 10, last_y + 4, line.name, colour=line.colour)
    return f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"/>{dots}{name}'


def _decades(values: Sequence[float]) -> range:
    """Powers of ten around all values, both ends included."""
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#dddddd"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = "#222222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(words)}</text>'
