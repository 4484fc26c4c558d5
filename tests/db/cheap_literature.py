"""Ingest by an encoder that costs little: `cheap_literature.py read URL WORKERS FILE…`.

Or be a worker: `cheap_literature.py work URL`.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tools.ingest.embedding import Here
from tools.ingest.literature import find_sources, ingest_sources
from tools.ingest.workers import WorkerProcesses, work
from tools.protocols import Vectors
from tools.store import Store


class Cheap:
    """Constant cost: ten milliseconds a batch."""

    name, dimension, normalised = "cheap@1", 3, True

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        time.sleep(0.01)
        found = np.array([[len(text), text.count("a"), 1] for text in texts], np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    encode_queries = encode_passages


def read(url: str, workers: int, *files: str) -> None:
    sources = [source for file in files for source in find_sources(Path(file))]
    with Store(url) as store:
        if not workers:
            ingest_sources(sources, "test", store, Here(store, Cheap()))
            return
        command = (sys.executable, __file__, "work", url)
        with WorkerProcesses(store, command, workers) as others:
            ingest_sources(sources, "test", store, others)


if __name__ == "__main__":
    if sys.argv[1] == "read":
        read(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    else:
        with Store(sys.argv[2]) as store:
            work(store, Cheap, until_done=True)
