"""`python -m finetune.weighing`: fit how similar cases weigh on what a checkpoint sees of a cell.

The library is the training side, the questions are put to the development side, of which the
checkpoint has seen nothing, and each attribute gets the weights (of a small grid) under which its
true answers are likeliest. The file it writes goes beside the weights. `--measure` tells what the
rule beside the weights brings on the test side, which nothing else here reads.
"""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from pathlib import Path

import click

from agent.loading import find_checkpoint
from agent.paligemma import PaliGemma, load_paligemma
from eval.seeing import Looking
from finetune import options
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.lite.augment import restained
from finetune.lite.controls import batches, embed
from finetune.neighbours import Library, Query
from finetune.saving import base_of
from finetune.weighed import Looked, measured
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, CELL_TYPE, Question
from tools.weighing import CaseRule, Floats, Weights

SEEN, CASES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
# Chosen on the development side, of 6 to 30 cases, gaps of .01 to .2, agreements of 0 to .7.
NEAREST, GAP, AGREEMENT = 15, 0.02, 0.7
Row = tuple[Mapping[str, str], Mapping[str, Floats], Sequence[CaseEvidence]]


def looked_at(model: PaliGemma, examples: Sequence[Example]) -> Iterator[Looked]:
    """The cells in batches, each looked at once."""
    left = iter(examples)
    for images in batches(examples):
        looking = Looking(images, model)
        pairs = zip(islice(left, len(images)), looking.vectors(), strict=True)
        yield Looked(looking, [Query(e.name, e.facts, vector) for e, vector in pairs])


def fitted(asked: Sequence[Looked], library: Library) -> CaseRule:
    """The rule of the likeliest weights, question by question."""
    bare = CaseRule(NEAREST, GAP, AGREEMENT, {q.name: Weights(1, 0) for q in ATTRIBUTES})
    rows = [row for batch in asked for row in _counted(batch, library, bare)]
    return replace(bare, questions={q.name: _weights(q, rows) for q in ATTRIBUTES})


def _counted(batch: Looked, library: Library, rule: CaseRule) -> Iterator[Row]:
    """Truth, scores and the cases that count, of each cell."""
    scores = batch.looking.score_all(["cell"])
    for row, query in enumerate(batch.queries):
        own = {name: of_all[row] for name, of_all in scores.items()}
        cell_type = CELL_TYPE.options[int(own[CELL_TYPE.name].argmax())]
        cases = library.nearest(query.vector, rule.nearest)
        yield query.truth, own, rule.agreeing(cases, cell_type, own)


def _weights(question: Question, rows: Sequence[Row]) -> Weights:
    known = [row for row in rows if question.name in row[0] and row[2]]

    def cost(weights: Weights) -> float:
        rule = CaseRule(NEAREST, GAP, AGREEMENT, {question.name: weights})
        chances = (
            rule.weighed(scores[question.name], question, cases)[
                question.options.index(truth[question.name])
            ]
            for truth, scores, cases in known
        )
        return -sum(math.log(max(1e-9, float(chance))) for chance in chances)

    # Of equals what is seen counts most.
    return min((Weights(s, c) for s, c in product(SEEN[::-1], CASES)), key=cost)


@click.command(context_settings={"show_default": True})
@options.data
@options.checkpoint
@click.option("--measure", is_flag=True, help="Measure the rule beside the weights instead.")
@click.option(
    "--restain", is_flag=True, help="Ask about cells recoloured as if by another laboratory."
)
@click.option(
    "--library", "size", type=click.IntRange(1), help="Cells of the library; all that train if not."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON to write."
)
def main(
    data: Path, checkpoint: str, measure: bool, restain: bool, size: int | None, out: Path
) -> None:
    """Fit the rule of a checkpoint, or measure it, and write JSON to --out."""
    model = load_paligemma(checkpoint, dtype="float32", abstain=False)
    rule = _rule(model) if measure else None
    parts, _ = load(data)
    train, asked = ([e for e in parts[side] if e.kind == "cell"]
                    for side in ("train", "test" if measure else "dev"))  # fmt: skip
    if size and size < len(train):
        train = random.Random(0).sample(train, size)
    if restain:
        rng = random.Random(0)
        asked = [replace(example, pixels=restained(example, rng)) for example in asked]
    library, looked = Library(train, embed(model, train)), looked_at(model, asked)
    if rule:
        told = measured(looked, library, rule)
    else:
        told = fitted(list(looked), library).as_json()
        told = {"sha256": base_of(checkpoint, find_checkpoint(checkpoint)).sha256, **told}
    out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    click.echo(f"done: {out}, of {len(asked)} cells")


def _rule(model: PaliGemma) -> CaseRule:
    if model.case_rule is None:
        raise click.UsageError(f"{model.name} has no rule beside its weights; fit one first")
    return model.case_rule


if __name__ == "__main__":
    main()
