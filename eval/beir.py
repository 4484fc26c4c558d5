"""A folder in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/*.tsv (Thakur et al. 2021).

SciFact's own corpus.jsonl is read as well, and a corpus may lie elsewhere.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tools.errors import BadInputError
from tools.ingest.formats import beir
from tools.library import Article

Relevance = Mapping[str, int]  # how relevant each document is to a query, 1 or more


@dataclass(frozen=True)
class Collection:
    """Documents, and queries with what is relevant to them."""

    corpus: Path
    split: str
    queries: Mapping[str, str]
    relevant: Mapping[str, Relevance]
    unjudged: int  # queries without a relevant document, left out


def read_collection(
    root: Path,
    corpus: Path | None = None,
    split: str | None = None,
    only: Sequence[int] | None = None,
) -> Collection:
    """The queries of a split that have judgements; `only` takes a range of them, from 1.

    Raises BadInputError naming the file and the line that cannot be used.
    """
    corpus = corpus or root / "corpus.jsonl"
    if not corpus.is_file():
        raise BadInputError(f"{corpus} does not exist; name the corpus by --corpus")
    texts = {str(row["_id"]): str(row["text"]) for row in _rows(root / "queries.jsonl")}
    path = _qrels(root / "qrels", split)
    judged = _judgements(path)
    first, last = only or (1, len(judged))
    relevant = {
        query: found
        for query, documents in islice(judged.items(), first - 1, last)
        if query in texts and (found := {d: s for d, s in documents.items() if s > 0})
    }
    if not relevant:
        raise BadInputError(f"{path} judges no query of {root / 'queries.jsonl'}")
    queries = {query: texts[query] for query in relevant}
    return Collection(corpus, path.stem, queries, relevant, last - first + 1 - len(relevant))


def document_ids(corpus: Path) -> dict[str, str]:
    """The corpus' own id by the id that the library gives its article."""
    with corpus.open("rb") as stream:
        records = list(beir.read(stream, name_of(corpus)))
    own = (str(row.get("_id", row.get("doc_id"))) for row in _rows(corpus))
    return {
        record.source_id: document
        for record, document in zip(records, own, strict=True)
        if isinstance(record, Article)
    }


def name_of(corpus: Path) -> str:
    """What the library calls the corpus."""
    return corpus.resolve().parent.name


def _qrels(folder: Path, split: str | None) -> Path:
    found = {path.stem: path for path in sorted(folder.glob("*.tsv"))}
    if split is None:
        split = "test" if "test" in found or len(found) != 1 else next(iter(found))
    if split not in found:
        there = ", ".join(found) or "nothing"
        raise BadInputError(f"{folder} has no {split}.tsv; there is {there}: name one by --split")
    return found[split]


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t"), 1):
            if number == 1 and row[-1:] == ["score"]:
                continue
            try:
                query, document, score = row
                judged.setdefault(query, {})[document] = int(score)
            except ValueError:
                raise BadInputError(
                    f"{path}, line {number}: {row} is not query-id, corpus-id and score"
                ) from None
    return judged


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _row(path, number, line)
    except OSError as e:
        raise BadInputError(f"{path} cannot be read: {e.strerror}") from e


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as e:
        raise BadInputError(f"{path}, line {number} is not JSON ({e})") from e
    if not isinstance(row, dict) or not {"_id", "doc_id"} & row.keys():
        raise BadInputError(f"{path}, line {number} has no _id")
    return row
