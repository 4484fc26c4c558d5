"""The text encoders we know, a row each: how to read what the model puts out.

The facts are those of the models' own cards on the Hugging Face hub. An encoder read with another
pooling or without its prefix gives poor vectors and no error, hence the table. A model that is not
in it is taken for one of the plain kind: mean over its tokens, no prefix, unit length.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class EncoderRow:
    """One encoder; `model` is a hub id, a folder, or `minilm` for the offline package."""

    model: str
    dimension: int | None  # None: as the checkpoint says
    pooling: Literal["mean", "cls"] = "mean"
    max_tokens: int = 512  # of a passage
    query_prefix: str = ""
    passage_prefix: str = ""
    query_model: str | None = None  # where queries have an encoder of their own,
    query_tokens: int = 512  # and how many tokens that one reads
    title_apart: bool = False  # title and text are two segments, not one string
    normalised: bool = True  # False: compared by inner product, not by cosine
    licence: str = "not stated"


MINILM = EncoderRow("minilm", 384, max_tokens=256, licence="Apache-2.0")
BGE_QUERY = "Represent this sentence for searching relevant passages: "

ENCODERS = {
    "minilm": MINILM,
    "pubmedbert": EncoderRow("NeuML/pubmedbert-base-embeddings", 768, licence="Apache-2.0"),
    "pubmedbert-msmarco": EncoderRow(
        "pritamdeka/S-PubMedBert-MS-MARCO", 768, max_tokens=350, licence="CC-BY-NC-2.0"
    ),
    "medcpt": EncoderRow(
        "ncbi/MedCPT-Article-Encoder",
        768,
        pooling="cls",
        query_model="ncbi/MedCPT-Query-Encoder",
        query_tokens=64,
        title_apart=True,
        normalised=False,
        licence="public domain",
    ),
    "bge-small": EncoderRow(
        "BAAI/bge-small-en-v1.5", 384, pooling="cls", query_prefix=BGE_QUERY, licence="MIT"
    ),
    "bge-base": EncoderRow(
        "BAAI/bge-base-en-v1.5", 768, pooling="cls", query_prefix=BGE_QUERY, licence="MIT"
    ),
    "bge-large": EncoderRow(
        "BAAI/bge-large-en-v1.5", 1024, pooling="cls", query_prefix=BGE_QUERY, licence="MIT"
    ),
}


def encoder_row(name: str) -> EncoderRow:
    """The row of a short name or a hub id; a plain one for any other model."""
    by_model = {row.model: row for row in ENCODERS.values()}
    return ENCODERS.get(name) or by_model.get(name) or EncoderRow(name, None)
