"""Answer PubMedQA's questions one by one, keeping each answer, so that a stopped run goes on.

What was answered lies beside the predictions in `<out>.partial`, one JSON line an answer under a
line that says whose answers they are; another run's file of that name is not mixed in.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from eval.official import ANSWERS
from eval.pubmedqa.questions import Question
from tools.errors import BadInputError


class Answerer(Protocol):
    """Decides a question from what may be read to answer it."""

    @property
    def name(self) -> str: ...

    def answer(self, question: Question) -> str:
        """yes, no or maybe; RemoteServiceError where a server does not answer."""


def answer_all(
    questions: Sequence[Question],
    answer: Callable[[Question], str],
    whose: str,
    out: Path,
    tell: Callable[[int], object] = lambda _: None,
) -> dict[str, str]:
    """Write the predictions file, PMID -> decision, and return it."""
    partial = out.with_name(f"{out.name}.partial")
    said = dict(_kept(partial, whose))
    tell(sum(question.pmid in said for question in questions))
    with partial.open("a", encoding="utf-8") as file:
        if not file.tell():
            _write(file, {"answers_of": whose})
        for question in questions:
            if question.pmid not in said:
                said[question.pmid] = answer(question)
                _write(file, {question.pmid: said[question.pmid]})
                tell(1)
    predictions = {question.pmid: said[question.pmid] for question in questions}
    out.write_text(json.dumps(predictions, indent=1) + "\n", encoding="utf-8")
    partial.unlink()
    return predictions


def _write(file: object, line: dict[str, str]) -> None:
    print(json.dumps(line), file=file, flush=True)  # type: ignore[call-overload]


def _kept(partial: Path, whose: str) -> Iterator[tuple[str, str]]:
    """What an earlier run of the same answerer left; a line cut short by a crash is dropped."""
    if not partial.is_file():
        return
    first, *lines = partial.read_text(encoding="utf-8").split("\n")
    if first and _object(first).get("answers_of") != whose:
        raise BadInputError(
            f"{partial} holds the answers of another run ({first[:80]}); delete it to start afresh"
        )
    for line in lines:
        yield from ((k, v) for k, v in _object(line).items() if v in ANSWERS)


def _object(line: str) -> dict[str, str]:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError):
        return {}
