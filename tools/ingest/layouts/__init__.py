"""Ways to lay out an image set on disk, one module each; tried in this order when not named."""

from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.layouts import (
    aptos,
    chestxray14,
    folders,
    laion,
    masks,
    points,
    table,
    vision_flan,
    voc,
    wbcatt,
)
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, seen

LAYOUTS: tuple[Layout, ...] = (
    wbcatt.LAYOUT,
    chestxray14.LAYOUT,
    aptos.LAYOUT,
    voc.LAYOUT,
    points.LAYOUT,
    masks.LAYOUT,
    vision_flan.LAYOUT,
    laion.LAYOUT,
    table.LAYOUT,
    folders.LAYOUT,
)

__all__ = ["LAYOUTS", "FoundImage", "Images", "Labelled", "Layout", "find_layout"]


def find_layout(root: Path, name: str = "auto") -> tuple[Layout, Images]:
    """The layout of `root`, and its images; BadInputError says what was looked for and found."""
    if not root.exists():
        raise BadInputError(f"{root} does not exist; name a folder of images or a csv file")
    tried = [layout for layout in LAYOUTS if name in ("auto", layout.name)]
    if not tried:
        raise BadInputError(f"no layout is called {name!r}; known: {', '.join(_names())}")
    for layout in tried:
        if (images := layout.find(root)) is not None:
            return layout, images
    wanted = "; ".join(f"{layout.name}: {layout.looks_for}" for layout in tried)
    raise BadInputError(f"{root} has no known layout. Looked for {wanted}. Found {seen(root)}.")


def _names() -> list[str]:
    return [layout.name for layout in LAYOUTS]
