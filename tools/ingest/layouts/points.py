"""Point labels of Chula RBC-12: `Label/<n>.txt` with "x y type", `Dataset/<n>.jpg`.

Red cells of thalassemia smears (Naruenatthanaset et al., arXiv:2012.01321). Often only a part of
the cells is labelled: the labels tell which types occur, never how many cells there are.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tools.errors import BadInputError
from tools.findings import RED_CELL_TYPE
from tools.ingest.labels import counted
from tools.ingest.layouts.found import (
    FoundImage,
    Images,
    Labelled,
    Layout,
    Marked,
    with_image_suffix,
)

BLOCK = 20  # neighbouring image numbers likely share a slide
UNCATEGORISED = 10
TYPES = dict(zip([*range(10), 11, 12], RED_CELL_TYPE.options, strict=True))


def find(root: Path) -> Images | None:
    """`Label` and `Dataset` in `root`."""
    sides = [root / "Label", root / "Dataset"]
    return partial(walk, root) if all(side.is_dir() for side in sides) else None


def walk(root: Path) -> Iterator[FoundImage]:
    """One image a label file; a missing image is named when it is opened."""
    for label in sorted((root / "Label").glob("*.txt")):
        wanted = root / "Dataset" / label.stem
        path = with_image_suffix(wanted) or wanted.with_suffix(".jpg")
        yield FoundImage(path, partial(read, label))


def read(label: Path) -> Labelled:
    """The types that occur, the most frequent first."""
    lines = label.read_text().splitlines()
    cells = tuple(filter(None, map(partial(read_cell, label), lines)))
    group = f"block{int(label.stem) // BLOCK}" if label.stem.isdecimal() else ""
    counts = Counter(cell.thing for cell in cells)
    if not counts:
        unlabelled = "Red blood cells in a thalassemia blood smear; none is labelled."
        return Labelled(unlabelled, group=group)
    ranked = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    caption = f"Red blood cells in a thalassemia blood smear; labelled, in part: {counted(ranked)}."
    return Labelled(caption, {"red_cell_types": ", ".join(ranked)}, group, marked=cells)


def read_cell(label: Path, line: str) -> Marked | None:
    """Type and centre of a line's cell; None for an empty line or an uncategorised cell."""
    if not line.strip():
        return None
    try:
        x, y, code = (int(float(part)) for part in line.split())
        return None if code == UNCATEGORISED else Marked(TYPES[code], x, y, x, y)
    except (ValueError, KeyError) as e:
        raise BadInputError(f"{label.name} has a line that is not 'x y type': {line!r}") from e


LAYOUT = Layout("points", "folders Label (*.txt of 'x y type') and Dataset", find)
