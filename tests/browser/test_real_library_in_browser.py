"""The main job on real data: a leukocyte, a library of labelled cells, PubMed abstracts."""

import pytest
from real_library import asked_about, fill, slice_of

from page.examples import FULL_QUESTION
from tools.postgres import EmbeddedPostgres
from tools.store import Store

pytestmark = pytest.mark.shared


def test_a_real_leukocyte_is_answered_from_real_cases_and_pubmed(
    served, window, shared_data, tmp_path
):
    leukocyte = asked_about(shared_data)
    fill(served.data, slice_of(shared_data, tmp_path / "slice"), without=leukocyte)
    window.ask(FULL_QUESTION, leukocyte)
    assert window.findings() and not window.tracebacks()
    cases, pmids = window.cases(), window.pmids()
    assert len(cases) >= 3 and any("pbc_wbcatt" in case for case in cases)
    assert len(pmids) >= 2
    server = EmbeddedPostgres(served.data / "postgres")
    with Store(server.start()) as store:
        assert store.has_pmids(pmids) == set(pmids)
    server.stop()
