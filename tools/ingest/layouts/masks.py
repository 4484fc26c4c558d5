"""Instance masks, as label images or as one mask file an instance.

images/<n>.png with labels/<n>.png (0 background, 1..n instances; the folder may be called masks, if
its files are called as the images), or the Data Science Bowl's
stage1_train/<id>/images/<id>.png with masks/*.png. The label is the number of instances. A map of
classes is no map of instances and is refused.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.errors import BadInputError
from tools.ingest.labels import count_labels, counted
from tools.ingest.layouts.found import (
    FoundImage,
    Images,
    Labelled,
    Layout,
    Marked,
    folders_at,
    has_images,
    image_files,
    is_image,
)

# Derived from colour and brightness by those who prepared the table, not an official label.
MODALITIES = {
    "fluorescence": "fluorescence microscopy",
    "brightfield_gray": "brightfield microscopy",
    "stained_colour": "stained histology",
}
LARGEST = 100_000_000  # pixels of a mask
DENSE = 1 << 16  # instances are listed up to the largest number; larger ones are renumbered
FORMATS = ("PNG", "TIFF", "BMP", "GIF")  # without loss
DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises
Rows = Mapping[str, Mapping[str, str]]


def find(root: Path) -> Images | None:
    """images/ + labels/ in `root`, or stage1_train/<id>/{images,masks}."""
    if has_images(root / "images") and (labels := _label_folder(root)):
        return partial(walk_label_images, root, labels)
    if not root.is_dir():
        return None
    samples = next(filter(None, ([*_samples(f)] for f in (root, *_stages(root)))), None)
    return partial(walk_mask_files, samples) if samples else None


def _label_folder(root: Path) -> Path | None:
    if has_images(root / "labels"):
        return root / "labels"
    masks = root / "masks"
    stems = {path.stem for path in (root / "images").iterdir()}
    named_alike = has_images(masks) and any(path.stem in stems for path in masks.iterdir())
    return masks if named_alike else None


def _stages(root: Path) -> Iterator[Path]:
    return folders_at(root, "stage1_train", 1)


def _samples(folder: Path) -> Iterator[Path]:
    for sample in sorted(folder.iterdir()):
        if (sample / "masks").is_dir() and (sample / "images").is_dir():
            yield sample


def walk_label_images(root: Path, folder: Path) -> Iterator[FoundImage]:
    """One image a file of images/; its label image in `folder` has the same name, any extension."""
    rows = read_index(root / "index.csv")
    labels = {path.stem: path for path in folder.iterdir() if is_image(path)}
    for path in image_files(root / "images"):
        row = rows.get(path.stem, {})
        yield FoundImage(path, partial(read_label_image, path, labels.get(path.stem), row))


def walk_mask_files(samples: list[Path]) -> Iterator[FoundImage]:
    """One image a sample folder."""
    for sample in samples:
        for path in image_files(sample / "images"):
            yield FoundImage(path, partial(read_mask_files, sample / "masks"))


def read_index(table: Path) -> dict[str, dict[str, str]]:
    """Rows of index.csv by id; empty where there is none."""
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8-sig") as file:
        return {row["id"]: row for row in csv.DictReader(file) if row.get("id")}


def read_label_image(path: Path, mask: Path | None, row: Mapping[str, str]) -> Labelled:
    """The number of instances; they are nuclei where the index counts nuclei."""
    if mask is None:
        raise BadInputError(f"has no label image labels/{path.stem}.*")
    values = read_mask(mask)
    check_instances(values, mask.name)
    thing = "nucleus" if "n_nuclei" in row else "object"
    labelled = _counted(boxes(values, thing), thing)
    modality = MODALITIES.get(row.get("modality_derived", ""))
    if modality is None:
        return labelled
    caption = f"{labelled.caption[:-1]}; {modality}, judged by colour and brightness."
    return replace(labelled, caption=caption, labels={**labelled.labels, "modality": modality})


def read_mask_files(masks: Path) -> Labelled:
    """Each file of `masks` is one nucleus; an empty one is none."""
    found = [box for path in sorted(masks.iterdir()) if is_image(path) if (box := read_box(path))]
    return _counted(found, "nucleus")


def read_box(mask: Path) -> Marked | None:
    """The box of a mask of one nucleus, 0 elsewhere; None where it is 0 everywhere."""
    try:
        with Image.open(mask, formats=FORMATS) as image:
            check_size(image, mask)
            box = image.convert("L").getbbox()
    except DAMAGE as e:
        raise BadInputError(f"its mask {mask.name} cannot be read ({e})") from e
    return Marked("nucleus", *box) if box else None


def _counted(found: Sequence[Marked], thing: str) -> Labelled:
    counts = {thing: len(found)}
    said = f"{counted(counts)} annotated by masks."
    return Labelled(said, count_labels(counts), marked=tuple(found))


def boxes(values: NDArray[np.int64], thing: str) -> list[Marked]:
    """The box of each instance, in order of its number; the last pixel lies inside."""
    from scipy.ndimage import find_objects

    if values.max(initial=0) > DENSE:
        numbers, ranks = np.unique(values, return_inverse=True)
        values = ranks.reshape(values.shape) + int(numbers[0] != 0)
    found = [slices for slices in find_objects(values) if slices is not None]
    return [Marked(thing, x.start, y.start, x.stop, y.stop) for y, x in found]


def read_mask(mask: Path) -> NDArray[np.int64]:
    """A label image as integers, (height, width)."""
    try:
        with Image.open(mask, formats=FORMATS) as image:
            check_size(image, mask)
            values = np.asarray(image)
    except DAMAGE as e:
        raise BadInputError(f"its label image {mask.name} cannot be read ({e})") from e
    if values.ndim != 2:
        raise BadInputError(f"its label image {mask.name} is in colour; one number a pixel wanted")
    return values.astype(np.int64)


def check_size(image: Image.Image, mask: Path) -> None:
    """BadInputError for a mask that would fill the memory."""
    if image.width * image.height > LARGEST:
        raise BadInputError(f"its label image {mask.name} is too large")


def check_instances(values: NDArray[np.int64], name: str) -> None:
    """BadInputError where labels lie in so many pieces that they are classes."""
    from skimage.measure import label

    number = len(np.unique(values[values != 0]))
    pieces = int(label(values, background=0).max())  # type: ignore[no-untyped-call]
    if pieces > 3 * number:
        raise BadInputError(
            f"its label image {name} has {number} values in {pieces} pieces: a map of classes, "
            "not of instances"
        )


LAYOUT = Layout("masks", "folders images and labels, or stage1_train/<id>/{images,masks}", find)
