"""Ask every question twice, with its articles in the library and without them, and count.

The search and the decision are the agent's own. With its articles, a question is answered rightly
when one of them is among those quoted; without them, when nothing is quoted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent.literature import supporting
from eval.abstention.asked import Asked, Corpus
from eval.abstention.without import Without
from eval.descriptions import estimate, mean_value
from eval.watching import Shares, Watch, unwatched
from tools.evidence import LiteratureEvidence
from tools.ingest import ingest_literature
from tools.literature_search import literature_search
from tools.protocols import TextEncoder
from tools.reranking import Reranker
from tools.store import Store
from tools.support import Support

PASSAGES = 5  # a search, as a turn's by default
POINTS = 20  # of the risk-coverage curve
Told = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What a search gave for a question."""

    question: Asked
    answerable: bool  # whether its articles were there
    evidence: tuple[LiteratureEvidence, ...]

    @property
    def score(self) -> float:
        """The support of the best passage."""
        return max((e.support or 0.0 for e in self.evidence), default=0.0)

    @property
    def answered(self) -> bool:
        return bool(supporting(self.evidence))

    @property
    def relevant(self) -> bool:
        """Whether something quoted answers the question."""
        return any(e.source_id in self.question.answers for e in supporting(self.evidence))


def fill(
    corpora: Sequence[Corpus], store: Store, encoder: TextEncoder, watch: Watch = unwatched
) -> int:
    """Ingest the files; how many records were skipped."""
    skipped = 0
    for corpus in corpora:
        with watch(f"Filling the library ({corpus.name})", 100) as step:
            report = ingest_literature(
                corpus.path, store=store, encoder=encoder, format=corpus.format,
                source=corpus.name, progress=Shares(step),
            )  # fmt: skip
        skipped += len(report.skipped)
    return skipped


def search(
    asked: Sequence[Asked],
    store: Store,
    encoder: TextEncoder,
    support: Support | None = None,
    watch: Watch = unwatched,
    reranker: Reranker | None = None,
) -> Iterator[Found]:
    """Each question with its articles, then without them; judged where `support` is given."""
    passages: dict[str, list[int]] = {}
    for number, source in store.passage_sources().items():
        passages.setdefault(source, []).append(number)
    with watch("Asking", len(asked)) as step:
        for question in asked:
            own = frozenset(n for source in question.answers for n in passages.get(source, ()))
            for answerable, library in ((True, store), (False, Without(store, own))):
                found = literature_search(
                    question.text, encoder, library, PASSAGES, reranker=reranker
                )
                if support:
                    found = support(question.text, found, encoder.name)
                yield Found(question, answerable, found)
            step(1)


def figures(found: Sequence[Found]) -> Told:
    """Both rates with their intervals, and the risk-coverage curve of the support."""
    there = [f for f in found if f.answerable]
    gone = [f for f in found if not f.answerable]
    told: Told = {"answerable": len(there), "unanswerable": len(gone)}
    for name, values in {
        "abstains_when_unanswerable": [not f.answered for f in gone],
        "answers_with_relevant": [f.answered and f.relevant for f in there],
        "answers_when_answerable": [f.answered for f in there],
        "found_when_answerable": [_found(f) for f in there],
    }.items():
        rate = estimate(mean_value(), [float(value) for value in values])
        told |= {name: rate.value, f"{name}_ci": [rate.low, rate.high]}
    return told | risk_coverage(found)


def _found(found: Found) -> bool:
    """Whether the search, before any decision, brought an article that answers."""
    return any(e.source_id in found.question.answers for e in found.evidence)


def risk_coverage(found: Sequence[Found]) -> Told:
    """How many answers would be wrong, were only the best supported share of questions answered.

    An answer is wrong without a relevant passage among those found. `aurc` is the mean risk over
    all coverages (Geifman and El-Yaniv 2017); `aurc_best` that of a score that knows the truth.
    """
    ranked = sorted(found, key=lambda f: -f.score)
    wrong = np.array([not _found(f) for f in ranked], float)
    ends = np.arange(1, len(wrong) + 1)
    risks, best = np.cumsum(wrong) / ends, np.cumsum(np.sort(wrong)) / ends
    at = [max(round(len(wrong) * share / POINTS), 1) for share in range(1, POINTS + 1)]
    return {
        "aurc": float(risks.mean()),
        "aurc_best": float(best.mean()),
        "risk_coverage": [[n / len(wrong), float(risks[n - 1])] for n in at],
    }
