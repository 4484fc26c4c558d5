"""Advice on pgvector's version."""

import pytest

from tools.store.pgvector_version import version_advice


@pytest.mark.parametrize("version", ["0.8.4", "0.8.6", "0.10.0", "1.0"])
def test_a_good_version_needs_no_advice(version: str):
    assert version_advice(version) is None


@pytest.mark.parametrize(
    ("version", "fault"), [("0.7.4", "buffer"), ("0.8.1", "buffer"), ("0.8.3", "vacuum")]
)
def test_a_faulty_version_is_named(version: str, fault: str):
    advice = version_advice(version)
    assert advice is not None
    assert version in advice and fault in advice and "0.8.4" in advice
