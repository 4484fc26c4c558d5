"""Measuring beside seeing: measured findings, an overlay, and where the two disagree.

What kind of image it is was seen by the model; the numbers are not. A measurement that fails
leaves the description as it was, with a sentence that says why. Neither side is the truth: a
disagreement is told, not settled.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np

from tools.errors import CytoscribeError
from tools.evidence import DescriptionEvidence, Finding
from tools.findings import PLURALS, RANGES, SUBJECT, SUBJECT_KINDS, Kind, count_range
from tools.images import OpenedImage
from tools.measure import Measurement, measure
from tools.measure.nuclei import label_nuclei
from tools.measure.overlay import overlay
from tools.measure.quantities import QUANTITIES
from tools.measure.regions import Pixels
from tools.measure.segmenters import Segmenter

RATIO = "nuclear_cytoplasmic_ratio"
# Area ratios beyond which the words "low" and "high" of WBCAtt do not fit: of 1,200 of its training
# images 671 could be measured, and 19 of 20 of a word (513 low, 158 high) lie on its own side.
MOST_FOR_LOW, LEAST_FOR_HIGH = 8.5, 2.8


@dataclass(frozen=True)
class Measurer:
    """Adds what is measured to what is seen."""

    folder: Path  # of the overlays
    pixel_size_um: float = 0.0  # 0: as the file says, if it does
    segmenter: Segmenter = field(default=label_nuclei)

    def __call__(self, seen: DescriptionEvidence, image: OpenedImage) -> DescriptionEvidence:
        """The same description with measured findings, or with the reason why there are none."""
        try:
            found = measured(seen, np.asarray(image.pixels), self.segmenter)
            picture = self._overlay(image, found)
        except (CytoscribeError, OSError, MemoryError, RuntimeError) as e:
            return seen.model_copy(update={"comparison": f"Nothing was measured: {e}"})
        if not found.values:
            return seen
        findings = found.findings(self.pixel_size_um or image.pixel_size_um or 0.0)
        return DescriptionEvidence.model_validate(
            seen.model_dump(exclude={"evidence_id"})
            | {
                "findings": (*seen.findings, *findings),
                "overlay": str(picture),
                "comparison": compared(seen.findings, findings, found.values),
            }
        )

    def _overlay(self, image: OpenedImage, found: Measurement) -> Path | None:
        """A PNG under the id of its content; a half-written file is never seen."""
        if not found.regions:
            return None
        png = BytesIO()
        overlay(np.asarray(image.pixels), found.regions).save(png, "PNG")
        path = self.folder / f"overlay-{hashlib.sha256(png.getvalue()).hexdigest()[:16]}.png"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, half = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "wb") as file:
                file.write(png.getvalue())
            Path(half).replace(path)
        return path


def measured(
    seen: DescriptionEvidence, pixels: Pixels, segmenter: Segmenter = label_nuclei
) -> Measurement:
    """What can be measured in an image, (height, width, 3); of an unknown kind nothing."""
    kind = _kind(seen)
    return measure(pixels, kind, segmenter) if kind else Measurement()


def unmeasured(seen: DescriptionEvidence) -> DescriptionEvidence:
    """Nothing is measured."""
    return seen


def _kind(seen: DescriptionEvidence) -> Kind | None:
    kinds: Mapping[str, Kind] = SUBJECT_KINDS
    return next((kinds[f.value] for f in seen.findings if f.name == SUBJECT.name), None)


def in_words(findings: tuple[Finding, ...]) -> str:
    """The measured findings as a list: "17 red blood cells, nuclei median diameter 23.1 px"."""
    return ", ".join(_phrase(f) for f in findings if f.origin == "measured")


def _phrase(finding: Finding) -> str:
    thing = QUANTITIES[finding.name].thing if finding.name in QUANTITIES else None
    if thing:
        return f"{finding.value} {thing if finding.value == '1' else PLURALS[thing]}"
    unit = f" {finding.unit}" if finding.unit not in (None, "share") else ""
    return f"{finding.name.replace('_', ' ')} {finding.value}{unit}"


def compared(
    seen: tuple[Finding, ...], measured: tuple[Finding, ...], values: Mapping[str, float]
) -> str:
    """Which numbers were measured and which were seen, and where they disagree."""
    said = {f.name: f for f in seen if f.origin == "seen"}
    sentences = [f"Measured, not seen by the model: {in_words(measured)}."]
    for name, value in values.items():
        if thing := QUANTITIES[name].thing:
            sentences += _counts(said.get(RANGES[thing][0].name), thing, round(value))
    if (ratio := values.get("nuclear_cytoplasmic_area_ratio")) is not None:
        sentences += _ratios(said.get(RATIO), ratio)
    return " ".join(sentences)


def _counts(seen: Finding | None, thing: str, count: int) -> list[str]:
    if seen is None:
        return []
    things, (_, expected) = PLURALS[thing], count_range(thing, count)
    verdict = "they agree" if expected == seen.value else "they disagree"
    sure = f" (probability {seen.probability:.2f})" if seen.probability is not None else ""
    return [f"Seen by the model: {seen.value} {things}{sure}; measured: {count}; {verdict}."]


def _ratios(seen: Finding | None, ratio: float) -> list[str]:
    if seen is None:
        return []
    against = ratio > MOST_FOR_LOW if seen.value == "low" else ratio < LEAST_FOR_HIGH
    verdict = "they disagree" if against else "they agree"
    return [
        f"Seen by the model: {seen.value} nuclear-cytoplasmic ratio; measured: the nucleus has "
        f"{ratio:.2f} times the area of the cytoplasm; {verdict}."
    ]
