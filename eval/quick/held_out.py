"""The part of the gate on real images: short lists of images that no training saw.

They are of the development side, so that a change judged by them is not tuned on the test side.
"""

from collections.abc import Mapping
from pathlib import Path

from eval.measuring import Limits, measure
from eval.quick.values import Values, values
from eval.split_file import read_split
from eval.truth import Dataset, Truths, complete, find_images
from tools.errors import BadInputError
from tools.protocols import VisionModel

LISTS = Path(__file__).parents[1] / "baselines" / "lists"


SETS: Mapping[str, Dataset] = {  # folder, which names its list: layout
    "pbc_wbcatt": "wbcatt",
    "bccd": "voc",
    "nuclei_dsb2018": "masks",
}


def held_out(data: Path, model: VisionModel, limits: Limits) -> Values:
    """The figures of every set below `data`; BadInputError where one is missing."""
    found: Values = {}
    for name, layout in SETS.items():
        of_set = _of_set(data / name, LISTS / f"{name}.csv", layout, model, limits)
        found |= {f"{name}: {figure}": rows for figure, rows in of_set.items()}
    return found


def _of_set(root: Path, names: Path, layout: Dataset, model: VisionModel, limits: Limits) -> Values:
    if not root.is_dir():
        raise BadInputError(f"{root} is missing; --data must be the folder that holds {root.name}/")
    images = find_images(layout, root)
    split = read_split(names, [image.path for image in images])
    truths = Truths(layout, root, rows=split.rows)
    known = complete([truths.read(image) for image in images if image.path in split.rows])
    told = measure(known, model, limits)
    rows = zip(told.known, told.seen, strict=True)
    return values((image.path.name, (image.facts, seen)) for image, seen in rows)
