"""PubMedQA (Jin et al. 2019): yes, no or maybe to a question, from the abstract it was made of.

The conclusion (LONG_ANSWER) is never in the prefix: it gives the answer away. Questions of
test_ground_truth.json or test_set.json are the test split; the first fold says what is train and
dev, and without folds a tenth of the other questions is dev. Objects are read one at a time.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.prompts import answer_from
from finetune.data.example import Split
from finetune.data.layout import not_laid_out
from finetune.data.row import Dropped, Row, RowFormat
from finetune.data.splits import kept_for_training
from tools.errors import BadInputError
from tools.ingest.formats.pubmedqa import members

SOURCE = "pubmedqa"
ANSWERS = ("yes", "no", "maybe")
WHOLE = ("ori_pqal.json", "ori_pqaa.json", "ori_pqau.json")
TEST = "test_set.json"
TRUTH = "test_ground_truth.json"
LOOKS_FOR = (
    f"data/{WHOLE[0]} (with {TRUTH} or folds beside it), "
    f"or pqal_fold0/{{train,dev}}_set.json and {TEST}"
)


@dataclass(frozen=True)
class Home:
    """The files of the set: those that hold questions, and those that split them."""

    whole: tuple[Path, ...]
    parts: Mapping[Split, Path]  # the official split script's
    truth: Path | None


def find(root: Path) -> Home | None:
    """The set in `root`, in `root`/data, or `root` as one of its files."""
    if root.is_file():
        beside = root.parent / TRUTH
        return Home((root,), {}, beside if beside.is_file() else None)
    for folder in (root, root / "data"):
        whole = tuple(path for name in WHOLE if (path := folder / name).is_file())
        truth = folder / TRUTH
        if whole or _parts(folder):
            return Home(whole, _parts(folder), truth if truth.is_file() else None)
    return None


def _parts(folder: Path) -> dict[Split, Path]:
    """The first fold's files, and the test set's beside it or above it."""
    folds = [folder, *sorted(folder.glob("*fold*"))]
    named: dict[Split, list[Path]] = {
        "train": [fold / "train_set.json" for fold in folds],
        "dev": [fold / "dev_set.json" for fold in folds],
        "test": [folder / TEST, folder.parent / TEST],
    }
    found = {split: [path for path in paths if path.is_file()] for split, paths in named.items()}
    return {split: paths[0] for split, paths in found.items() if paths}


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """One row a question."""
    if (home := find(root)) is None:
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(home, dropped)


def _rows(home: Home, dropped: Dropped) -> Iterator[Row]:
    truth = dict(_entries(home.truth)) if home.truth else {}
    sides: dict[str, Split] = {
        pmid: split for split, path in home.parts.items() for pmid, _ in _entries(path)
    } | dict.fromkeys(truth, "test")
    missing = set(truth)
    for path in home.whole or tuple(home.parts.values()):
        for pmid, entry in _entries(path):
            missing.discard(pmid)
            if (reason := _lacks(entry := _judged(entry, truth.get(pmid)))) is not None:
                dropped[reason] += 1
            else:
                yield _row(pmid, entry, sides.get(pmid) or kept_for_training(SOURCE, pmid))
    if missing:
        dropped[f"in {TRUTH} only"] += len(missing)


def _judged(entry: Any, decision: object) -> Any:
    """The entry with the decision of the ground truth, where it is there."""
    return {**entry, "final_decision": decision} if decision and isinstance(entry, dict) else entry


def _lacks(entry: Any) -> str | None:
    """Why an entry makes no row; None for one that does."""
    if not isinstance(entry, dict):
        return "is no object"
    for name, kind in (("QUESTION", str), ("CONTEXTS", list), ("final_decision", str)):
        if not isinstance(entry.get(name), kind) or not entry[name]:
            return f"has no {name}"
    if entry["final_decision"] not in ANSWERS:
        return f"its final_decision is none of {', '.join(ANSWERS)}"
    return None if entry["QUESTION"].strip() else "has no QUESTION"


def _row(pmid: str, entry: Mapping[str, Any], split: Split) -> Row:
    decision = entry["final_decision"]
    return Row(
        name=pmid,
        image=None,
        prefix=answer_from(entry["QUESTION"], " ".join(map(str, entry["CONTEXTS"]))),
        suffix=decision,
        group=pmid,
        source=SOURCE,
        licence="MIT",
        truth={"pmid": pmid, "final_decision": decision},
        split=split,
    )


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """PMID and entry of each member; BadInputError for a damaged file."""
    try:
        with path.open(encoding="utf-8-sig") as text:
            yield from members(text)
    except (ValueError, OSError, EOFError, zlib.error) as e:
        raise BadInputError(f"{path} is not whole PubMedQA JSON ({e}); download it again") from e


FORMAT = RowFormat(
    "pubmedqa", LOOKS_FOR, read, "yes, no or maybe to a biomedical question, from an abstract"
)
