"""Two runs of the same rows beside each other: paired differences with intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.descriptions import mean_value
from eval.differences import difference
from eval.rag.folder import Done, Folder
from eval.rag.measured import MEANINGS
from eval.rag.summary import known, value_of
from tools.errors import BadInputError

Told = dict[str, Any]


def compare(ours: Path, theirs: Path) -> Told:
    """What `ours` gained over `theirs`, measure by measure, on the rows that both have done.

    Raises BadInputError where they are runs of other rows.
    """
    runs = [Folder(path) for path in (ours, theirs)]
    (mine, other) = (folder.run() for folder in runs)
    if mine.dataset_digest != other.dataset_digest:
        raise BadInputError(
            f"{ours} and {theirs} are runs of different rows ({mine.dataset}, {other.dataset}); "
            "only the same rows can be compared"
        )
    (a, b) = ({one.answered.id: one for one in folder.done()} for folder in runs)
    shared = [name for name in a if name in b]
    if not shared:
        raise BadInputError(f"{ours} and {theirs} have done no row in common yet")
    pairs = [(a[name], b[name]) for name in shared]
    return {
        "command": "eval rag-compare",
        "ours": str(ours),
        "theirs": str(theirs),
        "rows": len(pairs),
        "changed": [n for n in type(mine).model_fields if getattr(mine, n) != getattr(other, n)],
        "differences": {name: _differing(pairs, name) for name in MEANINGS},
    }


def _differing(pairs: Sequence[tuple[Done, Done]], name: str) -> Told | None:
    """Means of both, their difference and its interval; None where no row has both."""
    values = [(value_of(a, name), value_of(b, name)) for a, b in pairs]
    both = [(x, y) for x, y in values if len(known([x, y])) == 2]
    if not both:
        return None
    ours, theirs = ([float(pair[i] or 0) for pair in both] for i in (0, 1))
    found = difference(mean_value(), ours, theirs)
    return {
        "ours": sum(ours) / len(ours),
        "theirs": sum(theirs) / len(theirs),
        "difference": found.value,
        "difference_ci": [found.low, found.high],
        "rows": len(both),
    }


def in_words(told: Mapping[str, Any]) -> str:
    """The differences as a Markdown table; those whose interval leaves out 0 are marked."""
    lines = [
        f"{told['rows']} rows: {told['ours']} beside {told['theirs']}"
        f" (other: {', '.join(told['changed']) or 'nothing'})",
        "",
        "| measure | ours | theirs | difference | 95% interval | rows | |",
        "|---|---:|---:|---:|---|---:|---|",
    ]
    for name, found in told["differences"].items():
        if found is None:
            lines.append(f"| {name} | not measured in both | | | | 0 | |")
            continue
        low, high = found["difference_ci"]
        differs = "differs" if low > 0 or high < 0 else ""
        lines.append(
            f"| {name} | {found['ours']:.3f} | {found['theirs']:.3f} | {found['difference']:+.3f} "
            f"| {low:+.3f} to {high:+.3f} | {found['rows']} | {differs} |"
        )
    return "\n".join(lines)
