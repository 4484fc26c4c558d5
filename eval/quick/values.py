"""What an image is worth to each figure: 1 where the model is right, 0 where it is not."""

from collections.abc import Iterable, Iterator, Mapping

from eval.class_names import CLASS_QUESTIONS
from eval.descriptions import Facts, as_count
from eval.figures import ATTRIBUTE_NAMES, Judged
from eval.seeing import Seen, speakable
from tools.findings import COUNTS

Values = dict[str, dict[str, float]]  # figure -> row -> value; a figure is the mean of its rows
CLASS = "class of the image"
FACTS = "facts of the description"
ATTRIBUTES = "attributes of leukocytes"
COUNTED = "counts within 10%"


def values(judged: Iterable[tuple[str, Judged]]) -> Values:
    """The figures that apply, of named images."""
    found: Values = {}
    for row, (truth, seen) in judged:
        for figure, value in _of_image(truth, seen):
            found.setdefault(figure, {})[row] = round(value, 4)
    return found


def _of_image(truth: Facts, seen: Seen) -> Iterator[tuple[str, float]]:
    if name := next((name for name in CLASS_QUESTIONS if name in truth), None):
        yield CLASS, float(truth[name] == seen.asked.get(name))
    if attributes := [name for name in ATTRIBUTE_NAMES if name in truth]:
        right = sum(truth[name] == seen.asked.get(name) for name in attributes)
        yield ATTRIBUTES, right / len(attributes)
    if facts := speakable(truth):
        yield FACTS, _f1(facts, seen.written)
    if counts := [thing for thing in COUNTS if f"count:{thing}" in truth and thing in seen.counts]:
        yield COUNTED, sum(_near(truth, seen, thing) for thing in counts) / len(counts)


def _f1(truth: Facts, written: Mapping[str, str]) -> float:
    """Of the facts of one image; what is not known of it is not judged."""
    right = sum(truth[name] == written.get(name) for name in truth)
    return 2 * right / (len(truth) + sum(name in truth for name in written))


def _near(truth: Facts, seen: Seen, thing: str) -> bool:
    true, said = int(truth[f"count:{thing}"]), as_count(seen.counts[thing][0])
    return 10 * abs(true - said) <= true
