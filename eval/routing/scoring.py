"""Put questions to a planner and compare its plans with what is expected.

Exact: the set of tools is the expected one. Macro-F1: the mean F1 of the labels that are expected
or planned at all. Intervals are 95%, by bootstrap over questions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

import numpy as np

from agent.router import Planner
from eval.descriptions import Formula, Metric, Sums, estimate, mean_value
from eval.routing.rows import LABELS, Row, planned

Judged = tuple[frozenset[str], frozenset[str]]  # expected, planned


@dataclass(frozen=True)
class Routed:
    """A row with its plan, and the milliseconds it took, by the clock and of the processor."""

    row: Row
    planned: frozenset[str]
    milliseconds: float
    processor: float


def route_all(
    rows: Sequence[Row], planner: Planner, tell: Callable[[int], object] = lambda _: None
) -> list[Routed]:
    """Each row's plan; the first question is put twice, since the first plan of all warms up."""
    for row in rows[:1]:
        planner.route(row.question, row.situation(planner))
    routed = []
    for row in rows:
        situation = row.situation(planner)
        started, used = perf_counter(), process_time()
        plan = planner.route(row.question, situation)
        took, used = perf_counter() - started, process_time() - used
        routed.append(Routed(row, planned(plan), took * 1000, used * 1000))
        tell(1)
    return routed


def figures(routed: Sequence[Routed]) -> dict[str, Any]:
    """`macro_f1`, `exact_set`, `out_of_scope_recall`, `p95_ms`, and `classes` by label.

    `p95_cpu_ms` is of the processor: what `p95_ms` would be on a machine with nothing else to do.
    """
    pairs = [(one.row.expected, one.planned) for one in routed]
    told: dict[str, Any] = {"questions": len(pairs)}
    exact = [float(expected == said) for expected, said in pairs]
    recalled = [float(said == expected) for expected, said in pairs if expected == {"out_of_scope"}]
    for key, found in (
        ("macro_f1", estimate(Metric(_macro_f1), pairs)),
        ("exact_set", estimate(mean_value(), exact)),
        ("out_of_scope_recall", estimate(mean_value(), recalled)),
    ):
        known = found.value == found.value
        told |= {key: found.value if known else None}
        told |= {f"{key}_ci": [found.low, found.high] if known else None}
    told["p95_ms"] = float(np.percentile([one.milliseconds for one in routed], 95))
    told["p95_cpu_ms"] = float(np.percentile([one.processor for one in routed], 95))
    told["classes"] = {label: _of_label(pairs, label) for label in LABELS}
    return told


def _of_label(pairs: Sequence[Judged], label: str) -> dict[str, Any]:
    right = sum(label in expected and label in said for expected, said in pairs)
    expected, said = (sum(label in pair[side] for pair in pairs) for side in (0, 1))
    return {
        "questions": expected,
        "precision": right / said if said else None,
        "recall": right / expected if expected else None,
        "f1": 2 * right / (expected + said) if expected + said else None,
    }


def _macro_f1(pairs: Sequence[Judged]) -> tuple[Sums, Formula]:
    """Of each label whether it is expected, planned, and both: (n, labels * 3)."""
    rows = [
        [[label in a, label in b, label in a and label in b] for label in LABELS] for a, b in pairs
    ]

    def formula(sums: Sums) -> Sums:
        counts = sums.reshape(*sums.shape[:-1], len(LABELS), 3)
        both = counts[..., 0] + counts[..., 1]
        f1 = np.divide(2 * counts[..., 2], both, out=np.zeros_like(both), where=both > 0)
        return np.asarray(f1.sum(-1) / (both > 0).sum(-1))

    return np.array(rows, float).reshape(len(pairs), -1), formula
