"""Labelled images in the library."""

import numpy as np
import pytest

from tools.errors import BadInputError
from tools.library import CaseFilter, ImageRecord
from tools.store import Store

pytestmark = pytest.mark.db


def image(number: int, **fields: object) -> ImageRecord:
    return ImageRecord(
        **{
            "image_id": f"img-{number:016x}", "path": f"/cells/{number}.png", "width": 360,
            "height": 363, "caption": "a cell", "labels": {"cell_type": "neutrophil"},
            "source": "made here", "licence": "CC0", "thumbnail": b"\xff\xd8",
        } | fields
    )  # fmt: skip


def towards(*angles: float) -> np.ndarray:
    """Unit vectors in the plane, (n, 2), by degrees."""
    radians = np.deg2rad(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_an_image_comes_back_as_it_was_stored(store: Store):
    stored = image(1, group="slide 7", simulated=True, labels={"a b": "ö'\";--"})
    assert store.add_images([stored], "lite", towards(0)) == 1
    assert store.image(stored.image_id) == stored
    assert store.thumbnail(stored.image_id) == b"\xff\xd8"
    assert store.image("img-none") is None
    assert store.thumbnail("img-none") is None


def test_adding_twice_changes_nothing(store: Store):
    assert store.add_images([image(1), image(2), image(1)], "lite", towards(0, 10, 0)) == 2
    assert store.add_images([image(1), image(2)], "lite", towards(50, 60)) == 0
    assert [c.similarity for c in store.similar_images("lite", towards(0)[0], 1)] == [1.0]
    assert store.counts()["images"] == store.counts()["image_embeddings:lite"] == 2


def test_the_closest_come_first_with_their_cosine(store: Store):
    store.add_images([image(n) for n in range(4)], "lite", towards(0, 90, 30, 180))
    found = store.similar_images("lite", towards(0)[0], 3)
    assert [c.image_id for c in found] == [image(n).image_id for n in (0, 2, 1)]
    assert [c.similarity for c in found] == pytest.approx([1, np.cos(np.pi / 6), 0], abs=1e-6)


def test_excluded_images_are_not_found(store: Store):
    store.add_images([image(0), image(1)], "lite", towards(0, 10))
    found = store.similar_images("lite", towards(0)[0], 5, exclude=[image(0).image_id])
    assert [c.image_id for c in found] == [image(1).image_id]


def test_only_what_the_filter_names_is_a_case(store: Store):
    kinds = [
        {"source": "a"},
        {"source": "b", "labels": {"stain": "Romanowsky"}},
        {"licence": "MIT"},
    ]
    store.add_images([image(n, **k) for n, k in enumerate(kinds)], "lite", towards(0, 10, 20))

    def found(**asked: str) -> list[str]:
        where = CaseFilter(**asked)
        cases = store.similar_images("lite", towards(0)[0], 5, where=where)
        return [c.image_id for c in cases]

    assert found(source="b") == found(stain="Romanowsky") == [image(1).image_id]
    assert found(licence="MIT") == [image(2).image_id]
    assert found(source="b", licence="MIT") == []
    assert len(found()) == 3


def test_thumbnails_come_by_id_and_unknown_ids_are_left_out(store: Store):
    store.add_images([image(0)], "lite", towards(0))
    assert store.thumbnails([image(0).image_id, "img-none"]) == {image(0).image_id: b"\xff\xd8"}


def test_a_simulated_case_says_so(store: Store):
    store.add_images([image(0, simulated=True)], "lite", towards(0))
    assert store.similar_images("lite", towards(0)[0], 1)[0].simulated


def test_an_empty_library_has_no_similar_images(store: Store):
    assert store.similar_images("lite", towards(0)[0], 5) == []


def test_models_lie_side_by_side_and_never_mix(store: Store):
    store.add_images([image(0), image(1)], "lite", towards(0, 90))
    store.add_image_embeddings("large", [image(0).image_id], np.eye(1, 3, dtype=np.float32))
    large = store.similar_images("large", np.eye(1, 3, dtype=np.float32)[0], 9)
    assert [c.image_id for c in large] == [image(0).image_id]
    assert len(store.similar_images("lite", towards(0)[0], 9)) == 2


def test_a_model_that_embedded_nothing_is_named(store: Store):
    store.add_images([image(0)], "lite", towards(0))
    with pytest.raises(BadInputError, match=r"'large', only of lite"):
        store.similar_images("large", towards(0)[0], 5)


def test_a_vector_of_the_wrong_dimension_is_refused_and_nothing_is_stored(store: Store):
    store.add_images([image(0)], "lite", towards(0))
    with pytest.raises(BadInputError, match="vectors of 2 numbers in this library, got 3"):
        store.add_images([image(1)], "lite", np.eye(1, 3, dtype=np.float32))
    assert store.counts()["images"] == 1
    with pytest.raises(BadInputError, match="got 3"):
        store.similar_images("lite", np.eye(1, 3, dtype=np.float32)[0], 5)


@pytest.mark.parametrize("broken", [np.nan, np.inf, 0.0])
def test_a_vector_that_has_no_direction_is_refused(store: Store, broken: float):
    with pytest.raises(BadInputError, match="zero or not finite"):
        store.add_images([image(0)], "lite", np.full((1, 2), broken, np.float32))
    assert store.counts()["images"] == 0


def test_images_wait_for_a_new_model_until_it_has_embedded_them(store: Store):
    store.add_images([image(0), image(1)], "lite", towards(0, 1))
    ids = [image(0).image_id, image(1).image_id]
    assert store.known_images([*ids, "img-none"], "lite") == set(ids)
    assert store.known_images(ids, "large") == set()
    assert store.images_without_embedding("large", 1) == [image(0)]
    store.add_image_embeddings("large", ids, towards(0, 1))
    assert store.images_without_embedding("large", 9) == []


@pytest.mark.parametrize("dimension", [384, 1152, 2304, 3584])
def test_vectors_of_every_models_size_are_kept_exactly(store: Store, dimension: int):
    vectors = np.random.default_rng(0).normal(size=(20, dimension)).astype(np.float32)
    store.add_images([image(n) for n in range(20)], "m", vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    order = np.argsort(-(unit @ unit[3]))[:5]
    found = store.similar_images("m", vectors[3], 5)
    assert [c.image_id for c in found] == [image(n).image_id for n in order]
