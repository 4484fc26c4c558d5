"""Articles and passages in the library."""

import numpy as np
import pytest

from tools.errors import BadInputError
from tools.evidence import LiteratureEvidence
from tools.library import Article, ArticleFilter, Hit, Passage
from tools.store import Store

pytestmark = pytest.mark.db


def article(number: int, *texts: str, **fields: object) -> Article:
    passages = tuple(Passage(section="abstract", text=text) for text in texts)
    known = {"source_id": f"pmid:{number}", "pmid": str(number), "corpus": "made here"}
    return Article(**{**known, "passages": passages, **fields})


def embed(store: Store, *angles: float, encoder: str = "minilm") -> None:
    """Give the passages, in order, unit vectors in the plane."""
    ids = [i for i, _ in store.passages_without_embedding(encoder, 99)]
    store.add_passage_embeddings(encoder, ids, towards(*angles))


def nearest(store: Store, *query, **more) -> list[LiteratureEvidence]:
    return in_order(store, store.nearest_passages(*query, **more))


def lexical(store: Store, *query, **more) -> list[LiteratureEvidence]:
    return in_order(store, store.lexical_passages(*query, **more))


def in_order(store: Store, hits: list[Hit]) -> list[LiteratureEvidence]:
    found = store.evidence(dict(hits))
    return [found[hit.passage_id] for hit in hits]


def towards(*angles: float) -> np.ndarray:
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_a_passage_comes_back_with_its_article(store: Store):
    text = "Nuclei with “two” lobes; 3 µm wide."
    store.add_articles([article(7, text, title="On nuclei", journal="Blood", year=1999)])
    embed(store, 0)
    (found,) = nearest(store, "minilm", towards(60)[0], 5)
    assert (found.pmid, found.source_id, found.title) == ("7", "pmid:7", "On nuclei")
    assert (found.journal, found.year, found.passage) == ("Blood", 1999, text)
    assert found.similarity == pytest.approx(0.5, abs=1e-6)
    assert found.quoted and not found.retracted


def test_adding_articles_twice_changes_nothing(store: Store):
    both = [article(1, "a", "b"), article(2, "c")]
    assert store.add_articles([*both, article(1, "another")]) == 2
    assert store.add_articles(both) == 0
    counts = store.counts()
    assert (counts["articles"], counts["passages"]) == (2, 3)


def test_a_summary_is_never_a_quotation(store: Store):
    summary = Passage(section="summary", text="In our words.", quoted=False)
    store.add_articles([article(1, passages=(summary,))])
    assert not lexical(store, "words", 1)[0].quoted


def test_a_retraction_is_taken_over_and_stays(store: Store):
    store.add_articles([article(1, "Cells divide.")])
    store.add_articles([article(1, "Cells divide.", retracted=True)])
    store.add_articles([article(1, "Cells divide.")])
    assert lexical(store, "cells", 1)[0].retracted


def test_the_nearest_passages_come_first(store: Store):
    store.add_articles([article(n, f"text {n}") for n in range(4)])
    embed(store, 80, 10, 40, 170)
    found = nearest(store, "minilm", towards(0)[0], 3)
    assert [e.pmid for e in found] == ["1", "2", "0"]


def test_passages_wait_for_an_encoder_with_their_title(store: Store):
    store.add_articles([article(1, "One.", title="A title."), article(2, "Two.")])
    waiting = store.passages_without_embedding("minilm", 9)
    assert [text for _, text in waiting] == ["A title.\nOne.", "Two."]
    assert store.passages_without_embedding("minilm", 1) == waiting[:1]
    embed(store, 0, 1)
    assert store.passages_without_embedding("minilm", 9) == []
    assert len(store.passages_without_embedding("other", 9)) == 2


def test_encoders_never_mix(store: Store):
    store.add_articles([article(1, "One.")])
    assert nearest(store, "other", towards(0)[0], 5) == []
    embed(store, 0)
    with pytest.raises(BadInputError, match="'other', only of minilm"):
        nearest(store, "other", towards(0)[0], 5)
    with pytest.raises(BadInputError, match="vectors of 2 numbers"):
        nearest(store, "minilm", np.ones(3, np.float32), 5)


def test_one_shared_word_is_enough_and_more_rank_higher(store: Store):
    store.add_articles(
        [
            article(1, "Neutrophils have segmented nuclei."),
            article(2, "Segmented markets."),
            article(3, "Nothing in common."),
        ]
    )
    found = lexical(store, "Is the nucleus of a neutrophil segmented, with nuclei?", 9)
    assert [e.pmid for e in found] == ["1", "2"]
    assert found[0].similarity > found[1].similarity > 0


def test_a_word_in_few_passages_counts_more_than_one_in_many(store: Store):
    common = [article(n, "The cell and the cell membrane of a cell.") for n in range(30)]
    store.add_articles([*common, article(99, "Auer rods are seen in leukemia.")])
    assert lexical(store, "Which cell has Auer rods?", 1)[0].pmid == "99"


