"""Encoders of the registry, on tiny models of random weights: read as their row says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from tools.embedders import load_encoder
from tools.encoder_registry import ENCODERS, EncoderRow, encoder_row
from tools.errors import ModelUnavailableError

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "cell",
    "nucleus",
    "blood",
    "title",
    "text",
    "the",
    "find",
    ":",
    ".",
]


def saved(folder: Path, seed: int, width: int = 16) -> Path:
    """A BERT checkpoint of two layers, as the hub would have it."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=width, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def article(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("encoders") / "article", 0)


@pytest.fixture(scope="module")
def query(tmp_path_factory) -> Path:
    return saved(tmp_path_factory.mktemp("encoders") / "query", 1)


def as_row(name: str, folder: Path, **more) -> EncoderRow:
    return replace(ENCODERS[name], model=str(folder), dimension=16, **more)


def hidden(folder: Path, *segments: str) -> torch.Tensor:
    """The last layer (tokens, width), by plain transformers."""
    tokens = BertTokenizerFast.from_pretrained(folder)(*segments, return_tensors="pt")
    with torch.inference_mode():
        return BertModel.from_pretrained(folder)(**tokens).last_hidden_state[0]


def test_medcpt_reads_title_and_text_apart_and_queries_by_their_own_model(article, query):
    encoder = load_encoder(as_row("medcpt", article, query_model=str(query)))
    (passage,) = encoder.encode_passages(["title\ncell nucleus"])
    assert np.allclose(passage, hidden(article, "title", "cell nucleus")[0], atol=1e-5)
    (question,) = encoder.encode_queries(["cell"])
    assert np.allclose(question, hidden(query, "cell")[0], atol=1e-5)


def test_medcpt_is_compared_by_inner_product(article, query):
    encoder = load_encoder(as_row("medcpt", article, query_model=str(query)))
    assert not encoder.normalised
    assert not np.allclose(np.linalg.norm(encoder.encode_queries(["cell"])), 1, atol=0.1)


def test_bge_puts_its_prefix_before_queries_alone(article):
    encoder = load_encoder(as_row("bge-base", article, query_prefix="find : "))
    expected = hidden(article, "find : cell")[0]
    assert np.allclose(encoder.encode_queries(["cell"])[0], expected / expected.norm(), atol=1e-5)
    plain = hidden(article, "title. cell")[0]
    assert np.allclose(
        encoder.encode_passages(["title.\ncell"])[0], plain / plain.norm(), atol=1e-5
    )


def test_pubmedbert_is_the_mean_of_its_tokens(article):
    encoder = load_encoder(as_row("pubmedbert", article))
    mean = hidden(article, "blood cell").mean(0)
    assert np.allclose(encoder.encode_passages(["blood cell"])[0], mean / mean.norm(), atol=1e-5)


def test_padding_changes_no_vector(article):
    encoder = load_encoder(as_row("pubmedbert", article))
    texts = ["cell", "the cell . the nucleus . the blood " * 9, "title\ntext"]
    alone = np.concatenate([encoder.encode_passages([text]) for text in texts])
    assert np.allclose(encoder.encode_passages(texts), alone, atol=1e-5)


def test_what_the_positions_cannot_hold_is_cut(article):
    encoder = load_encoder(as_row("pubmedbert", article))
    assert np.isfinite(encoder.encode_passages(["cell " * 500])).all()


def test_another_dimension_than_the_registry_says_is_refused(article):
    row = replace(ENCODERS["bge-base"], model=str(article))
    with pytest.raises(ModelUnavailableError, match=r"16 numbers.*says 768"):
        load_encoder(row)


def test_a_row_is_found_by_short_name_and_by_hub_id():
    assert encoder_row("medcpt") is encoder_row("ncbi/MedCPT-Article-Encoder")
    assert encoder_row("someone/else") == EncoderRow("someone/else", None)


def test_every_row_states_a_licence():
    assert all(row.licence != "not stated" for row in ENCODERS.values())
