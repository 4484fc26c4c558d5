"""Train the head of `tools/support.py` on questions with their articles and without them.

    python -m eval.abstention.train --pubmedqa ori_pqal.json --ids test_ground_truth.json \\
        --beir scifact/ --corpus scifact/corpus.jsonl --out support_head.json

The questions that --ids lists are not asked, but their abstracts are in the library. So that the
head meets short summaries as well, PubMedQA's questions are also asked of a library that holds
their conclusions only. Without --out the out-of-fold figures are printed and nothing is written.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from agent.build import open_encoder, open_store
from agent.settings import Settings, load_settings
from eval.abstention.asked import Asked, Questions, of_beir, of_pubmedqa
from eval.abstention.measuring import fill, search
from eval.cached_encoder import CachedEncoder
from eval.commands.scratch import scratch
from eval.watching import watch
from tools.ingest.embedding import embed_missing
from tools.library import Article, Passage
from tools.linear_head import Floats, LinearHead, fit, write_head
from tools.protocols import TextEncoder
from tools.store import Store
from tools.support import FEATURES, features

FOLDS, PENALTY = 5, 1.0
LABELS = ("other", "answers")
ARTICLES = 3  # that a turn would quote at most
CONCLUSIONS = "conclusions"
LICENCE = (
    "PubMedQA MIT (Jin et al. 2019); SciFact claims CC BY 4.0, abstracts ODC-By 1.0 (Wadden et al."
    " 2020); no text of them is in this file"
)
existing = click.Path(exists=True, dir_okay=False, path_type=Path)
folder = click.Path(exists=True, file_okay=False, path_type=Path)
# Of a question, features of the articles found: those that answer, those found without them.
Pair = tuple[Floats, Floats]  # (n, FEATURES) each, at most ARTICLES


@click.command()
@click.option("--pubmedqa", type=existing, required=True, help="ori_pqal.json.")
@click.option("--ids", type=existing, required=True, help="test_ground_truth.json: left out.")
@click.option("--beir", type=folder, required=True, help="Folder with judged training queries.")
@click.option("--corpus", type=existing, help="Its corpus, where it lies elsewhere.")
@click.option("--split", default="train", show_default=True, help="Name of its qrels.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder that keeps vectors.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file.")
def main(
    pubmedqa: Path, ids: Path, beir: Path, corpus: Path | None, split: str, cache: Path | None,
    out: Path | None,
) -> None:  # fmt: skip
    """Train on the development side, and tell the out-of-fold figures."""
    if out and out.exists():
        raise click.UsageError(f"--out {out} exists; name another file, or delete it first")
    settings = load_settings(text_encoder="minilm")
    asked = of_pubmedqa(pubmedqa, ids, others=True)
    found = found_for([asked, of_beir(beir, corpus, split)], settings, cache)
    with scratch(settings) as (own, _), open_store(own) as store:
        encoder = open_encoder(own)
        add_conclusions(pubmedqa, store, encoder)
        found[CONCLUSIONS] = list(pairs(asked.asked, store, encoder))
    told = out_of_fold(found)
    click.echo(json.dumps(told))
    if out:
        head = train([pair for pairs in found.values() for pair in pairs])
        questions = {name: len(pairs) for name, pairs in found.items()}
        write_head(out, head, name="support", features=list(FEATURES), licence=LICENCE,
                   questions=questions, out_of_fold=told)  # fmt: skip


def found_for(
    sets: Sequence[Questions], settings: Settings, cache: Path | None
) -> dict[str, list[Pair]]:
    """The pairs of each set, all in one library."""
    with scratch(settings) as (own, _), open_store(own) as store:
        encoder: TextEncoder = open_encoder(own)
        if cache:
            encoder = CachedEncoder(encoder, cache)
        fill([one.corpus for one in sets], store, encoder, watch)
        return {one.name: list(pairs(one.asked, store, encoder)) for one in sets}


def add_conclusions(data: Path, store: Store, encoder: TextEncoder) -> None:
    """Put the conclusions of PubMedQA's abstracts into the library, each as an article."""
    told = json.loads(data.read_text(encoding="utf-8"))
    store.add_articles([
        Article(source_id=f"pmid:{pmid}", pmid=pmid, corpus=CONCLUSIONS,
                passages=(Passage(section="conclusion", text=entry["LONG_ANSWER"]),))
        for pmid, entry in told.items()
    ])  # fmt: skip
    for _ in embed_missing(store, encoder):
        pass


def pairs(asked: Sequence[Asked], store: Store, encoder: TextEncoder) -> Iterator[Pair]:
    """The features of what is found for each question, with its articles and without."""
    searched = search(asked, store, encoder, watch=watch)
    for there, gone in zip(searched, searched, strict=True):  # two by two
        rows = _rows(there.question, there.evidence, store)
        answering = [row for e, row in rows.items() if e in there.question.answers]
        yield _matrix(answering), _matrix(list(_rows(gone.question, gone.evidence, store).values()))


def _rows(question: Asked, found: Sequence[Any], store: Store) -> dict[str, list[float]]:
    """Of the best passage of each of the first ARTICLES, by source id."""
    rows = features(question.text, found, [e.similarity for e in found], store)
    best: dict[str, list[float]] = {}
    for passage, row in zip(found, rows, strict=True):
        best.setdefault(passage.source_id, row)
    return dict(list(best.items())[:ARTICLES])


def _matrix(rows: Sequence[Sequence[float]]) -> Floats:
    return np.array(rows, float).reshape(len(rows), len(FEATURES))


def train(found: Sequence[Pair]) -> LinearHead:
    """Fit the head to as many articles that answer as closest ones that do not."""
    answering = [there[0] for there, _ in found if len(there)]
    closest = [gone[gone[:, :2].sum(1).argmax()] for _, gone in found if len(gone)]
    matrix = _matrix([*answering, *closest])
    truth = np.array([1.0] * len(answering) + [0.0] * len(closest))
    mean, deviation = matrix.mean(0), np.maximum(matrix.std(0), 1e-6)
    targets = np.stack([1 - truth, truth], axis=1)
    fitted = fit((matrix - mean) / deviation, targets, LABELS, PENALTY)
    weights = fitted.weights / deviation[:, None]
    return replace(fitted, weights=weights, bias=fitted.bias - mean @ weights)


def out_of_fold(found: dict[str, list[Pair]]) -> dict[str, dict[str, float]]:
    """For each set, by heads that saw neither its fold nor the like fold of the other sets.

    At a threshold that makes them abstain from 90, 95 and 97% of what cannot be answered, the share
    of questions that are answered from the right article.
    """
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in found}
    for fold in range(FOLDS):
        rest = [p for pairs in found.values() for i, p in enumerate(pairs) if i % FOLDS != fold]
        head = train(rest)
        for name, pairs in found.items():
            scores[name] += [_best(head, pair) for pair in pairs[fold::FOLDS]]
    return {name: _operating(np.array(rows)) for name, rows in scores.items()}


def _best(head: LinearHead, pair: Pair) -> tuple[float, float]:
    """The best support with the articles that answer, among these; and without them."""
    return tuple(  # type: ignore[return-value]
        float(head.probabilities(rows)[:, 1].max()) if len(rows) else 0.0 for rows in pair
    )


def _operating(scores: Floats) -> dict[str, float]:
    told = {}
    for share in (0.90, 0.95, 0.97):
        least = float(np.quantile(scores[:, 1], share))
        told[f"least_{share:.2f}"] = round(least, 3)
        told[f"answered_{share:.2f}"] = round(float((scores[:, 0] > least).mean()), 3)
    return told


if __name__ == "__main__":
    main()
