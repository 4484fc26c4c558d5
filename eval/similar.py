"""Similar cases, measured: how many of the cases nearest to a held-out image carry its label.

The library goes through the real ingest into a database of its own, each query through the real
search. mAP@5 is the mean over queries of the average precision of the first five, hits divided by
the hits among them, as published BloodMNIST figures have it; acc@1 is the share of first cases that
carry the query's label; kNN accuracy lets the first K vote, weighted by similarity. An image that
is a query is never in the library.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval import descriptions as metrics
from eval.class_names import CLASS_QUESTIONS
from eval.split_file import read_split
from eval.watching import Shares, Step, Watch, unwatched
from tools.errors import BadImageError, BadInputError
from tools.evidence import CaseEvidence
from tools.image_search import image_search
from tools.images import OpenedImage, open_image
from tools.ingest.images import Limits, ingest_images
from tools.ingest.layouts import FoundImage, find_layout
from tools.protocols import VisionModel
from tools.store import Store

K = 5  # of mAP@K and of the votes
CLASS = "class"  # the label's name where the user means what the image is of, however it is called
Told = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """A held-out image and what it is."""

    image: OpenedImage
    label: str


@dataclass(frozen=True)
class Found:
    """What came back for a query."""

    wanted: str
    labels: tuple[str, ...]  # of the cases, nearest first
    similarities: tuple[float, ...]
    seconds: float  # of the search, without looking at the image

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Which of the cases carry the query's label."""
        return np.array([label == self.wanted for label in self.labels], dtype=bool)


def read_queries(root: Path, label: str, listed: Path | None, limits: Limits) -> list[Query]:
    """The labelled images of a folder, those of a list only where one is given.

    BadInputError where none of them has the label.
    """
    found = list(find_layout(root)[1]())
    if listed:
        split = read_split(listed, [one.path for one in found])
        found = [one for one in found if one.path in split.rows]
    queries = [query for one in found if (query := _query(one, label, limits))]
    if not queries:
        raise BadInputError(f"no image of {root} has the label {label!r}; name another by --labels")
    return queries


def _query(found: FoundImage, name: str, limits: Limits) -> Query | None:
    try:
        label = label_of(found.read().labels, name)
        source = found.path if found.content is None else found.content()
        image = open_image(source, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes)
    except (BadInputError, BadImageError):
        return None
    return Query(image, label) if label else None


def label_of(labels: Mapping[str, str], name: str) -> str | None:
    """The label called `name`; "class" is whatever says what an image is of."""
    names = (CLASS, *CLASS_QUESTIONS) if name == CLASS else (name,)
    return next((labels[each] for each in names if each in labels), None)


def measure(
    library: Path,
    queries: Sequence[Query],
    label: str,
    store: Store,
    model: VisionModel,
    limits: Limits,
    watch: Watch = unwatched,
) -> Told:
    """Every figure as JSON values, each share with its 95% interval (bootstrap over queries)."""
    held_out = {query.image.image_id for query in queries}
    with watch("Filling the library", 100) as step:
        report = ingest_images(
            library, store=store, model=model, limits=limits, leave_out=held_out,
            progress=Shares(step),
        )  # fmt: skip
    if not report.done:
        raise BadInputError(f"{library} holds no image that is not a query as well")
    with watch("Searching", len(queries)) as step:
        found = [_search(query, label, store, model, step) for query in queries]
    return {"library": report.done, "skipped": len(report.skipped), **figures(found)}


def _search(query: Query, name: str, store: Store, model: VisionModel, step: Step) -> Found:
    features = model.look([query.image.pixels])
    model.embed_image(features)  # kept with the features: the clock sees the search alone
    began = perf_counter()
    cases = image_search(query.image.image_id, features, model, store, K)
    seconds = perf_counter() - began
    step(1)
    return Found(query.label, *_told(cases, name), seconds)


def _told(cases: Sequence[CaseEvidence], name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    labels = tuple(label_of(case.labels, name) or "" for case in cases)
    return labels, tuple(case.similarity for case in cases)


def figures(found: Sequence[Found]) -> Told:
    """mAP@5, ACC@1 and kNN accuracy with intervals; balanced over classes too; latency."""
    rows = {
        "map@5": [metrics.precision_of(one.hits) for one in found],
        "acc@1": [float(one.labels[:1] == (one.wanted,)) for one in found],
        "knn_accuracy": [float(vote(one) == one.wanted) for one in found],
    }
    told: Told = {"queries": len(found)}
    for key, values in rows.items():
        estimate = metrics.estimate(metrics.mean_value(), values)
        told |= {key: estimate.value, f"{key}_ci": [estimate.low, estimate.high]}
    told["knn_accuracy_balanced"] = _balanced(found, rows["knn_accuracy"])
    told["commonest"] = _commonest(found)
    p50, p95 = np.percentile([1000 * one.seconds for one in found], [50, 95])
    return told | {"p50_ms": float(p50), "p95_ms": float(p95)}


def vote(one: Found) -> str:
    """The label with the largest sum of similarities."""
    votes: defaultdict[str, float] = defaultdict(float)
    for label, similarity in zip(one.labels, one.similarities, strict=True):
        votes[label] += similarity
    return max(votes, key=lambda label: votes[label], default="")


def _balanced(found: Sequence[Found], right: Sequence[float]) -> float:
    by_class: defaultdict[str, list[float]] = defaultdict(list)
    for one, value in zip(found, right, strict=True):
        by_class[one.wanted].append(value)
    return float(np.mean([np.mean(values) for values in by_class.values()]))


def _commonest(found: Sequence[Found]) -> float:
    """What always naming the commonest label would score: the floor of every share."""
    wanted = [one.wanted for one in found]
    return max(wanted.count(label) for label in set(wanted)) / len(wanted)
