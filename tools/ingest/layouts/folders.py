"""Class folders: an image's label is the name of the folder it lies in."""

import re
from functools import partial
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.labels import class_label
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, image_files

# NIH's malaria cells (Rajaraman et al. 2018) are named by their slide: C37BP2thinF_IMG_….png
SLIDE = re.compile(r"(C\d+[A-Z]?(?:P\d+)?)_?thinF?_", re.IGNORECASE)


def find(root: Path) -> Images | None:
    """Images in sub-folders of `root`, at any depth."""
    if not root.is_dir() or not any(path.parent != root for path in image_files(root)):
        return None
    return lambda: (FoundImage(path, partial(read, path, root)) for path in image_files(root))


def read(path: Path, root: Path) -> Labelled:
    """The class of an image, from its folder and the folders beside it."""
    if path.parent == root:
        raise BadInputError("lies outside the class folders; move it into the folder of its class")
    siblings = [folder.name for folder in path.parent.parent.iterdir() if folder.is_dir()]
    name, value = class_label(path.parent.name, siblings)
    said = f"class: {value}." if name == "class" else f"{value}."
    slide = SLIDE.match(path.name)
    return Labelled(said[:1].upper() + said[1:], {name: value}, slide[1] if slide else "")


LAYOUT = Layout("folders", "sub-folders named by class, with images in them", find)
