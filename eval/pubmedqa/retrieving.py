"""Read what the library finds for a question in place of the abstract it was made of.

The passages of the best-ranked article are read. A question whose search finds nothing is left
without anything to read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from eval.pubmedqa.questions import Question
from tools.evidence import LiteratureEvidence
from tools.literature_search import stands

DEPTH = 20  # passages searched, so that the sections of the best article are among them
Search = Callable[[str], Sequence[LiteratureEvidence]]


@dataclass
class Retrieval:
    """Finds what to read, and counts how often it is the question's own abstract."""

    search: Search
    own: list[bool] = field(default_factory=list)

    def __call__(self, question: Question) -> Question:
        found = [passage for passage in self.search(question.text) if stands(passage)]
        best = [passage for passage in found if passage.source_id == found[0].source_id]
        self.own.append(any(passage.pmid == question.pmid for passage in best))
        return replace(
            question,
            contexts=tuple(passage.passage for passage in best),
            labels=tuple(passage.section.upper() for passage in best),
        )

    @property
    def own_share(self) -> float | None:
        """The share of searches whose best article was the question's own abstract."""
        return sum(self.own) / len(self.own) if self.own else None
