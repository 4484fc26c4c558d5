"""What two kinds of prompts bring: boxes that are asked for, and similar cases that are shown.

Similar cases are those a search would bring: the nearest training cells by the model's own vectors.
What the model says with them is set beside what it says without, with cases of another cell type
(does it trust blindly?), and beside the majority of the cases (is the model needed at all?).
"""

import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
from PIL import Image

from agent import prompts
from agent.paligemma import PaliGemma
from eval import descriptions as metrics
from eval.boxes import Box, box_f1, read_boxes
from eval.descriptions import Estimate
from eval.seeing import GREY, SIDE
from finetune.data.example import Example
from finetune.lite.controls import batches
from tools.findings import BY_NAME, COUNTS
from tools.protocols import Vectors

CASES = 3
CELL_TYPE = BY_NAME["cell_type"]


def boxes(model: PaliGemma, test: Sequence[Example]) -> dict[str, tuple[Estimate, float, float]]:
    """F1 of the boxes of each thing; of the boxes said of a blank and of other images."""
    found = {}
    for thing in COUNTS:
        images = [example for example in test if thing in example.counted]
        if images:
            found[thing] = _boxes(model, thing, images)
    return found


def _boxes(
    model: PaliGemma, thing: str, images: Sequence[Example]
) -> tuple[Estimate, float, float]:
    said = [boxes for batch in batches(images) for boxes in _said(model, thing, batch)]
    true = [[i.box for i in example.instances if i.thing == thing] for example in images]
    blank = _said(model, thing, [Image.new("RGB", (SIDE, SIDE), GREY)])[0]
    other = random.Random(0).sample(said, len(said))
    return (
        metrics.estimate(box_f1, list(zip(said, true, strict=True))),
        box_f1([(blank, here) for here in true]),
        box_f1(list(zip(other, true, strict=True))),
    )


def _said(model: PaliGemma, thing: str, images: Sequence[Image.Image]) -> list[list[Box]]:
    features = model.look(images)
    texts = model.generate(features, [prompts.detect(thing)] * features.n)
    return [read_boxes(text.text, thing) for text in texts]


def nearest(queries: Vectors, library: Vectors, labels: Sequence[str]) -> list[list[str]]:
    """The labels of the CASES nearest of the library to each query, nearest first."""
    order = np.argsort(-(queries @ library.T), axis=1)[:, :CASES]
    return [[labels[index] for index in row] for row in order]


def with_cases(
    model: PaliGemma, test: Sequence[Example], cases: Sequence[Sequence[str]]
) -> dict[str, Estimate]:
    """Accuracy of the cell type without cases, with them, with wrong ones, and of them alone."""
    true = [example.facts["cell_type"] for example in test]
    rng = random.Random(0)
    wrong = [[rng.choice([o for o in CELL_TYPE.options if o != t])] * CASES for t in true]
    said = {
        "without cases": _types(model, test, [[] for _ in test]),
        f"with the {CASES} nearest cases": _types(model, test, cases),
        f"with {CASES} cases of one wrong type": _types(model, test, wrong),
        "the nearest cases alone": [Counter(labels).most_common(1)[0][0] for labels in cases],
    }
    return {name: _accuracy(answers, true) for name, answers in said.items()}


def _accuracy(answers: Sequence[str], true: Sequence[str]) -> Estimate:
    right = [float(answer == wanted) for answer, wanted in zip(answers, true, strict=True)]
    return metrics.estimate(metrics.mean_value(), right)


def _types(model: PaliGemma, test: Sequence[Example], cases: Sequence[Sequence[str]]) -> list[str]:
    """The most probable cell type of each image, shown with its cases."""
    answers = []
    for example, labels in zip(test, cases, strict=True):
        question = prompts.given_cases(CELL_TYPE.prompt, labels)
        features = model.look([Image.fromarray(example.pixels)])
        scores = model.score(features, question, CELL_TYPE.options)[0]
        answers.append(CELL_TYPE.options[int(scores.argmax())])
    return answers
