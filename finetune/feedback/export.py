"""A reviewed training set on disk: rows by side, images, conflicts, and a card.

All of it is there or nothing is: it is made beside its place and moved there at the end. Images
are written as the model saw them, 8-bit RGB without what else their files held.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL.Image import Image

from agent import prompts
from finetune.data.example import Split
from finetune.data.feedback import MARK
from finetune.feedback.card import feedback_card
from finetune.feedback.consensus import Agreed, Conflict, consensus
from finetune.feedback.sides import SOURCE, Place, places
from tools.corrections import DESCRIPTION, Correction
from tools.describe_image import ANSWER
from tools.errors import BadImageError, BadInputError
from tools.ingest.labels import question

CONFLICTS = "conflicts.jsonl"
FILES: Mapping[Split, str] = {
    "train": "train.jsonl", "dev": "validation.jsonl", "test": "test.jsonl",
}  # fmt: skip
Progress = Callable[[int], None]  # images that are through since the last call


@dataclass(frozen=True)
class Exported:
    """What was written, in numbers."""

    corrections: int  # ever given
    reviewers: int
    sessions: int
    images: int
    rows: int
    train: int  # rows by side
    dev: int
    test: int
    conflicts: int
    missing: tuple[str, ...]  # images whose file is gone or damaged: left out


def export(
    corrections: Sequence[Correction],
    open_image: Callable[[str], Image],
    out: Path,
    progress: Progress = lambda _: None,
) -> Exported:
    """Write what reviewers agree on into the folder `out`; an earlier export there is replaced.

    `open_image` gives an image by its id and raises BadImageError where it is gone.

    Raises:
        BadInputError: nothing is agreed on yet, or `out` holds something else.
    """
    _check(out)
    agreed, conflicts = consensus(corrections)
    if not agreed:
        raise BadInputError(
            f"no correction is agreed on yet ({len(corrections)} given, {len(conflicts)} in"
            " conflict); review answers on the page of `cytoscribe chat` first"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        made.chmod(0o755)
        written = _write(made, corrections, agreed, conflicts, open_image, progress)
        _move(made, out)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return written


def images_in(corrections: Iterable[Correction]) -> int:
    """How many images an export of them will open."""
    return len({one.image_id for one in consensus(corrections)[0]})


def prefix(name: str) -> str:
    """The prompt that asks for what was corrected."""
    if name == DESCRIPTION:
        return prompts.describe()
    asked = name.removeprefix(f"{ANSWER}:")
    return prompts.answer(asked if asked != name else question(name))


def _write(
    folder: Path,
    corrections: Sequence[Correction],
    agreed: Sequence[Agreed],
    conflicts: Sequence[Conflict],
    open_image: Callable[[str], Image],
    progress: Progress,
) -> Exported:
    sides, missing = places(corrections), list[str]()
    rows = dict.fromkeys(FILES, 0)
    (folder / "images").mkdir()
    with ExitStack() as stack:
        files = {
            side: stack.enter_context((folder / name).open("w", encoding="utf-8"))
            for side, name in FILES.items()
        }
        for image_id, things in groupby(agreed, lambda one: one.image_id):
            try:
                open_image(image_id).save(folder / "images" / f"{image_id}.png")
            except BadImageError:
                missing.append(image_id)
                continue
            finally:
                progress(1)
            place = sides[image_id]
            for thing in things:
                files[place.side].write(_line(_row(thing, place)))
                rows[place.side] += 1
    with (folder / CONFLICTS).open("w", encoding="utf-8") as file:
        file.writelines(_line(_conflict(one)) for one in conflicts)
    written = Exported(
        corrections=len(corrections),
        reviewers=len({c.reviewer for c in corrections}),
        sessions=len({c.session_id for c in corrections}),
        images=len({one.image_id for one in agreed}) - len(missing),
        rows=sum(rows.values()),
        **rows,
        conflicts=len(conflicts),
        missing=tuple(missing),
    )
    (folder / MARK).write_text(json.dumps(asdict(written), indent=2) + "\n", "utf-8")
    feedback_card(asdict(written), [FILES[side] for side in FILES]).save(folder / "README.md")
    return written


def _row(one: Agreed, place: Place) -> dict[str, Any]:
    return {
        "image": f"images/{one.image_id}.png",
        "prefix": prefix(one.name),
        "suffix": one.value,
        "truth": {one.name: one.value},
        "group": place.group,
        "source": SOURCE,
        "licence": "not stated",
        "votes": _votes(one.votes),
    }


def _conflict(one: Conflict) -> dict[str, Any]:
    return {
        "image_id": one.image_id,
        "name": one.name,
        "why": one.why,
        "votes": _votes(one.votes),
    }


def _votes(votes: Sequence[Correction]) -> list[dict[str, Any]]:
    """Who said what, beside what the model had said."""
    told = {"feedback_id", "turn_id", "image_id", "name"}
    return [vote.model_dump(mode="json", exclude=told) for vote in votes]


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _check(out: Path) -> None:
    """Only an export, or an empty folder, is ever replaced."""
    if not out.exists() or (out / MARK).is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise BadInputError(f"{out} holds something else than an export; name another folder")


def _move(made: Path, out: Path) -> None:
    """Put the new folder in the place of the old one, which goes only when that is done."""
    old = made.with_name(f"{made.name}-old")
    if out.exists():
        out.rename(old)
    try:
        made.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
