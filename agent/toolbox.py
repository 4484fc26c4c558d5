"""The three tools as LlamaIndex sees them: JSON arguments in, a ToolResult out.

Images are named by id. A failure that the user or the operator can act on becomes data in the
result, and the turn goes on; anything else is our own bug and is raised. Work runs on threads, so
that tools of one turn run side by side. What a tool does is in `tools/`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from llama_index.core.tools import BaseTool, FunctionTool

from agent.settings import Settings
from agent.tracing import NoTracer, StageKind, Tracer
from agent.turn import ToolError, ToolName, ToolResult
from tools.cases_by_words import CaptionedImages, cases_by_words
from tools.describe_image import Advice, abstained, describe_images, is_strange, never
from tools.errors import Cancelled, CytoscribeError
from tools.evidence import CaseEvidence, DescriptionEvidence, Evidence, LiteratureEvidence
from tools.image_features import FeatureCache
from tools.image_search import Cases, image_search
from tools.library import CaseFilter
from tools.literature_search import Passages, literature_search
from tools.measure_image import unmeasured
from tools.protocols import ImageFeatures, TextEncoder, VisionModel
from tools.reranking import Reranker
from tools.weighing import CaseRule

# Asked by tools at work whether their turn was stopped; set by who runs the turn.
CANCELLED: ContextVar[Callable[[], bool]] = ContextVar("cancelled", default=never)

# Gives passages their `support` for a query; the name is that of the similarities' encoder.
Judge = Callable[[str, Sequence[LiteratureEvidence], str], Sequence[LiteratureEvidence]]


def unjudged(
    query: str, found: Sequence[LiteratureEvidence], encoder: str
) -> Sequence[LiteratureEvidence]:
    """The passages as they were found."""
    return found


NO_MEMORY = "there is not enough memory for the model"
STOPPED = "a model or its files stopped working"
_log = logging.getLogger(__name__)


class Library(Cases, CaptionedImages, Passages, Protocol):
    """What the tools search; `tools.store.Store` is one."""


@dataclass(frozen=True)
class Toolbox:
    """The tools and what they work with."""

    settings: Settings
    library: Library
    model: VisionModel
    encoder: Callable[[], TextEncoder]  # the library's: asked anew for each search
    features: FeatureCache
    tracer: Tracer = field(default_factory=NoTracer)
    measure: Callable[[DescriptionEvidence], DescriptionEvidence] = unmeasured
    support: Judge = unjudged
    case_rule: CaseRule | None = None  # how similar cases weigh on what is seen; None: not at all
    reranker: Reranker | None = None

    def tools(self) -> list[BaseTool]:
        """The tools for an agent of LlamaIndex."""
        functions = (self.describe_image, self.image_search, self.literature_search)
        return [FunctionTool.from_defaults(async_fn=f, async_callback=_as_json) for f in functions]

    async def describe_image(self, image_id: str, question: str = "") -> ToolResult:
        """Say what the vision-language model sees in an image, and what can be measured in it."""

        def describe() -> Sequence[Evidence]:
            features = self.features(image_id)
            least, stop = self.settings.min_probability, CANCELLED.get()
            asked, advice = question or None, self._advice(image_id, features)
            seen = describe_images([image_id], features, self.model, least, asked, stop, advice)
            return [self._measured(evidence) for evidence in seen]

        return await self._run("describe_image", "tool", describe, image_id, question, of=image_id)

    async def image_search(self, image_id: str = "", words: str = "") -> ToolResult:
        """Find the labelled cases of the library that resemble an image, or that words name.

        Of an image that the model does not know, that is evidence, too, and comes first.
        """

        def search() -> Sequence[Evidence]:
            k, where = self.settings.similar_cases, case_filter(self.settings)
            if not image_id:
                return cases_by_words(words, self.encoder(), self.library, k, where)
            features, picture = self.features(image_id), self.features.pixels(image_id)
            cases = image_search(
                image_id, features, self.model, self.library, k, where=where, picture=picture
            )
            (likeness,) = features.familiarity or (None,)
            strange = is_strange(likeness)
            return (abstained(image_id, likeness, self.model.name), *cases) if strange else cases

        given = image_id or words
        return await self._run("image_search", "retriever", search, given, of=image_id or None)

    async def literature_search(self, query: str) -> ToolResult:
        """Find passages of the biomedical literature, with their PMIDs."""

        def search() -> Sequence[Evidence]:
            encoder = self.encoder()
            found = literature_search(
                query, encoder, self.library, self.settings.passages, reranker=self.reranker
            )
            return self.support(query, found, encoder.name)

        return await self._run("literature_search", "retriever", search, query)

    async def _run(
        self,
        tool: ToolName,
        kind: StageKind,
        work: Callable[[], Sequence[Evidence]],
        *given: str,
        of: str | None = None,
    ) -> ToolResult:
        started = perf_counter()
        with self.tracer.stage(tool, kind, list(given)) as stage:
            evidence, error = await asyncio.to_thread(_attempt, work)
            result = ToolResult(
                tool=tool,
                evidence=tuple(evidence),
                error=error,
                image_id=of,
                latency_ms=(perf_counter() - started) * 1000,
            )
            stage.note(result, **self._pictures(result))
        return result

    def _advice(self, image_id: str, features: ImageFeatures) -> Advice | None:
        """The similar cases of an image, if they shall weigh; none where the library is away."""
        if self.case_rule is None:
            return None
        try:
            cases = image_search(
                image_id, features, self.model, self.library, self.case_rule.nearest,
                where=case_filter(self.settings), picture=self.features.pixels(image_id),
            )  # fmt: skip
        except CytoscribeError:
            return None
        return Advice(self.case_rule, [cases])

    def _measured(self, seen: DescriptionEvidence) -> DescriptionEvidence:
        with self.tracer.stage("measure", "tool", seen.image_id) as stage:
            measured = self.measure(seen)
            stage.note([f for f in measured.findings if f.origin == "measured"])
        return measured

    def _pictures(self, result: ToolResult) -> dict[str, dict[str, bytes]]:
        """Thumbnails of similar cases, by image id, if they may be sent."""
        if not self.settings.langfuse_case_images:
            return {}
        cases = [e.image_id for e in result.evidence if isinstance(e, CaseEvidence)]
        return {"images": dict(self.library.thumbnails(cases))} if cases else {}


def case_filter(settings: Settings) -> CaseFilter:
    """Which images of the library count as cases."""
    return CaseFilter(
        source=settings.case_source,
        licence=settings.case_licence,
        stain=settings.case_stain,
        modality=settings.case_modality,
    )


def _attempt(work: Callable[[], Sequence[Evidence]]) -> tuple[Sequence[Evidence], ToolError | None]:
    try:
        return work(), None
    except Cancelled:
        raise
    except CytoscribeError as error:
        return (), ToolError(kind=type(error).__name__, message=str(error))
    except (NotImplementedError, RecursionError):
        raise
    except (MemoryError, RuntimeError, OSError) as error:  # of torch, or of a file that is gone
        if _is_out_of_memory(error):
            return (), ToolError(kind="OutOfMemory", message=NO_MEMORY)
        _log.exception("a tool's model or files stopped working")
        return (), ToolError(kind=type(error).__name__, message=f"{STOPPED}: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _is_out_of_memory(error: BaseException) -> bool:
    """torch says so in an OutOfMemoryError on a GPU, in a plain RuntimeError on a CPU."""
    out_of_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return out_of_memory or "allocate memory" in str(error)


async def _as_json(result: ToolResult) -> str:
    """What a trace or another agent reads of a result."""
    return result.model_dump_json()
