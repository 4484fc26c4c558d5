"""The learning curve of a run: a csv file, a plot of it, and TensorBoard where it is installed."""

import csv
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eval.lines import line_plot

COLUMNS = ("step", "seconds", "loss", "held_out", "learning_rate", "samples_per_second")
Point = Mapping[str, float | None]


class Curve:
    """Appends points; those after the step that a run resumes from are dropped."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._csv, self._plot = folder / "curve.csv", folder / "curve.svg"
        self.points: list[Point] = [p for p in _read(self._csv) if (p["step"] or 0) <= step]
        self._board: Any = None
        if find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)

    def add(self, point: Point) -> None:
        """One row; a value of None is not known at this step."""
        self.points.append(point)
        self._write()
        if self._board is not None:
            for name in set(COLUMNS[2:]):
                if point.get(name) is not None:
                    self._board.add_scalar(name, point[name], int(point["step"] or 0))

    def close(self) -> None:
        """Draw the plot."""
        if self._board is not None:
            self._board.close()
        lines = {
            "training loss": _line(self.points, "loss"),
            "held-out loss": _line(self.points, "held_out"),
        }
        self._plot.write_text(line_plot(lines, x="step", y="loss per token"), "utf-8")

    def _write(self) -> None:
        partial = self._csv.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for point in self.points:
                writer.writerow(
                    {n: "" if (v := point.get(n)) is None else f"{v:.6g}" for n in COLUMNS}
                )
        partial.replace(self._csv)


def _read(path: Path) -> list[Point]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: float(value) if value else None for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def _line(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    return [(p["step"] or 0, value) for p in points if (value := p.get(name)) is not None]
