"""The figures of an evaluation as a table for readers, with what each number means."""

from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from eval.figures import COUNT_METRICS, MEANINGS

CONTROLS = ("blank", "shuffled", "majority")
NOTE = """\
In brackets: 95% interval, bootstrap over images, 1,000 resamplings.
Controls, on the same images: "blank" is what the model says of a grey image, "shuffled" what it \
says of other images of the set, "majority" the commonest true answer of this very set. A figure \
that is no better than these shows nothing about seeing.
Research use only."""


def in_words(told: Mapping[str, Any], width: int = 110) -> str:
    """The table, the notes and what was left out, as plain text."""
    out = StringIO()
    console = Console(file=out, width=width, highlight=False)
    console.print(_table(told))
    for line in (*notes(told), NOTE):
        console.print(line, markup=False)
    return out.getvalue().rstrip()


def _table(told: Mapping[str, Any]) -> Table:
    table = Table(title=f"{told['model']} on {told['images']:,} images of {told['root']}")
    for name in ("figure", "images", "model (95%)", *CONTROLS):
        table.add_column(name, justify="left" if name == "figure" else "right")
    for row in rows(told):
        table.add_row(*row)
    return table


def rows(told: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Name, images, model with interval, and the controls, of every figure that applies."""
    for key, meaning in MEANINGS.items():
        if told.get(key) is not None:
            name = f"{meaning} ({told['count_of']})" if key.startswith("count_") else meaning
            yield _row(name, key, told, told["measured_on"].get(key, ""), _controls(told))
    for thing, counts in told["counts"].items():
        if thing == told["count_of"]:
            continue
        controls = [told["controls"][name]["counts"].get(thing, {}) for name in CONTROLS]
        for name in (*COUNT_METRICS, "within_10_constant"):
            said = MEANINGS[f"count_{name}"]
            yield _row(f"{said} ({thing})", name, counts, counts["images"], controls)


def _controls(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [told["controls"][name] for name in CONTROLS]


def _row(
    name: str, key: str, told: Mapping[str, Any], images: Any, controls: list[Mapping[str, Any]]
) -> tuple[str, ...]:
    low, high = told[f"{key}_ci"]
    beside = ("" if key.endswith("constant") else _figure(control.get(key)) for control in controls)
    return name, str(images), f"{told[key]:.3f} ({low:.3f}–{high:.3f})", *beside


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def notes(told: Mapping[str, Any]) -> Iterator[str]:
    """Time, where counts are from, and what was left out, a line each."""
    single, batch = told["seconds_per_image"], told["seconds_per_image_batch"]
    yield (
        f"Time of one description with all findings: {single:.3f} s (one image at a time, one "
        f"thread, median); {batch:.3f} s an image in batches. Opening the file is not in it."
    )
    for thing, counts in told["counts"].items():
        origins = ", ".join(f"{origin} ({n})" for origin, n in counts["from"].items())
        yield f"Counts of {thing}: constant {counts['constant']}; numbers are from {origins}."
    if told["unmapped"]:
        said = ", ".join(f"{name} ({n})" for name, n in told["unmapped_classes"].items())
        yield f"{told['unmapped']} images have names the model cannot say, not judged: {said}."
    if told["missing"]:
        said = ", ".join(told["missing_names"][:5])
        yield f"{told['missing']} names of the split have no image: {said} …"
    if told["skipped"]:
        yield f"{told['skipped']} images were skipped."
