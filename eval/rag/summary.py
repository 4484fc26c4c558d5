"""The figures of a run: means over rows with bootstrap intervals, flat, and as Markdown."""

import math
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from eval.descriptions import estimate, mean_value
from eval.rag.folder import Done, Run
from eval.rag.measured import JUDGED, MEANINGS

Told = dict[str, Any]


def summary(run: Run, rows: Sequence[Done], missing: Sequence[str]) -> Told:
    """Every key of MEANINGS with `<key>_ci` and its rows in `measured_on`; None: not measured."""
    told: Told = {
        "command": "eval rag",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        **run.model_dump(mode="json"),
        "grounded": sum(one.answered.status == "grounded" for one in rows),
        "abstained": sum(one.answered.status == "abstained" for one in rows),
        "failed": sum(one.answered.status == "failed" for one in rows),
        "missing_references": list(missing),
    }
    told |= figures(rows)
    told["judge_nan_rate"] = _nan_rate(rows)
    told["judge_nan_rate_by_metric"] = {name: _nan_rate(rows, name) for name in JUDGED}
    kinds = dict.fromkeys(one.answered.kind for one in rows)
    told["by_kind"] = {
        kind: figures([one for one in rows if one.answered.kind == kind]) for kind in kinds
    }
    return told | {"research_use_only": True}


def figures(rows: Sequence[Done]) -> Told:
    """The means of all measures."""
    told: Told = {"measured_on": {}}
    for name in MEANINGS:
        values = known(value_of(one, name) for one in rows)
        told["measured_on"][name] = len(values)
        found = estimate(mean_value(), values)
        told[name] = found.value if values else None
        told[f"{name}_ci"] = [found.low, found.high] if values else None
    return told


def value_of(done: Done, name: str) -> float | None:
    """A row's measure; None where it does not apply or the judge could not be read."""
    return done.answered.seconds if name == "seconds" else done.scores.get(name)


def known(values: Iterable[float | None]) -> list[float]:
    """The values that are numbers."""
    return [value for value in values if value is not None and not math.isnan(value)]


def _nan_rate(rows: Sequence[Done], name: str | None = None) -> float | None:
    """Share of the scores asked of the judge that could not be read."""
    names = [name] if name else list(JUDGED)
    failed = sum(one in row.unreadable for row in rows for one in names)
    given = sum(len(known([row.scores.get(one)])) for row in rows for one in names)
    return failed / (failed + given) if failed + given else None


def machine() -> str:
    """The processor and how many of it, as people name a machine."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


def in_words(told: Mapping[str, Any]) -> str:
    """The figures as a Markdown table, with what they mean."""
    judge = f"judge {told['judge']}" if told["judge"] else "no judge"
    lines = [
        f"{told['rows']} rows of {told['dataset']}, {told['model']}, {judge}: "
        f"{told['grounded']} grounded, {told['abstained']} abstained, {told['failed']} failed",
        "",
        "| measure | mean | 95% interval | rows | meaning |",
        "|---|---:|---|---:|---|",
        *(_line(told, name, meaning) for name, meaning in MEANINGS.items()),
    ]
    if told["judge_nan_rate"] is not None:
        lines += ["", f"The judge could not be read in {told['judge_nan_rate']:.1%} of the scores."]
    if told["missing_references"]:
        lines += ["", f"Not in the library: {', '.join(told['missing_references'])}."]
    return "\n".join(lines)


def _line(told: Mapping[str, Any], name: str, meaning: str) -> str:
    if told[name] is None:
        return f"| {name} | not measured | | 0 | {meaning} |"
    low, high = told[f"{name}_ci"]
    rows = told["measured_on"][name]
    return f"| {name} | {told[name]:.3f} | {low:.3f} to {high:.3f} | {rows} | {meaning} |"
