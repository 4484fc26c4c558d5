"""Embedding by the actors of Ray Data, on this machine."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_embedding_queue import fill

from tools.errors import BadInputError
from tools.ingest.ray_workers import work_by_ray
from tools.store import Store

pytestmark = pytest.mark.db
SCRIPT = Path(__file__).with_name("ray_literature.py")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed (the extra `scale`)")
def test_several_actors_embed_each_passage_once(store: Store, database_url: str):
    fill(store, *range(1, 1500))
    run = subprocess.run(
        [sys.executable, SCRIPT, database_url, "2"], capture_output=True, text=True, timeout=250
    )
    assert run.stdout == "1499\n", run.stderr
    assert store.counts()["passage_embeddings:cheap@1"] == 1499
    assert store.waiting_passages() == 0


def test_without_ray_it_says_what_to_install(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInputError, match=r"cytoscribe\[scale\]"):
        work_by_ray(store, lambda _: None, 1)
