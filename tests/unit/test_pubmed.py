"""PubMed's E-utilities, against a local server."""

from collections.abc import Iterator

import pytest
from eutils import EUtils, serving

from tools.errors import BadInputError, RemoteServiceError
from tools.ingest.formats import Unreadable
from tools.pubmed import PubMed


@pytest.fixture
def ncbi() -> Iterator[EUtils]:
    with serving() as server:
        yield server


@pytest.fixture
def pubmed(ncbi: EUtils) -> Iterator[PubMed]:
    with PubMed(ncbi.url, api_key="k", email="me@example.org", wait=0.01) as client:
        yield client


def test_a_search_gives_the_best_matches_and_how_many_there_are(pubmed, ncbi):
    found = pubmed.search("cells", 3)
    assert (found.pmids, found.total) == (("1", "2", "3"), 450)
    asked = ncbi.asked[0]
    assert (asked["term"], asked["tool"], asked["email"], asked["api_key"]) == (
        "cells", "cytoscribe", "me@example.org", "k",
    )  # fmt: skip


def test_records_are_fetched_two_hundred_at_a_time(pubmed, ncbi):
    articles = list(pubmed.fetch(ncbi.pmids, "q"))
    assert [a.pmid for a in articles] == ncbi.pmids
    assert [len(q["id"].split(",")) for q in ncbi.asked] == [200, 200, 50]


def test_a_record_that_does_not_come_is_named(pubmed, ncbi):
    ncbi.withheld = {"2"}
    *_, last = pubmed.fetch(["1", "2", "3"], "q")
    assert last == Unreadable("pmid:2", "PubMed did not give its record")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(pubmed, ncbi, status):
    ncbi.failures = [(status, {}), (status, {"Retry-After": "0"})]
    assert pubmed.search("cells", 1).pmids == ("1",)
    assert len(ncbi.asked) == 3


def test_a_server_that_stays_busy_is_an_error_with_advice(pubmed, ncbi):
    ncbi.failures = [(429, {})] * 9
    with pytest.raises(RemoteServiceError, match=r"429.*CYTOSCRIBE_NCBI_API_KEY"):
        pubmed.search("cells", 1)
    assert len(ncbi.asked) == 4


def test_a_refusal_is_not_repeated(pubmed, ncbi):
    ncbi.failures = [(400, {})]
    with pytest.raises(RemoteServiceError, match="400"):
        pubmed.search("cells", 1)
    assert len(ncbi.asked) == 1


@pytest.mark.parametrize("answer", [b"<html>login</html>", b"{}", b"", b"[1]", b"\xff\xfe"])
def test_a_malformed_answer_is_an_error(pubmed, ncbi, answer):
    ncbi.instead = answer
    with pytest.raises(RemoteServiceError, match="not PubMed's"):
        pubmed.search("cells", 1)
    with pytest.raises(RemoteServiceError, match="not PubMed's"):
        list(pubmed.fetch(["1"], "q"))


def test_a_broken_record_set_is_an_error(pubmed, ncbi):
    ncbi.instead = b"<PubmedArticleSet><PubmedArticle>"
    with pytest.raises(RemoteServiceError, match="not PubMed's"):
        list(pubmed.fetch(["1"], "q"))


def test_a_query_that_pubmed_refuses_is_the_user_s_to_mend(pubmed, ncbi):
    ncbi.instead = b'{"esearchresult": {"ERROR": "Empty term"}}'
    with pytest.raises(BadInputError, match="Empty term"):
        pubmed.search("", 1)


def test_no_server_is_an_error_with_advice():
    with (
        PubMed("http://127.0.0.1:9", wait=0.0) as client,
        pytest.raises(RemoteServiceError, match="cannot be reached"),
    ):
        client.search("cells", 1)


@pytest.mark.parametrize(("key", "pause"), [(None, 0.34), ("k", 0.1)])
def test_requests_keep_their_distance(ncbi, key, pause):
    with PubMed(ncbi.url, api_key=key) as client:
        for _ in range(4):
            client.search("cells", 1)
    assert ncbi.times[-1] - ncbi.times[0] > 3 * pause * 0.95
    assert "email" not in ncbi.asked[0]
