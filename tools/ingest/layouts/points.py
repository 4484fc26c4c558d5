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
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, with_image_suffix

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
    counts = Counter(filter(None, map(partial(read_type, label), label.read_text().splitlines())))
    if not counts:
        return Labelled("Red blood cells in a thalassemia blood smear; none is labelled.")
    ranked = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    caption = f"Red blood cells in a thalassemia blood smear; labelled, in part: {counted(ranked)}."
    return Labelled(caption, {"red_cell_types": ", ".join(ranked)})


def read_type(label: Path, line: str) -> str | None:
    """The type of a line's cell; None for an empty line or an uncategorised cell."""
    if not line.strip():
        return None
    try:
        _x, _y, code = (int(float(part)) for part in line.split())
        return None if code == UNCATEGORISED else TYPES[code]
    except (ValueError, KeyError) as e:
        raise BadInputError(f"{label.name} has a line that is not 'x y type': {line!r}") from e


LAYOUT = Layout("points", "folders Label (*.txt of 'x y type') and Dataset", find)
