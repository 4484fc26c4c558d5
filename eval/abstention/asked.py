"""Questions, with the articles that answer them, and the files that make their library."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.beir import document_ids, name_of, read_collection
from eval.pubmedqa.questions import Question, read_questions, read_truth
from eval.pubmedqa.questions import asked as asked_of


@dataclass(frozen=True)
class Asked:
    """A question and the source ids of the articles that answer it."""

    text: str
    answers: frozenset[str]


@dataclass(frozen=True)
class Corpus:
    """A file of articles, and how it is read."""

    path: Path
    format: str
    name: str


@dataclass(frozen=True)
class Questions:
    """What is asked of which library."""

    name: str
    corpus: Corpus
    asked: tuple[Asked, ...]


def of_beir(root: Path, corpus: Path | None, split: str | None) -> Questions:
    """The judged queries of a folder in BEIR's layout; BadInputError as `read_collection`."""
    collection = read_collection(root, corpus, split)
    library_id = {own: source for source, own in document_ids(collection.corpus).items()}
    rows = tuple(
        Asked(text, answers)
        for query, text in collection.queries.items()
        if (answers := frozenset(library_id[d] for d in collection.relevant[query]
                                 if d in library_id))
    )  # fmt: skip
    name = name_of(collection.corpus)
    return Questions(name, Corpus(collection.corpus, "beir", name), rows)


def of_pubmedqa(data: Path, ids: Path | None, *, others: bool = False) -> Questions:
    """The questions of PubMedQA's file that `ids` lists, or the others; each has one abstract."""
    questions, truth = read_questions(data), read_truth(ids) if ids else {}
    listed = asked_of(questions, truth) if ids else list(questions.values())
    chosen = [q for q in questions.values() if q.pmid not in truth] if others else listed
    return Questions("pubmedqa", Corpus(data, "pubmedqa", "pubmedqa"), _own_abstracts(chosen))


def _own_abstracts(questions: Sequence[Question]) -> tuple[Asked, ...]:
    return tuple(Asked(q.text, frozenset({f"pmid:{q.pmid}"})) for q in questions)
