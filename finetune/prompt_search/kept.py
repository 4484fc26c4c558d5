"""What was scored, kept line by line, so that a search that was stopped goes on where it was."""

import json
from pathlib import Path

import numpy as np

from finetune.closed.looking import Scores

SCORED = "scored.jsonl"


class Kept:
    """Scores of a prompt on a block of a side; in a file, or in memory where there is none.

    A last line that a kill cut short is left out.
    """

    def __init__(self, folder: Path | None, about: str) -> None:
        """`about` tells model, rows and options apart: scores of others are not taken."""
        self._path, self._about = folder / SCORED if folder else None, about
        self._scores = dict[tuple[str, str, int], Scores]()
        if self._path and self._path.exists():
            self._read(self._path)

    def get(self, side: str, prompt: str, block: int) -> Scores | None:
        return self._scores.get((side, prompt, block))

    def put(self, side: str, prompt: str, block: int, scores: Scores) -> None:
        self._scores[side, prompt, block] = scores
        if self._path:
            line = [self._about, side, prompt, block, scores.tolist()]
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def _read(self, path: Path) -> None:
        whole, _, cut = path.read_bytes().rpartition(b"\n")
        if cut:
            path.write_bytes(whole + b"\n" if whole else b"")
        for line in whole.splitlines():
            about, *place, scores = json.loads(line)
            if about == self._about:
                self._scores[tuple(place)] = np.array(scores)
