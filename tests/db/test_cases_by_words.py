"""Images found by what they are called, on a real database with the real encoder."""

import json
from collections.abc import Mapping

import numpy as np
import pytest
from agent_fakes import WordEncoder, png
from click.testing import CliRunner

from agent.commands.library import library
from tools.cases_by_words import cases_by_words
from tools.images import open_image, thumbnail
from tools.ingest.captions import embed_captions
from tools.library import ALL_IMAGES, CaseFilter, ImageRecord
from tools.store import Store

pytestmark = pytest.mark.db
ENCODER = WordEncoder()


def image(caption: str, labels: Mapping[str, str], colour: str, source: str) -> ImageRecord:
    opened = open_image(png(colour), max_pixels=10**6, max_bytes=10**6)
    return ImageRecord(
        image_id=opened.image_id, path=f"/cells/{colour}.png", width=16, height=16, caption=caption,
        labels=dict(labels), source=source, licence="CC0", thumbnail=thumbnail(opened.pixels),
    )  # fmt: skip


@pytest.fixture
def filled(store: Store) -> Store:
    """Four images, one of them without a caption."""
    bilobed = {"cell_type": "eosinophil", "nucleus_shape": "bilobed"}
    records = [
        image("An eosinophil with a bilobed nucleus.", bilobed, "red", "a"),
        image("An eosinophil.", {"cell_type": "eosinophil"}, "blue", "b"),
        image("", {"cell_type": "platelet"}, "tan", "a"),
        image("A monocyte; its nucleus is indented.", {"cell_type": "monocyte"}, "green", "a"),
    ]
    store.add_images(records, "m", np.tile(np.float32([[1, 0]]), (len(records), 1)))
    embed_captions(store, ENCODER)
    return store


def found(store: Store, words: str, where: CaseFilter = ALL_IMAGES, k: int = 5) -> list[str]:
    return [c.labels["cell_type"] for c in cases_by_words(words, ENCODER, store, k, where)]


def test_a_class_in_the_plural_or_by_another_name_is_found(filled):
    assert found(filled, "eosinophils") == ["eosinophil"] * 2
    assert found(filled, "thrombocytes") == ["platelet"]  # by its label: it has no caption
    assert found(filled, "Monozyten") == ["monocyte"]


def test_what_says_more_of_the_words_comes_first(filled):
    (first, *_) = cases_by_words("eosinophil bilobed nucleus", ENCODER, filled, 5)
    assert first.labels["nucleus_shape"] == "bilobed"
    assert (first.found_by, first.folded) == ("words", 0)
    assert 0 < first.similarity <= 1


def test_what_no_caption_or_label_says_is_not_found(filled):
    assert found(filled, "mast cells") == []
    assert found(filled, "") == []
    assert found(filled, "'); DROP TABLE images; --") == []


def test_filters_and_k_narrow_the_search(filled):
    assert found(filled, "eosinophils", CaseFilter(source="b")) == ["eosinophil"]
    assert found(filled, "eosinophils", CaseFilter(licence="none")) == []
    assert found(filled, "eosinophils", k=1) == ["eosinophil"]


def test_a_caption_is_embedded_once_and_words_find_images_without_any_vector(store):
    same = [image("An eosinophil.", {"cell_type": "eosinophil"}, c, "a") for c in ("red", "blue")]
    store.add_images(same, "m", np.tile(np.float32([[1, 0]]), (2, 1)))
    assert found(store, "eosinophils") == ["eosinophil"] * 2
    assert embed_captions(store, ENCODER) == 1
    assert embed_captions(store, ENCODER) == 0
    assert store.captions_without_embedding("another", 10) == ["An eosinophil."]


def test_an_encoder_that_is_dropped_takes_its_captions_along(filled):
    other = WordEncoder()
    other.name = "other"
    assert embed_captions(filled, other) == 3
    filled.drop_encoder("other")
    assert len(filled.captions_without_embedding("other", 10)) == 3


def test_the_command_prints_what_is_found(store, database_url, tmp_path):
    one = image("An eosinophil.", {"cell_type": "eosinophil"}, "blue", "b")
    store.add_images([one], "m", np.float32([[1, 0]]))
    with_library = {"CYTOSCRIBE_DATABASE_URL": database_url, "CYTOSCRIBE_DATA_DIR": str(tmp_path)}
    asked = ["images", "eosinophils", "--source", "b", "--json"]
    run = CliRunner().invoke(library, asked, env=with_library)
    (line,) = run.stdout.splitlines()
    assert json.loads(line)["path"] == "/cells/blue.png"
    run = CliRunner().invoke(library, ["images", "Eosinophile"], env=with_library)
    assert "0.00" in run.stdout and "b, CC0" in run.stdout
    run = CliRunner().invoke(library, ["images", "mast cells"], env=with_library)
    assert "No image of the library" in run.stdout
