"""Charts as Matplotlib draws them, and letters of its fonts: charts that no training has seen."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFont

Plot = Callable[[Any, np.random.Generator], None]
STYLES = ("default", "default", "ggplot", "bmh", "dark_background", "grayscale", "seaborn-v0_8")


def plotted(plot: Plot, rng: np.random.Generator) -> Image.Image:
    """A figure of any size and style; needs Matplotlib."""
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stored = BytesIO()
    with style.context(str(rng.choice(STYLES))):
        figure = Figure(figsize=(rng.uniform(3, 7), rng.uniform(2.5, 5)), dpi=rng.choice([50, 72]))
        FigureCanvasAgg(figure)
        plot(figure, rng)
        if rng.random() < 0.6:
            figure.axes[0].set_title("Mean of three runs")
            figure.axes[0].set_xlabel("time (h)")
        figure.savefig(stored, format="png")
    return Image.open(stored).convert("RGB")


def _curves(figure: Any, rng: np.random.Generator) -> None:
    axes = figure.add_subplot()
    for _ in range(int(rng.integers(1, 6))):
        axes.plot(np.cumsum(rng.normal(size=int(rng.integers(5, 200)))), label="series")
    if rng.random() < 0.5:
        axes.legend()


def _bars(figure: Any, rng: np.random.Generator) -> None:
    axes, number = figure.add_subplot(), int(rng.integers(3, 12))
    (axes.bar if rng.random() < 0.6 else axes.barh)(np.arange(number), rng.random(number) * 10)


def _points(figure: Any, rng: np.random.Generator) -> None:
    axes = figure.add_subplot()
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.normal(rng.normal(size=(2, 1)) * 2, 1, (2, 60))
        axes.scatter(x, y, s=rng.uniform(5, 80), alpha=rng.uniform(0.3, 1))


def _histogram(figure: Any, rng: np.random.Generator) -> None:
    figure.add_subplot().hist(rng.normal(size=500), bins=int(rng.integers(8, 50)))


def _pie(figure: Any, rng: np.random.Generator) -> None:
    number = int(rng.integers(3, 8))
    figure.add_subplot().pie(rng.random(number) + 0.1, labels=[f"group {n}" for n in range(number)])


def _matrix(figure: Any, rng: np.random.Generator) -> None:
    side, colours = int(rng.integers(5, 40)), str(rng.choice(["viridis", "magma", "coolwarm"]))
    shown = figure.add_subplot().imshow(rng.random((side, side)), cmap=colours)
    figure.colorbar(shown)


def _boxes(figure: Any, rng: np.random.Generator) -> None:
    spread = [rng.normal(at, 1, 50) for at in range(int(rng.integers(3, 8)))]
    axes = figure.add_subplot()
    (axes.boxplot if rng.random() < 0.5 else axes.violinplot)(spread)


def _surface(figure: Any, rng: np.random.Generator) -> None:
    x, y = np.meshgrid(np.linspace(-3, 3, 30), np.linspace(-3, 3, 30))
    z = np.sin(x * rng.uniform(0.5, 2)) * np.cos(y * rng.uniform(0.5, 2))
    if rng.random() < 0.5:
        figure.add_subplot(projection="3d").plot_surface(x, y, z, cmap="viridis")
    else:
        figure.add_subplot().contourf(x, y, z, cmap="viridis")


def _panels(figure: Any, rng: np.random.Generator) -> None:
    for number in range(4):
        figure.add_subplot(2, 2, number + 1).plot(np.cumsum(rng.normal(size=50)))


CHARTS: tuple[Plot, ...] = (
    _curves, _bars, _points, _histogram, _pie, _matrix, _boxes, _surface, _panels,
)  # fmt: skip


def mono(points: int, kind: str = "Mono") -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    """DejaVu Sans (Mono), which Matplotlib brings; without it Pillow's own font."""
    from importlib.util import find_spec

    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return ImageFont.load_default(size=points)
    fonts = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(str(fonts / f"DejaVuSans{kind}.ttf"), points)
