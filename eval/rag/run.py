"""Put rows to the assistant, measure each, keep each; what was done before is not done again."""

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from eval.rag.answered import Answered, answered
from eval.rag.folder import Done, Folder, Run
from eval.rag.measured import abstention, sample
from eval.rag.references import References, image_bytes
from eval.rag.rows import SHIPPED, Row, digest
from eval.ragas_metrics import Metrics, Sample, Scores
from tools.errors import BadInputError

if TYPE_CHECKING:
    from agent.assistant import Assistant

SESSION = "eval-rag-"  # begins the ids of the sessions of such runs


class Judge(Protocol):
    """Scores what needs a judge; `eval.rag.judge.OpenAIJudge` is one."""

    @property
    def name(self) -> str: ...

    def scores(self, sample: Sample, image: bytes | None) -> tuple[Scores, tuple[str, ...]]:
        """The scores, None where one does not apply, and the names of those it failed to give."""


def run_of(dataset: Path, rows: Sequence[Row], assistant: "Assistant", judge: Judge | None) -> Run:
    """What tells this run from others."""
    return Run(
        dataset="starter (shipped)" if dataset == SHIPPED else dataset.name,
        rows=len(rows),
        dataset_digest=digest(rows),
        settings_hash=assistant.settings.hash(),
        model=assistant.model.name,
        text_model=assistant.settings.text_model,
        judge=judge.name if judge else None,
    )


def check_images(rows: Sequence[Row], beside: Path) -> None:
    """BadInputError, before anything slow starts, where an image file is missing."""
    for row in rows:
        if (
            row.image
            and not row.image.startswith("starter:")
            and not (beside / row.image).is_file()
        ):
            raise BadInputError(
                f"row {row.id}: the image {beside / row.image} does not exist; images are named "
                "relative to the folder of the rows"
            )


class Runner:
    """Asks and measures rows one by one."""

    def __init__(
        self, assistant: "Assistant", beside: Path, folder: Folder, judge: Judge | None
    ) -> None:
        self._assistant, self._beside = assistant, beside
        self._folder, self._judge = folder, judge
        drawings = assistant.settings.data_folder() / "starter"
        self.references = References(assistant.store, drawings)
        self._metrics = Metrics(assistant.encoder)

    def run(
        self, rows: Sequence[Row], before: Sequence[Done], progress: Callable[[int], None]
    ) -> list[Done]:
        """All rows done, in the order of `rows`; `progress` gets the number of rows dealt with."""
        done = {one.answered.id: one for one in before}
        progress(len(done))
        for row in rows:
            if row.id not in done:
                done[row.id] = self._one(row)
                self._folder.add(done[row.id])
                progress(1)
        return [done[row.id] for row in rows]

    def _one(self, row: Row) -> Done:
        image = image_bytes(row.image, self._beside) if row.image else None
        told = self._ask(row, image)
        measured = sample(row, told, self.references)
        scores = self._metrics.scores(measured) | {"abstention": abstention(row, told)}
        judged, unreadable = self._judge.scores(measured, image) if self._judge else (Scores(), ())
        return Done(answered=told, scores=scores | judged, unreadable=unreadable)

    def _ask(self, row: Row, image: bytes | None) -> Answered:
        session = f"{SESSION}{uuid.uuid4().hex}"
        began = perf_counter()
        turn = self._assistant.new_turn(session, row.question, [image] if image else [])
        record = self._assistant.ask(turn)
        return answered(row, record, perf_counter() - began)
