"""Boxes in a model's text, read and judged."""

import random

import pytest

from eval.boxes import box_f1, matched, overlap, read_boxes
from finetune.data.example import Instance
from finetune.lite.tasks import detect

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


def test_boxes_that_training_writes_are_read_back():
    boxes = ((0.25, 0.5, 0.5, 0.75), (0.0, 0.0, 0.125, 0.25))
    written = detect("platelet", [Instance("platelet", box, 0.1) for box in boxes])
    assert written
    read = read_boxes(written[1], "platelet")
    assert all(a == pytest.approx(b, abs=1 / 128) for a, b in zip(read, sorted(boxes), strict=True))
    assert read_boxes(written[1], "nucleus") == []


def test_text_that_is_no_box_and_boxes_without_area_are_left_out():
    assert read_boxes("none", "nucleus") == []
    assert read_boxes("<loc0004><loc0004><loc0004><loc0004> nucleus", "nucleus") == []
    assert read_boxes("<loc0004><loc0004><loc0008> nucleus", "nucleus") == []


def test_overlap_is_of_the_intersection_over_the_union():
    assert overlap(LEFT, LEFT) == 1
    assert overlap(LEFT, RIGHT) == 0
    assert overlap(LEFT, (0.0, 0.0, 1.0, 1.0)) == 0.5


def test_an_object_is_found_once_however_many_boxes_are_on_it():
    assert matched([LEFT, LEFT, LEFT], [LEFT, RIGHT]) == 1
    assert box_f1([([LEFT, LEFT], [LEFT])]) == pytest.approx(2 / 3)


def test_the_order_of_boxes_changes_nothing():
    rng = random.Random(0)
    boxes = [(x / 8, y / 8, x / 8 + 0.2, y / 8 + 0.2) for x in range(6) for y in range(6)]
    for _ in range(5):
        said = rng.sample(boxes, 20)
        assert matched(said, boxes) == matched(sorted(said), boxes) == 20


def test_an_empty_image_that_is_called_empty_is_right():
    assert box_f1([([], [])]) == 1
    assert box_f1([([], [LEFT])]) == 0
