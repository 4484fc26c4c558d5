"""Baselines, and the rule: a figure fails when it lost more than the interval allows.

Old and new values stand side by side, row by row. A figure is lost when the 95% interval of its
mean difference (paired bootstrap, `eval.differences`) lies wholly below zero: a few rows that flip
on another processor are no loss, the same rows all falling are.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from eval.descriptions import Estimate, estimate, mean_value
from eval.differences import difference
from eval.quick.values import Values
from tools.errors import BadInputError
from tools.evidence import Frozen

Verdict = Literal["kept", "gained", "LOST"]
BASELINES = Path(__file__).parents[1] / "baselines"


class Baseline(Frozen):
    """What was measured when it was last accepted."""

    command: Literal["eval quick"] = "eval quick"
    baseline: str  # "starter", "shared"
    model: str
    machine: str
    date: str
    values: Values


class Compared(Frozen):
    """One figure."""

    figure: str
    rows: int
    before: float
    now: float
    difference: tuple[float, float]  # 95% interval
    verdict: Verdict


def measured(name: str, values: Values, model: str, machine: str) -> Baseline:
    today = date.today().isoformat()
    return Baseline(baseline=name, model=model, machine=machine, date=today, values=values)


def read(folder: Path, name: str) -> Baseline:
    """A stored baseline; BadInputError says how to make one."""
    path = folder / f"{name}.json"
    try:
        return Baseline.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise BadInputError(
            f"{path} is no baseline ({error}); write one: cytoscribe eval quick --update"
        ) from error


def write(found: Baseline, folder: Path) -> Path:
    """Store a baseline; a row a line, so that a change of it can be read."""
    path = folder / f"{found.baseline}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found.model_dump(), indent=1) + "\n", "utf-8")
    return path


def compare(before: Baseline, now: Baseline) -> tuple[Compared, ...]:
    """Every figure of the baseline; BadInputError where the rows are not the same."""
    return tuple(
        _compared(figure, rows, now.values.get(figure, {}))
        for figure, rows in before.values.items()
    )


def _compared(figure: str, old: Mapping[str, float], new: Mapping[str, float]) -> Compared:
    if old.keys() != new.keys():
        raise BadInputError(
            f"the baseline of {figure!r} has {len(old)} rows, and {len(old.keys() & new.keys())} "
            f"of the {len(new)} measured now are among them; if the rows were changed on purpose, "
            "write a new one: cytoscribe eval quick --update"
        )
    ours, theirs = [new[row] for row in old], list(old.values())
    gain = difference(mean_value(), ours, theirs)
    verdict: Verdict = "LOST" if gain.high < 0 else "gained" if gain.low > 0 else "kept"
    return Compared(
        figure=figure, rows=len(old), before=sum(theirs) / len(old), now=sum(ours) / len(old),
        difference=(gain.low, gain.high), verdict=verdict,
    )  # fmt: skip


def figures(found: Baseline) -> dict[str, Estimate]:
    """The means with their own intervals."""
    return {
        name: estimate(mean_value(), list(rows.values())) for name, rows in found.values.items()
    }
