"""What a layout finds: image files, and how to read the truth of each."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tools.errors import BadInputError
from tools.images import SUFFIXES


class Marked(NamedTuple):
    """An annotated object, in pixels; without an area where only its centre was marked."""

    thing: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Labelled:
    """What is known of an image; None leaves source and licence to the command's options."""

    caption: str
    labels: dict[str, str] = field(default_factory=dict)
    group: str = ""  # slide or patient
    source: str | None = None
    licence: str | None = None
    split: str = ""  # train, val or test, where the set says
    marked: tuple[Marked, ...] = ()


@dataclass(frozen=True)
class FoundImage:
    """An image file; `read` may be slow and raises BadInputError for a broken annotation.

    Where the image lies in another file (a shard, a table), `content` reads it and `path` only
    names it; it raises BadInputError where that file has changed.
    """

    path: Path
    read: Callable[[], Labelled]
    content: Callable[[], bytes] | None = None


Images = Callable[[], Iterator[FoundImage]]  # may be walked again: first to count, then to read


@dataclass(frozen=True)
class Layout:
    """A known way to lay out an image set."""

    name: str
    looks_for: str
    find: Callable[[Path], Images | None]  # None where `root` is not laid out so


def is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def image_files(root: Path) -> Iterator[Path]:
    """Image files below `root`, a folder at a time, in order of name; hidden ones are left out."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "__MACOSX")))
        yield from (path for name in sorted(files) if is_image(path := Path(folder, name)))


def has_images(root: Path) -> bool:
    """Whether an image lies in this very folder."""
    return root.is_dir() and any(is_image(path) for path in root.iterdir())


def folders_at(root: Path, name: str, depth: int) -> Iterator[Path]:
    """Folders called `name`, at most `depth` levels below `root`."""
    for level in range(depth + 1):
        yield from sorted(p for p in root.glob("*/" * level + name) if p.is_dir())


def with_image_suffix(stem: Path) -> Path | None:
    """The image file `stem`, as it is or with one of the image extensions."""
    named = [stem] if stem.suffix.lower() in SUFFIXES else []
    tried = [*named, *(stem.with_name(stem.name + suffix) for suffix in SUFFIXES)]
    return next((path for path in tried if path.is_file()), None)


def inside(folders: Sequence[Path], name: str) -> Path:
    """The file `name` of the first folder that has it, else where it was looked for first.

    Raises BadInputError for a name that leads out of the folders, as none of a sound set does.
    """
    if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise BadInputError("names no image inside the set")
    found = (path for folder in folders if os.path.isfile(path := folder / name))  # noqa: PTH113
    return next(found, folders[0] / name)


def seen(root: Path) -> str:
    """What lies in `root`, in a few words, for an error that says what was found."""
    if root.is_file():
        return f"a file {root.suffix or 'without extension'}"
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in root.iterdir())
    loose = sum(is_image(path) for path in root.iterdir())
    shown = ", ".join(names[:6]) + (f", … ({len(names)} in all)" if len(names) > 6 else "")
    said = f" ({loose} images without a label)" if loose else ""
    return (shown or "nothing: the folder is empty") + said
