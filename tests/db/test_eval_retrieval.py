"""`cytoscribe eval retrieval` on a small collection and a real library."""

import json

import pytest
from agent_fakes import WordEncoder

from eval.beir import document_ids, read_collection
from eval.cached_encoder import CachedEncoder
from eval.retrieval import measure
from tools.errors import BadInputError
from tools.reranking import LinearReranker

pytestmark = pytest.mark.db
TEXTS = ["neutrophil nucleus lobes", "monocyte kidney shape", "platelets clot blood", "red cells"]


@pytest.fixture
def folder(tmp_path):
    """Four documents, three queries; the third has no relevant document."""
    rows = [{"_id": f"d{n}", "title": "", "text": text} for n, text in enumerate(TEXTS)]
    write(tmp_path / "corpus.jsonl", rows)
    asked = {"q0": "neutrophil lobes", "q1": "kidney monocyte", "q2": "spleen"}
    write(tmp_path / "queries.jsonl", [{"_id": q, "text": text} for q, text in asked.items()])
    (tmp_path / "qrels").mkdir()
    judged = "query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td1\t2\nq2\td3\t0\n"
    (tmp_path / "qrels" / "test.tsv").write_text(judged)
    return tmp_path


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_every_run_has_its_figures_and_the_default_stands_on_top(folder, store):
    told = measure(read_collection(folder), store, WordEncoder())
    assert (told["queries"], told["queries_without_judgement"], told["documents"]) == (2, 1, 4)
    assert told["ndcg@10"] == told["recall@100"] == told["mrr@10"] == 1
    assert told["runs"].keys() == {"lexical", "dense", "hybrid"}
    assert 0 < told["p50_ms"] <= told["p95_ms"]
    assert told["ndcg@10"] == told["runs"][told["configuration"]]["ndcg@10"]
    json.dumps(told)


def test_a_reranker_adds_a_run_that_becomes_the_configuration(folder, store):
    collection = read_collection(folder)
    told = measure(collection, store, WordEncoder(), reranker=LinearReranker(store))
    assert told["configuration"] == "hybrid + re-rank"
    assert list(told["runs"]) == ["lexical", "dense", "hybrid", "hybrid + re-rank"]
    assert "p_against_default" in told["runs"]["hybrid"]


def test_the_ids_of_scifacts_own_corpus_are_found(tmp_path):
    folder = tmp_path / "scifact"
    folder.mkdir()
    write(folder / "corpus.jsonl", [{"doc_id": 7, "title": "T", "abstract": ["One.", "Two."]}])
    assert document_ids(folder / "corpus.jsonl") == {"s2:7": "7"}


def test_a_range_takes_some_queries(folder):
    assert list(read_collection(folder, only=(2, 2)).queries) == ["q1"]


def test_a_missing_split_is_told_with_those_that_are_there(folder):
    with pytest.raises(BadInputError, match=r"no dev\.tsv; there is test"):
        read_collection(folder, split="dev")


def test_a_damaged_line_is_named(folder):
    (folder / "qrels" / "test.tsv").write_text("q0 d0 1\n")
    with pytest.raises(BadInputError, match=r"test\.tsv, line 1"):
        read_collection(folder)
    (folder / "queries.jsonl").write_text("{\n")
    with pytest.raises(BadInputError, match=r"queries\.jsonl, line 1 is not JSON"):
        read_collection(folder)


def test_a_cache_gives_the_same_vectors_and_asks_once(tmp_path):
    asked = []

    class Counting(WordEncoder):
        def encode_passages(self, texts):
            asked.extend(texts)
            return super().encode_passages(texts)

    first = CachedEncoder(Counting(), tmp_path / "kept").encode_passages(TEXTS)
    assert (first == WordEncoder().encode_passages(TEXTS)).all()
    assert (CachedEncoder(Counting(), tmp_path / "kept").encode_passages(TEXTS) == first).all()
    assert asked == TEXTS
