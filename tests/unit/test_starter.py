"""The bibliography and the pictures that the starter library is made of."""

import json
import re
from collections import Counter

import pytest

from tools.images import open_image
from tools.starter import BIBLIOGRAPHY, LARGEST, bibliography, real_pictures


def test_every_article_has_a_pmid_of_its_own_and_one_summary():
    articles = bibliography()
    assert len(articles) >= 120
    assert max(Counter(a.pmid for a in articles).values()) == 1
    for article in articles:
        assert article.source_id == f"pmid:{article.pmid}"
        assert article.corpus == "starter"
        assert [p.section for p in article.passages] == ["summary"]


def test_no_summary_passes_for_a_quotation():
    assert not any(p.quoted for a in bibliography() for p in a.passages)


def test_summaries_have_two_to_four_sentences():
    for article in bibliography():
        text = article.passages[0].text
        assert 2 <= len(re.findall(r"[.!?](?:\s|$)", text)) <= 4, article.pmid


def test_a_field_that_the_source_lacks_is_absent():
    for line in BIBLIOGRAPHY.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert row.keys() >= {"pmid", "source", "summary"}
        assert all(row.values())
        if row["source"] in ("anatem", "hallmarks_of_cancer"):
            assert row.keys() == {"pmid", "source", "summary"}


@pytest.mark.parametrize(
    "word", ["neutrophil", "eosinophil", "lymphocyte", "platelet", "nucle", "apoptosis", "stain"]
)
def test_the_usual_questions_find_something(word):
    assert sum(word in a.passages[0].text for a in bibliography()) >= 3


def test_real_pictures_open_and_name_their_licence():
    pictures = real_pictures()
    assert [p.path.name for p in pictures] == ["cell.png", "ihc.png"]
    for picture in pictures:
        assert not picture.simulated
        assert picture.licence
        assert open_image(picture.path, max_pixels=LARGEST, max_bytes=LARGEST)


@pytest.mark.shared
def test_every_pmid_and_number_is_in_its_source(shared_data):
    from starter_sources import abstracts, digits, numbers

    sources = abstracts(shared_data)
    for article in bibliography():
        abstract = sources[str(article.pmid)]
        assert digits(article.passages[0].text) <= numbers(abstract), article.pmid


@pytest.mark.shared
def test_no_summary_shares_seven_words_in_a_row_with_its_abstract(shared_data):
    from starter_sources import abstracts, runs

    sources = abstracts(shared_data)
    for article in bibliography():
        shared = runs(article.passages[0].text, 7) & runs(sources[str(article.pmid)], 7)
        assert not shared, article.pmid
