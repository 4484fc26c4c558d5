"""An optional text model that puts the literature part of an answer into connected words.

Any OpenAI-compatible server (Ollama, vLLM, `transformers serve`, …). It sees the question and the
passages, never the image. Each of its sentences must cite a passage it was given, or is dropped;
that a sentence follows from what it cites is not checked here. Where the server fails, the answer
is extractive, as without it.
"""

import logging
import re
from collections.abc import Sequence

from llama_index.core.llms import LLMMetadata
from llama_index.llms.openai import OpenAI
from openai import OpenAIError

from agent.prompts import rewrite
from agent.turn import Sentence
from agent.wording import source, split_sentences
from tools.errors import RemoteServiceError
from tools.evidence import LiteratureEvidence

SECONDS = 60.0  # for the whole reply; a person is waiting

_CITATION = re.compile(r"\s*\[(\d+(?:\s*,\s*\d+)*)\]")
_log = logging.getLogger(__name__)


class AnyServer(OpenAI):
    """OpenAI's protocol with a model whose name OpenAI does not know."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name=self.model, is_chat_model=True)


class TextModel:
    """An `agent.synthesis.Rewriter` on a server; making one contacts nobody."""

    def __init__(self, name: str, url: str | None, key: str | None) -> None:
        self.name = name
        self._llm = AnyServer(
            model=name, api_base=url, api_key=key or "none", temperature=0.0,
            timeout=SECONDS, max_retries=0,
        )  # fmt: skip

    def rewrite(self, question: str, passages: Sequence[LiteratureEvidence]) -> list[Sentence]:
        """Sentences that cite the passages; none where the server fails or cites nothing."""
        try:
            reply = self.complete(rewrite(question, [p.passage for p in passages]))
        except RemoteServiceError as error:
            _log.warning("%s", error)
            return []
        return cited_sentences(reply, passages)

    def complete(self, prompt: str) -> str:
        """The model's reply; RemoteServiceError where its server does not answer."""
        try:
            return str(self._llm.complete(prompt).text)
        except OpenAIError as error:
            raise RemoteServiceError(
                f"the text model {self.name} did not answer: {error}; check that its server runs"
                " and CYTOSCRIBE_TEXT_MODEL_URL"
            ) from error


def cited_sentences(reply: str, passages: Sequence[LiteratureEvidence]) -> list[Sentence]:
    """The sentences of a reply whose every citation "[n]" names one of the n passages."""
    # a citation after the full stop belongs to the sentence before it
    text = re.sub(r"([.!?])\s*(\[\d+(?:\s*,\s*\d+)*\])", r" \2\1", reply)
    return [s for said in split_sentences(text) if (s := _checked(said, passages)) is not None]


def _checked(said: str, passages: Sequence[LiteratureEvidence]) -> Sentence | None:
    numbers = [int(n) for group in _CITATION.findall(said) for n in group.split(",")]
    if not numbers or not all(1 <= n <= len(passages) for n in numbers):
        return None
    cited = list(dict.fromkeys(passages[n - 1] for n in numbers))
    words = _CITATION.sub("", said).rstrip(" .")
    names = ", ".join(source(p) for p in cited)
    return Sentence(text=f"{words} ({names}).", evidence_ids=tuple(p.evidence_id for p in cited))
