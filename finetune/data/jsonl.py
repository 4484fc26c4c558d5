"""PaliGemma's fine-tuning files: one JSON object a line, with image, prefix and suffix.

Prompts and answers are taken as they are written. A row without an image is one of text alone. A
file called after a split (train, valid, val, dev, test) gives its rows that split; `split`,
`group`, `source`, `licence` and `truth` (fields) of a line count where they are there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from finetune.data.example import Split
from finetune.data.layout import not_laid_out
from finetune.data.measured import size_of
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.layouts.found import inside

LOOKS_FOR = "*.jsonl of {image, prefix, suffix} lines; images beside it or in images/"
SPLITS: Mapping[str, Split] = {
    "train": "train", "val": "dev", "valid": "dev", "validation": "dev", "dev": "dev",
    "test": "test",
}  # fmt: skip
HEAD = 20  # lines looked at
Line = Mapping[str, Any]


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """One row a line."""
    beside = [root] if root.is_file() else sorted(root.iterdir()) if root.is_dir() else []
    files = [path for path in beside if path.suffix in (".jsonl", ".ndjson") and _is_ours(path)]
    if not files:
        raise not_laid_out(root, LOOKS_FOR)
    return (row for path in files for row in _rows(path, dropped))


def _is_ours(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        return any({"prefix", "suffix"} <= _object(line).keys() for line in islice(lines, HEAD))


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _rows(path: Path, dropped: Dropped) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                told = _checked(_object(line))
                image = _image(told, path.parent)
            except BadInputError as e:
                dropped[str(e)] += 1
                continue
            if image is None or size_of(image, dropped) is not None:
                yield _row(told, image, path, f"{path.name}:{number}")


def _checked(told: Line) -> Line:
    if "prefix" not in told:
        raise BadInputError("is no JSON object with a prefix")
    if not str(told.get("suffix") or "").strip():
        raise BadInputError("has an empty suffix")
    return told


def _image(told: Line, base: Path) -> Path | None:
    named = told.get("image")
    return inside([base, base / "images"], str(named)) if named else None


def _row(told: Line, image: Path | None, path: Path, place: str) -> Row:
    name = str(told["image"]) if image else place
    return Row(
        name=name,
        image=image,
        prefix=str(told["prefix"]).replace("<image>", "").strip(),
        suffix=str(told["suffix"]).strip(),
        group=str(told.get("group") or name),
        source=str(told.get("source") or path.resolve().parent.name),
        licence=str(told.get("licence") or told.get("license") or "not stated"),
        truth=_truth(told),
        split=SPLITS.get(str(told.get("split") or "").lower(), split_of(path)),
    )


def _truth(told: Line) -> dict[str, str]:
    """What a line says of its truth by field, else its answer."""
    named = told.get("truth")
    if isinstance(named, dict) and named:
        return {str(name): str(value) for name, value in named.items()}
    return {"suffix": str(told["suffix"]).strip()}


def split_of(path: Path) -> Split | None:
    """What a file's name says: "_annotations.valid.jsonl" is dev."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    return next((SPLITS[word] for word in words if word in SPLITS), None)


FORMAT = RowFormat("jsonl", LOOKS_FOR, read, "whatever its prompts ask")
