"""The literature search, measured on any collection in BEIR's layout.

The corpus goes through the real ingest into a library of its own, each query through the real
search, by each way of ranking. Passages are ranked; a document is as good as its best passage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from eval import descriptions as metrics
from eval.beir import Collection, document_ids, name_of
from eval.differences import swapped
from eval.ranking import ndcg, recall, reciprocal_rank
from eval.watching import Shares, Watch, unwatched
from tools.ingest import ingest_literature
from tools.literature_search import (
    DENSE,
    HYBRID,
    LEXICAL,
    Ranking,
    find_candidates,
    ranked_again,
)
from tools.protocols import TextEncoder
from tools.reranking import Reranker
from tools.store import Store

RUNS: Mapping[str, Ranking] = {"lexical": LEXICAL, "dense": DENSE, "hybrid": HYBRID}
RERANKED = "hybrid + re-rank"
FIGURES = {"ndcg@10": ndcg, "recall@100": recall, "mrr@10": reciprocal_rank}
DOCUMENTS = 100  # a query, as far as any figure looks
WARM_UP = 3  # queries asked before the clock counts: they fill caches and plan statements
Told = dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """What one way of ranking gave for a query."""

    documents: tuple[str, ...]  # best first
    seconds: float  # from the query's words to its ranked passages


def measure(
    collection: Collection,
    store: Store,
    encoder: TextEncoder,
    watch: Watch = unwatched,
    reranker: Reranker | None = None,
) -> Told:
    """Every figure as JSON values, at the top level those of the way that is configured.

    That is the hybrid, and ranked again where there is a re-ranker.

    `store` must be empty. Each figure has its 95% interval (bootstrap over queries); every other
    run stands beside the default with a paired permutation test of nDCG@10.
    """
    report = fill(collection, store, encoder, watch)
    documents = documents_of(collection, store)
    ways = {name: _Way(store, encoder, ranking) for name, ranking in RUNS.items()}
    if reranker:
        ways[RERANKED] = _Way(store, encoder, HYBRID, reranker)
    default = list(ways)[-1]
    answered = {
        name: _answer(collection, way, documents, watch, name) for name, way in ways.items()
    }
    runs = {name: figures(collection, found) for name, found in answered.items()}
    for name in runs.keys() - {default}:
        runs[name]["p_against_default"] = _p(runs[default]["per_query"], runs[name]["per_query"])
    for run in runs.values():
        del run["per_query"]
    counts = store.counts()
    return {
        "queries": len(collection.queries),
        "queries_without_judgement": collection.unjudged,
        "documents": counts["articles"],
        "passages": counts["passages"],
        "skipped": report,
        "configuration": default,
        **runs[default],
        "runs": runs,
    }


def fill(collection: Collection, store: Store, encoder: TextEncoder, watch: Watch) -> int:
    """Ingest the corpus; how many records were skipped."""
    with watch("Filling the library", 100) as step:
        report = ingest_literature(
            collection.corpus, store=store, encoder=encoder, format="beir",
            source=name_of(collection.corpus), progress=Shares(step),
        )  # fmt: skip
    return len(report.skipped)


def figures(collection: Collection, answered: Mapping[str, Answered]) -> Told:
    """nDCG@10, recall@100 and MRR@10 with intervals, and the latency of a query."""
    told: Told = {}
    for name, figure in FIGURES.items():
        values = [
            figure(answered[query].documents, relevant)
            for query, relevant in collection.relevant.items()
        ]
        estimate = metrics.estimate(metrics.mean_value(), values)
        told |= {name: estimate.value, f"{name}_ci": [estimate.low, estimate.high]}
        told.setdefault("per_query", values)
    times = [1000 * one.seconds for one in answered.values()]
    p50, p95 = np.percentile(times, [50, 95])
    return told | {"p50_ms": float(p50), "p95_ms": float(p95)}


def documents_of(collection: Collection, store: Store) -> dict[int, str]:
    """The corpus' own id of the document that a passage is of."""
    own = document_ids(collection.corpus)
    return {number: own[source] for number, source in store.passage_sources().items()}


@dataclass(frozen=True)
class _Way:
    """One way of ranking."""

    store: Store
    encoder: TextEncoder
    ranking: Ranking
    reranker: Reranker | None = None

    def __call__(self, query: str) -> Sequence[int]:
        vector, name = self.encoder.encode_queries([query])[0], self.encoder.name
        found = find_candidates(query, vector, name, self.store, ranking=self.ranking)
        return ranked_again(query, found, self.ranking, name, self.reranker)


def _answer(
    collection: Collection, way: _Way, documents: Mapping[int, str], watch: Watch, name: str
) -> dict[str, Answered]:
    for query in list(collection.queries.values())[:WARM_UP]:
        way(query)
    answered: dict[str, Answered] = {}
    with watch(f"Asking ({name})", len(collection.queries)) as step:
        for number, query in collection.queries.items():
            began = perf_counter()
            passages = way(query)
            seconds = perf_counter() - began
            found = dict.fromkeys(documents[passage] for passage in passages)
            answered[number] = Answered(tuple(found)[:DOCUMENTS], seconds)
            step(1)
    return answered


def _p(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return swapped(metrics.mean_value(), ours, theirs)
