"""How well a passage answers a query, by the words that the two share."""

import re

import numpy as np
import pytest
from agent_fakes import WordEncoder, passage

from agent.literature import LEAST_SUPPORT, supporting
from tools.linear_head import read_head
from tools.support import FEATURES, SHIPPED, Support, features


class SplitWords:
    """A library whose stems are words, and whose rare words are said in advance."""

    def __init__(self, **rare: float) -> None:
        self.rare = rare

    def stems(self, texts):
        return [frozenset(re.findall(r"\w+", text.lower())) for text in texts]

    def rarity(self, query):
        return {stem: self.rare.get(stem, 0.5) for stem in self.stems([query])[0]}


def row(query, *found, words=None):
    """The features of the first passage, by name."""
    cosines = [e.similarity for e in found]
    return dict(
        zip(FEATURES, features(query, found, cosines, words or SplitWords())[0], strict=True)
    )


def test_what_an_article_does_not_say_counts_by_how_rare_it_is():
    found = passage("1", "Nucleus of a cell.")
    common = row("nucleus anomaly", found, words=SplitWords(anomaly=0.2))
    rare = row("nucleus anomaly", found, words=SplitWords(anomaly=1.0))
    assert common["covered"] > 0.5 > rare["covered"]
    assert (common["missing"], rare["missing"]) == (0.2, 1.0)


def test_passages_of_one_article_speak_together():
    one, other = passage("1", "Nucleus."), passage("1", "Anomaly.")
    assert row("nucleus anomaly", one)["covered"] == 0.5
    told = row("nucleus anomaly", one, other)
    assert (told["covered"], told["missing"]) == (1.0, 0.0) and told["length"] > 0


def test_a_query_without_a_word_is_covered_by_nothing():
    assert row("?", passage("1", "Nucleus."))["covered"] == 0.0


@pytest.fixture
def support():
    return Support.shipped(SplitWords(), WordEncoder())


def test_the_shipped_head_reads_these_features():
    head, notes = read_head(SHIPPED)
    assert tuple(notes["features"]) == FEATURES and len(head.weights) == len(FEATURES)
    assert "answers" in head.labels


def test_a_passage_that_says_all_of_a_query_is_supported_and_one_that_says_nothing_is_not(support):
    query = "does vitamin B12 deficiency delay the maturation of erythroblasts"
    said = passage("1", f"We asked: {query}?", similarity=0.9)
    besides = passage("2", "The neutrophil nucleus has lobes.", similarity=0.45)
    judged = support(query, [said, besides], "words")
    assert judged[0].support > LEAST_SUPPORT > judged[1].support
    assert supporting(judged) == [judged[0]]
    assert judged[0].evidence_id == said.evidence_id


def test_similarities_of_another_encoder_are_not_taken_for_cosines_of_ours(support):
    query = "neutrophil nucleus lobes"
    alike = [passage("1", "neutrophil nucleus lobes", similarity=s) for s in (0.0, 250.0)]
    one, other = support(query, alike, "inner-product@1")
    assert one.support == other.support
    assert np.isclose(one.support, support(query, [passage("1", query, 1.0)], "words")[0].support)


def test_nothing_found_is_nothing_supported(support):
    assert support("anything", [], "words") == ()
