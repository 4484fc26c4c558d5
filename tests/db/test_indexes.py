"""Searching by an index: what it finds, when it is built, and what becomes of it."""

import json
import threading

import numpy as np
import psycopg
import pytest
from test_images import image

from agent.__main__ import run
from tools.errors import BusyError
from tools.ingest.indexing import index_due
from tools.ingest.report import never, silent
from tools.library import ArticleFilter, CaseFilter
from tools.store import Store, indexes
from tools.store.indexes import choose
from tools.store.nearest import FILTERED, STEP

pytestmark = pytest.mark.db

ROWS, DIMENSION = 6_000, 64
SEVERAL = 20  # queries


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Of 200 subjects, as texts are; the last ones are the queries."""
    random = np.random.default_rng(0)
    subjects = random.normal(size=(200, DIMENSION))
    found = subjects[random.integers(200, size=ROWS + SEVERAL)]
    found += 0.6 * random.normal(size=found.shape)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def filled(store: Store, vectors: np.ndarray) -> Store:
    """A passage an article, its id and year from 1 and 0; year % 100 is evenly spread."""
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO articles (source_id, title, year, mesh_terms, publication_types, "
            "retracted, corpus) SELECT 'made:' || n, '', n %% 100, '{}', '{}', false, 'made' "
            "FROM generate_series(1, %s) AS n",
            (ROWS,),
        )
        connection.execute(
            "INSERT INTO passages (article_id, position, section, passage, quoted) "
            "SELECT article_id, 0, 'abstract', 'text', true FROM articles ORDER BY article_id"
        )
    store.add_passage_embeddings("made", range(1, ROWS + 1), vectors[:ROWS])
    return store


@pytest.fixture
def indexed(filled: Store) -> Store:
    build(filled, "halfvec")
    return filled


def build(store: Store, method: str, **more) -> bool:
    (served,) = store.served()
    return store.build_index(served, method, **more)


def recall(store: Store, vectors: np.ndarray, k: int, filters: ArticleFilter, allowed) -> float:
    """Of the 10 best of those allowed, by exact search."""
    ids = 1 + np.flatnonzero(allowed)
    found = 0
    for query in vectors[ROWS:]:
        best = ids[np.argsort(-(vectors[ids - 1] @ query))[:10]]
        hits = store.nearest_passages("made", query, k, filters)[:10]
        assert [hit.score for hit in hits] == pytest.approx(
            [vectors[hit.passage_id - 1] @ query for hit in hits], abs=1e-5
        )
        found += len(set(best.tolist()) & {hit.passage_id for hit in hits})
    return found / (10 * SEVERAL)


@pytest.mark.parametrize("method", ["halfvec", "binary"])
def test_an_index_finds_what_comparing_all_finds(filled, vectors, method):
    assert build(filled, method)
    (served,) = filled.served()
    assert (served.method, served.rows) == (method, ROWS)
    assert served.index_bytes > 0
    everything = np.ones(ROWS, bool)
    for k in (10, 100):
        assert recall(filled, vectors, k, ArticleFilter(), everything) >= 0.95
    assert index_scans(filled) > 0


def index_scans(store: Store) -> int:
    with store.transaction() as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
    with store.transaction() as connection:
        row = connection.execute(
            "SELECT sum(idx_scan) FROM pg_stat_user_indexes WHERE indexrelname ~ '_[0-9]+_'"
        ).fetchone()
    return int(row[0])


@pytest.mark.parametrize(("year_from", "percent"), [(99, 1), (80, 20), (2, 98)])
def test_a_filter_costs_no_recall(indexed, vectors, year_from, percent):
    allowed = np.arange(1, ROWS + 1) % 100 >= year_from
    assert allowed.mean() == percent / 100
    walked = ROWS * percent / 100 > (STEP * FILTERED * ROWS) ** 0.5
    assert walked == (percent == 98)  # the others are compared one by one
    for k in (10, 40):
        found = recall(indexed, vectors, k, ArticleFilter(year_from=year_from), allowed)
        assert found == 1.0 if not walked else found >= 0.99
    assert (index_scans(indexed) > 0) == walked


def test_a_filter_that_nothing_satisfies_finds_nothing(indexed, vectors):
    assert indexed.nearest_passages("made", vectors[0], 10, ArticleFilter(year_from=100)) == []


def test_more_may_be_asked_for_than_there_is(indexed, vectors):
    found = indexed.nearest_passages("made", vectors[0], ROWS + 1)
    assert len(found) == ROWS
    some = indexed.nearest_passages("made", vectors[0], 1_500, ArticleFilter(year_from=1))
    assert len(some) == 1_500


def test_a_search_within_a_transaction_uses_the_index_too(indexed, vectors):
    with indexed.together():
        (nearest, *_) = indexed.nearest_passages("made", vectors[7], 3)
        assert len(indexed.nearest_passages("made", vectors[7], 500)) == 500
    assert nearest.passage_id == 8


def test_the_other_index_of_a_model_is_dropped(indexed):
    assert build(indexed, "binary")
    with indexed.transaction() as connection:
        rows = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE indexname ~ '_[0-9]+_'"
        ).fetchall()
    assert rows == [("passage_embeddings_1_binary",)]
    (served,) = indexed.served()
    indexed.drop_index(served)
    assert indexed.served()[0].method == "exact"


def test_a_search_goes_on_while_an_index_is_built_and_a_stopped_build_leaves_nothing(
    filled, database_url, vectors
):
    with psycopg.connect(database_url) as old:  # an old snapshot, for which the build must wait
        old.execute("SELECT count(*) FROM passages")
        told: list[object] = []

        def progress(share: float | None) -> None:
            told.append(filled.nearest_passages("made", vectors[3], 1)[0].passage_id)

        assert not build(filled, "halfvec", progress=progress, cancelled=lambda: len(told) > 2)
        assert set(told) == {4}
    assert filled.served()[0].method == "exact"
    assert build(filled, "halfvec")


def test_what_a_killed_build_left_is_built_anew(indexed, vectors):
    with indexed.transaction() as connection:
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
            "'passage_embeddings_1_halfvec'::regclass"
        )
    assert indexed.served()[0].method == "exact"
    assert indexed.nearest_passages("made", vectors[5], 1)[0].passage_id == 6
    assert build(indexed, "halfvec")
    assert indexed.served()[0].method == "halfvec"


def test_two_processes_do_not_build_at_once(filled, database_url):
    with psycopg.connect(database_url, autocommit=True) as old, Store(database_url) as other:
        with old.transaction():
            old.execute("SELECT count(*) FROM passages")
            waiting = threading.Event()
            first = threading.Thread(
                target=build, args=(filled, "halfvec"), kwargs={"progress": lambda _: waiting.set()}
            )
            first.start()
            assert waiting.wait(60)
            with pytest.raises(BusyError, match="another process"):
                build(other, "halfvec")
        first.join()
    assert filled.served()[0].method == "halfvec"


def test_an_encoder_compared_by_inner_product_is_indexed_so(store: Store, vectors, filled):
    lengths = np.linspace(0.5, 2, ROWS, dtype=np.float32)[:, None]
    filled.add_passage_embeddings("long", range(1, ROWS + 1), vectors[:ROWS] * lengths, False)
    (long,) = (served for served in filled.served() if served.model == "long")
    assert filled.build_index(long, "halfvec")
    query = vectors[ROWS]
    best = 1 + int(np.argmax(vectors[:ROWS] * lengths @ query))
    (hit,) = filled.nearest_passages("long", query, 1)
    assert hit.passage_id == best
    assert hit.score == pytest.approx(vectors[best - 1] @ query, abs=1e-5)


def test_an_index_leaves_with_its_encoder(indexed, vectors):
    indexed.add_passage_embeddings("new", range(1, ROWS + 1), vectors[:ROWS])
    assert indexed.activate_encoder("new")
    assert indexed.drop_encoder("made") == ROWS
    with indexed.transaction() as connection:
        rows = connection.execute("SELECT FROM pg_indexes WHERE indexname ~ '_[0-9]+_'").fetchall()
    assert rows == []


def test_an_index_is_built_when_the_size_asks_for_it(filled, monkeypatch):
    assert index_due(filled, silent, never)
    assert filled.served()[0].method == "exact"
    monkeypatch.setattr(indexes, "EXACT_BYTES", 100_000)
    assert filled.served()[0].is_due
    assert index_due(filled, silent, never)
    assert filled.served()[0].method == "halfvec"


def test_vectors_that_are_not_searched_yet_wait_for_their_index(filled, vectors, monkeypatch):
    monkeypatch.setattr(indexes, "EXACT_BYTES", 100_000)
    filled.add_passage_embeddings("new", range(1, ROWS + 1), vectors[:ROWS])
    index_due(filled, silent, never)
    assert {s.model: s.method for s in filled.served()} == {"made": "halfvec", "new": "exact"}
    index_due(filled, silent, never, "new")
    assert {s.method for s in filled.served()} == {"halfvec"}


def test_similar_images_are_found_by_an_index(store: Store, vectors):
    records = [image(number) for number in range(300)]
    store.add_images(records, "lite", vectors[:300])
    exact = [store.similar_images("lite", query, 5) for query in vectors[ROWS:]]
    (served,) = store.served()
    assert store.build_index(served, "halfvec")
    assert [store.similar_images("lite", query, 5) for query in vectors[ROWS:]] == exact
    own, *others = store.similar_images("lite", vectors[0], 5)
    assert own.image_id == records[0].image_id
    without = store.similar_images("lite", vectors[0], 4, exclude=[own.image_id])
    assert without == others
    assert store.similar_images("lite", vectors[0], 5, where=CaseFilter(source="none")) == []


def test_the_choice_goes_by_size():
    memory = 4 * 2**30
    chosen = [choose(rows, 384, True, memory)[0] for rows in (100, 26_000, 27_000, 1_800_000)]
    assert chosen == ["exact", "exact", "halfvec", "halfvec"]
    assert choose(2_000_000, 384, True, memory)[0] == "binary"
    assert choose(2_000_000, 384, False, memory)[0] == "halfvec"
    assert choose(100_000, 5_000, True, memory)[0] == "binary"
    assert choose(100_000, 5_000, False, memory)[0] == "exact"


def test_the_command_line_tells_what_is_due_and_builds_it(
    filled, database_url, monkeypatch, capsys
):
    monkeypatch.setenv("CYTOSCRIBE_DATABASE_URL", database_url)
    monkeypatch.setattr(indexes, "EXACT_BYTES", 100_000)
    assert run(["library", "stats"]) == 0
    told = capsys.readouterr().out
    assert "6,000  text made, 64 numbers each: compared one by one" in told
    assert "halfvec is due" in told
    assert "cytoscribe library index" in told
    assert run(["library", "index"]) == 0
    assert run(["library", "index"]) == 0
    assert run(["library", "stats", "--json"]) == 0
    built, again, stats = capsys.readouterr().out.splitlines()
    assert built == "made: halfvec, index built"
    assert "nothing to do" in again
    (vectors,) = json.loads(stats)["vectors"]
    assert (vectors["method"], vectors["is_due"], vectors["rows"]) == ("halfvec", False, 6_000)
    assert json.loads(stats)["bytes"]["passage_embeddings"] > vectors["index_bytes"] > 0
    assert run(["library", "index", "--model", "none"]) == 1
    assert run(["library", "index", "--method", "exact"]) == 0
    assert filled.served()[0].method == "exact"
