"""One measurement of trust: how sure the model is and how right, and what it does not describe.

Findings are judged as they are claimed: the best option of each closed question whose truth is
known, at the probability that a user is shown. Known images are those of the set; strangers are
drawn here, or photographs of yours.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from eval import descriptions as metrics
from eval.descriptions import Answers, calibration_error
from eval.evaluation import Request, chosen, read_truths
from eval.measuring import Limits, Measured, measure
from eval.seeing import Seen
from eval.trust.coverage import (
    COVERAGE,
    Answer,
    aurc,
    curve,
    least_aurc,
    reliability,
    risk_at,
)
from eval.trust.strangers import strangers
from eval.truth import Known, Truths
from eval.watching import Watch, unwatched
from tools.describe_image import is_strange
from tools.errors import BadInputError
from tools.images import open_image
from tools.protocols import Familiarity, VisionModel

BATCH = 16
FEWEST = 30  # answers to a question, below which it gets no figures of its own
Told = dict[str, Any]
Likeness = Familiarity | None  # None: nobody can tell, so that the image is described


def trust(
    requests: Mapping[str, Request],
    model: VisionModel,
    limits: Limits,
    *,
    each: int = 100,
    photos: Path | None = None,
    seed: int = 0,
    watch: Watch = unwatched,
) -> Told:
    """All figures as JSON values; BadInputError where there is no image to measure.

    `each` strangers of a family are drawn by `seed`.
    """
    known, seen, likeness = list[Known](), list[Seen](), dict[str, list[Likeness]]()
    for name, request in requests.items():
        images = _known(request, watch)
        with watch(f"Asking about {name}", len(images)) as step:
            told = measure(images, model, limits, step)
        known, seen = known + told.known, seen + told.seen
        likeness[name] = _familiarity(_opened(told, limits), model)
    with watch("Looking at strangers", each * 5) as step:
        others = _strangers(model, strangers(each, photos, seed), step)
    return {
        "command": "eval trust",
        "date": date.today().isoformat(),
        "model": model.name,
        "images": len(known),
        "findings": findings([image.facts for image in known], seen),
        "unknown_images": unknown_images(likeness, others),
        "research_use_only": True,
    }


def _known(request: Request, watch: Watch) -> list[Known]:
    images, split = chosen(request)
    truths = Truths(request.dataset, request.root, rows=split.rows, stated=request.stated())
    known, _ = read_truths(truths, images, watch)
    if not (usable := [image for image in known if image.facts]):
        raise BadInputError(f"nothing is known of the images below {request.root}")
    return usable


def _opened(told: Measured, limits: Limits) -> Iterable[Image.Image]:
    for image in told.known:
        opened = open_image(image.path, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes)
        yield opened.pixels


def _familiarity(images: Iterable[Image.Image], model: VisionModel) -> list[Likeness]:
    """Of each image, as far as the model can tell."""
    found, rest = list[Likeness](), iter(images)
    while batch := list(islice(rest, BATCH)):
        found += model.look(batch).familiarity or ()
    return found


def _strangers(
    model: VisionModel, drawn: Iterable[tuple[str, Image.Image]], step: Any
) -> Mapping[str, list[Likeness]]:
    found = defaultdict[str, list[Likeness]](list)
    rest = iter(drawn)
    while batch := list(islice(rest, BATCH)):
        known = model.look([image for _, image in batch]).familiarity or ()
        for (family, _), one in zip(batch, known, strict=False):
            found[family].append(one)
        step(len(batch))
    return found


def findings(truths: Sequence[Mapping[str, str]], seen: Sequence[Seen]) -> Told:
    """Calibration and risk of all answers, and of each question with enough of them."""
    by_image: list[list[tuple[str, Answer]]] = [
        [
            (name, (probability, said.asked[name] == truth[name]))
            for name, probability in said.probability.items()
            if name in truth
        ]
        for truth, said in zip(truths, seen, strict=True)
    ]
    every = [answer for answers in by_image for answer in answers]
    names = sorted({name for name, _ in every})
    of_each = {
        name: calibration([[a for n, a in answers if n == name] for answers in by_image])
        for name in names
    }
    enough = {name: told for name, told in of_each.items() if told["answers"] >= FEWEST}
    return calibration([[a for _, a in answers] for answers in by_image]) | {"by_question": enough}


def calibration(by_image: Sequence[Answers]) -> Told:
    """Calibration error, risk by coverage and reliability of the answers on each image."""
    answered = [answers for answers in by_image if answers]
    every = [answer for answers in answered for answer in answers]
    found = metrics.estimate(calibration_error, answered)
    whole, kept = risk_at(every, 1.0), risk_at(every)
    return {
        "images": len(answered),
        "answers": len(every),
        "ece": found.value,
        "ece_ci": [found.low, found.high],
        "error": whole,
        f"error_at_{COVERAGE:.0%}".replace("%", "_percent"): kept,
        "error_left": kept / whole if whole else None,
        "aurc": aurc(every),
        "aurc_least": least_aurc(every),
        "risk_coverage": curve(every),
        "reliability": reliability(every),
    }


def unknown_images(
    known: Mapping[str, Sequence[Likeness]], others: Mapping[str, Sequence[Likeness]]
) -> Told:
    """The share of known images refused and of strangers recognised; None: it cannot tell."""
    if not any(known.values()):
        return {"checked": False}
    of_known = [one for of_set in known.values() for one in of_set]
    of_others = [one for family in others.values() for one in family]
    probable = [[one.probability for one in part if one] for part in (of_known, of_others)]
    return {
        "checked": True,
        "refused": share_unknown(of_known),
        "refused_by_set": {name: _row(of_set) for name, of_set in known.items()},
        "recognised": share_unknown(of_others),
        "recognised_by_family": {name: _row(family) for name, family in others.items()},
        "auroc": separation(*probable),
        "probability": {
            name: [round(value, 4) for value in values]
            for name, values in zip(("known", "strangers"), probable, strict=True)
        },
    }


def share_unknown(images: Sequence[Likeness]) -> float | None:
    """The share that is not known; None where there are no images."""
    return sum(map(is_strange, images)) / len(images) if images else None


def _row(images: Sequence[Likeness]) -> Told:
    rows = [float(is_strange(one)) for one in images]
    found = metrics.estimate(metrics.mean_value(), rows)
    return {"share": found.value, "ci": [found.low, found.high], "images": len(rows)}


def separation(known: Sequence[float], others: Sequence[float]) -> float | None:
    """AUROC: how often a known image is more familiar than a stranger; ties count half."""
    if not known or not others:
        return None
    first, second = np.array(known)[:, None], np.array(others)[None, :]
    return float((first > second).mean() + (first == second).mean() / 2)
