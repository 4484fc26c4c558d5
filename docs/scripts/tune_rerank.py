"""Fit the weights of the re-ranking step, and show out of fold what they bring.

python docs/scripts/tune_rerank.py BEIR [--corpus FILE] [--split NAME] [--cache DIR] [--check BEIR]:
a linear ranker over the first passages of the hybrid (softmax cross-entropy over a query's
candidates: Cao et al., "Learning to Rank: From Pairwise to Listwise Approach", ICML 2007), beside
the hybrid as it is, by nDCG@10 with paired permutation tests: on the folds of tune_fusion.py, and
on folds that no document is in twice. --check: another collection, ranked by the weights of all
claims, queries 1-15 and the rest apart. Prints JSON.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

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
from tools.literature_search import HYBRID, find_candidates
from tools.protocols import TextEncoder
from tools.reranking import DEPTH, FEATURES, features
from tools.store import Store

FOLDS = 5
PENALTY = 1e-3
SETS = {
    "as in the hybrid": ("bm25", "cosine"),
    "+ words": ("bm25", "cosine", "words"),
    "+ words, neighbours, numbers": ("bm25", "cosine", "words", "neighbours", "numbers"),
    "all": FEATURES,
}


@dataclass(frozen=True)
class Asked:
    """A query's first passages."""

    documents: tuple[str, ...]  # of each passage, in the hybrid's order
    rows: np.ndarray  # (passages, features)
    rest: tuple[str, ...]  # documents of what is not ranked again
    relevant: Mapping[str, int]

    def ndcg(self, scores: np.ndarray) -> float:
        order = np.argsort(-scores, kind="stable")
        ranked = [*(self.documents[i] for i in order), *self.rest]
        return ndcg(list(dict.fromkeys(ranked)), self.relevant)

    def right(self) -> np.ndarray:
        return np.array([d in self.relevant for d in self.documents])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("beir", type=Path)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--check", type=Path)
    given = parser.parse_args()
    settings = load_settings(starter_library=False)
    encoder: TextEncoder = open_encoder(settings)
    if given.cache:
        encoder = CachedEncoder(encoder, given.cache)

    def asked(collection: Collection) -> list[Asked]:
        with scratch(settings) as (own, _), open_store(own) as store:
            return ask(collection, store, encoder)

    trained = asked(read_collection(given.beir, given.corpus, given.split))
    checked = asked(read_collection(given.check)) if given.check else []
    json.dump({name: told(trained, checked, used) for name, used in SETS.items()}, sys.stdout,
              indent=1)  # fmt: skip


def ask(collection: Collection, store: Store, encoder: TextEncoder) -> list[Asked]:
    fill(collection, store, encoder, watch)
    documents = documents_of(collection, store)
    found = []
    with watch("Asking", len(collection.queries)) as step:
        for number, query in collection.queries.items():
            vector = encoder.encode_queries([query])[0]
            candidates = find_candidates(query, vector, encoder.name, store)
            ranked = candidates.ranked(HYBRID)
            first = ranked[:DEPTH]
            rows = features(query, candidates, first, store, encoder.name)
            named = [documents[passage] for passage in ranked]
            found.append(Asked(tuple(named[:DEPTH]), rows, tuple(named[DEPTH:]),
                               collection.relevant[number]))  # fmt: skip
            step(1)
    return found


def told(
    asked: Sequence[Asked], checked: Sequence[Asked], used: Sequence[str]
) -> dict[str, object]:
    columns = [FEATURES.index(name) for name in used]
    hybrid = [one.ndcg(-np.arange(len(one.rows))) for one in asked]
    report: dict[str, object] = {"hybrid": float(np.mean(hybrid))}
    drawn = np.random.default_rng(0).permutation(len(asked)) % FOLDS
    for name, folds in (("folds of tune_fusion", drawn), ("no document twice", apart(asked))):
        ours = np.zeros(len(asked))
        for fold in range(FOLDS):
            weights = fitted(
                [one for one, at in zip(asked, folds, strict=True) if at != fold], columns
            )
            for i in np.flatnonzero(folds == fold):
                ours[i] = asked[i].ndcg(asked[i].rows[:, columns] @ weights)
        p = swapped(metrics.mean_value(), list(ours), hybrid)
        report[name] = {"ndcg@10": float(ours.mean()), "p": p}
    weights = fitted(asked, columns)
    weights = weights / np.abs(weights).sum()
    report["weights"] = dict(zip(used, weights.round(3).tolist(), strict=True))
    if checked:
        other = [one.ndcg(one.rows[:, columns] @ weights) for one in checked]
        before = [one.ndcg(-np.arange(len(one.rows))) for one in checked]
        report["check"] = {
            part: {"hybrid": float(np.mean(before[at])), "ours": float(np.mean(other[at])),
                   "p": swapped(metrics.mean_value(), other[at], before[at])}
            for part, at in (("1-15", slice(0, 15)), ("16-", slice(15, None)))
        }  # fmt: skip
    return report


def apart(asked: Sequence[Asked]) -> np.ndarray:
    """Folds such that claims with a relevant document in common are in one."""
    group: dict[str, int] = {}
    for i, one in enumerate(asked):
        met = {group[d] for d in one.relevant if d in group}
        group = {d: i if g in met else g for d, g in group.items()} | dict.fromkeys(one.relevant, i)
    numbers = [group[next(iter(one.relevant))] for one in asked]
    names, inverse = np.unique(numbers, return_inverse=True)
    return (np.random.default_rng(0).permutation(len(names)) % FOLDS)[inverse]


def fitted(asked: Sequence[Asked], columns: Sequence[int]) -> np.ndarray:
    """Weights that make the relevant among a query's passages likely, by L-BFGS."""
    able = [(one.rows[:, columns], one.right()) for one in asked if one.right().any()]
    spread = np.concatenate([rows for rows, _ in able]).std(0) + 1e-9

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        cost, slope = PENALTY * weights @ weights, 2 * PENALTY * weights
        for rows, right in able:
            scaled = rows / spread
            scores = scaled @ weights
            all_, good = logsumexp(scores), logsumexp(scores[right])
            cost += (all_ - good) / len(able)
            chance = np.exp(scores - all_)
            chance[right] -= np.exp(scores[right] - good)
            slope = slope + scaled.T @ chance / len(able)
        return float(cost), slope

    return minimize(loss, np.zeros(len(columns)), jac=True, method="L-BFGS-B").x / spread


if __name__ == "__main__":
    main()
