"""RAGAS: its metrics without a judge and with one, on a turn that is done. The only place of RAGAS.

What RAGAS cannot judge fairly is None, not a number: precision of a turn that should find nothing,
quotations where nothing is quoted (RAGAS says 1), the F1 of no calls where none are wanted (RAGAS
says 0). A judge's reply that cannot be read is NaN and counted. Needs the extra `eval`.
"""

import asyncio
import os
import warnings
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from tools.errors import BadInputError
from tools.protocols import TextEncoder

Scores = dict[str, float | None]
# RAGAS takes an apostrophe for a quotation mark: "Hodgkin's … cells' " would be a quotation.
APOSTROPHES = str.maketrans({"'": "\u02bc", "\u2019": "\u02bc"})


@dataclass(frozen=True)
class Sample:
    """What is measured of one turn: what it gave, and the references."""

    question: str
    answer: str
    claims: str
    contexts: Sequence[str]
    passages: Sequence[str]
    article_ids: Sequence[str]
    cited_article_ids: Sequence[str]
    case_ids: Sequence[str]
    tools: Sequence[str]
    reference_answer: str
    reference_article_ids: Sequence[str]
    reference_case_ids: Sequence[str]
    reference_passages: Sequence[str]
    reference_tools: Sequence[str]


def ragas() -> Any:
    """The module, imported without its analytics; BadInputError where the extra is missing."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # half of it moved, half did not
            import ragas.metrics
            import ragas.metrics.collections
    except ImportError as error:
        raise BadInputError(
            f"RAGAS cannot be imported ({error}); "
            "pip install -c constraints.txt 'cytoscribe[eval]' brings it"
        ) from error
    return ragas


class Metrics:
    """The metrics that need no judge; the encoder gives the semantic similarity."""

    def __init__(self, encoder: TextEncoder) -> None:
        module = ragas()
        collected = module.metrics.collections
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            legacy = module.metrics
            self._precision = legacy.IDBasedContextPrecision()
            self._recall = legacy.IDBasedContextRecall()
            self._text_precision = legacy.NonLLMContextPrecisionWithReference()
            self._text_recall = legacy.NonLLMContextRecall()
        self._calls = collected.ToolCallAccuracy(strict_order=False)
        self._calls_f1 = collected.ToolCallF1()
        self._quoted = collected.QuotedSpansAlignment()
        self._similar = collected.SemanticSimilarity(embeddings=embeddings(encoder))
        self._rouge = collected.RougeScore(rouge_type="rougeL", mode="fmeasure")
        self._chrf = collected.CHRFScore()

    def scores(self, sample: Sample) -> Scores:
        """Every figure of NAMES; None where it does not apply."""
        return asyncio.run(self._scores(sample))

    async def _scores(self, sample: Sample) -> Scores:
        wanted, found = sample.reference_article_ids, sample.article_ids
        texts = {"reference": sample.reference_answer, "response": sample.answer}
        return {
            "id_context_precision": await self._ids(self._precision, found, wanted),
            "id_context_recall": await self._ids(self._recall, found, wanted),
            "cited_precision": await self._ids(self._precision, sample.cited_article_ids, wanted),
            "cited_recall": await self._ids(self._recall, sample.cited_article_ids, wanted),
            "text_context_precision": await self._texts(self._text_precision, sample),
            "text_context_recall": await self._texts(self._text_recall, sample),
            "case_precision": await self._ids(
                self._precision, sample.case_ids, sample.reference_case_ids
            ),
            **await self._tools(sample),
            "quoted_spans": await self._quotations(sample),
            "semantic_similarity": await _value(self._similar.ascore(**texts)),
            "rouge_l": await _value(self._rouge.ascore(**texts)),
            "chrf": await _value(self._chrf.ascore(**texts)),
        }

    async def _ids(self, metric: Any, found: Sequence[str], wanted: Sequence[str]) -> float | None:
        """None where no reference is known, or a precision of nothing."""
        if not wanted:
            return None
        if not found:
            return 0.0 if metric is self._recall else None
        return float(await metric.single_turn_ascore(_turn(
            retrieved_context_ids=list(found), reference_context_ids=list(wanted)
        )))  # fmt: skip

    async def _texts(self, metric: Any, sample: Sample) -> float | None:
        if not sample.reference_passages:
            return None
        if not sample.passages:
            return 0.0 if metric is self._text_recall else None
        return float(await metric.single_turn_ascore(_turn(
            retrieved_contexts=list(sample.passages),
            reference_contexts=list(sample.reference_passages),
        )))  # fmt: skip

    async def _tools(self, sample: Sample) -> Scores:
        """Names only: a reference does not say with which words to search."""
        calls, wanted = _calls(sample.tools), _calls(sample.reference_tools)
        told = {"user_input": [_said(sample, calls)], "reference_tool_calls": wanted}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that the numbers of calls differ
            accuracy = await _value(self._calls.ascore(**told))
        f1 = await _value(self._calls_f1.ascore(**told)) if calls or wanted else None
        return {"tool_call_accuracy": accuracy, "tool_call_f1": f1}

    async def _quotations(self, sample: Sample) -> float | None:
        found = await self._quoted.ascore(
            response=sample.claims.translate(APOSTROPHES),
            retrieved_contexts=[text.translate(APOSTROPHES) for text in sample.contexts],
        )
        return None if "No quoted spans" in (found.reason or "") else float(found.value)


def embeddings(encoder: TextEncoder) -> Any:
    """The sentence encoder of the library in RAGAS's form."""
    from ragas.embeddings.base import BaseRagasEmbedding

    class Encoder(BaseRagasEmbedding):
        def embed_text(self, text: str, **_: Any) -> list[float]:
            return [float(value) for value in encoder.encode_passages([text])[0]]

        async def aembed_text(self, text: str, **_: Any) -> list[float]:
            return self.embed_text(text)

    return Encoder()


async def _value(result: Awaitable[Any]) -> float:
    return float((await result).value)


def _turn(**fields: Any) -> Any:
    from ragas.dataset_schema import SingleTurnSample

    return SingleTurnSample(**fields)


def _calls(names: Sequence[str]) -> list[Any]:
    from ragas.messages import ToolCall

    return [ToolCall(name=name, args={}) for name in names]


def _said(sample: Sample, calls: Sequence[Any]) -> Any:
    from ragas.messages import AIMessage

    return AIMessage(content=sample.answer, tool_calls=list(calls))


def judged_metrics(client: Any, model: str, encoder: TextEncoder) -> dict[str, Any]:
    """The metrics that ask a judge, by name: an AsyncOpenAI client and the model's name there."""
    collected = ragas().metrics.collections
    from ragas.llms import llm_factory

    judge = llm_factory(model, client=client)
    return {
        "faithfulness": collected.Faithfulness(llm=judge),
        "answer_relevancy": collected.AnswerRelevancy(llm=judge, embeddings=embeddings(encoder)),
        "image_faithfulness": collected.MultiModalFaithfulness(llm=judge),
        "image_relevance": collected.MultiModalRelevance(llm=judge),
    }
