"""The cells of the grid, and what is kept of each: a file of JSON, written as a whole."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.compare.config import CompareConfig, Way

Told = dict[str, Any]
DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Cell:
    """A checkpoint, a method and a dataset, by their names in the configuration."""

    dataset: str
    model: str
    method: Way

    @property
    def name(self) -> str:
        return f"{self.dataset}, {self.model}, {self.method}"

    def file(self, out: Path) -> Path:
        parts = (re.sub(r"[^\w.-]+", "-", part) for part in (self.dataset, self.model, self.method))
        return out / "cells" / f"{'.'.join(parts)}.json"


def cells_of(config: CompareConfig) -> Iterator[Cell]:
    """Every cell, dataset by dataset."""
    for dataset in config.datasets:
        for model in config.models:
            for method in config.methods:
                yield Cell(dataset, model, method)


def keep(cell: Cell, out: Path, told: Told) -> None:
    """Replace the cell's file as a whole."""
    file = cell.file(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(file)


def kept(cell: Cell, out: Path) -> Told | None:
    """What was kept of the cell, or None."""
    file = cell.file(out)
    if not file.is_file():
        return None
    told: Told = json.loads(file.read_text("utf-8"))
    return told
