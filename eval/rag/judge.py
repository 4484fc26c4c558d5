"""A judge on any OpenAI-compatible server: its scores, its failures, and how far to trust it.

A reply that cannot be read is counted, never guessed. A server that cannot be reached, or refuses
the key or the model, ends the run with a word on what to check: the rows done are kept. Its trust
is measured on reference verdicts that are true by construction (`eval/data/rag/judge.jsonl`).
"""

import asyncio
import base64
import math
from collections.abc import Awaitable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import ValidationError

from agent.settings import Settings
from eval.rag.folder import Scores, whole_lines
from eval.rag.verdicts import Judged, read_verdicts
from eval.ragas_metrics import Sample, judged_metrics
from eval.watching import Watch
from tools.closing import Closing
from tools.errors import RemoteServiceError
from tools.protocols import TextEncoder

SECONDS = 120.0  # for one reply
RETRIES = 2  # of the client, where the server is busy
LARGEST = 512  # pixels of an image's longer side, as the judge gets it


def open_judge(settings: Settings, encoder: TextEncoder) -> "OpenAIJudge | None":
    """The judge of the settings, once it has answered; RemoteServiceError if it does not."""
    if not settings.judge_model:
        return None
    judge = OpenAIJudge(settings, encoder)
    try:
        judge.greet()
    except BaseException:
        judge.close()
        raise
    return judge


class OpenAIJudge(Closing):
    """Scores turns by RAGAS's judged metrics."""

    def __init__(self, settings: Settings, encoder: TextEncoder) -> None:
        from openai import AsyncOpenAI

        self.name = settings.judge_model or ""
        self._url, self._images = settings.judge_url, settings.judge_images
        key = settings.judge_key
        self._client = AsyncOpenAI(
            base_url=self._url,
            api_key=key.get_secret_value() if key else "none",
            timeout=SECONDS,
            max_retries=RETRIES,
        )
        self._metrics = judged_metrics(self._client, self.name, encoder)
        self._loop = asyncio.Runner()  # one loop: the client's connections belong to it

    def greet(self) -> None:
        """Ask for a word, before anything slow; RemoteServiceError."""
        asked: Any = [{"role": "user", "content": "Reply with the word OK."}]
        self._loop.run(
            self._asked(self._client.chat.completions.create(model=self.name, messages=asked))
        )

    def scores(self, sample: Sample, image: bytes | None) -> tuple[Scores, tuple[str, ...]]:
        """The scores, None where one does not apply or was not readable; the names of the latter.

        An answer without claims is not judged, nor is an image unless the settings allow it.
        """
        fields = dict(self._fields(sample, image))
        found = self._loop.run(self._all(fields))
        unreadable = tuple(name for name in fields if found[name] is None)
        return {name: found.get(name) for name in self._metrics}, unreadable

    def check(self, folder: Path, watch: Watch) -> None:
        """Judge the reference verdicts that are not in `folder` yet."""
        file = folder / "judge.jsonl"
        done = {one.id for one in read_judged(file)}
        left = [verdict for verdict in read_verdicts() if verdict.id not in done]
        with watch("Checking the judge", len(left)) as step, file.open("a") as out:
            for verdict in left:
                scores, unreadable = self.scores(*verdict.sample())
                told = Judged(id=verdict.id, scores=scores, unreadable=unreadable)
                out.write(told.model_dump_json() + "\n")
                out.flush()
                step(1)

    def close(self) -> None:
        """Give back the connections."""
        self._loop.run(self._client.close())
        self._loop.close()

    def _fields(self, sample: Sample, image: bytes | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """What each metric that applies is told."""
        contexts = list(sample.contexts)
        if not sample.claims or not contexts:
            return
        asked, said = {"user_input": sample.question}, {"response": sample.claims}
        yield "faithfulness", {**asked, **said, "retrieved_contexts": contexts}
        yield "answer_relevancy", {**asked, **said}
        if image and self._images:
            shown = {"retrieved_contexts": [as_uri(image), *contexts]}
            yield "image_faithfulness", {**said, **shown}
            yield "image_relevance", {**asked, **said, **shown}

    async def _all(self, fields: dict[str, dict[str, Any]]) -> Scores:
        scores = [self._score(name, told) for name, told in fields.items()]
        return dict(zip(fields, await asyncio.gather(*scores), strict=True))

    async def _score(self, name: str, told: dict[str, Any]) -> float | None:
        """None for a reply that could not be read, after instructor asked again."""
        from instructor.core import InstructorRetryException
        from openai import BadRequestError

        try:
            result = await self._asked(self._metrics[name].ascore(**told))
        except (InstructorRetryException, ValidationError, BadRequestError):
            return None
        value = float(result.value)
        return None if math.isnan(value) else value

    async def _asked(self, work: Awaitable[Any]) -> Any:
        from openai import BadRequestError, OpenAIError

        try:
            return await work
        except Exception as error:
            cause = next((e for e in causes(error) if isinstance(e, OpenAIError)), None)
            if cause is None or isinstance(cause, BadRequestError):
                raise
            raise RemoteServiceError(
                f"the judge {self.name} at {self._url or 'https://api.openai.com/v1'} did not "
                f"answer: {cause}; check CYTOSCRIBE_JUDGE_URL, _KEY and _MODEL (what was done is "
                "kept)"
            ) from error


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def as_uri(image: bytes) -> str:
    """The image, made small, as a data URI."""
    with Image.open(BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((LARGEST, LARGEST))
    out = BytesIO()
    small.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def read_judged(file: Path) -> list[Judged]:
    """What the judge said of the reference verdicts."""
    return [Judged.model_validate_json(line) for line in whole_lines(file)]
