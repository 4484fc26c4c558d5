"""Asking a checkpoint about held-out images, with the controls beside every answer.

Each figure stands beside the training set's most common answer, a blank image, and the answers
given to other images of the same kind (for what all images of a kind share: to any other).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
import numpy as np
from PIL import Image

from agent.paligemma import PaliGemma
from eval import descriptions as metrics
from eval.descriptions import Estimate, Facts, Metric, Pair
from eval.seeing import Seen, blank, majority, see, shuffled, speakable
from finetune.data.example import Example
from finetune.lite.tasks import view_facts
from tools.findings import KINDS
from tools.protocols import Vectors

ROWS = 16


@dataclass(frozen=True, eq=False)
class Row:
    """A test image: what is true, what the model said, what the controls said."""

    example: Example
    truth: Facts
    seen: Seen
    controls: Mapping[str, Seen]


def truth_of(example: Example) -> dict[str, str]:
    """The facts of the whole image."""
    return view_facts(example.facts, example.instances, example.counted)


def batches(examples: Sequence[Example]) -> Iterable[list[Image.Image]]:
    """The whole images, some at a time."""
    for start in range(0, len(examples), ROWS):
        yield [Image.fromarray(example.pixels) for example in examples[start : start + ROWS]]


def embed(model: PaliGemma, examples: Sequence[Example]) -> Vectors:
    """(examples, width), L2-normalised."""
    return np.concatenate([model.embed_image(model.look(b)) for b in batches(examples)])


def commonest(examples: Sequence[Example]) -> Seen:
    """The most common answer to each question among the examples."""
    return majority([truth_of(example) for example in examples])


def rows_of(model: PaliGemma, train: Sequence[Example], test: Sequence[Example]) -> list[Row]:
    """Ask about every test image, kind by kind, with the controls."""
    rows: list[Row] = []
    for kind in KINDS:
        of_kind = [example for example in test if example.kind == kind]
        if not of_kind:
            continue
        constant = commonest([example for example in train if example.kind == kind])
        empty = blank(model, kind)
        with click.progressbar(list(batches(of_kind)), label=kind) as shown:
            seen = [one for batch in shown for one in see(batch, model, [kind])]
        for example, said, elsewhere in zip(of_kind, seen, shuffled(seen), strict=True):
            controls = {"majority": constant, "blank": empty, "shuffled": elsewhere}
            rows.append(Row(example, truth_of(example), said, controls))
    return _across(rows, commonest(train))


def _across(rows: Sequence[Row], constant: Seen) -> list[Row]:
    """Add the controls of what images of a kind share."""
    other = shuffled([row.seen for row in rows], seed=1)
    return [
        Row(
            row.example,
            row.truth,
            row.seen,
            {**row.controls, "shuffled across kinds": said, "majority of all": constant},
        )
        for row, said in zip(rows, other, strict=True)
    ]


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    model: Estimate
    majority: float
    blank: float
    shuffled: float


def figure(
    name: str,
    metric: Metric[Pair],
    rows: Sequence[Row],
    written: bool = False,
    across: bool = False,
) -> Figure:
    """A metric of the model and of the three controls, on the same images."""

    def pairs(said: Callable[[Row], Seen]) -> list[Pair]:
        if written:
            return [(speakable(row.truth), said(row).written) for row in rows]
        return [(row.truth, said(row).asked) for row in rows]

    shuffled = "shuffled across kinds" if across else "shuffled"
    common = "majority of all" if across else "majority"
    controls = [
        metric(pairs(lambda row, control=control: row.controls[control]))  # type: ignore[misc]
        for control in (common, "blank", shuffled)
    ]
    return Figure(name, metrics.estimate(metric, pairs(lambda row: row.seen)), *controls)
