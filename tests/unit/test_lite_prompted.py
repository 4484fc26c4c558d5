"""Boxes that are asked for and similar cases in the prompt, on the shipped checkpoint."""

import numpy as np
import pytest

from agent.paligemma import load_paligemma
from agent.settings import LITE_CHECKPOINT
from finetune.data.example import Example, Instance
from finetune.lite.prompted import boxes, nearest, with_cases
from tools.findings import BY_NAME


def example(kind, instances=(), counted=(), **facts):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return Example("a", pixels, kind, facts, "s", "CC0", "a", tuple(instances), counted)


@pytest.fixture(scope="module")
def model():
    return load_paligemma(str(LITE_CHECKPOINT), dtype="float32")


def test_the_nearest_cases_come_first():
    library = np.eye(4, dtype=np.float32)
    query = np.array([[0.1, 0.9, 0.5, 0.2]], np.float32)
    assert nearest(query, library, ["a", "b", "c", "d"]) == [["b", "c", "d"]]


def test_only_things_that_are_annotated_have_boxes(model):
    white = Instance("white blood cell", (0.2, 0.2, 0.6, 0.6), 0.16)
    found = boxes(model, [example("smear", [white], ("white blood cell",))])
    assert list(found) == ["white blood cell"]
    of_model, *controls = found["white blood cell"]
    assert of_model.images == 1 and all(0 <= value <= 1 for value in controls)


def test_the_cases_alone_are_judged_by_their_majority(model):
    options = BY_NAME["cell_type"].options
    told = with_cases(
        model,
        [example("cell", cell_type=options[0])] * 2,
        [[options[0]] * 3, [options[1], options[1], options[0]]],
    )
    assert len(told) == 4
    assert told["the nearest cases alone"].value == 0.5
