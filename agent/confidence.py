"""How sure an answer may be: the probability that what it says first is right, in words and number.

Of an image, that it shows what is said first of it: by what the model sees and by how many similar
cases agree, so that a contradiction lowers it. Of the literature, that the first passage quoted
answers. The whole is the product, since the one is wrong whatever the other is. A part with a gap
claims nothing and lowers nothing. What nobody has measured has no number. The words are those of
the IPCC (Mastrandrea et al. 2010, guidance note on uncertainties), at the number that is shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agent.calibration import ImageCalibration, LiteratureCalibration
from tools.evidence import CaseEvidence, Finding, LiteratureEvidence

Likelihood = Literal[
    "virtually certain", "very likely", "likely", "about as likely as not", "unlikely",
    "very unlikely",
]  # fmt: skip
SCALE: tuple[tuple[int, Likelihood], ...] = (  # least per cent
    (99, "virtually certain"), (90, "very likely"), (66, "likely"),
    (33, "about as likely as not"), (10, "unlikely"), (0, "very unlikely"),
)  # fmt: skip
UNMEASURED = "Not calibrated: how often such an answer is right was not measured"


@dataclass(frozen=True)
class Certainty:
    """How likely what a part says first is right."""

    claim: str  # "the image shows what is said first of it"
    probability: float | None  # None: nobody has measured that
    measured: str  # on what, or what it is that was not measured


@dataclass(frozen=True)
class Confidence:
    """How likely an answer is right."""

    probability: float | None  # None: not calibrated
    explained: str  # what it is the probability of, and what it was measured on


NOTHING_CLAIMED = Confidence(0.0, "")


def in_words(probability: float) -> Likelihood:
    """The IPCC's word for a probability, as it is rounded for the reader."""
    return next(word for least, word in SCALE if round(100 * probability) >= least)


def in_numbers(probability: float) -> str:
    """Per cent, and never a certainty."""
    percent = round(100 * probability)
    return ">99%" if percent == 100 else "<1%" if percent == 0 else f"{percent}%"


def together(parts: Sequence[Certainty]) -> Confidence:
    """That all parts are right; not calibrated where one of them is not, or there is none."""
    known = [part.probability for part in parts if part.probability is not None]
    if not parts or len(known) < len(parts):
        why = "; ".join(part.measured for part in parts if part.probability is None)
        return Confidence(None, f"{UNMEASURED}{f' ({why})' if why else ''}.")
    claims = " and that ".join(part.claim for part in parts)
    measured = "; ".join(dict.fromkeys(part.measured for part in parts))
    return Confidence(
        math.prod(known),
        f"The probability that {claims}. Calibrated on {measured}; elsewhere it may be off.",
    )


def of_image(
    fitted: ImageCalibration | None, main: Finding, cases: Sequence[CaseEvidence], image: str
) -> Certainty:
    """Of what is seen first, beside similar cases; simulated ones may lower it, not raise it."""
    claim = f"{image} shows what is said first of it"
    if fitted is None or main.name not in fitted.images or main.probability is None:
        return Certainty(claim, None, _not_measured(fitted, main.name))
    alone = fitted.of_seen(main.name, main.probability, None)
    beside = fitted.of_seen(main.name, main.probability, agreeing(cases, main.name, main.value))
    drawn = any(case.simulated for case in cases)
    return Certainty(claim, min(alone, beside) if drawn else beside, fitted.sources[main.name])


def of_cases(
    fitted: ImageCalibration | None,
    cases: Sequence[CaseEvidence],
    name: str,
    label: str,
    image: str,
) -> Certainty:
    """That an image, which nobody described, is what most of the similar cases are."""
    claim = f"{image} is what most similar cases are"
    if fitted is None or name not in fitted.images or any(case.simulated for case in cases):
        drawn = fitted is not None and name in fitted.images
        return Certainty(claim, None, "simulated cases" if drawn else _not_measured(fitted, name))
    share = agreeing(cases, name, label) or 0.0
    return Certainty(claim, fitted.of_cases(name, share), fitted.sources[name])


def of_literature(
    fitted: LiteratureCalibration, quoted: LiteratureEvidence, rewritten: bool
) -> Certainty:
    """That the first passage answers; not how well a text model put it into words."""
    claim = "the first passage cited answers the question"
    if rewritten:
        claim += " (not that the text model words it well)"
    if quoted.support is None:
        return Certainty(claim, None, "passages that were not judged")
    return Certainty(claim, fitted.of_support(quoted.support), fitted.source)


def agreeing(cases: Sequence[CaseEvidence], name: str, value: str) -> float | None:
    """The share of the cases with this label; None where none is labelled with anything of it."""
    labels = [case.labels.get(name) for case in cases]
    if not any(labels):
        return None
    return sum(label is not None and label.lower() == value.lower() for label in labels) / len(
        cases
    )


def unmeasured(what: str, image: str) -> Certainty:
    """Of what is said first of an image in words that nothing was fitted on."""
    return Certainty(f"{image} shows what is said first of it", None, f"a free {what}")


def _not_measured(fitted: ImageCalibration | None, name: str) -> str:
    return f"{name.replace('_', ' ')}, by this model" if fitted else "this model"
