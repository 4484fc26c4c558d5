"""The report of a comparison: figures beside their controls, differences, costs, plots.

It reads what is kept of the cells and runs no model.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from eval.descriptions import Estimate
from eval.document import Drawing, Heading, Paragraph, Part, Table, write
from eval.dots import Dot, dots
from eval.overlap import MISSING
from finetune.compare.cells import DONE, Told
from finetune.compare.figures import (
    MEANINGS,
    SMALLER_IS_BETTER,
    Difference,
    Figure,
    differences,
    figures,
)

TITLE = "Checkpoints and ways to adapt them, compared"
RECORD = ("bleu", "rouge_l")
ZERO = "zero-shot"
NOTE = (
    "In brackets: 95% intervals (bootstrap over test images, 1,000 resamplings; of differences"
    " paired). Controls, by the same model and prompts: blank is what is said of a grey image (of"
    " texts alone: of an empty prompt), shuffled what is said of other images of the set. A figure"
    " that is no better than its controls shows nothing about seeing. p: McNemar's exact test of"
    " accuracies, a permutation within pairs of all else; none is corrected for their number."
    " Research use only."
)


def report(cells: Sequence[Told], out: Path) -> tuple[Path, Path]:
    """Write compare.md, compare.html and figures.json into `out`; the first two."""
    told = figures_of(cells)
    (out / "figures.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return write(TITLE, list(_parts(cells)), out, "compare")


def figures_of(cells: Sequence[Told]) -> list[Told]:
    """Every figure of every cell as JSON values; keys are only ever added."""
    return [
        {
            **{key: value for key, value in cell.items() if key != "answers"},
            "figures": {one.key: _as_json(one) for one in _figures(cell)},
        }
        for cell in cells
    ]


def _as_json(one: Figure) -> Told:
    interval = None if isnan(one.ours.low) else [one.ours.low, one.ours.high]
    return {"value": _number(one.ours.value), "ci": interval, "images": one.ours.images,
            "blank": _number(one.blank), "shuffled": _number(one.shuffled)}  # fmt: skip


def _number(value: float) -> float | None:
    return None if isnan(value) else value


def _figures(cell: Mapping[str, Any]) -> list[Figure]:
    return figures(cell["answers"], cell["fields"]) if cell["status"] == DONE else []


def _parts(cells: Sequence[Told]) -> Iterator[Part]:
    yield Paragraph(NOTE)
    spent = sum(cell["cpu_seconds"] for cell in cells if cell["status"] == DONE)
    yield Paragraph(f"All cells together: {spent / 60:.0f} minutes of the processor.")
    for dataset in dict.fromkeys(cell["dataset"] for cell in cells):
        of_it = [cell for cell in cells if cell["dataset"] == dataset]
        done = [cell for cell in of_it if cell["status"] == DONE]
        yield Heading(dataset)
        if done:
            yield from _dataset(done)
        failed = [cell for cell in of_it if cell["status"] != DONE]
        if failed:
            yield Paragraph("Failed, and left out:")
            yield Table(["cell", "error"], [[_name(cell), cell["error"]] for cell in failed])


def _name(cell: Mapping[str, Any]) -> str:
    return f"{cell['model']}, {cell['method']}"


def _dataset(cells: Sequence[Told]) -> Iterator[Part]:
    first, found = cells[0], {_name(cell): _figures(cell) for cell in cells}
    sides = ", ".join(f"{n:,} {side}" for side, n in first["images"].items())
    yield Paragraph(f"Images (or texts): {sides}; split {first['split']}; {first['date']}.")
    keys = [key for key in MEANINGS if any(one.key == key for of in found.values() for one in of)]
    for key in keys:
        if key not in RECORD:
            yield from _figure(key, found, _meaning(key, first))
    if set(keys) & set(RECORD):
        yield Table(*_record(found))
    elif "exact_text" in keys:
        yield Paragraph(f"{MISSING}.")
    yield from _compared(cells)
    yield Paragraph("What it took:")
    yield Table(*_costs(cells))


def _meaning(key: str, cell: Mapping[str, Any]) -> str:
    main = next(iter(cell["fields"]), "")
    return MEANINGS[key].format(main=main.replace("_", " "))


def _figure(key: str, found: Mapping[str, Sequence[Figure]], says: str) -> Iterator[Part]:
    of_key = {name: one for name, of in found.items() for one in of if one.key == key}
    rows = [
        [name, f"{one.ours.images:,}", interval(one.ours), share(one.blank), share(one.shuffled)]
        for name, one in of_key.items()
    ]
    yield Table([says, "images", "value (95%)", "blank", "shuffled"], rows)
    if key == "accuracy":
        drawn = [
            Dot(name, one.ours.value, one.ours.low, one.ours.high, one.blank, one.shuffled)
            for name, one in of_key.items()
        ]
        yield Drawing(
            _slug(says), dots(drawn, says), f"{says}: value and 95% interval of each cell"
        )


def _slug(says: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in says.lower()).split())


def _record(found: Mapping[str, Sequence[Figure]]) -> tuple[list[str], list[list[str]]]:
    """BLEU and ROUGE-L, with their controls in brackets."""
    rows = []
    for name, of in found.items():
        values = {one.key: one for one in of if one.key in RECORD}
        if values:
            cells = (values.get(key) for key in RECORD)
            rows.append([name, *(_beside(one) for one in cells)])
    return ["for the record (blank; shuffled)", "BLEU", "ROUGE-L"], rows


def _beside(one: Figure | None) -> str:
    return f"{share(one.ours.value)} ({share(one.blank)}; {share(one.shuffled)})" if one else "–"


def _compared(cells: Sequence[Told]) -> Iterator[Part]:
    """Each method against zero-shot of its checkpoint, each checkpoint against the first."""
    rows = [row for ours, theirs in pairs_of(cells) for row in _rows(ours, theirs)]
    if rows:
        yield Paragraph("Differences, on the same images:")
        yield Table(["a less b", "figure", "difference (95%)", "p", "test"], rows)


def pairs_of(cells: Sequence[Told]) -> Iterator[tuple[Told, Told]]:
    """The cells that are compared with each other."""
    found = {(cell["model"], cell["method"]): cell for cell in cells}
    first = cells[0]["model"]
    for (model, method), cell in found.items():
        if method != ZERO and (plain := found.get((model, ZERO))):
            yield cell, plain
        if method == "LoRA" and (full := found.get((model, "full"))):
            yield cell, full
        if model != first and (other := found.get((first, method))):
            yield cell, other


def _rows(ours: Told, theirs: Told) -> Iterator[list[str]]:
    for one in differences(ours["answers"], theirs["answers"], ours["fields"]):
        names = f"{_name(ours)} – {_name(theirs)}"
        yield [names, _meaning(one.key, ours), interval(one.gain, "+"), _p(one), one.test]


def _p(one: Difference) -> str:
    better = one.gain.value < 0 if one.key in SMALLER_IS_BETTER else one.gain.value > 0
    sure = one.gain.low > 0 or one.gain.high < 0
    return f"{one.p:.2g}{(' better' if better else ' worse') if sure else ''}"


def _costs(cells: Sequence[Told]) -> tuple[list[str], list[list[str]]]:
    head = ["cell", "trainable", "adapting, s", "steps (best)", "an answer, s", "a text, s",
            "memory, MB", "CPU, s", "prompt"]  # fmt: skip
    rows = [
        [
            _name(cell),
            f"{cell['trainable']:,}",
            f"{cell['adapting_seconds']:.0f}",
            f"{cell['steps']} ({cell['best_step']})" if cell["trainable"] else "–",
            _seconds(cell["seconds_per_answer"]),
            _seconds(cell["seconds_per_text"]),
            f"{cell['peak_memory_mb']:,}",
            f"{cell['cpu_seconds']:.0f}",
            _prompt(cell["prompt"]),
        ]
        for cell in cells
    ]
    return head, rows


def _prompt(found: Mapping[str, Any] | None) -> str:
    if found is None or found["hand_written"]:
        return "hand-written"
    shown = f", {found['cases']} similar cases {found['order']}" if found["cases"] else ""
    lists = f", options {found['options']}" if found["options"] else ""
    return f"{found['frame'].replace('{question}', found['wording'] or '…')}{lists}{shown}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.3f}"


def interval(one: Estimate, sign: str = "") -> str:
    if isnan(one.low):
        return share(one.value)
    return f"{one.value:{sign}.3f} ({one.low:{sign}.3f} to {one.high:{sign}.3f})"