def test_words_of_the_title_are_found(store: Store):
    store.add_articles([article(1, "They were counted.", title="Basophils in smears")])
    assert [e.pmid for e in lexical(store, "basophil", 3)] == ["1"]


@pytest.mark.parametrize(
    "query", ["", "the of and", "'; DROP TABLE passages; --", "a & b | !c <-> (d", "\\'\\", "::"]
)
def test_any_text_is_a_lexical_query(store: Store, query: str):
    store.add_articles([article(1, "Cells.")])
    assert lexical(store, query, 5) == []
    assert store.counts()["passages"] == 1


def test_known_articles_and_pmids_are_told(store: Store):
    store.add_articles([article(1, "x"), article(2, "y", pmid=None)])
    assert store.known_articles(["pmid:1", "pmid:2", "pmid:3"]) == {"pmid:1", "pmid:2"}
    assert store.has_pmids(["1", "2", "3"]) == {"1"}


def test_text_that_postgres_cannot_hold_is_refused_whole(store: Store):
    with pytest.raises(BadInputError, match="0x00"):
        store.add_articles([article(1, "fine"), article(2, "a\x00b")])
    assert store.counts()["articles"] == 0


def test_an_encoder_may_rank_by_inner_product_and_still_tells_cosines(store: Store):
    store.add_articles([article(1, "Short."), article(2, "Long.")])
    ids = [number for number, _ in store.passages_without_embedding("dot", 9)]
    vectors = np.array([[1, 0], [3, 3]], np.float32)
    store.add_passage_embeddings("dot", ids, vectors, normalised=False)
    found = nearest(store, "dot", np.array([1, 0], np.float32), 2)
    assert [e.pmid for e in found] == ["2", "1"]
    assert [e.similarity for e in found] == pytest.approx([0.5**0.5, 1.0])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"year_from": 2000}, {"2", "3"}),
        ({"year_to": 1999}, {"1"}),
        ({"year_from": 2000, "year_to": 2005}, {"2"}),
        ({"journals": ("blood", "Cell")}, {"1", "3"}),
        ({"publication_types": ("review",)}, {"2"}),
        ({"mesh_terms": ("neutrophils", "Absent")}, {"1", "2"}),
        ({"corpora": ("other",)}, {"4"}),
        ({"journals": ("Blood",), "year_from": 2000}, set()),
    ],
)
def test_filters_hold_for_both_lists(store: Store, filters, expected):
    store.add_articles(
        [
            article(1, "Cells.", year=1999, journal="Blood", mesh_terms=("Neutrophils",)),
            article(2, "Cells.", year=2000, publication_types=("Journal Article", "Review"),
                    mesh_terms=("Humans", "neutrophils")),
            article(3, "Cells.", year=2010, journal="Cell"),
            article(4, "Cells.", corpus="other"),
        ]
    )  # fmt: skip
    embed(store, 0, 10, 20, 30)
    wanted = ArticleFilter(**filters)
    assert {e.pmid for e in lexical(store, "cells", 9, wanted)} == expected
    assert {e.pmid for e in nearest(store, "minilm", towards(0)[0], 9, wanted)} == expected


def test_merging_segments_changes_no_score(store: Store):
    for n in range(20):
        store.add_articles([article(n, f"Cells of kind {n} divide. " * (n % 3 + 1))])
    before = store.lexical_passages("kind 7 cells", 20)
    store.merge_lexical_index()
    after = store.lexical_passages("kind 7 cells", 20)
    assert [hit.passage_id for hit in after] == [hit.passage_id for hit in before]
    assert [hit.score for hit in after] == pytest.approx([hit.score for hit in before])
    with store.transaction() as connection:
        (segments,) = connection.execute("SELECT count(*) FROM lexical_segments").fetchone()
    assert segments < 8


def test_scores_are_those_of_bm25(store: Store):
    store.add_articles([article(1, "alpha alpha beta"), article(2, "beta gamma"), article(3, "x1")])
    (hit,) = store.lexical_passages("alpha", 9)
    idf = np.log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    assert hit.score == pytest.approx(idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)))


def test_a_deleted_article_leaves_the_index_when_it_is_merged(store: Store):
    for n in range(8):
        store.add_articles([article(n, "Cells.")])
    with store.transaction() as connection:
        connection.execute("DELETE FROM articles WHERE pmid = '3'")
    store.merge_lexical_index()
    assert len(store.lexical_passages("cells", 9)) == 7


def test_words_joined_by_signs_are_found_apart(store: Store):
    store.add_articles([article(1, "The p53/MDM2 loop and IL-2.")])
    assert [len(lexical(store, q, 9)) for q in ("MDM2", "p53", "il 2", "IL-2")] == [1, 1, 1, 1]
