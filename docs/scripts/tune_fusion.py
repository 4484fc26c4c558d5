"""Tune how much words and meaning count in the literature search, out of fold.

python docs/scripts/tune_fusion.py BEIR [--corpus FILE] [--split train] [--cache DIR]: every query
is ranked with the weight that is best on the other folds, beside words alone, meaning alone and
their untuned reciprocal rank fusion, by nDCG@10 with paired permutation tests. Prints JSON.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from agent.build import open_encoder, open_store
from agent.settings import load_settings
from eval import descriptions as metrics
from eval.beir import Collection, read_collection
from eval.cached_encoder import CachedEncoder
from eval.commands.scratch import scratch
from eval.differences import swapped
from eval.ranking import ndcg
from eval.retrieval import documents_of, fill
from eval.watching import watch
from tools.literature_search import Candidates, Ranking, find_candidates
from tools.protocols import TextEncoder
from tools.store import Store

FOLDS = 5
WEIGHTS = [round(0.05 * n, 2) for n in range(21)]  # of words; the rest is meaning's
RRF_K = 60  # Cormack, Clarke and Buettcher, SIGIR 2009


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("beir", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    collection = read_collection(given.beir, given.corpus, given.split)
    settings = load_settings(starter_library=False)
    encoder = open_encoder(settings)
    if given.cache:
        encoder = CachedEncoder(encoder, given.cache)
    with scratch(settings) as (own, _), open_store(own) as store:
        json.dump(tuned(collection, store, encoder), sys.stdout, indent=1)


def tuned(collection: Collection, store: Store, encoder: TextEncoder) -> dict[str, object]:
    fill(collection, store, encoder, watch)
    documents = documents_of(collection, store)
    found = {}
    with watch("Asking", len(collection.queries)) as step:
        for number, query in collection.queries.items():
            vector = encoder.encode_queries([query])[0]
            found[number] = find_candidates(query, vector, encoder.name, store)
            step(1)
    return compared(collection, found, documents)


def compared(
    collection: Collection, found: Mapping[str, Candidates], documents: Mapping[int, str]
) -> dict[str, object]:
    def scored(query: str, passages: list[int]) -> float:
        ranked = list(dict.fromkeys(documents[passage] for passage in passages))
        return ndcg(ranked, collection.relevant[query])

    def by_weight(weight: float) -> list[float]:
        ranking = Ranking(weight, 1 - weight)
        return [scored(query, one.ranked(ranking)) for query, one in found.items()]

    table = np.array([by_weight(weight) for weight in WEIGHTS])  # (weights, queries)
    folds = np.random.default_rng(0).permutation(len(found)) % FOLDS
    best = [int(table[:, folds != fold].mean(1).argmax()) for fold in range(FOLDS)]
    ours = [float(table[best[fold], at]) for at, fold in enumerate(folds)]
    others = {
        "words": list(table[-1]),
        "meaning": list(table[0]),
        "rrf": [scored(query, fused(one)) for query, one in found.items()],
    }
    mean = metrics.mean_value()
    return {
        "queries": len(ours),
        "out_of_fold": float(np.mean(ours)),
        "weights": [WEIGHTS[index] for index in best],
        "others": {name: float(np.mean(values)) for name, values in others.items()},
        "p": {name: swapped(mean, ours, values) for name, values in others.items()},
        "by_weight": dict(zip(map(str, WEIGHTS), table.mean(1).tolist(), strict=True)),
    }


def fused(candidates: Candidates) -> list[int]:
    scores: dict[int, float] = {}
    for ranking in (candidates.lexical, candidates.cosines):
        for rank, number in enumerate(sorted(ranking, key=lambda n: -ranking[n]), 1):
            scores[number] = scores.get(number, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda number: -scores[number])


if __name__ == "__main__":
    main()
