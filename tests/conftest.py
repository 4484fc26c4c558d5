"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the repository; its tests skip where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CYTOSCRIBE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder} (set CYTOSCRIBE_SHARED_DATA)")
    return folder
