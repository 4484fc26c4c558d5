"""The models as a turn's trace sees them: every call of them in a turn is an observation.

They answer as the models inside them do. Token counts are those of generated text; closed questions
are scored, not written, and have none.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from agent import prompts
from agent.settings import Settings
from agent.tracing import Tracer
from tools.findings import QUESTIONS
from tools.protocols import Asked, Generated, ImageFeatures, TextEncoder, Vectors, VisionModel

Stop = Callable[[], bool]


def about(settings: Settings, model: VisionModel) -> dict[str, str]:
    """What answers a turn, as its trace says; names of weights carry their digests."""
    base, _, adapter = model.name.partition("+")
    better: dict[str, str] = getattr(model, "better", {})
    asked = [f"{q.prompt} {', '.join(q.options)}" for q in QUESTIONS]
    return {
        "model": base,
        **({"adapter": adapter} if adapter else {}),
        "prompt_version": prompts.version([*asked, *better, *better.values()]),
        "settings_hash": settings.hash(),
    }


@dataclass(frozen=True)
class ObservedModel:
    """A `tools.protocols.VisionModel`."""

    model: VisionModel
    tracer: Tracer

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def embedding_dim(self) -> int:
        return self.model.embedding_dim

    def look(self, images: Sequence[Image]) -> ImageFeatures:
        with self.tracer.stage("look", "embedding", {"images": len(images)}) as stage:
            stage.note(model=self.name)
            return self.model.look(images)

    def describe(self, features: ImageFeatures, cancelled: Stop = bool) -> list[Generated]:
        with self.tracer.stage("describe", "generation") as stage:
            return _noted(stage, self.name, self.model.describe(features, cancelled))

    def answer(
        self, features: ImageFeatures, question: str, cancelled: Stop = bool
    ) -> list[Generated]:
        with self.tracer.stage("answer_question", "generation", question) as stage:
            return _noted(stage, self.name, self.model.answer(features, question, cancelled))

    def stream(
        self, features: ImageFeatures, question: str | None = None, cancelled: Stop = bool
    ) -> Iterator[str]:
        with self.tracer.stage("stream", "generation", question) as stage:
            said = []
            for piece in self.model.stream(features, question, cancelled):
                stage.begun()
                said.append(piece)
                yield piece
            stage.note("".join(said), model=self.name)

    def score(self, features: ImageFeatures, question: str, options: Sequence[str]) -> Any:
        return self.score_all(features, [(question, options)])[0]

    def score_all(
        self, features: ImageFeatures, questions: Sequence[Asked], cancelled: Stop = bool
    ) -> list[Any]:
        asked = [question for question, _ in questions]
        with self.tracer.stage("closed_questions", "generation", asked) as stage:
            scores = self.model.score_all(features, questions, cancelled)
            likeliest = zip(questions, scores, strict=True)
            best = [[options[row.argmax()] for row in rows] for (_, options), rows in likeliest]
            stage.note(best, model=self.name)
        return scores

    def embed_image(self, features: ImageFeatures) -> Vectors:
        with self.tracer.stage("embed_image", "embedding", {"images": features.n}) as stage:
            stage.note({"dimension": self.embedding_dim}, model=self.name)
            return self.model.embed_image(features)


@dataclass(frozen=True)
class ObservedEncoder:
    """A `tools.protocols.TextEncoder`."""

    encoder: TextEncoder
    tracer: Tracer

    @property
    def name(self) -> str:
        return self.encoder.name

    @property
    def dimension(self) -> int:
        return self.encoder.dimension

    @property
    def normalised(self) -> bool:
        return self.encoder.normalised

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        with self.tracer.stage("embed_query", "embedding", list(texts)) as stage:
            stage.note({"dimension": self.dimension}, model=self.name)
            return self.encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        with self.tracer.stage("embed_passages", "embedding", {"texts": len(texts)}) as stage:
            stage.note({"dimension": self.dimension}, model=self.name)
            return self.encoder.encode_passages(texts)


def _noted(stage: Any, model: str, written: list[Generated]) -> list[Generated]:
    read = sum(text.prompt_tokens for text in written)
    wrote = sum(text.tokens for text in written)
    counted = {"usage": {"input": read, "output": wrote, "total": read + wrote}} if wrote else {}
    stage.note([text.text for text in written], model=model, **counted)
    return written
