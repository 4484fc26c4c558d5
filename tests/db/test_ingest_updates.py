"""PubMed's yearly baseline and its update files: later versions, deletions, whole files."""

import gzip
from threading import Thread

import numpy as np
import psycopg
import pytest
from cheap_literature import Cheap
from pubmed_files import citation, write

from tools.ingest import ingest_literature
from tools.library import ArticleFilter
from tools.store import Store

pytestmark = pytest.mark.db


@pytest.fixture
def ingest(store):
    return lambda path: ingest_literature(path, store=store, encoder=Cheap())


def texts(store: Store, pmid: int) -> list[str]:
    return store.passages_of([f"pmid:{pmid}"])


def test_a_later_version_takes_the_place_of_an_earlier_one(store, ingest, tmp_path):
    ingest(write(tmp_path / "1.xml.gz", [citation(1, "Old text."), citation(2)]))
    later = [citation(1, "New text.", year=2021), citation(2, "Older.", year=2019)]
    report = ingest(write(tmp_path / "2.xml.gz", later))
    assert (report.done, report.unchanged) == (1, 1)
    assert texts(store, 1) == ["New text."]
    assert texts(store, 2) == ["Abstract 2 on cells."]
    counts = store.counts()
    assert counts["articles"] == counts["passages"] == counts["passage_embeddings:cheap@1"] == 2
    found = [store.evidence(dict(store.lexical_passages(word, 9))) for word in ("new", "old")]
    assert [len(one) for one in found] == [1, 0]


def test_of_two_versions_in_one_file_the_higher_counts(store, ingest, tmp_path):
    both = [citation(1, "Second.", version=2), citation(1, "First.", year=2022)]
    ingest(write(tmp_path / "1.xml.gz", both))
    assert texts(store, 1) == ["Second."]


def test_new_headings_reach_an_article_without_embedding_it_again(store, ingest, tmp_path):
    ingest(write(tmp_path / "1.xml.gz", [citation(1)]))
    vectors = [hit.passage_id for hit in store.lexical_passages("cells", 9)]
    report = ingest(write(tmp_path / "2.xml.gz", [citation(1, mesh="Mice", year=2021)]))
    assert report.done == 1
    assert [hit.passage_id for hit in store.lexical_passages("cells", 9)] == vectors
    assert store.lexical_passages("cells", 9, ArticleFilter(mesh_terms=("mice",)))
    assert not store.lexical_passages("cells", 9, ArticleFilter(mesh_terms=("humans",)))


def test_a_later_version_may_be_retracted(store, ingest, tmp_path):
    ingest(write(tmp_path / "1.xml.gz", [citation(1)]))
    ingest(write(tmp_path / "2.xml.gz", [citation(1, kind="Retracted Publication", year=2021)]))
    (hit,) = store.lexical_passages("cells", 9)
    assert store.evidence({hit.passage_id: 1.0})[hit.passage_id].retracted


def test_what_was_deleted_does_not_come_back_with_an_older_file(store, ingest, tmp_path):
    ingest(write(tmp_path / "1.xml.gz", [citation(1), citation(2)]))
    report = ingest(write(tmp_path / "2.xml.gz", [citation(3)], deleted=[1, 77]))
    assert (report.done, report.deleted) == (1, 1)
    ingest(write(tmp_path / "1.xml.gz", [citation(1), citation(2), citation(4)]))
    assert store.known_articles([f"pmid:{n}" for n in (1, 2, 3, 4)]) == {
        "pmid:2", "pmid:3", "pmid:4"
    }  # fmt: skip


def test_a_folder_of_files_goes_in_by_their_names(store, ingest, tmp_path):
    for number, word in ((3, "third"), (1, "first"), (2, "second")):
        write(tmp_path / f"pubmed24n000{number}.xml.gz", [citation(1, word)], md5=True)
    ingest(tmp_path)
    assert texts(store, 1) == ["third"]


def test_a_file_that_is_in_is_not_read_again(store, ingest, tmp_path, monkeypatch):
    path = write(tmp_path / "1.xml.gz", [citation(n) for n in range(1, 6)])
    ingest(path)
    monkeypatch.setattr(gzip, "open", None)
    monkeypatch.setattr("tools.ingest.literature.format_of", lambda _: _xml())
    assert ingest(path).unchanged == 5


def _xml():
    from tools.ingest.formats import named

    return named("pubmed-xml")


def test_a_file_that_does_not_match_its_md5_stays_out_and_the_next_goes_in(store, ingest, tmp_path):
    path = write(tmp_path / "1.xml.gz", [citation(n) for n in range(9, 99)], md5=True)
    path.write_bytes(path.read_bytes()[:-20])
    write(tmp_path / "2.xml.gz", [citation(2)], md5=True)
    report = ingest(tmp_path)
    assert report.done == 1
    ((name, reason),) = report.skipped
    assert name == str(path)
    assert "1.xml.gz.md5 says" in reason


def test_a_file_cut_short_is_read_again_when_it_is_whole(store, ingest, tmp_path):
    whole = write(tmp_path / "1.xml.gz", [citation(n) for n in range(1, 400)]).read_bytes()
    path = tmp_path / "1.xml.gz"
    path.write_bytes(whole[: len(whole) // 2])
    report = ingest(path)
    assert 0 < report.done < 399 and "cut short" in report.skipped[0][1]
    assert ingest(path).unchanged == report.done
    path.write_bytes(whole)
    assert ingest(path).done == 399 - report.done


def test_two_producers_of_one_file_store_each_article_once(store, database_url, tmp_path):
    path = write(tmp_path / "1.xml.gz", [citation(n) for n in range(1, 1500)])
    with Store(database_url) as other:
        threads = [
            Thread(target=ingest_literature, args=[path], kwargs={"store": s, "encoder": Cheap()})
            for s in (store, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    counts = store.counts()
    assert counts["articles"] == counts["passages"] == counts["passage_embeddings:cheap@1"] == 1499


def test_a_vector_of_a_passage_that_was_replaced_meanwhile_is_left_out(store, tmp_path):
    path = write(tmp_path / "1.xml.gz", [citation(1)])
    ingest_literature(path, store=store, encoder=Cheap())
    (hit,) = store.lexical_passages("cells", 9)
    write(path, [citation(1, "Other.", year=2021)])
    ingest_literature(path, store=store, encoder=Cheap())
    store.add_passage_embeddings("cheap@1", [hit.passage_id], np.ones((1, 3), np.float32))
    assert store.counts()["passage_embeddings:cheap@1"] == 1


def test_an_older_library_has_its_queue_filled(empty_database_url, tmp_path):
    from test_older_library import older

    from tools.store import migrate

    migrate(empty_database_url, older(tmp_path))
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "INSERT INTO articles (source_id, title, mesh_terms, publication_types, retracted, "
            "corpus) SELECT 'pmid:' || n, '', '{}', '{}', false, 'made' "
            "FROM generate_series(1, 99) n"
        )
        connection.execute(
            "INSERT INTO passages (article_id, position, section, passage, quoted, lexemes) "
            "SELECT article_id, 0, 'abstract', 'Cells.', true, '' FROM articles"
        )
    migrate(empty_database_url)
    with Store(empty_database_url) as store:
        assert store.waiting_passages() == 99
