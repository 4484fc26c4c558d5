"""Embedding the library anew while it is searched."""

import threading
from collections.abc import Callable, Sequence
from time import monotonic, sleep

import numpy as np
import pytest
from agent_fakes import WordEncoder

from tools.errors import BadInputError, ChangedEncoderError, ModelUnavailableError
from tools.ingest import Interrupted
from tools.ingest.embedding import embed_missing, embed_waiting
from tools.ingest.reembed import reembed
from tools.ingest.workers import work
from tools.library import Article, Passage
from tools.library_encoder import LibraryEncoder
from tools.literature_search import literature_search
from tools.protocols import Vectors
from tools.store import Store

pytestmark = pytest.mark.db


class Named(WordEncoder):
    """Another encoder: the same words in other places, in vectors of another length."""

    def __init__(self, name: str, dimension: int) -> None:
        self.name, self.dimension = f"{name}@1", dimension

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return super().encode_queries(texts)

    encode_passages = encode_queries


OLD, NEW = Named("old", 64), Named("new", 96)


def load(name: str) -> Named:
    return {"old": OLD, "new": NEW}[name]


def add(store: Store, *numbers: int) -> None:
    store.add_articles(
        [Article(source_id=f"pmid:{n}", corpus="made", passages=(passage(n),)) for n in numbers]
    )


def passage(number: int) -> Passage:
    return Passage(section="abstract", text=f"word{number} of cells")


@pytest.fixture
def filled(store: Store) -> Store:
    add(store, *range(300))
    for _ in embed_missing(store, OLD):
        pass
    return store


def test_the_first_encoder_is_searched_and_another_only_when_it_is_whole(filled):
    assert filled.active_encoder() == "old@1"
    ids = [number for number, _ in filled.passages_without_embedding("new@1", 10)]
    filled.add_passage_embeddings("new@1", ids, np.ones((10, 96), np.float32))
    assert not filled.activate_encoder("new@1")
    assert filled.active_encoder() == "old@1"
    report = reembed(filled, NEW)
    assert (report.done, report.unchanged) == (290, 10)
    assert filled.active_encoder() == "new@1"


def test_no_query_fails_or_mixes_vectors_while_the_library_is_embedded_anew(filled):
    encoders = LibraryEncoder(filled, "old", load)
    used: list[str] = []
    wrong: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            encoder = encoders()
            try:
                (found,) = literature_search("word7 of cells", encoder, filled, 1)
            except Exception as error:  # noqa: BLE001  # a failed query, of whatever kind
                wrong.append(error)
                continue
            used.append(encoder.name)
            if found.passage != "word7 of cells" or found.similarity < 0.99:
                wrong.append(found)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    until(lambda: bool(used or wrong))
    reembed(filled, NEW)
    until(lambda: used[-1] == "new@1" or bool(wrong))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert used[0] == "old@1" and "new@1" in used


def until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + 60
    while not holds() and monotonic() < deadline:
        sleep(0.01)


def test_what_arrives_meanwhile_is_embedded_before_the_change(filled):
    told: list[str] = []

    def progress(_: float | None, text: str) -> None:
        if not told:
            add(filled, 1000)
        told.append(text)

    reembed(filled, NEW, progress=progress)
    assert filled.count_passages_without("new@1") == 0


def test_a_worker_of_the_former_encoder_gives_its_batch_back(filled):
    add(filled, 1000)
    reembed(filled, NEW)
    with pytest.raises(ChangedEncoderError):
        list(embed_waiting(filled, OLD))
    assert work(filled, LibraryEncoder(filled, "old", load), until_done=True).done == 0
    counts = filled.counts()
    assert counts["passage_embeddings:new@1"] == counts["passages"] == 301
    assert counts["passage_embeddings:old@1"] == 300


def test_a_worker_follows_when_the_library_changes_over(filled):
    followed: list[str] = []
    encoders = LibraryEncoder(filled, "old", load)

    def late() -> Named:
        followed.append(encoders().name)
        if len(followed) == 1:
            add(filled, 1000)
            reembed(filled, NEW)  # between the worker's question and its batch
            add(filled, 1001)
            return OLD
        return load(followed[-1].partition("@")[0])

    work(filled, late, until_done=True)
    assert followed[:2] == ["old@1", "new@1"]
    assert filled.counts()["passage_embeddings:new@1"] == 302
    assert filled.waiting_passages() == 0


def test_a_run_that_was_stopped_is_taken_up(filled):
    with pytest.raises(Interrupted):
        reembed(filled, NEW, cancelled=lambda: True)
    assert filled.active_encoder() == "old@1"
    assert reembed(filled, NEW).unchanged == 64


def test_former_vectors_stay_until_they_are_dropped(filled):
    reembed(filled, NEW)
    assert filled.counts()["passage_embeddings:old@1"] == 300
    assert filled.drop_encoder("old@1") == 300
    with pytest.raises(BadInputError, match="is searched"):
        filled.drop_encoder("new@1")


def test_an_empty_library_is_not_embedded_anew(store):
    with pytest.raises(BadInputError, match="no passages yet"):
        reembed(store, NEW)


def test_an_encoder_that_changed_under_its_name_is_not_used(filled):
    changed = Named("old", 64)
    changed.name = "old@2"
    with pytest.raises(ModelUnavailableError, match=r"embedded by old@1.*loads now is old@2"):
        LibraryEncoder(filled, "old", lambda _: changed)()
