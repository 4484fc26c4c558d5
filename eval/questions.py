"""Free questions about held-out images: how often the model's short answer is right.

Each question goes through `PaliGemma.answer`, as a user's does, in a wording that training never
met (eval/data/questions/free.jsonl; the truth is the datasets' labels). Three controls on the same
model say what could be had without looking or reading: a blank image, another row's question on
this image, and another row's image. It judges words, not meaning: an answer is right if it is an
accepted one, or names one and no other option of the finding.
"""

import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from agent.build import open_model
from agent.settings import Settings, load_settings
from tools.errors import BadInputError
from tools.findings import BY_NAME
from tools.images import open_image
from tools.protocols import ImageFeatures, VisionModel

FREE_QUESTIONS = Path(__file__).parent / "data" / "questions" / "free.jsonl"
GREY = (128, 128, 128)
MODEL, BLANK, WRONG, SHUFFLED = "model", "blank_image", "wrong_question", "shuffled_image"
CONTROLS = (BLANK, WRONG, SHUFFLED)
RESAMPLES = 1000
_YES_OR_NO = ("yes", "no")
_ARTICLES = frozenset(("a", "an", "the"))


@dataclass(frozen=True)
class Asked:
    """A question about an image, and the answers that count as right."""

    id: str
    dataset: str
    image: str  # path below the data folder
    question: str
    accepts: tuple[str, ...]  # lower case; the first is "yes" or "no" for a yes/no question
    about: str  # a finding of tools.findings
    box: tuple[int, int, int, int] | None = None  # left, top, right, bottom pixel of a part

    @property
    def yes_or_no(self) -> bool:
        return self.accepts[0] in _YES_OR_NO


@dataclass(frozen=True)
class Answered:
    """A row with what the model said, under each condition."""

    asked: Asked
    said: Mapping[str, str]  # condition: answer

    def right(self, condition: str = MODEL) -> bool:
        return is_right(self.said[condition], self.asked)


def read_questions(path: Path) -> tuple[Asked, ...]:
    """The rows of a JSON-lines file; BadInputError names the line that is not understood."""
    if not path.is_file():
        raise BadInputError(f"{path} is not a file; name one with a question a line, as JSON")
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = tuple(_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip())
    if not rows:
        raise BadInputError(f"{path} holds no question")
    return rows


def _row(path: Path, number: int, line: str) -> Asked:
    try:
        fields = json.loads(line)
        box = fields.pop("box", None)
        row = Asked(
            **fields | {"accepts": tuple(fields["accepts"])}, box=tuple(box) if box else None
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInputError(f"{path}, line {number} is not a question: {error}") from error
    if not row.accepts or row.about not in BY_NAME:
        raise BadInputError(
            f"{path}, line {number}: `accepts` must not be empty, and `about` ({row.about!r}) must"
            f" be one of {', '.join(BY_NAME)}"
        )
    return row


def normalised(answer: str) -> str:
    """Lower case, without punctuation and articles: "The H&E stain." is "h and e stain"."""
    words = re.findall(r"[a-z0-9]+", answer.lower().replace("&", " and "))
    return " ".join(word for word in words if word not in _ARTICLES)


def is_right(answer: str, asked: Asked) -> bool:
    """Whether the answer is an accepted one, or names one and nothing else of its finding."""
    said, accepted = normalised(answer), {normalised(words) for words in asked.accepts}
    if asked.yes_or_no:
        return said in accepted or said.split(" ")[0] == asked.accepts[0]
    options = {normalised(option) for option in BY_NAME[asked.about].options}
    named = _named(said, accepted | options)
    return bool(named) and named <= accepted


def _named(said: str, phrases: Iterable[str]) -> set[str]:
    """The phrases that occur as whole words; of "light blue" and "blue" the longer one."""
    found = set()
    for phrase in sorted(phrases, key=lambda words: (-len(words), words)):
        said, times = re.subn(rf"\b{re.escape(phrase)}\b", "|", said)
        if times:
            found.add(phrase)
    return found


def wrong_questions(rows: Sequence[Asked]) -> list[str]:
    """For each row a question of another row of its dataset, about another finding."""
    rng = random.Random(0)
    return [
        rng.choice(
            [r for r in rows if r.about != row.about and r.dataset == row.dataset]
            or [r for r in rows if r.about != row.about]
            or [row]
        ).question
        for row in rows
    ]


def other_images(rows: Sequence[Asked]) -> list[int]:
    """For each row the index of a row with another image: about the same finding, if there is."""
    rng = random.Random(1)
    found = []
    for index, row in enumerate(rows):
        others = [i for i, r in enumerate(rows) if (r.image, r.box) != (row.image, row.box)]
        alike = [i for i in others if rows[i].about == row.about]
        found.append(rng.choice(alike or others or [index]))
    return found


def open_images(rows: Sequence[Asked], data: Path, settings: Settings) -> Iterator[Image.Image]:
    """The images, opened as uploads are; BadInputError, before the first, if a file is missing."""
    for row in rows:
        if not (data / row.image).is_file():
            raise BadInputError(
                f"{data / row.image} does not exist (question {row.id}); --data must be the folder"
                f" that holds {row.image.split('/')[0]}/"
            )
    pixels, size = settings.max_pixels, settings.max_upload_mb * 2**20
    return (
        open_image(data / row.image, max_pixels=pixels, max_bytes=size).pixels.crop(row.box)
        for row in rows
    )


def ask(model: VisionModel, rows: Sequence[Asked], images: Iterable[Image.Image]) -> list[Answered]:
    """Put each row's question to the model, and its controls."""
    features = [model.look([image]) for image in images]
    blank = model.look([Image.new("RGB", (224, 224), GREY)])

    def answer(seen: ImageFeatures, question: str) -> str:
        return model.answer(seen, question)[0].text

    def answered(row: Asked, seen: ImageFeatures, question: str, other: int) -> Answered:
        said = {
            MODEL: answer(seen, row.question),
            BLANK: answer(blank, row.question),
            WRONG: answer(seen, question),
            SHUFFLED: answer(features[other], row.question),
        }
        return Answered(row, said)

    plan = list(zip(rows, features, wrong_questions(rows), other_images(rows), strict=True))
    with click.progressbar(plan, label="questions", file=sys.stderr) as bar:
        return [answered(*one) for one in bar]


def interval(values: Sequence[float]) -> list[float]:
    """The 95% interval of the mean: percentile bootstrap over rows (Efron 1979)."""
    array = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).integers(len(array), size=(RESAMPLES, len(array)))
    return [float(edge) for edge in np.percentile(array[draws].mean(1), [2.5, 97.5])]


