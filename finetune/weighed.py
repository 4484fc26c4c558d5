"""What similar cases bring to the attributes of held-out cells, and what wrong ones spoil.

Decoys stand in the place of the nearest cases: the nearest of any other type than the true one,
and the nearest of one wrong type. Facts are the findings that are claimed, at the least probability
of a claim. Both ways are compared on the same images.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from eval import descriptions as metrics
from eval.descriptions import Facts, Metric, Pair
from eval.differences import difference, swapped
from eval.seeing import speakable
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, CELL_TYPE
from tools.weighing import CaseRule, Floats

LEAST = 0.5  # probability of a claim
NAMES = tuple(question.name for question in ATTRIBUTES)
Scores = Mapping[str, Floats]
Seen = tuple[Facts, Scores, Sequence[CaseEvidence]]  # truth, scores, all cases by similarity
Told = dict[str, Any]
MEASURES: Mapping[str, Metric[Pair]] = {
    "attribute_macro_f1": metrics.macro_f1(NAMES),
    "fact_f1": metrics.fact_f1,
}


def measured(rows: Sequence[Seen], rule: CaseRule) -> Told:
    """With similar cases and with decoys, each beside without; figures with intervals."""
    without = {name: _pairs(rows, None, _all)[name] for name in MEASURES}
    told: Told = {"images": len(rows), "without": _figures(without)}
    for name, choose in {
        "with": _all, "nearest_of_other_types": _others, "nearest_of_one_wrong_type": _one_wrong,
    }.items():  # fmt: skip
        pairs = _pairs(rows, rule, choose)
        told[name] = _figures(pairs) | {
            "weighed": sum(bool(_counted(row, rule, choose)) for row in rows) / len(rows),
            "difference": {
                key: {
                    "value": (found := difference(metric, pairs[key], without[key])).value,
                    "ci": [found.low, found.high],
                    "p": swapped(metric, pairs[key], without[key]),
                }
                for key, metric in MEASURES.items()
            },
        }
    return told


def _figures(pairs: Mapping[str, Sequence[Pair]]) -> Told:
    found = {key: metrics.estimate(metric, pairs[key]) for key, metric in MEASURES.items()}
    return {key: {"value": one.value, "ci": [one.low, one.high]} for key, one in found.items()}


Choose = Callable[[Seen], Sequence[CaseEvidence]]


def _all(row: Seen) -> Sequence[CaseEvidence]:
    return row[2]


def _others(row: Seen) -> Sequence[CaseEvidence]:
    truth, _, cases = row
    return [c for c in cases if c.labels.get(CELL_TYPE.name) != truth[CELL_TYPE.name]]


def _one_wrong(row: Seen) -> Sequence[CaseEvidence]:
    truth, _, cases = row
    true = truth[CELL_TYPE.name]
    wrong = random.Random(cases[0].image_id).choice([o for o in CELL_TYPE.options if o != true])
    return [case for case in cases if case.labels.get(CELL_TYPE.name) == wrong]


def _counted(row: Seen, rule: CaseRule, choose: Choose) -> Sequence[CaseEvidence]:
    return rule.agreeing(choose(row), CELL_TYPE.options[int(row[1][CELL_TYPE.name].argmax())])


def _pairs(
    rows: Sequence[Seen], rule: CaseRule | None, choose: Choose
) -> Mapping[str, Sequence[Pair]]:
    """Truth and answers of mature leukocytes; truth and claimed facts of all cells."""
    answered = [(row[0], dict(_answers(row, rule, choose))) for row in rows]
    best = [(truth, {n: v for n, (v, _) in said.items()}) for truth, said in answered]
    claims = [
        (truth, {n: v for n, (v, p) in said.items() if p >= LEAST}) for truth, said in answered
    ]
    return {
        "attribute_macro_f1": [pair for pair in best if NAMES[0] in pair[0]],
        "fact_f1": [(speakable(truth), speakable(said)) for truth, said in claims],
    }


def _answers(
    row: Seen, rule: CaseRule | None, choose: Choose
) -> Iterator[tuple[str, tuple[str, float]]]:
    counted = _counted(row, rule, choose) if rule else []
    for question in (CELL_TYPE, *ATTRIBUTES):
        scores = row[1][question.name]
        if rule and counted:
            scores = rule.weighed(scores, question, counted)
        best = int(scores.argmax())
        yield question.name, (question.options[best], float(scores[best]))
