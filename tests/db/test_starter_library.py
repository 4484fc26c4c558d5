"""Filling an empty library: once, after an interruption, and not over a user's own."""

import numpy as np
import pytest
from PIL.Image import Image

from tools.library import ImageRecord
from tools.protocols import ImageFeatures
from tools.simulate import starter_recipes
from tools.starter import bibliography, fill_starter_library, real_pictures
from tools.store import Store

pytestmark = pytest.mark.db
FEW = 25


class Eye:
    """Sees the mean colour of an image, and can be made to fail."""

    name, embedding_dim = "mean-colour", 3

    def __init__(self, patience: int = 10**6) -> None:
        self.patience = patience

    def look(self, images: list[Image]) -> ImageFeatures:
        self.patience -= len(images)
        if self.patience < 0:
            raise KeyboardInterrupt
        return ImageFeatures([np.asarray(i).mean((0, 1)) for i in images], len(images))

    def embed_image(self, features: ImageFeatures) -> np.ndarray:
        colours = np.asarray(features.tower, np.float32)
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)


class Reader:
    """Counts letters."""

    name, dimension, normalised = "letters", 26, True

    def encode_passages(self, texts: list[str]) -> np.ndarray:
        rows = [[1 + t.lower().count(chr(97 + i)) for i in range(26)] for t in texts]
        counts = np.asarray(rows, np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    encode_queries = encode_passages


def fill(store, folder, eye=None, patience=60.0):
    """Fill with fewer drawings: the whole set takes seconds and shows nothing more."""
    said = []
    few, eye = starter_recipes()[:FEW], eye or Eye()
    fill_starter_library(store, eye, Reader(), folder, said.append, recipes=few, patience=patience)
    return said


def test_an_empty_library_gets_images_and_literature(store: Store, tmp_path):
    fill(store, tmp_path)
    counts = store.counts()
    assert counts["simulated_images"] == FEW
    assert counts["images"] == counts["image_embeddings:mean-colour"] == FEW + len(real_pictures())
    assert counts["articles"] == counts["passage_embeddings:letters"] == len(bibliography())


def test_filling_again_says_and_changes_nothing(store: Store, tmp_path):
    fill(store, tmp_path)
    before = store.counts()
    assert fill(store, tmp_path, Eye(patience=0)) == []
    assert store.counts() == before


def test_an_interrupted_filling_goes_on_where_it_stopped(store: Store, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fill(store, tmp_path, Eye(patience=22))
    begun = store.counts()["images"]
    assert 0 < begun < FEW
    fill(store, tmp_path, Eye(patience=FEW + len(real_pictures()) - begun))
    assert store.counts()["simulated_images"] == FEW


def test_a_slow_model_gets_the_rest_at_the_next_start(store: Store, tmp_path):
    said = fill(store, tmp_path, patience=0.0)
    assert "next start" in said[-1]
    for _ in range(3):
        fill(store, tmp_path, patience=0.0)
    assert store.counts()["simulated_images"] == FEW


def test_another_model_gets_its_own_embeddings(store: Store, tmp_path):
    fill(store, tmp_path)
    other = Eye()
    other.name = "other"
    fill(store, tmp_path, other)
    counts = store.counts()
    assert counts["image_embeddings:other"] == counts["image_embeddings:mean-colour"]
    assert counts["images"] == FEW + len(real_pictures())


def test_a_users_own_images_are_left_alone(store: Store, tmp_path):
    own = ImageRecord(
        image_id="img-0", path="/x.png", width=1, height=1, source="own", licence="own",
        thumbnail=b"jpeg",
    )  # fmt: skip
    store.add_images([own], "mean-colour", np.eye(3, dtype=np.float32)[:1])
    fill(store, tmp_path)
    assert store.counts()["images"] == 1
    assert store.counts()["articles"] == len(bibliography())


def test_drawn_cases_say_that_they_are_simulated(store: Store, tmp_path):
    fill(store, tmp_path)
    vector = np.asarray([0.7, 0.6, 0.5], np.float32)
    cases = store.similar_images("mean-colour", vector, 60)
    for case in cases:
        assert case.simulated == (case.source == "Cytoscribe simulator")
        assert case.caption.startswith("Simulated image") == case.simulated
        assert case.licence


def test_a_summary_is_never_a_quotation(store: Store, tmp_path):
    fill(store, tmp_path)
    hits = store.lexical_passages("neutrophil granulocytes", 5)
    found = store.evidence(dict(hits)).values()
    assert len(found) >= 3
    assert not any(passage.quoted for passage in found)
    assert {passage.section for passage in found} == {"summary"}
