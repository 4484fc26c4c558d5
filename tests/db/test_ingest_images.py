"""Images on their way into a real library: once, completely, and whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psycopg
import pytest
from PIL import Image

from tools.ingest import Interrupted, Limits, ingest_images
from tools.protocols import ImageFeatures, Vectors
from tools.store import Store

pytestmark = pytest.mark.db
SLOW_INGEST = Path(__file__).parent / "slow_ingest.py"


class MeanColour:
    """A vision model in ten lines: an image's vector is its mean colour."""

    name, embedding_dim = "mean-colour", 3

    def look(self, images: Sequence[Image.Image]) -> ImageFeatures:
        return ImageFeatures([np.asarray(i).mean((0, 1)) + 1 for i in images], len(images))

    def embed_image(self, features: ImageFeatures) -> Vectors:
        vectors = np.array(features.tower, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Other(MeanColour):
    name = "another-model"


def cells(root: Path, number: int) -> Path:
    for n in range(number):
        path = root / ("neutrophil" if n % 2 else "ig") / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (n % 256, n // 256, 9)).save(path)
    return root


@pytest.fixture
def ingest(store):
    return lambda path, **options: ingest_images(path, store=store, model=MeanColour(), **options)


def test_images_arrive_with_what_is_known_of_them(store, ingest, tmp_path):
    report = ingest(cells(tmp_path / "mine", 3), licence="CC0")
    assert (report.done, report.unchanged, report.skipped) == (3, 0, ())
    (case,) = store.similar_images("mean-colour", MeanColour().embed_image(
        ImageFeatures([[2.0, 1.0, 10.0]], 1))[0], 1)  # fmt: skip
    assert case.labels == {"cell_type": "neutrophil"}
    assert (case.source, case.licence, case.simulated) == ("mine", "CC0", False)
    record = store.image(case.image_id)
    assert (record.path, record.width) == (str(tmp_path / "mine/neutrophil/1.png"), 8)


def test_a_second_run_changes_nothing(store, ingest, tmp_path):
    ingest(cells(tmp_path, 20))
    before = store.counts()
    report = ingest(tmp_path)
    assert (report.done, report.unchanged) == (0, 20)
    assert store.counts() == before


def test_the_same_file_under_two_names_is_one_image(store, ingest, tmp_path):
    cells(tmp_path, 2)
    (tmp_path / "ig" / "copy.png").write_bytes((tmp_path / "ig" / "0.png").read_bytes())
    report = ingest(tmp_path)
    assert (report.done, report.unchanged) == (2, 1)
    assert store.counts()["images"] == 2


def test_another_model_embeds_the_same_images_beside(store, ingest, tmp_path):
    ingest(cells(tmp_path, 2))
    report = ingest_images(tmp_path, store=store, model=Other())
    assert report.done == 2
    counts = store.counts()
    assert counts["images"] == counts["image_embeddings:another-model"] == 2
    assert counts["image_embeddings:mean-colour"] == 2


def test_bad_files_are_named_and_the_others_go_in(store, ingest, tmp_path):
    cells(tmp_path, 3)
    (tmp_path / "ig" / "empty.png").touch()
    (tmp_path / "ig" / "text.png").write_text("hello")
    (tmp_path / "ig" / "cut.png").write_bytes((tmp_path / "ig" / "0.png").read_bytes()[:45])
    Image.new("L", (500, 500)).save(tmp_path / "ig" / "huge.png")
    (tmp_path / "ig" / "gone.png").symlink_to(tmp_path / "nowhere")
    report = ingest(tmp_path, limits=Limits(max_pixels=1000))
    assert report.done == store.counts()["images"] == 3
    reasons = {Path(name).name: reason for name, reason in report.skipped}
    assert reasons.keys() == {"empty.png", "text.png", "cut.png", "huge.png", "gone.png"}
    assert "too large" in reasons["huge.png"]
    assert "does not exist" in reasons["gone.png"]


def test_a_file_name_that_is_not_utf8_is_no_obstacle(store, ingest, tmp_path):
    cells(tmp_path, 1)
    name = os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "ig" / name)
    assert ingest(tmp_path).done == store.counts()["images"] == 2


def test_stopping_keeps_the_batch_in_hand_and_the_next_run_goes_on(store, ingest, tmp_path):
    cells(tmp_path, 50)
    with pytest.raises(Interrupted) as stopped:
        ingest(tmp_path, cancelled=lambda: store.counts()["images"] >= 16)
    assert stopped.value.report.done == store.counts()["images"] == 16
    report = ingest(tmp_path)
    assert (report.done, report.unchanged) == (34, 16)


def test_progress_ends_with_all_and_the_job_is_noted(store, ingest, tmp_path, database_url):
    told: list[tuple[float | None, str]] = []
    ingest(cells(tmp_path, 20), progress=lambda share, text: told.append((share, text)))
    assert told[-1] == (1.0, "20 of 20 images")
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT kind, state, done, skipped FROM ingest_jobs").fetchone()
    assert row == ("images", "finished", 20, 0)


def slow_ingest(path: Path, url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, str(SLOW_INGEST), str(path), url], stderr=subprocess.PIPE
    )


def wait_for(store: Store, images: int) -> None:
    deadline = time.monotonic() + 200
    while store.counts()["images"] < images:
        assert time.monotonic() < deadline, "the ingest does not come on"
        time.sleep(0.02)


def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(store, tmp_path, database_url):
    cells(tmp_path, 200)
    for images in (16, 64):
        process = slow_ingest(tmp_path, database_url)
        wait_for(store, images)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        held = store.counts()
        assert images <= held["images"] < 200
        assert held["images"] == held["image_embeddings:mean-colour"]
    report = ingest_images(tmp_path, store=store, model=MeanColour())
    assert report.done + report.unchanged == 200
    counts = store.counts()
    assert counts["images"] == counts["image_embeddings:mean-colour"] == 200


def test_two_ingests_at_once_store_each_image_once(store, tmp_path, database_url):
    cells(tmp_path, 64)
    processes = [slow_ingest(tmp_path, database_url) for _ in range(2)]
    assert [(p.communicate(timeout=60), p.returncode)[1] for p in processes] == [0, 0]
    counts = store.counts()
    assert counts["images"] == counts["image_embeddings:mean-colour"] == 64