def accuracy(rows: Sequence[Answered], condition: str = MODEL) -> float:
    """Share of rows whose answer is right."""
    return sum(row.right(condition) for row in rows) / len(rows)


def report(rows: Sequence[Answered], name: str) -> dict[str, Any]:
    """Every figure and every answer; keys are only ever added, never renamed."""
    kinds: dict[str, list[Answered]] = defaultdict(list)
    findings: dict[str, list[Answered]] = defaultdict(list)
    for row in rows:
        kinds["yes_or_no" if row.asked.yes_or_no else "open"].append(row)
        findings[row.asked.about].append(row)
    return {
        "command": "eval questions",
        "date": date.today().isoformat(),
        "model": name,
        "questions": len(rows),
        "accuracy": accuracy(rows),
        "accuracy_ci": interval([row.right() for row in rows]),
        "controls": {control: _beside(rows, control) for control in CONTROLS},
        "by_form": {form: _by_part(some) for form, some in kinds.items()},
        "by_finding": {about: _by_part(some) for about, some in findings.items()},
        "answers": [
            asdict(row.asked) | {"said": dict(row.said), "right": row.right()} for row in rows
        ],
        "research_use_only": True,
    }


def _beside(rows: Sequence[Answered], control: str) -> dict[str, Any]:
    """A control, and how much more often the model is right than it, on the same rows."""
    return {
        "accuracy": accuracy(rows, control),
        "accuracy_ci": interval([row.right(control) for row in rows]),
        "gain": accuracy(rows) - accuracy(rows, control),
        "gain_ci": interval([row.right() - row.right(control) for row in rows]),
    }


def _by_part(rows: Sequence[Answered]) -> dict[str, float]:
    return {"questions": len(rows)} | {c: accuracy(rows, c) for c in (MODEL, *CONTROLS)}


def in_words(figures: Mapping[str, Any]) -> str:
    """The report as a table for people."""
    lines = [f"{figures['questions']} questions to {figures['model']}"]
    low, high = figures["accuracy_ci"]
    lines.append(f"right: {figures['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})")
    for control, of in figures["controls"].items():
        low, high = of["gain_ci"]
        lines.append(
            f"{control.replace('_', ' ')}: {of['accuracy']:.1%};"
            f" the model gains {of['gain']:+.1%} ({low:+.1%} to {high:+.1%})"
        )
    for part in ("by_form", "by_finding"):
        lines += [
            f"  {name.replace('_', ' ')}: {of[MODEL]:.1%} of {of['questions']}"
            for name, of in figures[part].items()
        ]
    return "\n".join(lines)


@click.command(context_settings={"show_default": True})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder that holds the datasets (pbc_wbcatt/, bccd/, …).",
)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    default=FREE_QUESTIONS,
    show_default="the 150 questions shipped here",
    help="Questions, one JSON object a line: id, dataset, image, question, accepts, about.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every figure and answer as JSON.")
def questions(data: Path, path: Path, as_json: bool) -> None:
    """Ask free questions about held-out images and count the right answers.

    \b
    Examples:
      cytoscribe eval questions --data data/
      cytoscribe eval questions --data data/ --file mine.jsonl --json > questions.json
    """
    rows, settings = read_questions(path), load_settings()
    images = open_images(rows, data, settings)
    model = open_model(settings)
    figures = report(ask(model, rows, images), model.name)
    click.echo(json.dumps(figures, indent=1, ensure_ascii=False) if as_json else in_words(figures))


if __name__ == "__main__":
    questions()
