"""Articles and passages in the library."""

import numpy as np
import pytest

from tools.errors import BadInputError
from tools.library import Article, Passage
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


def towards(*angles: float) -> np.ndarray:
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_a_passage_comes_back_with_its_article(store: Store):
    text = "Nuclei with “two” lobes; 3 µm wide."
    store.add_articles([article(7, text, title="On nuclei", journal="Blood", year=1999)])
    embed(store, 0)
    (found,) = store.nearest_passages("minilm", towards(60)[0], 5)
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
    assert not store.lexical_passages("words", 1)[0].quoted


def test_a_retraction_is_taken_over_and_stays(store: Store):
    store.add_articles([article(1, "Cells divide.")])
    store.add_articles([article(1, "Cells divide.", retracted=True)])
    store.add_articles([article(1, "Cells divide.")])
    assert store.lexical_passages("cells", 1)[0].retracted


def test_the_nearest_passages_come_first(store: Store):
    store.add_articles([article(n, f"text {n}") for n in range(4)])
    embed(store, 80, 10, 40, 170)
    found = store.nearest_passages("minilm", towards(0)[0], 3)
    assert [e.pmid for e in found] == ["1", "2", "0"]


def test_passages_wait_for_an_encoder_with_their_title(store: Store):
    store.add_articles([article(1, "One.", title="A title."), article(2, "Two.")])
    waiting = store.passages_without_embedding("minilm", 9)
    assert [text for _, text in waiting] == ["A title. One.", "Two."]
    assert store.passages_without_embedding("minilm", 1) == waiting[:1]
    embed(store, 0, 1)
    assert store.passages_without_embedding("minilm", 9) == []
    assert len(store.passages_without_embedding("other", 9)) == 2


def test_encoders_never_mix(store: Store):
    store.add_articles([article(1, "One.")])
    assert store.nearest_passages("other", towards(0)[0], 5) == []
    embed(store, 0)
    with pytest.raises(BadInputError, match="'other', only of minilm"):
        store.nearest_passages("other", towards(0)[0], 5)
    with pytest.raises(BadInputError, match="vectors of 2 numbers"):
        store.nearest_passages("minilm", np.ones(3, np.float32), 5)


def test_one_shared_word_is_enough_and_more_rank_higher(store: Store):
    store.add_articles(
        [
            article(1, "Neutrophils have segmented nuclei."),
            article(2, "Segmented markets."),
            article(3, "Nothing in common."),
        ]
    )
    found = store.lexical_passages("Is the nucleus of a neutrophil segmented, with nuclei?", 9)
    assert [e.pmid for e in found] == ["1", "2"]
    assert all(0 < e.similarity <= 1 for e in found)


def test_a_word_in_few_passages_counts_more_than_one_in_many(store: Store):
    common = [article(n, "The cell and the cell membrane of a cell.") for n in range(30)]
    store.add_articles([*common, article(99, "Auer rods are seen in leukemia.")])
    assert store.lexical_passages("Which cell has Auer rods?", 1)[0].pmid == "99"


def test_words_of_the_title_are_found(store: Store):
    store.add_articles([article(1, "They were counted.", title="Basophils in smears")])
    assert [e.pmid for e in store.lexical_passages("basophil", 3)] == ["1"]


@pytest.mark.parametrize(
    "query", ["", "the of and", "'; DROP TABLE passages; --", "a & b | !c <-> (d", "\\'\\", "::"]
)
def test_any_text_is_a_lexical_query(store: Store, query: str):
    store.add_articles([article(1, "Cells.")])
    assert store.lexical_passages(query, 5) == []
    assert store.counts()["passages"] == 1


def test_known_articles_and_pmids_are_told(store: Store):
    store.add_articles([article(1, "x"), article(2, "y", pmid=None)])
    assert store.known_articles(["pmid:1", "pmid:2", "pmid:3"]) == {"pmid:1", "pmid:2"}
    assert store.has_pmids(["1", "2", "3"]) == {"1"}


def test_text_that_postgres_cannot_hold_is_refused_whole(store: Store):
    with pytest.raises(BadInputError, match="NUL"):
        store.add_articles([article(1, "fine"), article(2, "a\x00b")])
    assert store.counts()["articles"] == 0
