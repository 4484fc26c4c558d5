"""Images before the model: how unsure it is of the name of what each shows.

The question that names what is shown follows from the kind of image; where a kind has none, it is
what the image shows at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL.Image import Image

from finetune.feedback.acquisition import Doubt, doubt
from tools.evidence import CaseEvidence
from tools.findings import (
    CELL_TYPE,
    COMMON_RED_CELL,
    RED_CELL_TYPE,
    SUBJECT,
    SUBJECT_KINDS,
    TISSUE_TYPE,
    Question,
)
from tools.protocols import Vectors, VisionModel

NAMING = (CELL_TYPE, RED_CELL_TYPE, TISSUE_TYPE, COMMON_RED_CELL)
Similar = Callable[[Vectors], Sequence[CaseEvidence]]  # of one image's vector (width,)


@dataclass(frozen=True, eq=False)
class Candidate:
    """What was asked of an image, the doubt, and its vector (width,)."""

    question: str
    doubt: Doubt
    vector: Vectors


def candidates(model: VisionModel, images: Sequence[Image], similar: Similar) -> list[Candidate]:
    """Every image of one batch, looked at once."""
    features = model.look(images)
    asked = (SUBJECT, *NAMING)
    scores = dict(
        zip(asked, model.score_all(features, [(q.prompt, q.options) for q in asked]), strict=True)
    )
    vectors = model.embed_image(features)
    found = []
    for row, vector in enumerate(vectors):
        question = _naming(SUBJECT.options[int(scores[SUBJECT][row].argmax())])
        labels = [c.labels[question.name] for c in similar(vector) if question.name in c.labels]
        unsure = doubt(scores[question][row], question.options, labels)
        found.append(Candidate(question.name, unsure, np.asarray(vector, np.float32)))
    return found


def _naming(subject: str) -> Question:
    kind = SUBJECT_KINDS[subject]
    return next((q for q in NAMING if kind in q.applies_to), SUBJECT)
