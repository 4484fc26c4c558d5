"""What a model says of images in every way that is measured, and the controls beside it.

The model is asked as in serving: `describe_images` for text and findings, `score` for the closed
questions, `answer` for counts. It knows neither the truth of an image nor how it is judged.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from eval.descriptions import Facts
from tools.describe_image import Advice, describe_images, never
from tools.errors import CytoscribeError
from tools.evidence import DescriptionEvidence, Finding
from tools.findings import BY_NAME, COUNTS, QUESTIONS, Kind, facts_in
from tools.measure_image import measured
from tools.protocols import Asked, Generated, ImageFeatures, Vectors, VisionModel

GREY = (128, 128, 128)
SIDE = 224
UNSPOKEN = ("subject", *(f"count:{thing}" for thing in COUNTS))  # said as ranges
MEASURED: Mapping[str, str] = {  # the findings that hold what was counted, not generated
    "red blood cell": "red_blood_cell_count",
    "white blood cell": "white_blood_cell_count",
    "platelet": "platelet_count",
    "nucleus": "nuclei_count",
}
COUNTED: Mapping[Kind, tuple[str, ...]] = {"smear": tuple(COUNTS)[:3], "nuclei": ("nucleus",)}


@dataclass(frozen=True, eq=False)
class Seen:
    """What is said of one image."""

    asked: Facts  # question: best option; "count:<thing>": generated number
    probability: Mapping[str, float]  # question: probability of its best option
    written: Facts  # what the generated text states
    text: str = ""  # as generated
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)  # (options,)
    counts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # thing: number, origin


def speakable(facts: Facts) -> dict[str, str]:
    """The facts that a description has words for."""
    return {
        name: value
        for name, value in facts.items()
        if name not in UNSPOKEN and (name not in BY_NAME or BY_NAME[name].phrase(value))
    }


class _Remembering:
    """A model that describes a batch and scores each of its questions once, whoever asks."""

    def __init__(self, model: VisionModel) -> None:
        self._model, self._scores = model, dict[str, NDArray[np.float64]]()
        self._texts: list[Generated] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def describe(
        self, features: ImageFeatures, cancelled: Callable[[], bool] = never
    ) -> list[Generated]:
        self._texts = self._texts or self._model.describe(features, cancelled)
        return self._texts

    def score_all(
        self,
        features: ImageFeatures,
        questions: Sequence[Asked],
        cancelled: Callable[[], bool] = never,
    ) -> list[NDArray[np.float64]]:
        new = [asked for asked in questions if asked[0] not in self._scores]
        if new:
            each = self._model.score_all(features, new, cancelled)
            self._scores.update(zip((question for question, _ in new), each, strict=True))
        return [self._scores[question].copy() for question, _ in questions]


class Looking:
    """One batch before the model: `describe` as served, then `ask` what is measured."""

    def __init__(
        self,
        images: Sequence[Image.Image],
        model: VisionModel,
        min_probability: float = 0.5,
        abstaining: bool = True,
    ) -> None:
        self._model = cast(VisionModel, _Remembering(model))
        self._least = min_probability
        features = model.look(images)
        self._images = images
        self._features = features if abstaining else replace(features, familiarity=None)

    def describe(
        self, advice: Advice | None = None, least: float | None = None
    ) -> list[DescriptionEvidence]:
        """The description of each image with all findings of at least this probability."""
        names = [f"image {number}" for number in range(self._features.n)]
        least = self._least if least is None else least
        return describe_images(names, self._features, self._model, least, advice=advice)

    def vectors(self) -> Vectors:
        """The image vectors, (n images, width)."""
        return self._model.embed_image(self._features)

    def count(
        self, kinds: Collection[Kind], described: list[DescriptionEvidence]
    ) -> list[DescriptionEvidence]:
        """The descriptions with what is measured, where images of these kinds are counted."""
        if not any(COUNTED.get(kind) for kind in kinds):
            return described
        return [
            evidence.model_copy(update={"findings": (*evidence.findings, *_measured(evidence, i))})
            for evidence, i in zip(described, self._images, strict=True)
        ]

    def ask(self, kinds: Collection[Kind], described: Sequence[DescriptionEvidence]) -> list[Seen]:
        """Every closed question and count of these kinds, beside what was described."""
        scores = self.score_all(kinds)
        things = [thing for kind in kinds for thing in COUNTED.get(kind, ())]
        numbers = {thing: self._model.answer(self._features, COUNTS[thing]) for thing in things}
        return [
            _seen(
                {name: of_all[row] for name, of_all in scores.items()},
                {thing: of_all[row].text for thing, of_all in numbers.items()},
                evidence,
            )
            for row, evidence in enumerate(described)
        ]

    def score_all(self, kinds: Collection[Kind]) -> dict[str, NDArray[np.float64]]:
        """Probabilities of the options of every question: name -> (n images, n options)."""
        asked = [q for q in QUESTIONS if not set(kinds).isdisjoint(q.applies_to)]
        each = self._model.score_all(self._features, [(q.prompt, q.options) for q in asked])
        return dict(zip((q.name for q in asked), each, strict=True))


def _measured(evidence: DescriptionEvidence, image: Image.Image) -> tuple[Finding, ...]:
    try:
        return measured(evidence, np.asarray(image.convert("RGB"))).findings()
    except CytoscribeError:
        return ()


def see(images: Sequence[Image.Image], model: VisionModel, kinds: Collection[Kind]) -> list[Seen]:
    """Describe images, and put every closed question and count of these kinds to the model."""
    looking = Looking(images, model)
    return looking.ask(kinds, looking.count(kinds, looking.describe()))


def _seen(
    scores: Mapping[str, NDArray[np.float64]],
    numbers: Mapping[str, str],
    evidence: DescriptionEvidence,
) -> Seen:
    best = {name: int(row.argmax()) for name, row in scores.items()}
    asked = {name: BY_NAME[name].options[option] for name, option in best.items()}
    answered = {f"count:{thing}": number for thing, number in numbers.items()}
    text = evidence.generated_text or evidence.text
    written = facts_in(text)
    return Seen(
        asked={**asked, **answered},
        probability={name: min(1.0, float(scores[name][option])) for name, option in best.items()},
        written=written,
        text=text,
        scores=scores,
        counts={thing: count_of(thing, evidence, written, numbers[thing]) for thing in numbers},
    )


def count_of(
    thing: str, evidence: DescriptionEvidence, written: Facts, answered: str
) -> tuple[str, str]:
    """The number that a user is given, and where it is from: "measured", "text" or "answer"."""
    for finding in evidence.findings:
        if finding.name == MEASURED[thing] and finding.origin == "measured":
            return finding.value, "measured"
    if (stated := written.get(f"count:{thing}")) is not None:
        return stated, "text"
    return answered, "answer"


def blank(model: VisionModel, kind: Kind) -> Seen:
    """What would be said of an image that shows nothing, the same for every image of the kind.

    Nothing is, where the model knows that it shows nothing; the control is what it says unasked.
    """
    looking = Looking([Image.new("RGB", (SIDE, SIDE), GREY)], model, abstaining=False)
    return looking.ask([kind], looking.describe())[0]


def shuffled(seen: Sequence[Seen], seed: int = 0) -> list[Seen]:
    """What was said of other images of the same set, drawn without repetition."""
    return random.Random(seed).sample(seen, len(seen))


def majority(truths: Sequence[Facts]) -> Seen:
    """The most common true answer to each question, said of every image."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for truth in truths:
        for name, value in truth.items():
            answers[name][value] += 1
    common = {name: count.most_common(1)[0][0] for name, count in answers.items()}
    counts = {
        thing: (common[key], "constant") for thing in COUNTS if (key := f"count:{thing}") in common
    }
    return Seen(common, {}, speakable(common), counts=counts)
