"""The second look at a search's first passages, on a real database."""

import numpy as np
import pytest
from agent_fakes import WordEncoder

from tools.library import Article, Overlap, Passage
from tools.literature_search import HYBRID, find_candidates, literature_search, ranked_again
from tools.reranking import DEPTH, FEATURES, LinearReranker, features
from tools.store import Store

pytestmark = pytest.mark.db
ENCODER = WordEncoder()
TEXTS = (
    "Sepsis raised neutrophil counts in 12 patients.",
    "Counts of platelets; the neutrophil was not counted.",
    "The kidney.",
)


@pytest.fixture
def filled(store: Store) -> Store:
    store.add_articles([
        Article(source_id=f"pmid:{n}", pmid=str(n), title="", corpus="test",
                passages=(Passage(section="abstract", text=text),))
        for n, text in enumerate(TEXTS)
    ])  # fmt: skip
    texts = store.passages_without_embedding(ENCODER.name, 10)
    vectors = ENCODER.encode_passages([text for _, text in texts])
    store.add_passage_embeddings(ENCODER.name, [number for number, _ in texts], vectors)
    return store


def ids(store: Store) -> list[int]:
    return sorted(store.passage_sources())


def test_overlaps_tell_words_neighbours_and_numbers(filled):
    found = filled.overlaps("neutrophil counts in 12 patients", ids(filled))
    first, second, third = (found[number] for number in ids(filled))
    assert first == Overlap(1, 1, 1)  # "in" is no stem: "counts … 12" are neighbours
    assert 0 < second.words < 1 and (second.neighbours, second.numbers) == (0, 0)
    assert third == Overlap(0, 0, 0)


@pytest.mark.parametrize("query", ["", "the", "'\\ | & !", "unheard", "12"])
def test_any_query_has_overlaps(filled, query):
    found = filled.overlaps(query, ids(filled))
    assert all(0 <= share <= 1 for overlap in found.values() for share in overlap)
    assert filled.overlaps(query, []) == {}


def test_likeness_is_the_cosine_with_the_mean(filled):
    numbers = ids(filled)
    vectors = ENCODER.encode_passages(TEXTS)
    mean = vectors[:2].mean(0)
    expected = vectors @ (mean / np.linalg.norm(mean))
    found = filled.likeness(ENCODER.name, numbers, numbers[:2])
    assert [found[n] for n in numbers] == pytest.approx(expected.tolist(), abs=1e-5)
    assert filled.likeness("another", numbers, numbers) == {}
    assert filled.likeness(ENCODER.name, numbers, []) == {}


def test_what_says_more_of_the_query_comes_first_and_nothing_is_lost(filled):
    query = "neutrophil counts in 12 patients"
    vector = ENCODER.encode_queries([query])[0]
    candidates = find_candidates(query, vector, ENCODER.name, filled)
    rerank = LinearReranker(filled)
    ranked = ranked_again(query, candidates, HYBRID, ENCODER.name, rerank)
    assert sorted(ranked) == sorted(candidates.ranked(HYBRID))
    assert ranked[0] == ids(filled)[0]
    assert rerank(query, candidates, ids(filled)[::-1], ENCODER.name)[0] == ids(filled)[0]
    rows = features(query, candidates, ids(filled), filled, ENCODER.name)
    assert rows.shape == (3, len(FEATURES)) and len(ranked) <= DEPTH
    (best, *_) = literature_search(query, ENCODER, filled, 1, reranker=rerank)
    assert best.pmid == "0"


def test_an_empty_library_ranks_nothing(store):
    assert literature_search("x", ENCODER, store, 3, reranker=LinearReranker(store)) == ()
