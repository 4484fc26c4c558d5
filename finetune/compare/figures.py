"""The figures of a cell from its answers: each with its interval, beside its two controls.

A figure that does not apply is left out. Rows are test images (or texts); the controls are what
was said of a blank, and what was said of other images of the set.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval import descriptions as metrics
from eval.descriptions import Estimate, Metric, Pair, estimate
from eval.differences import difference, mcnemar, swapped
from eval.overlap import bleu, rouge_l
from eval.questions import normalised
from eval.seeing import speakable
from finetune.compare.config import COUNT
from tools.findings import ATTRIBUTES, facts_in

ATTRIBUTE_NAMES = tuple(question.name for question in ATTRIBUTES)
SAID, BLANK, SHUFFLED = "said", "blank", "shuffled"
MEANINGS: Mapping[str, str] = {
    "accuracy": "{main}, accuracy",
    "macro_f1": "{main}, macro-F1",
    "attribute_macro_f1": "11 attributes, macro-F1",
    "fact_f1": "facts of the text, F1",
    "count_error": "counts, mean absolute error",
    "exact_text": "text as the reference, word by word",
    "bleu": "BLEU (for the record)",
    "rouge_l": "ROUGE-L (for the record)",
}
SMALLER_IS_BETTER = ("count_error",)
Answers = Sequence[Mapping[str, Any]]  # of a cell, as they are kept
PairsOf = Callable[[Answers], list[Pair]]


@dataclass(frozen=True)
class Figure:
    """A figure of a cell and of its controls."""

    key: str
    ours: Estimate
    blank: float
    shuffled: float


@dataclass(frozen=True)
class Difference:
    """A cell less another on the same images."""

    key: str
    gain: Estimate
    p: float
    test: str  # whose p


def figures(answers: Answers, fields: Sequence[str]) -> list[Figure]:
    """Every figure that applies to a cell."""
    told = {SAID: answers, BLANK: of_blank(answers), SHUFFLED: of_others(answers)}
    found = []
    for key, (metric, pairs) in _judged(answers, fields).items():
        ours = estimate(metric, pairs(answers))
        found.append(Figure(key, ours, metric(pairs(told[BLANK])), metric(pairs(told[SHUFFLED]))))
    return [*found, *_overlaps(told)]


def differences(ours: Answers, theirs: Answers, fields: Sequence[str]) -> list[Difference]:
    """Of every figure with an interval; the images must be the same, in the same order."""
    if [one["name"] for one in ours] != [one["name"] for one in theirs]:
        raise ValueError("cells of other images cannot be compared one by one")
    found = []
    for key, (metric, pairs) in _judged(ours, fields).items():
        mine, others = pairs(ours), pairs(theirs)
        gain = difference(metric, mine, others)
        if key == "accuracy":
            right = [[t == said for t, said in side] for side in (mine, others)]
            found.append(Difference(key, gain, mcnemar(*right), "McNemar"))
        else:
            found.append(Difference(key, gain, swapped(metric, mine, others), "permutation"))
    return found


def of_blank(answers: Answers) -> list[dict[str, Any]]:
    """The answers as if each image had been blank."""
    return [{**one, "said": one["blank"], "text": one["blank_text"]} for one in answers]


def of_others(answers: Answers) -> list[dict[str, Any]]:
    """The answers as if each had been given to another image: in a circle, in an order by chance.

    A question that the other image was not asked stays without an answer.
    """
    order = list(range(len(answers)))
    random.Random(0).shuffle(order)
    after = dict(zip(order, order[1:] + order[:1], strict=True))
    return [
        {**one, "said": answers[after[i]]["said"], "text": answers[after[i]]["text"]}
        for i, one in enumerate(answers)
    ]


def _judged(answers: Answers, fields: Sequence[str]) -> dict[str, tuple[Metric[Pair], PairsOf]]:
    """key -> the metric and its pairs, of what occurs in the truth."""
    known = {name for one in answers for name in one["truth"]}
    closed = [name for name in fields if name in known and not name.startswith(COUNT)]
    counts = [name for name in fields if name in known and name.startswith(COUNT)]
    attributes = [name for name in closed if name in ATTRIBUTE_NAMES]
    found: dict[str, tuple[Metric[Pair], PairsOf]] = {}
    if closed:
        main = closed[0]
        found["accuracy"] = metrics.accuracy(main), lambda rows: _of([main], rows)
        found["macro_f1"] = metrics.macro_f1([main]), lambda rows: _of([main], rows)
    if attributes:
        found["attribute_macro_f1"] = metrics.macro_f1(attributes), _asked
    if counts:
        found["count_error"] = metrics.mean_count_error(counts), _asked
    if any(one["reference"] is not None for one in answers):
        if any(_facts(one) for one in answers):
            found["fact_f1"] = metrics.fact_f1, _written
        found["exact_text"] = metrics.accuracy("text"), _texts
    return found


def _of(fields: Sequence[str], answers: Answers) -> list[Pair]:
    """Only the images that were asked for the fields, and only these answers."""
    return [
        ({f: one["truth"][f] for f in fields}, {f: one["said"].get(f, "") for f in fields})
        for one in answers
        if all(f in one["truth"] for f in fields)
    ]


def _asked(answers: Answers) -> list[Pair]:
    return [(one["truth"], one["said"]) for one in answers]


def _facts(one: Mapping[str, Any]) -> dict[str, str]:
    """What is true of an image and has words: its reference's facts and its answers."""
    if one["reference"] is None:
        return {}
    return speakable({**facts_in(one["reference"]), **one["truth"]})


def _written(answers: Answers) -> list[Pair]:
    return [(_facts(one), facts_in(one["text"] or "")) for one in answers]


def _texts(answers: Answers) -> list[Pair]:
    return [
        ({"text": normalised(one["reference"])}, {"text": normalised(one["text"] or "")})
        for one in answers
        if one["reference"] is not None
    ]


def _overlaps(told: Mapping[str, Answers]) -> list[Figure]:
    """BLEU and ROUGE-L, without intervals."""
    found = []
    for key, of in (("bleu", bleu), ("rouge_l", rouge_l)):
        values = {}
        for name, answers in told.items():
            some = [one for one in answers if one["reference"] is not None]
            texts = [one["text"] or "" for one in some]
            values[name] = of(texts, [one["reference"] for one in some])
        if (value := values[SAID]) is not None:
            nan = metrics.NAN
            ours = Estimate(value, nan, nan, len(told[SAID]))
            found.append(Figure(key, ours, values[BLANK] or 0.0, values[SHUFFLED] or 0.0))
    return found
