"""The figures of a set: truth against what was said, as JSON keys with their intervals.

A figure that does not apply is None. What is known of an image decides what is judged on it.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from eval import descriptions as metrics
from eval.class_names import CLASS_QUESTIONS
from eval.descriptions import Facts, Metric, Pair
from eval.seeing import Seen, speakable
from tools.findings import ATTRIBUTES, BY_NAME, COUNTS

ATTRIBUTE_NAMES = tuple(question.name for question in ATTRIBUTES)
CLASS = "class"
Judged = tuple[Facts, Seen]  # truth, said
Told = dict[str, Any]
COUNT_METRICS: Mapping[str, Callable[[str], Metric[Pair]]] = {
    "exact": metrics.exact,
    "within_10": metrics.within_tenth,
    "mae": metrics.count_error,
}
# What each key means, for readers; the order is that of the table.
MEANINGS: Mapping[str, str] = {
    "attribute_macro_f1": "11 WBCAtt attributes, macro-F1, best-scored option",
    "attribute_macro_f1_text": "the same, read from the description",
    "class_accuracy": "class of the image, best of all options",
    "balanced_accuracy": "the same, mean over the classes that occur",
    "balanced_accuracy_among_present": "the same, best of the options that occur in the set",
    "fact_precision": "facts of the description that are right",
    "fact_recall": "true facts that the description states",
    "fact_f1": "harmonic mean of the two",
    "count_exact": "counts that are right",
    "count_within_10": "counts off by at most 10%",
    "count_mae": "mean absolute error of counts",
    "count_within_10_constant": "baseline: the median count of the set for every image",
    "stain_accuracy": "stain, best-scored option",
    "modality_accuracy": "modality, best-scored option",
    "ece": "expected calibration error of the options' probabilities",
}


def figures(rows: Sequence[Judged], main_thing: str | None) -> Told:
    """Every key of MEANINGS with `<key>_ci`, and `counts` by thing; "measured_on" has images."""
    told: Told = {"measured_on": {}}
    for key, (metric, pairs) in _of_facts(rows).items():
        _tell(told, key, metric, pairs)
    _tell(told, "ece", metrics.calibration_error, _answers(rows))
    counts = {thing: _counts(rows, thing) for thing in COUNTS if _known(rows, f"count:{thing}")}
    nothing = _counts([], main_thing or "")
    main = counts.get(main_thing or "", nothing)
    told |= {f"count_{name}": value for name, value in main.items() if name in nothing}
    if main_thing in counts:
        told["measured_on"] |= {f"count_{name}": main["images"] for name in COUNT_METRICS}
        told["measured_on"]["count_within_10_constant"] = main["images"]
    return told | {"count_of": main_thing, "counts": counts}


def _of_facts(rows: Sequence[Judged]) -> dict[str, tuple[Metric[Pair], list[Pair]]]:
    """key -> the metric and its pairs, only of images where the truth is known."""
    attributes = [row for row in rows if any(name in row[0] for name in ATTRIBUTE_NAMES)]
    said = [(truth, seen.asked) for truth, seen in attributes]
    written = [(truth, _implied(seen.written)) for truth, seen in attributes]
    classes = [pair for row in rows if (pair := _class(row, None))]
    present = _present(rows)
    among = [pair for row in rows if (pair := _class(row, present))]
    facts: list[Pair] = [(speakable(truth), seen.written) for truth, seen in rows]
    facts = [pair for pair in facts if pair[0]]
    found: dict[str, tuple[Metric[Pair], list[Pair]]] = {
        "attribute_macro_f1": (metrics.macro_f1(ATTRIBUTE_NAMES), said),
        "attribute_macro_f1_text": (metrics.macro_f1(ATTRIBUTE_NAMES), written),
        "class_accuracy": (metrics.accuracy(CLASS), classes),
        "balanced_accuracy": (metrics.balanced_accuracy(CLASS), classes),
        "balanced_accuracy_among_present": (metrics.balanced_accuracy(CLASS), among),
        "fact_precision": (metrics.fact_precision, facts),
        "fact_recall": (metrics.fact_recall, facts),
        "fact_f1": (metrics.fact_f1, facts),
    }
    for name in ("stain", "modality"):
        pairs = [(truth, seen.asked) for truth, seen in _known(rows, name)]
        found[f"{name}_accuracy"] = (metrics.accuracy(name), pairs)
    return found


def _known(rows: Sequence[Judged], name: str) -> list[Judged]:
    return [row for row in rows if name in row[0]]


def _implied(written: Facts) -> Facts:
    """ "No granules" has neither type nor colour of granules, though no words say so."""
    if written.get("granularity") != "no":
        return written
    return {"granule_type": "none", "granule_colour": "none", **written}


def _class(row: Judged, present: Mapping[str, set[str]] | None) -> Pair | None:
    """The class and the option that is thought likeliest, of all or of those present."""
    truth, seen = row
    name = next((name for name in CLASS_QUESTIONS if name in truth), None)
    if name is None:
        return None
    said = seen.asked.get(name, "")
    if present is not None and name in seen.scores:
        said = _likeliest(name, seen, present[name])
    return {CLASS: truth[name]}, {CLASS: said}


def _likeliest(name: str, seen: Seen, among: set[str]) -> str:
    options = BY_NAME[name].options
    open_to = np.array([option in among for option in options])
    return options[int(np.where(open_to, seen.scores[name], -1).argmax())]


def _present(rows: Sequence[Judged]) -> dict[str, set[str]]:
    return {name: {truth[name] for truth, _ in _known(rows, name)} for name in CLASS_QUESTIONS}


def _answers(rows: Sequence[Judged]) -> list[metrics.Answers]:
    """Of each image, the probability and rightness of every answer whose truth is known."""
    found = [
        [
            (probability, seen.asked[name] == truth[name])
            for name, probability in seen.probability.items()
            if name in truth
        ]
        for truth, seen in rows
    ]
    return [answers for answers in found if answers]


def _counts(rows: Sequence[Judged], thing: str) -> Told:
    """Exact, within 10% and error of one thing, with the median of the truth as baseline."""
    key = f"count:{thing}"
    judged = _known(rows, key)
    pairs = [(truth, {key: seen.counts.get(thing, ("", ""))[0]}) for truth, seen in judged]
    middle = round(median(int(truth[key]) for truth, _ in judged)) if judged else None
    constant = [(truth, {key: str(middle)}) for truth, _ in judged]
    told: Told = {"measured_on": {}}
    for name, metric in COUNT_METRICS.items():
        _tell(told, name, metric(key), pairs)
        _tell(told, f"{name}_constant", metric(key), constant)
    del told["measured_on"]
    told |= {"constant": middle}
    if judged:
        origins = [seen.counts.get(thing, ("", "nothing"))[1] for _, seen in judged]
        told |= {"images": len(judged), "from": {o: origins.count(o) for o in sorted({*origins})}}
    return told


def _tell(told: Told, key: str, metric: Metric[Any], rows: Sequence[Any]) -> None:
    """Write a figure and its interval under `key` and `<key>_ci`."""
    found = metrics.estimate(metric, rows)
    known = not np.isnan(found.value)
    told[key] = found.value if known else None
    told[f"{key}_ci"] = [found.low, found.high] if known else None
    if known:
        told["measured_on"][key] = found.images
