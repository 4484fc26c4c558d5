"""From a review in the database to a training set and a list of what to review next."""

import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from agent.commands.feedback import feedback
from finetune.commands.finetune import finetune
from tests.corrections import corrected
from tools.images import ImageFolder

pytestmark = pytest.mark.db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def noise(seed: int) -> bytes:
    file = io.BytesIO()
    drawn = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(drawn).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def asked(store, database_url, tmp_path, tiny_paligemma_dir, monkeypatch) -> list[str]:
    """Four images that were asked about in two sessions; the commands' settings point there."""
    monkeypatch.setenv("CYTOSCRIBE_DATABASE_URL", database_url)
    monkeypatch.setenv("CYTOSCRIBE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CYTOSCRIBE_MODEL", str(tiny_paligemma_dir))
    images = ImageFolder(tmp_path / "data" / "images", max_pixels=10**6, max_bytes=10**6)
    ids = [images.put(noise(seed)).image_id for seed in range(4)]
    for n, image_id in enumerate(ids):
        store.save_turn(
            turn_id=f"t{n}", session_id=f"s{n % 2}", trace_id="", asked_at=NOON,
            record=json.dumps({"turn": {"images": [image_id]}}), evidence=(),
        )  # fmt: skip
    return ids


def review(store, ids: list[str], *which: int) -> None:
    for n in which:
        one = corrected(n, "basophil", session_id=f"s{n % 2}", image_id=ids[n])
        store.save_feedback(
            feedback_id=one.feedback_id, turn_id=one.turn_id, given_at=NOON, feedback="{}",
            corrections=[one],
        )  # fmt: skip


def test_what_was_asked_about_and_never_reviewed_is_known(store, asked):
    review(store, asked, 0, 3)
    assert store.unreviewed() == {asked[1]: "s1", asked[2]: "s0"}


def test_reviews_become_a_training_set(store, asked, tmp_path):
    review(store, asked, 0, 2)
    told = CliRunner().invoke(feedback, ["export", str(tmp_path / "set"), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["train"] == 2
    opened = Image.open(tmp_path / "set" / "images" / f"{asked[0]}.png")
    assert np.array_equal(np.asarray(opened), np.asarray(Image.open(io.BytesIO(noise(0)))))


def test_an_image_whose_file_is_gone_is_named_and_told_by_the_exit_code(store, asked, tmp_path):
    review(store, asked, 0, 2)
    next((tmp_path / "data" / "images").rglob(asked[0])).unlink()
    told = CliRunner().invoke(feedback, ["export", str(tmp_path / "set")])
    assert told.exit_code == 3 and f"left out: {asked[0]}" in told.stderr


def test_the_next_to_review_are_those_not_reviewed(store, asked):
    review(store, asked, 1)
    told = CliRunner().invoke(feedback, ["next", "-n", "2", "--json"], catch_exceptions=False)
    listed = json.loads(told.stdout)
    assert len(listed) == 2 and asked[1] not in [one["image"] for one in listed]
    assert all(0 <= one["entropy"] <= 1 and one["session"] in ("s0", "s1") for one in listed)
    in_words = CliRunner().invoke(feedback, ["next"]).output
    assert "/?session=s" in in_words and in_words.count("img-") == 3


def test_images_of_a_folder_can_be_ranked_and_bad_ones_are_named(asked, tmp_path):
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "a.png").write_bytes(noise(9))
    (tmp_path / "slides" / "b.png").write_bytes(b"no image")
    told = CliRunner().invoke(
        feedback, ["next", str(tmp_path / "slides"), "--json"], catch_exceptions=False
    )
    assert [one["image"] for one in json.loads(told.stdout)] == [str(tmp_path / "slides" / "a.png")]
    assert "b.png" in told.stderr


def test_nothing_left_to_review_is_said(store, asked):
    review(store, asked, 0, 1, 2, 3)
    assert "Nothing to review" in CliRunner().invoke(feedback, ["next"]).output


def test_reviews_in_the_database_train_a_model(store, asked, tmp_path):
    review(store, asked, 0, 2)
    told = CliRunner().invoke(
        finetune, ["--from", "feedback", "--out", str(tmp_path / "run"), "--set", "max_steps=2",
                   "--set", "batch_size=2", "--json"], catch_exceptions=False,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["steps"] == 2
    assert (tmp_path / "run" / "feedback" / "README.md").is_file()
