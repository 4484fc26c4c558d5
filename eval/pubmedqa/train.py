"""Train the head of `cytoscribe eval pubmedqa` on the questions that are not asked in the test.

    python -m eval.pubmedqa.train --data ori_pqal.json --ids test_ground_truth.json --out head.json

Without --out the out-of-fold figures are printed and nothing is written. The questions of --ids
are neither trained on nor looked at.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from eval.pubmedqa.features import Features, features
from eval.pubmedqa.head import train
from eval.pubmedqa.questions import Question, read_questions, read_truth
from eval.pubmedqa.scoring import figures
from tools.errors import BadInputError

FOLDS, REPEATS = 10, 3
LICENCE = "MIT (PubMedQA, Jin et al. 2019); no text of it is in this file but single words"
existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--data", type=existing, required=True, help="ori_pqal.json.")
@click.option("--ids", type=existing, required=True, help="test_ground_truth.json: left out.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
def main(data: Path, ids: Path, out: Path | None) -> None:
    """Train on the questions of --data that are not in --ids, and tell the out-of-fold figures."""
    if out and out.exists():
        raise click.UsageError(f"--out {out} exists; name another file, or delete it first")
    side = training_side(read_questions(data), read_truth(ids))
    rows = [features(question) for question in side]
    decisions = [str(question.decision) for question in side]
    told = out_of_fold(rows, decisions)
    click.echo(json.dumps(told))
    if out:
        train(rows, decisions, name="head", **notes(side), **told).write(out)


def training_side(questions: Mapping[str, Question], tested: Mapping[str, str]) -> list[Question]:
    """The questions with a decision that are not tested; BadInputError where there are too few."""
    side = [q for pmid, q in questions.items() if pmid not in tested and q.decision]
    if len(side) < FOLDS:
        raise BadInputError(
            f"{len(side)} questions are left to train on; --data must hold more than --ids lists"
        )
    return side


def notes(side: Sequence[Question]) -> dict[str, Any]:
    """What the head's file says of its data."""
    pmids = "\n".join(sorted(question.pmid for question in side))
    return {
        "data": f"PubMedQA PQA-L, {len(side)} questions",
        "licence": LICENCE,
        "pmids_sha256": hashlib.sha256(pmids.encode()).hexdigest(),
    }


def out_of_fold(rows: Sequence[Features], decisions: Sequence[str]) -> dict[str, float]:
    """Mean accuracy and macro-F1 of heads that never saw the questions they are asked."""
    found = [_once(rows, decisions, repeat) for repeat in range(REPEATS)]
    keys = ("accuracy", "macro_f1", "majority_accuracy")
    return {f"out_of_fold_{key}": round(float(np.mean([f[key] for f in found])), 4) for key in keys}


def _once(rows: Sequence[Features], decisions: Sequence[str], seed: int) -> dict[str, Any]:
    said: dict[str, str] = {}
    for held_out in folds(decisions, seed):
        rest = [i for i in range(len(rows)) if i not in held_out]
        head = train([rows[i] for i in rest], [decisions[i] for i in rest])
        said |= {str(i): head.decide(rows[i]) for i in held_out}
    return figures({str(i): decision for i, decision in enumerate(decisions)}, said)


def folds(decisions: Sequence[str], seed: int) -> Iterator[set[int]]:
    """FOLDS parts of equal make-up: each decision is dealt out like cards, in a drawn order."""
    order = np.random.default_rng(seed).permutation(len(decisions))
    dealt = sorted(order, key=lambda i: decisions[i])
    for fold in range(FOLDS):
        yield {int(i) for i in dealt[fold::FOLDS]}


if __name__ == "__main__":
    main()
