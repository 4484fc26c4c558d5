"""The official metrics of the public datasets, from each row's truth and its answers' scores.

ChestX-ray14: AUROC of every finding and their mean (Wang et al. 2017). APTOS 2019: quadratic
weighted kappa (Cohen 1968). PubMedQA: accuracy and macro-F1 (Jin et al. 2019), of exactly the
questions of its ground truth. It runs no model. MIMIC-III has no official task among ours.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tools.errors import BadInputError
from tools.ingest.layouts.aptos import GRADES
from tools.ingest.layouts.chestxray14 import FINDINGS

ANSWERS = ("yes", "no", "maybe")
Scored = tuple[Mapping[str, str], Mapping[str, float]]  # a row's truth, the score of each answer
Figures = dict[str, float]


def auroc(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """The share of pairs of a positive and a negative that the scores order, ties half.

    By ranks (Mann and Whitney 1947); NaN where all are positive or none is.
    """
    positive = np.asarray(truth, dtype=bool)
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    ranks = rankdata(np.asarray(scores, dtype=float))
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * m))


def confusion(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> NDArray[np.float64]:
    """Counts of (truth, said), (labels, labels); BadInputError for what is no label."""
    at = {label: n for n, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)))
    for pair, number in Counter(pairs).items():
        if unknown := [label for label in pair if label not in at]:
            raise BadInputError(f"{unknown[0]!r} is no label; known: {', '.join(labels)}")
        counts[at[pair[0]], at[pair[1]]] = number
    return counts


def quadratic_kappa(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> float:
    """Agreement beyond chance, weighted by the squared distance of grades in the order of `labels`.

    NaN where truth and answers are one and the same single grade.
    """
    counts = confusion(pairs, labels)
    grades = np.arange(len(labels))
    weights = (grades[:, None] - grades[None]) ** 2
    by_chance = np.outer(counts.sum(1), counts.sum(0)) / max(counts.sum(), 1)
    expected = float((weights * by_chance).sum())
    return 1 - float((weights * counts).sum()) / expected if expected else float("nan")


def accuracy(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> float:
    """The share of right answers; NaN for none."""
    counts = confusion(pairs, labels)
    return float(np.trace(counts) / counts.sum()) if counts.any() else float("nan")


def macro_f1(pairs: Iterable[tuple[str, str]], labels: Sequence[str]) -> float:
    """The mean F1 of the labels that occur, in the truth or in the answers."""
    counts = confusion(pairs, labels)
    both = counts.sum(0) + counts.sum(1)
    occurs = both > 0
    return (
        float((2 * np.diag(counts)[occurs] / both[occurs]).mean()) if occurs.any() else float("nan")
    )


def pubmedqa(truth: Mapping[str, str], said: Mapping[str, str]) -> Figures:
    """Accuracy and macro-F1 of PMID -> answer; the PMIDs must be exactly those of the truth."""
    if truth.keys() != said.keys():
        lacking, extra = sorted(truth.keys() - said.keys()), sorted(said.keys() - truth.keys())
        raise BadInputError(
            f"the answers are not those of the ground truth: {len(lacking)} PMIDs lack one "
            f"({', '.join(lacking[:3])}), {len(extra)} are not in it ({', '.join(extra[:3])})"
        )
    pairs = [(truth[pmid], said[pmid]) for pmid in truth]
    return {"accuracy": accuracy(pairs, ANSWERS), "macro_f1": macro_f1(pairs, ANSWERS)}


def _of_pubmedqa(rows: Sequence[Scored]) -> Figures:
    truth = {fields["pmid"]: fields["final_decision"] for fields, _ in rows}
    return pubmedqa(truth, {fields["pmid"]: likeliest(scores) for fields, scores in rows})


def _of_aptos(rows: Sequence[Scored]) -> Figures:
    pairs = [(GRADES[int(fields["diagnosis"])], likeliest(scores)) for fields, scores in rows]
    return {"quadratic_kappa": quadratic_kappa(pairs, GRADES)}


def _of_chestxray14(rows: Sequence[Scored]) -> Figures:
    """A finding that occurs in no image, or in all, has no AUROC: `findings` says how many have."""
    asked: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for fields, scores in rows:
        if "present" in fields:
            asked[fields["finding"]].append((fields["present"] == "yes", margin(scores)))
    found = {name: auroc(*zip(*asked[name], strict=True)) for name in FINDINGS if asked[name]}
    known = [value for value in found.values() if value == value]
    mean = float(np.mean(known)) if known else float("nan")
    return {"mean_auroc": mean, "findings": len(known)} | {
        f"auroc:{k}": v for k, v in found.items()
    }


def likeliest(scores: Mapping[str, float]) -> str:
    """The answer with the highest score."""
    return max(scores, key=lambda answer: scores[answer])


def margin(scores: Mapping[str, float]) -> float:
    """How far "yes" is ahead of "no": of log-probabilities, the log of their odds."""
    return scores["yes"] - scores["no"]


OFFICIAL: Mapping[str, Callable[[Sequence[Scored]], Figures]] = {
    "chestxray14": _of_chestxray14,
    "aptos": _of_aptos,
    "pubmedqa": _of_pubmedqa,
}


def official_figures(format: str, rows: Sequence[Scored]) -> Figures:
    """The dataset's own metric; empty where it has none."""
    return OFFICIAL[format](rows) if format in OFFICIAL else {}
