"""Lines in an SVG file that any browser shows: no plotting library is needed."""

from collections.abc import Mapping, Sequence
from html import escape

Line = Sequence[tuple[float, float]]
WIDTH, HEIGHT, EDGE = 640, 360, 56
COLOURS = ("#1f6f8b", "#c8553d", "#5b8c5a", "#6d597a")


def line_plot(
    lines: Mapping[str, Line],
    *,
    x: str,
    y: str,
    x_ends: tuple[str, str] | None = None,
    y_from: float | None = None,
) -> str:
    """Named lines over common axes that start at the lowest and end at the highest value.

    `x_ends` names the two ends of the x axis where they are no numbers; `y_from` is a value that
    the y axis holds in any case.
    """
    points = [point for line in lines.values() for point in line]
    xs, ys = _range([p[0] for p in points]), _range(_heights(points, y_from))
    ends = x_ends or (f"{xs[0]:g}", f"{xs[1]:g}")
    drawn = [
        _line(name, line, COLOURS[number % len(COLOURS)], number, xs, ys)
        for number, (name, line) in enumerate(lines.items())
        if line
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%"'
        f' fill="white"/>\n{_axes(ys, x, y, ends)}\n{"".join(drawn)}</svg>\n'
    )


def _heights(points: Line, y_from: float | None) -> list[float]:
    return [*(p[1] for p in points), *(() if y_from is None else (y_from,))]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1)


def _at(value: float, limits: tuple[float, float], start: float, end: float) -> float:
    return round(start + (value - limits[0]) / (limits[1] - limits[0]) * (end - start), 1)


def _line(
    name: str, line: Line, colour: str, number: int,
    xs: tuple[float, float], ys: tuple[float, float],
) -> str:  # fmt: skip
    path = " ".join(
        f"{_at(px, xs, EDGE, WIDTH - 12)},{_at(py, ys, HEIGHT - EDGE, 16)}" for px, py in line
    )
    top = 20 + 18 * number
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>\n'
        f'<text x="{WIDTH - 16}" y="{top}" text-anchor="end" fill="{colour}">'
        f"{escape(name)}</text>\n"
    )


def _axes(ys: tuple[float, float], x: str, y: str, x_ends: tuple[str, str]) -> str:
    bottom, right = HEIGHT - EDGE, WIDTH - 12
    ends = [
        (EDGE, bottom + 18, "start", x_ends[0]),
        (right, bottom + 18, "end", x_ends[1]),
        ((EDGE + right) / 2, bottom + 36, "middle", x),
        (EDGE - 6, bottom, "end", f"{ys[0]:.3g}"),
        (EDGE - 6, 20, "end", f"{ys[1]:.3g}"),
        (EDGE, 12, "start", y),
    ]
    texts = "".join(
        f'<text x="{at}" y="{down}" text-anchor="{anchor}">{escape(text)}</text>'
        for at, down, anchor, text in ends
    )
    return f'<path d="M{EDGE},16V{bottom}H{right}" fill="none" stroke="#888"/>{texts}'
