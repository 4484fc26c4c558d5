"""Draw learning curves: python docs/scripts/learning_curves.py CSV... > curves.svg.

Each csv is one that `python -m finetune.lite` wrote. The curves are those of the training heads on
images held out for development, against the samples seen.
"""

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM = 760, 360, 48, 44
COLOURS = ("#0b7a75", "#c1440e", "#5b4b8a", "#8a6d0b", "#1f5fa8", "#a8325e")
FIGURES = {"dev_cell_type": "cell type, accuracy", "dev_attributes": "11 attributes, macro-F1"}
Line = tuple[str, list[tuple[float, float]]]


def lines_of(path: Path) -> Iterable[Line]:
    """Name and points (samples, figure) of each figure in a csv."""
    with path.open(newline="") as read:
        rows = list(csv.DictReader(read))
    for name, words in FIGURES.items():
        points = [(float(row["samples"]), float(row[name])) for row in rows if row.get(name)]
        if points:
            yield f"{path.stem}: {words}", points


def svg(lines: Sequence[Line]) -> str:
    """A plain chart: samples to the right, 0 to 1 upwards."""
    most = max(x for _, points in lines for x, _ in points)
    wide, high = WIDTH - LEFT - 250, HEIGHT - BOTTOM - 16

    def at(x: float, y: float) -> str:
        return f"{LEFT + wide * x / most:.1f},{16 + high * (1 - y):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for tenth in range(0, 11, 2):
        y = 16 + high * (1 - tenth / 10)
        parts.append(f'<path d="M{LEFT} {y:.1f}h{wide}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tenth / 10}</text>')
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 12}">samples seen, up to {most:,.0f}</text>')
    for index, (name, points) in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(at(x, y) for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = 24 + 18 * index
        parts.append(f'<text x="{LEFT + wide + 14}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"])


if __name__ == "__main__":
    print(svg([line for path in map(Path, sys.argv[1:]) for line in lines_of(path)]))
