"""The truth of labelled images in four layouts, in the words of `tools.findings`.

wbcatt and voc are smears with a Romanowsky stain by their layout; of other sets modality and stain
are known only where the set or the user states them. Counts of VOC cover what is boxed anywhere in
the set. What an image's class is called may be nothing a model can say: it is left out and counted.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from eval.class_names import Class, ClassNames
from tools.errors import BadInputError
from tools.findings import ATTRIBUTES, COUNTS, Kind
from tools.ingest.labels import attribute_labels, count_labels
from tools.ingest.layouts import FoundImage, Labelled, find_layout
from tools.ingest.layouts.found import image_files

Dataset = Literal["wbcatt", "classes", "voc", "masks"]
DATASETS: tuple[Dataset, ...] = ("wbcatt", "classes", "voc", "masks")
LAYOUTS: Mapping[Dataset, str] = {"classes": "folders"}  # where the library calls it otherwise
SMEAR = {"modality": "stained blood smear", "stain": "Romanowsky"}
MAIN_THING: Mapping[Dataset, str] = {"voc": "red blood cell", "masks": "nucleus"}
STAINS = {"fluorescence microscopy": "fluorescent dye"}  # which a modality cannot do without
KINDS: Mapping[str, Kind] = {"red_cell_type": "red_cell", "tissue_type": "tissue"}


@dataclass(frozen=True)
class Known:
    """An image and what is true of it; `unmapped` are names that no model here can say."""

    path: Path
    kind: Kind
    facts: Mapping[str, str]
    unmapped: tuple[str, ...] = ()


def find_images(dataset: Dataset, root: Path) -> list[FoundImage]:
    """The images of a folder; BadInputError says what was looked for and what was found."""
    layout = LAYOUTS.get(dataset, dataset)
    try:
        found = list(find_layout(root, layout)[1]())
    except BadInputError:
        if dataset != "wbcatt" or not root.is_dir():
            raise
        found = [FoundImage(path, partial(Labelled, "")) for path in image_files(root)]
        if not found:  # the attributes may be in the split, the images in any folder
            raise
    return found


@dataclass
class Truths:
    """Reads the truth of images, one after the other."""

    dataset: Dataset
    root: Path
    names: ClassNames = field(default_factory=ClassNames)
    rows: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)  # of the split
    stated: Mapping[str, str] = field(default_factory=dict)  # modality, stain
    _folders: dict[Path, tuple[str, Class | None]] = field(default_factory=dict)

    def read(self, found: FoundImage) -> Known:
        """Raises BadInputError for an annotation that cannot be used."""
        labels = found.read().labels
        if self.dataset in MAIN_THING:
            return self._counted(found.path, labels)
        return self._classed(found.path, labels)

    def _classed(self, path: Path, labels: Mapping[str, str]) -> Known:
        row = {name.casefold(): value for name, value in self.rows.get(path, {}).items()}
        name, known = self._class(path, row)
        facts = dict(SMEAR) if self.dataset == "wbcatt" else {}
        facts |= self.stated
        facts |= dict([known]) if known else {}
        if self.dataset == "wbcatt":
            facts |= _attributes({**labels, **attribute_labels(_lower(row))})
        kind = KINDS.get(known[0], "cell") if known else "cell"
        return Known(path, kind, facts, () if known else (name,))

    def _class(self, path: Path, row: Mapping[str, str]) -> tuple[str, Class | None]:
        """By the split's row where it says, else by the nearest folder whose name is known."""
        if self.dataset == "wbcatt" and (name := row.get("label")):
            return name, self.names.of_class(name)
        if path.parent not in self._folders:
            self._folders[path.parent] = self._of_folder(path.parent)
        return self._folders[path.parent]

    def _of_folder(self, folder: Path) -> tuple[str, Class | None]:
        below = [folder, *folder.parents][: len(folder.relative_to(self.root).parts)] or [folder]
        for at in below:
            siblings = [beside.name for beside in at.parent.iterdir() if beside.is_dir()]
            if (known := self.names.of_class(at.name, siblings)) is not None:
                return at.name, known
        return folder.name, None

    def _counted(self, path: Path, labels: Mapping[str, str]) -> Known:
        counts, unknown = Counter[str](), []
        for key, number in labels.items():
            if key.startswith("count:"):
                name = key.removeprefix("count:")
                if (said := self._thing(name)) is None:
                    unknown.append(name)
                else:
                    counts[said] += int(number)
        facts = dict(SMEAR) if self.dataset == "voc" else _seen_by(labels)
        kind: Kind = "smear" if self.dataset == "voc" else "nuclei"
        numbers = {f"count:{name}": str(number) for name, number in counts.items()}
        return Known(path, kind, {**facts, **self.stated, **numbers}, tuple(unknown))

    def _thing(self, name: str) -> str | None:
        """An instance mask of whatever name is a nucleus here."""
        return "nucleus" if self.dataset == "masks" else self.names.of_thing(name)


def _seen_by(labels: Mapping[str, str]) -> dict[str, str]:
    if (modality := labels.get("modality")) is None:
        return {}
    stain = STAINS.get(modality)
    return {"modality": modality} | ({"stain": stain} if stain else {})


def _lower(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip().casefold() for name, value in row.items()}


def _attributes(labels: Mapping[str, str]) -> dict[str, str]:
    """The attributes among the labels; BadInputError for a value that WBCAtt does not have."""
    found = {q.name: labels[q.name] for q in ATTRIBUTES if q.name in labels}
    for question in ATTRIBUTES:
        value = found.get(question.name)
        if value is not None and value not in question.options:
            raise BadInputError(
                f"its {question.name} is {value!r}; WBCAtt has {', '.join(question.options)}"
            )
    return found


def complete(known: Sequence[Known]) -> list[Known]:
    """Add the zeros: what is counted in one image of the set is counted in all; and the ranges."""
    things = [t for t in COUNTS if any(f"count:{t}" in image.facts for image in known)]
    return [_with_counts(image, things) if things else image for image in known]


def _with_counts(image: Known, things: Iterable[str]) -> Known:
    counts = {thing: int(image.facts.get(f"count:{thing}", 0)) for thing in things}
    return Known(image.path, image.kind, {**image.facts, **count_labels(counts)}, image.unmapped)
