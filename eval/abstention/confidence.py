"""Fit how likely the first passage quoted answers the question: agent/literature_confidence.json.

    python -m eval.abstention.confidence --pubmedqa ori_pqal.json --ids test_ground_truth.json \\
        --out literature_confidence.json

PubMedQA's questions but those that --ids lists are asked twice, with their abstract in the library
and without it. The first passage that is quoted is right if it is of that abstract, so that half of
the questions have no right answer. What is fitted is the log-odds of `tools/support.py`, whose head
has seen these questions too; with five weights on 1,600 questions it remembers none of them. The
figures told are out of fold.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from agent.build import open_encoder, open_reranker, open_store
from agent.calibration import LiteratureCalibration, fitted, logit
from agent.literature import supporting
from agent.settings import load_settings
from eval.abstention.asked import of_pubmedqa
from eval.abstention.measuring import Found, fill, search
from eval.commands.scratch import scratch
from eval.trust.coverage import figures
from eval.watching import watch
from tools.support import Support

FOLDS = 10
SOURCE = "questions of PubMedQA, each with and without its abstract in the library"
existing = click.Path(exists=True, dir_okay=False, path_type=Path)
Row = tuple[str, float, bool]  # question, support of the first passage quoted, whether it is right


@click.command()
@click.option("--pubmedqa", type=existing, required=True, help="ori_pqal.json.")
@click.option("--ids", type=existing, required=True, help="test_ground_truth.json: left out.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def main(pubmedqa: Path, ids: Path, out: Path) -> None:
    """Fit it, tell its figures out of fold, and write it to --out."""
    asked = of_pubmedqa(pubmedqa, ids, others=True)
    with scratch(load_settings(text_encoder="minilm")) as (own, _), open_store(own) as store:
        encoder = open_encoder(own)
        fill([asked.corpus], store, encoder, watch)
        support, ranked = Support.shipped(store, encoder), open_reranker(own, store)
        found = search(asked.asked, store, encoder, support, watch, ranked)
        rows = [row for one in found for row in quoted(one)]
    told = out_of_fold(rows)
    calibration = _fitted(rows, len(asked.asked)).as_json()
    out.write_text(json.dumps({**calibration, "out_of_fold": told}) + "\n", "utf-8")
    click.echo(json.dumps(told, indent=1))


def quoted(found: Found) -> list[Row]:
    """The first passage that a turn would quote, if any."""
    return [
        (found.question.text, e.support or 0.0, e.source_id in found.question.answers)
        for e in supporting(found.evidence)[:1]
    ]


def _fitted(rows: Sequence[Row], questions: int) -> LiteratureCalibration:
    head = fitted([logit(support) for _, support, _ in rows], [right for *_, right in rows])
    return LiteratureCalibration(questions, f"{questions} {SOURCE}", head)


def out_of_fold(rows: Sequence[Row]) -> dict[str, Any]:
    """Calibration error and Brier score of the support as it is, and of the fit."""
    questions = sorted({question for question, *_ in rows})
    fold = {question: at % FOLDS for at, question in enumerate(questions)}
    as_it_is, fit = list[tuple[float, bool]](), list[tuple[float, bool]]()
    for number in range(FOLDS):
        rest = [row for row in rows if fold[row[0]] != number]
        head = _fitted(rest, len(questions))
        of_fold = [(s, right) for question, s, right in rows if fold[question] == number]
        as_it_is += of_fold
        fit += [(head.of_support(support), right) for support, right in of_fold]
    return {"support": figures(as_it_is), "fitted": figures(fit)}


if __name__ == "__main__":
    main()
