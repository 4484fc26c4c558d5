"""Pascal VOC: an xml file an image, with the boxes of the objects in it.

The labels are the numbers of annotated objects by class. Whether every object was annotated is not
known, so the caption says "annotated". The split is that of ImageSets/Main, where it is there.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from tools.errors import BadInputError
from tools.ingest.labels import count_labels, counted, thing
from tools.ingest.layouts.found import (
    FoundImage,
    Images,
    Labelled,
    Layout,
    Marked,
    folders_at,
    with_image_suffix,
)


def find(root: Path) -> Images | None:
    """`Annotations` and `JPEGImages`, here or up to two levels down."""
    homes = [
        folder.parent
        for folder in folders_at(root, "Annotations", 2)
        if (folder.parent / "JPEGImages").is_dir()
    ]
    return partial(walk, homes) if homes else None


def walk(homes: list[Path]) -> Iterator[FoundImage]:
    """One image an annotation file; a missing image is named when it is opened."""
    for home in homes:
        splits = read_splits(home / "ImageSets" / "Main")
        for annotation in sorted((home / "Annotations").glob("*.xml")):
            wanted = home / "JPEGImages" / annotation.stem
            path = with_image_suffix(wanted) or wanted.with_suffix(".jpg")
            yield FoundImage(path, partial(read, annotation, splits.get(annotation.stem, "")))


def read_splits(folder: Path) -> dict[str, str]:
    """Image name to train, val or test; empty where there are no lists."""
    lists = ((split, folder / f"{split}.txt") for split in ("train", "val", "test"))
    return {
        line.strip(): split
        for split, path in lists
        if path.is_file()
        for line in path.read_text("utf-8").splitlines()
    }


def read(annotation: Path, split: str = "") -> Labelled:
    """Counts of the boxes; degenerate and repeated ones are left out."""
    try:
        root = ElementTree.fromstring(annotation.read_bytes())
    except (OSError, ParseError, DefusedXmlException, ValueError) as e:
        raise BadInputError(f"its annotation {annotation.name} is not sound XML ({e})") from e
    found = (box for item in root.iter("object") if (box := read_box(item, annotation)))
    boxes = tuple(dict.fromkeys(found))
    counts = dict(sorted(Counter(box.thing for box in boxes).items()))
    said = f"Annotated: {counted(counts)}." if counts else "No object is annotated."
    return Labelled(said, count_labels(counts), split=split, marked=boxes)


def read_box(item: Element, annotation: Path) -> Marked | None:
    """The object's class and box; None for a box without an area."""
    try:
        left, top, right, bottom = (
            float(item.findtext(f"bndbox/{side}") or "")
            for side in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError as e:
        raise BadInputError(f"its annotation {annotation.name} has a box without corners") from e
    if right <= left or bottom <= top:
        return None
    return Marked(thing(item.findtext("name") or "object"), left, top, right, bottom)


LAYOUT = Layout("voc", "folders Annotations (*.xml) and JPEGImages", find)
