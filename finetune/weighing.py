"""`python -m finetune.weighing`: fit how similar cases weigh on what a checkpoint sees of a cell.

The library is the training side, the questions are put to the development side, and each attribute
gets the weights (of a small grid) under which its true answers are likeliest. The file it writes
goes beside the weights. `--measure` tells what the rule beside the weights brings on the test side,
which nothing else here reads.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import click
import numpy as np

from agent.loading import find_checkpoint
from agent.paligemma import PaliGemma, load_paligemma
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.lite.augment import restained
from finetune.lite.controls import batches, embed
from finetune.saving import base_of
from finetune.weighed import measured
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, CELL_TYPE, Question
from tools.weighing import CaseRule, Floats, Weights

SEEN, CASES, DOUBT = (0.6, 0.8, 1.0), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.3, 1.0, 2.0)
NEAREST, GAP, WIDTH = 6, 0.05, 0.03  # of those tried on the development side, the likeliest
LIBRARY = 1600
Row = tuple[Example, Mapping[str, Floats], Sequence[CaseEvidence]]


@dataclass(frozen=True, eq=False)
class Library:
    """Labelled cells with their vectors."""

    examples: Sequence[Example]
    vectors: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"

    def sorted(
        self, vector: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"
    ) -> list[CaseEvidence]:
        """All of them by similarity, as a search of a library would give the nearest."""
        cosines = self.vectors @ vector
        return [
            CaseEvidence(
                image_id=(example := self.examples[index]).name,
                caption="",
                labels=dict(example.facts),
                similarity=float(cosines[index]),
                source=example.source,
                licence=example.licence,
            )
            for index in np.argsort(-cosines)
        ]


def looked_at(model: PaliGemma, examples: Sequence[Example], library: Library) -> Iterator[Row]:
    """Scores and similar cases of each cell."""
    asked, left = (CELL_TYPE, *ATTRIBUTES), iter(examples)
    for batch in batches(examples):
        features = model.look(batch)
        scores = model.score_all(features, [(q.prompt, q.options) for q in asked])
        for row, vector in enumerate(model.embed_image(features)):
            own = {q.name: of_all[row] for q, of_all in zip(asked, scores, strict=True)}
            yield next(left), own, library.sorted(vector)


def fitted(rows: Sequence[Row]) -> CaseRule:
    """The rule of the likeliest weights, question by question."""
    bare = CaseRule(NEAREST, GAP, WIDTH, {})
    counted = [bare.agreeing(cases, _seen(scores)) for _, scores, cases in rows]
    questions = {q.name: _weights(q, rows, counted) for q in ATTRIBUTES}
    return CaseRule(NEAREST, GAP, WIDTH, questions)


def _seen(scores: Mapping[str, Floats]) -> str:
    return CELL_TYPE.options[int(scores[CELL_TYPE.name].argmax())]


def _weights(
    question: Question, rows: Sequence[Row], counted: Sequence[Sequence[CaseEvidence]]
) -> Weights:
    def cost(weights: Weights) -> float:
        rule = CaseRule(NEAREST, GAP, WIDTH, {question.name: weights})
        chances = (
            rule.weighed(scores[question.name], question, cases)[question.options.index(true)]
            for (example, scores, _), cases in zip(rows, counted, strict=True)
            if (true := example.facts.get(question.name)) and cases
        )
        return -sum(math.log(max(1e-9, float(chance))) for chance in chances)

    return min((Weights(*each) for each in product(SEEN, CASES, DOUBT)), key=cost)


@click.command(context_settings={"show_default": True})
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder that holds the training sets.",
)  # fmt: skip
@click.option("--checkpoint", default="agent/checkpoints/lite", help="Folder of the weights.")
@click.option("--measure", is_flag=True, help="Measure the rule beside the weights instead.")
@click.option(
    "--restain", is_flag=True, help="Measure cells recoloured as if by another laboratory."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON to write."
)
def main(data: Path, checkpoint: str, measure: bool, restain: bool, out: Path) -> None:
    """Fit the rule of a checkpoint, or measure it, and write JSON to --out."""
    model = load_paligemma(checkpoint, dtype="float32", abstain=False)
    parts, _ = load(data)
    train = [example for example in parts["train"] if example.kind == "cell"]
    shown = random.Random(0).sample(train, min(LIBRARY, len(train)))
    asked = [e for e in parts["test" if measure else "dev"] if e.kind == "cell"]
    if restain:
        rng = random.Random(0)
        asked = [replace(example, pixels=restained(example, rng)) for example in asked]
    rows = list(looked_at(model, asked, Library(shown, embed(model, shown))))
    if measure:
        told = measured([(e.facts, scores, cases) for e, scores, cases in rows], _rule(model))
        out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
        click.echo(out)
        return
    rule = fitted(rows)
    sha256 = base_of(checkpoint, find_checkpoint(checkpoint)).sha256
    out.write_text(json.dumps({"sha256": sha256, **rule.as_json()}, indent=1) + "\n", "utf-8")
    click.echo(f"done: {out}, of {len(asked)} cells")


def _rule(model: PaliGemma) -> CaseRule:
    if model.case_rule is None:
        raise click.UsageError(f"{model.name} has no rule beside its weights; fit one first")
    return model.case_rule


if __name__ == "__main__":
    main()
