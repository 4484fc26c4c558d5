"""The folder of a run: each row as soon as it is done, and whether the run is still the same.

`rows.jsonl` is only appended to, so that Ctrl-C or a crash costs at most the row under way.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.rag.answered import Answered
from tools.errors import BadInputError
from tools.evidence import Frozen

Scores = dict[str, float | None]


class Done(Frozen):
    """A row that was asked and measured; a score is None where it does not apply."""

    answered: Answered
    scores: Scores
    unreadable: tuple[str, ...] = ()  # of the judge: asked for, but its reply could not be read


class Run(Frozen):
    """What must stay the same for a run to be gone on with."""

    dataset: str
    rows: int
    dataset_digest: str
    settings_hash: str
    model: str
    text_model: str | None
    judge: str | None


class Folder:
    """A run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, run: Run) -> list[Done]:
        """Begin a run, or go on with one: the rows done before; BadInputError for another run's."""
        file = self.path / "run.json"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                write(file, run.model_dump(mode="json"))
                return []
        except OSError as error:
            raise BadInputError(f"--out {self.path} cannot be written: {error.strerror}") from error
        before = self.run()
        changed = [name for name in Run.model_fields if getattr(before, name) != getattr(run, name)]
        if changed:
            raise BadInputError(
                f"{self.path} holds a run with another {', '.join(changed)} "
                f"({getattr(before, changed[0])!r}); name another folder with --out"
            )
        return self.done()

    def run(self) -> Run:
        """What was run; BadInputError where the folder is not one of ours."""
        try:
            text = (self.path / "run.json").read_text(encoding="utf-8")
            return Run.model_validate_json(text)
        except (OSError, ValidationError) as error:
            raise BadInputError(
                f"{self.path} is not the folder of a run of `cytoscribe eval rag`: {error}"
            ) from error

    def done(self) -> list[Done]:
        """The rows done so far."""
        file = self.path / "rows.jsonl"
        try:
            return [Done.model_validate_json(line) for line in whole_lines(file)]
        except ValidationError as error:
            raise BadInputError(f"{file} was changed and cannot be read: {error}") from error

    def add(self, done: Done) -> None:
        """Keep a row."""
        with (self.path / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(done.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())


def whole_lines(file: Path) -> list[bytes]:
    """The lines of a file that is appended to; one that a crash cut short is cut off the file."""
    if not file.exists():
        return []
    data = file.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        file.write_bytes(whole)
    return whole.splitlines()


def write(path: Path, told: Mapping[str, Any]) -> None:
    """A JSON file that is never seen half-written."""
    unfinished = path.with_suffix(".part")
    text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(path)
