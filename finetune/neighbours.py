"""Labelled cells as a library of similar cases, held in memory: the nearest, and decoys.

A decoy stands in the place of the nearest cases and is wrong in one way: it is of another type, or
its labels are false, or they are those of other cells of its type. What a search of a library would
give is `nearest`; nothing here knows how cases weigh.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from finetune.data.example import Example
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, BY_NAME, CELL_TYPE
from tools.protocols import Vectors

Facts = Mapping[str, str]
NAMES = tuple(question.name for question in ATTRIBUTES)


@dataclass(frozen=True, eq=False)
class Library:
    """Labelled cells with their vectors, (cells, width), L2-normalised."""

    examples: Sequence[Example]
    vectors: Vectors

    def nearest(
        self, vector: Vectors, number: int, among: Callable[[Facts], bool] = bool
    ) -> list[CaseEvidence]:
        """The most similar cells, the closest first, `among` those whose labels it allows."""
        cosines = self.vectors @ vector
        allowed = (i for i in np.argsort(-cosines, kind="stable") if among(self.examples[i].facts))
        return [_case(self.examples[i], float(cosines[i])) for i in islice(allowed, number)]


def _case(example: Example, similarity: float) -> CaseEvidence:
    return CaseEvidence(
        image_id=example.name, caption="", labels=dict(example.facts), similarity=similarity,
        source=example.source, licence=example.licence,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Query:
    """A cell that is asked about: what is true of it, and its vector, (width,)."""

    name: str
    truth: Facts
    vector: Vectors


Neighbours = Callable[[Query, Library, int], list[CaseEvidence]]


def nearest(query: Query, library: Library, number: int) -> list[CaseEvidence]:
    return library.nearest(query.vector, number)


def of_other_types(query: Query, library: Library, number: int) -> list[CaseEvidence]:
    true = query.truth[CELL_TYPE.name]
    return library.nearest(query.vector, number, lambda facts: facts[CELL_TYPE.name] != true)


def of_one_wrong_type(query: Query, library: Library, number: int) -> list[CaseEvidence]:
    options = [o for o in CELL_TYPE.options if o != query.truth[CELL_TYPE.name]]
    wrong = random.Random(query.name).choice(options)
    return library.nearest(query.vector, number, lambda facts: facts[CELL_TYPE.name] == wrong)


def falsely_labelled(query: Query, library: Library, number: int) -> list[CaseEvidence]:
    """Every attribute of the nearest cases is another one."""
    return _falsified(query, library, number, NAMES)


def labelled_as_others(query: Query, library: Library, number: int) -> list[CaseEvidence]:
    """The nearest cases have the labels of other cells of their type: what the type alone tells."""
    rng = random.Random(query.name)

    def other(case: CaseEvidence) -> dict[str, str]:
        kind = case.labels[CELL_TYPE.name]
        alike = [e for e in library.examples if e.facts[CELL_TYPE.name] == kind]
        return dict(rng.choice(alike).facts)

    cases = library.nearest(query.vector, number)
    return [case.model_copy(update={"labels": other(case)}) for case in cases]


def with_false(name: str) -> Neighbours:
    """Neighbours of which one attribute is another one in every case."""
    return lambda query, library, number: _falsified(query, library, number, [name])


def _falsified(
    query: Query, library: Library, number: int, names: Sequence[str]
) -> list[CaseEvidence]:
    rng = random.Random(query.name)

    def labels(case: CaseEvidence) -> Iterator[tuple[str, str]]:
        for name, label in case.labels.items():
            others = [o for o in BY_NAME[name].options if o != label] if name in names else [label]
            yield name, rng.choice(others)

    cases = library.nearest(query.vector, number)
    return [case.model_copy(update={"labels": dict(labels(case))}) for case in cases]
