"""An optional text model that puts the literature part of an answer into connected words.

Any OpenAI-compatible server (Ollama, vLLM, `transformers serve`, …). It sees the question and the
passages, never the image; passages are data, whatever they say. Each of its sentences must cite a
passage it was given and be backed by what it cites (`agent/backed.py`), or is dropped and counted.
Where the server fails or nothing is left, the answer is extractive, as without it.
"""

import logging
import re
from collections.abc import Sequence

from llama_index.core.llms import LLMMetadata
from llama_index.llms.openai import OpenAI
from openai import OpenAIError

from agent.backed import backed
from agent.literature import Rewritten
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

    def rewrite(self, question: str, passages: Sequence[LiteratureEvidence]) -> Rewritten:
        """The sentences that the passages bear out; none where the server fails."""
        try:
            reply = self.complete(rewrite(question, [p.passage for p in passages]))
        except RemoteServiceError as error:
            _log.warning("%s", error)
            return Rewritten()
        return checked_sentences(reply, passages)

    def complete(self, prompt: str) -> str:
        """The model's reply; RemoteServiceError where its server does not answer."""
        try:
            return str(self._llm.complete(prompt).text)
        except OpenAIError as error:
            raise RemoteServiceError(
                f"the text model {self.name} did not answer: {error}; check that its server runs"
                " and CYTOSCRIBE_TEXT_MODEL_URL"
            ) from error


def checked_sentences(reply: str, passages: Sequence[LiteratureEvidence]) -> Rewritten:
    """Of a reply, the sentences whose citations "[n]" name passages that bear them out."""
    # a citation after the full stop belongs to the sentence before it
    text = re.sub(r"([.!?])\s*(\[\d+(?:\s*,\s*\d+)*\])", r" \2\1", reply.strip())
    said = split_sentences(text) if text else []
    kept = [sentence for words in said if (sentence := _checked(words, passages)) is not None]
    return Rewritten(tuple(kept), len(said) - len(kept))


def _checked(said: str, passages: Sequence[LiteratureEvidence]) -> Sentence | None:
    numbers = [int(n) for group in _CITATION.findall(said) for n in group.split(",")]
    if not numbers or not all(1 <= n <= len(passages) for n in numbers):
        return None
    cited = list(dict.fromkeys(passages[n - 1] for n in numbers))
    words = _CITATION.sub("", said).rstrip(" .")
    if not backed(words, cited):
        return None
    names = ", ".join(source(p) for p in cited)
    return Sentence(text=f"{words} ({names}).", evidence_ids=tuple(p.evidence_id for p in cited))
