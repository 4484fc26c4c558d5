"""The processes that bench_ingest.py starts, and kills: a reader with its workers, a worker.

python docs/scripts/ingest_process.py read ENCODER URL WORKERS FILE…
python docs/scripts/ingest_process.py work ENCODER URL
"""

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tools.ingest.literature import find_sources, ingest_sources  # noqa: E402
from tools.ingest.workers import WorkerProcesses, work  # noqa: E402
from tools.protocols import TextEncoder, Vectors  # noqa: E402
from tools.store import Store  # noqa: E402


class Constant:
    """The same little work for every text: 384 random numbers that its checksum determines."""

    name, dimension, normalised = "constant@1", 384, True

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        seeds = [zlib.crc32(text.encode()) for text in texts]
        drawn = np.stack([np.random.default_rng(s).standard_normal(384, np.float32) for s in seeds])
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    encode_queries = encode_passages


def encoder(name: str) -> TextEncoder:
    if name == "constant":
        return Constant()
    from tools.embedders import load_text_encoder

    return load_text_encoder(name)


def worker(name: str, url: str) -> tuple[str, ...]:
    return (sys.executable, __file__, "work", name, url)


def read(name: str, url: str, workers: int, files: Sequence[str]) -> None:
    sources = [source for file in files for source in find_sources(Path(file))]
    with Store(url) as store, WorkerProcesses(store, worker(name, url), workers) as others:
        ingest_sources(sources, "benchmark", store, others)


def main(role: str, name: str, url: str, *more: str) -> None:
    if role == "read":
        read(name, url, int(more[0]), more[1:])
        return
    made = encoder(name)
    with Store(url) as store:
        work(store, lambda: made, until_done=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
