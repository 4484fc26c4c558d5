"""A cross-encoder as re-ranker: one that reads query and passage together (Nogueira and Cho,
"Passage Re-ranking with BERT", 2019), by hub id or folder. More precise than vectors, and slow on
a CPU; nothing of the kind comes in a package, so that its weights are fetched once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch

from tools.errors import ModelUnavailableError
from tools.evidence import LiteratureEvidence
from tools.reranking import Scored

MAX_TOKENS = 512
BATCH = 16


class Texts(Protocol):
    """What holds the passages' texts; `tools.store.Store` does."""

    def evidence(self, cosines: Mapping[int, float]) -> Mapping[int, LiteratureEvidence]: ...


class CrossEncoder:
    """Ranks passages by the first output of a sequence classifier; deterministic on a machine."""

    def __init__(self, tokenizer: Any, model: Any, texts: Texts, device: str = "cpu") -> None:
        self._tokenizer, self._model = tokenizer, model.eval().to(device)
        self._texts, self._device = texts, device

    def __call__(
        self, query: str, candidates: Scored, first: Sequence[int], encoder: str
    ) -> list[int]:
        """`first` in the order of its scores; a tie keeps the order."""
        found = self._texts.evidence(dict.fromkeys(first, 0.0))
        pairs = [(query, f"{e.title}. {e.passage}" if e.title else e.passage)
                 for number in first if (e := found.get(number))]  # fmt: skip
        scores = dict(zip([n for n in first if n in found], self.scores(pairs), strict=True))
        return sorted(first, key=lambda number: -scores.get(number, float("-inf")))

    @torch.inference_mode()
    def scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """How well each passage fits its query; higher is better, the scale is the model's."""
        scores: list[float] = []
        for start in range(0, len(pairs), BATCH):
            queries, passages = zip(*pairs[start : start + BATCH], strict=True)
            tokens = self._tokenizer(
                list(queries), list(passages), padding=True, truncation="only_second",
                max_length=MAX_TOKENS, return_tensors="pt",
            ).to(self._device)  # fmt: skip
            scores += self._model(**tokens).logits[:, 0].float().tolist()
        return scores


def load_cross_encoder(name: str, texts: Texts, device: str = "cpu") -> CrossEncoder:
    """The cross-encoder of a hub id or folder; ModelUnavailableError where it has no such head."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = AutoModelForSequenceClassification.from_pretrained(
            name, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    except (OSError, ValueError) as e:
        raise ModelUnavailableError(
            f"the re-ranker {name!r} cannot be loaded: {next(iter(str(e).splitlines()), '')} Check "
            "the id and the network, or set CYTOSCRIBE_RERANKER=linear, which needs none."
        ) from e
    if model.config.num_labels != 1:
        raise ModelUnavailableError(
            f"{name!r} tells {model.config.num_labels} classes apart; a re-ranker has one output, "
            "such as ncbi/MedCPT-Cross-Encoder"
        )
    return CrossEncoder(tokenizer, model, texts, device)
