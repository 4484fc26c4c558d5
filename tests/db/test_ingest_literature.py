"""Literature on its way into a real library."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from eutils import serving

from tools.errors import BadInputError, RemoteServiceError
from tools.evidence import LiteratureEvidence
from tools.ingest import Interrupted, ingest_literature, ingest_pubmed
from tools.protocols import Vectors
from tools.pubmed import PubMed
from tools.store import Store

pytestmark = pytest.mark.db


def top(store: Store, query: str) -> LiteratureEvidence:
    """The best passage by words."""
    number = store.lexical_passages(query, 1)[0].passage_id
    return store.evidence({number: 0.0})[number]


class Letters:
    """A sentence encoder in ten lines: which of four letters a text has."""

    name, dimension, normalised = "letters", 4, True

    def __init__(self, fails_at: int = 10**9) -> None:
        self.calls, self.fails_at = 0, fails_at

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.calls >= self.fails_at:
            raise MemoryError("the encoder dies")
        found = np.array([[text.count(c) + 1 for c in "abcd"] for text in texts], np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    encode_queries = encode_passages


def corpus(path: Path, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"_id": str(n), "title": f"T{n}", "text": f"Body {n}."} for n in range(number)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def ingest(store):
    return lambda path, **more: ingest_literature(path, store=store, encoder=Letters(), **more)


def test_articles_arrive_embedded_and_a_second_run_changes_nothing(store, ingest, tmp_path):
    path = corpus(tmp_path / "mine" / "corpus.jsonl", 150)
    report = ingest(path)
    assert (report.done, report.unchanged, report.skipped) == (150, 0, ())
    before = store.counts()
    assert before["articles"] == before["passages"] == before["passage_embeddings:letters"] == 150
    report = ingest(path)
    assert (report.done, report.unchanged) == (0, 150)
    assert store.counts() == before
    assert top(store, "body 7").source_id.startswith("mine:")


def test_a_folder_is_searched_and_other_files_are_passed_over(store, ingest, tmp_path):
    corpus(tmp_path / "a" / "corpus.jsonl", 2)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.txt.gz").write_bytes(gzip.compress(b"5|t|Title.\n5|a|Abstract.\n"))
    (tmp_path / "queries.jsonl").write_text('{"_id": "1", "text": "a query"}')
    (tmp_path / "readme.txt").write_text("hello")
    assert ingest(tmp_path).done == 3
    assert store.has_pmids(["5"]) == {"5"}


def test_the_id_of_a_corpus_does_not_depend_on_the_folder_that_was_named(ingest, tmp_path):
    path = corpus(tmp_path / "nfcorpus" / "corpus.jsonl", 3)
    assert [ingest(p).unchanged for p in (tmp_path, path.parent, path)] == [0, 3, 3]


def test_a_bad_record_is_named_and_the_rest_goes_in(ingest, tmp_path):
    path = corpus(tmp_path / "corpus.jsonl", 2)
    path.write_text(path.read_text() + "{broken\n")
    report = ingest(path)
    assert report.done == 2
    assert report.skipped[0][0] == f"{path}: line 3"


def test_a_retraction_reaches_an_article_that_is_there(store, ingest, tmp_path):
    medline = "PMID- 7\nTI  - Title.\nAB  - Abstract on cells.\nPT  - {}\n"
    path = tmp_path / "x.txt"
    path.write_text(medline.format("Journal Article"))
    ingest(path)
    path.write_text(medline.format("Retracted Publication"))
    assert ingest(path).unchanged == 1
    assert top(store, "cells").retracted


def test_passages_left_without_a_vector_get_it_in_the_next_run(store, tmp_path):
    path = corpus(tmp_path / "corpus.jsonl", 150)
    with pytest.raises(MemoryError):
        ingest_literature(path, store=store, encoder=Letters(fails_at=2), format="beir")
    assert store.counts()["passages"] > store.counts().get("passage_embeddings:letters", 0)
    report = ingest_literature(path, store=store, encoder=Letters())
    assert report.done + report.unchanged == 150
    assert store.counts()["passage_embeddings:letters"] == store.counts()["passages"] == 150


def test_stopping_keeps_the_batch_in_hand(store, ingest, tmp_path):
    path = corpus(tmp_path / "corpus.jsonl", 200)
    with pytest.raises(Interrupted) as stopped:
        ingest(path, cancelled=lambda: True)
    assert stopped.value.report.done == store.counts()["articles"] == 200
    assert store.counts()["passage_embeddings:letters"] == 64
    assert stopped.value.report.in_words("articles").endswith("136 passages still to embed")
    assert ingest(path).done == 0
    assert store.counts()["passage_embeddings:letters"] == 200


def test_progress_is_the_share_of_bytes_read(ingest, tmp_path):
    told: list[float | None] = []
    corpus(tmp_path / "a" / "corpus.jsonl", 100)
    corpus(tmp_path / "b" / "corpus.jsonl", 100)
    ingest(tmp_path, progress=lambda share, _: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_folder_without_literature_says_what_was_looked_for(ingest, tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(BadInputError, match=r"1 files looked into.*PubMed XML"):
        ingest(tmp_path)
    with pytest.raises(BadInputError, match="is not literature"):
        ingest(tmp_path / "a.txt")


def test_a_pubmed_search_fills_the_library_and_fetches_nothing_twice(store):
    with serving() as ncbi, PubMed(ncbi.url, api_key="k") as pubmed:
        parts = {"store": store, "encoder": Letters(), "pubmed": pubmed}
        assert ingest_pubmed("cells", 70, **parts).done == 70
        report = ingest_pubmed("cells", 71, **parts)
    assert (report.done, report.unchanged) == (1, 70)
    assert ncbi.asked[-1]["id"] == "71"
    assert top(store, "abstract").pmid == "1"


def test_pubmed_failing_in_the_middle_keeps_what_was_fetched(store):
    with serving() as ncbi, PubMed(ncbi.url, api_key="k", wait=0) as pubmed:
        ncbi.failures = [(200, {}), (200, {}), *[(500, {})] * 9]
        with pytest.raises(RemoteServiceError):
            ingest_pubmed("cells", 400, store=store, encoder=Letters(), pubmed=pubmed)
    assert store.counts()["articles"] == 192  # whole batches of 64


def test_a_search_without_a_match_adds_nothing(store):
    with serving() as ncbi, PubMed(ncbi.url, api_key="k") as pubmed:
        ncbi.pmids = []
        report = ingest_pubmed("xyzzy", 5, store=store, encoder=Letters(), pubmed=pubmed)
    assert report.done == 0
