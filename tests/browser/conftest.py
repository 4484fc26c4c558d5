"""One browser and one served page for all tests of a module."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_window import ChatWindow, chromium, installed
from page_server import PageServer, page_server

from agent.settings import LITE_CHECKPOINT


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if installed() is None:
                item.add_marker(pytest.mark.skip("Chromium and its driver are not installed"))


@pytest.fixture(scope="module")
def served(request) -> Iterator[PageServer]:
    """The page on the model of CYTOSCRIBE_MODEL, else the shipped one, else a random tiny one."""
    model = os.environ.get("CYTOSCRIBE_MODEL") or str(LITE_CHECKPOINT)
    if not os.environ.get("CYTOSCRIBE_MODEL") and not LITE_CHECKPOINT.is_dir():
        model = str(request.getfixturevalue("tiny_paligemma_dir"))
    with page_server(CYTOSCRIBE_MODEL=model) as server:
        yield server


@pytest.fixture(scope="module")
def browser(served) -> Iterator[ChatWindow]:
    with chromium() as driver:
        yield ChatWindow(driver, served.url)


@pytest.fixture
def window(browser) -> ChatWindow:
    """A new session in the module's browser."""
    return browser.open()
