"""The queue of passages to embed: who takes what, and what a kill -9 costs."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from cheap_literature import Cheap
from pubmed_files import citation, write
from test_embedded_server import crash, server

from tools.errors import BadInputError, StoreUnavailableError, WorkerError
from tools.ingest import Interrupted, ingest_literature
from tools.ingest.embedding import embed_waiting
from tools.ingest.workers import WorkerProcesses, work
from tools.library import Article, Passage
from tools.store import Store

pytestmark = pytest.mark.db
SCRIPT = Path(__file__).with_name("cheap_literature.py")


def fill(store: Store, *lengths: int) -> None:
    store.add_articles(
        [
            Article(
                source_id=f"pmid:{n}", corpus="made",
                passages=(Passage(section="abstract", text="x" * length),),
            )
            for n, length in enumerate(lengths)
        ]
    )  # fmt: skip


def citations(path: Path, number: int) -> Path:
    return write(path, [citation(n) for n in range(1, number + 1)])


def reader(url: str, workers: int, path: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, SCRIPT, "read", url, str(workers), path]
    return subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE)


def wait_for(store: Store, vectors: int) -> None:
    deadline = time.monotonic() + 200
    while embedded(store) < vectors:
        assert time.monotonic() < deadline, "the ingest does not come on"
        time.sleep(0.01)


def embedded(store: Store) -> int:
    return store.counts().get("passage_embeddings:cheap@1", 0)


def assert_whole(store: Store, number: int) -> None:
    counts = store.counts()
    assert counts["articles"] == counts["passages"] == number
    assert counts["passage_embeddings:cheap@1"] == number
    assert store.waiting_passages() == 0


def test_each_batch_is_taken_once(store: Store, database_url: str):
    fill(store, *[9] * 150)
    with Store(database_url) as other, store.taken_batch("cheap@1") as ours:
        with other.taken_batch("cheap@1") as theirs:
            assert not set(ours.passage_ids) & set(theirs.passage_ids)
        assert other.waiting_passages() == 150 - len(theirs.passage_ids)  # ours may come back
    assert store.waiting_passages() == 150 - 64 - 64


def test_a_batch_whose_worker_fails_goes_back(store: Store):
    fill(store, 9, 9)
    with pytest.raises(MemoryError), store.taken_batch("cheap@1"):
        raise MemoryError
    assert store.waiting_passages() == 2


def test_a_machine_that_vanishes_with_a_batch_is_noticed_soon(store: Store):
    fill(store, 9)
    with store.taken_batch("cheap@1"), store.transaction() as connection:
        over_tcp = connection.info.host and not connection.info.host.startswith("/")
        (seconds,) = connection.execute("SHOW tcp_keepalives_idle").fetchone()
        assert seconds == ("30" if over_tcp else "0")  # none on this machine


def test_texts_of_like_length_are_embedded_together(store: Store):
    fill(store, *[10, 1000] * 64)
    with store.taken_batch("cheap@1") as batch:
        assert {len(text) for text in batch.texts} == {10}


def test_what_is_embedded_already_is_not_embedded_again(store: Store):
    fill(store, 9, 9)
    (one, _), _ = store.passages_without_embedding("cheap@1", 9)
    store.add_passage_embeddings("cheap@1", [one], Cheap().encode_passages(["x"]))
    with store.taken_batch("cheap@1") as batch:
        assert len(batch.texts) == 1


def test_vectors_that_nobody_searches_are_not_made(store: Store):
    class Other(Cheap):
        name = "other@1"

    fill(store, 9)
    list(embed_waiting(store, Cheap()))
    fill(store, 9, 8)
    with pytest.raises(BadInputError, match="by the vectors of cheap@1, not of other@1"):
        list(embed_waiting(store, Other()))
    assert store.waiting_passages() == 1
    assert "passage_embeddings:other@1" not in store.counts()


def test_a_worker_ends_when_nothing_waits_and_nobody_fills_the_queue(
    store: Store, database_url: str
):
    fill(store, 9)
    with Store(database_url) as other, other.filling():
        assert store.being_filled()
        with pytest.raises(Interrupted) as stopped:
            work(store, Cheap, until_done=True, cancelled=lambda: not other.waiting_passages())
        assert stopped.value.report.done == 1
    assert not store.being_filled()
    assert work(store, Cheap, until_done=True).done == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_kill_9_of_the_producer_loses_nothing_and_doubles_nothing(
    store: Store, database_url: str, tmp_path: Path, workers: int
):
    path = citations(tmp_path / "1.xml.gz", 3000)
    for vectors in (64, 640):
        process = reader(database_url, workers, path)
        wait_for(store, vectors)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = reader(database_url, workers, path)
    assert process.communicate(timeout=100) and process.returncode == 0
    assert_whole(store, 3000)


def test_a_worker_that_is_killed_is_replaced(store: Store, database_url: str, tmp_path: Path):
    process = reader(database_url, 2, citations(tmp_path / "1.xml.gz", 3000))
    wait_for(store, 64)
    for worker in psutil.Process(process.pid).children():
        worker.kill()
    assert process.communicate(timeout=100) and process.returncode == 0
    assert_whole(store, 3000)


def test_kill_9_of_the_server_loses_nothing_and_doubles_nothing(
    server_folder: Path, tmp_path: Path
):
    path = citations(tmp_path / "1.xml.gz", 1500)
    with server(server_folder) as started, Store(started.url) as store:
        store.migrate()

        class Crashing(Cheap):
            def encode_passages(self, texts):
                if embedded(store) >= 256:
                    crash(server_folder)
                return super().encode_passages(texts)

        with pytest.raises(StoreUnavailableError):
            ingest_literature(path, store=store, encoder=Crashing())
        started.start()
        assert embedded(store) == 256
        ingest_literature(path, store=store, encoder=Cheap())
        assert_whole(store, 1500)


def test_a_worker_that_fails_ends_the_ingest_with_its_words(store: Store, tmp_path: Path):
    fill(store, 9)
    command = (sys.executable, "-c", "import sys; sys.exit('no weights')")
    with (
        pytest.raises(WorkerError, match="no weights"),
        WorkerProcesses(store, command, 1) as others,
    ):
        list(others.finish())
