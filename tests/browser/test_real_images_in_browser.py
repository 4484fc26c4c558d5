"""A real leukocyte, a real smear and real nuclei: what is seen and what is measured, told apart.

With CYTOSCRIBE_SHOTS set to a folder, a picture of each page is left there.
"""

import os
from pathlib import Path

import pytest
from real_library import asked_about

from finetune.counting import PICTURES

pytestmark = pytest.mark.shared


LISTS = Path(__file__).parents[2] / "docs" / "benchmarks" / "descriptions"


def _held_out(shared: Path, source: str) -> Path:
    """The first image of the list of those that the model was not trained on."""
    name = (LISTS / f"{source}.test.csv").read_text().splitlines()[1]
    return shared / source / PICTURES[source].format(name)


def _smear(shared: Path) -> Path:
    return _held_out(shared, "bccd")


def _nuclei(shared: Path) -> Path:
    return _held_out(shared, "nuclei_dsb2018")


KINDS = {
    "leukocyte": (asked_about, "cell type", "nucleus area"),
    "smear": (_smear, "modality", "red blood cell count"),
    "nuclei": (_nuclei, "modality", "nuclei count"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_seen_and_measured_findings_are_told_apart(kind, window, shared_data):
    find, seen, measured = KINDS[kind]
    window.ask("Describe this image.", find(shared_data))
    origins = window.origins()
    probability, origin = origins[seen]
    assert probability.endswith("%") and origin == "seen"
    assert origins[measured] == ("—", "measured")
    assert not window.tracebacks()
    if folder := os.environ.get("CYTOSCRIBE_SHOTS"):
        assert window.driver.save_screenshot(str(Path(folder) / f"{kind}.png"))
