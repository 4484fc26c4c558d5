"""A closed question of a dataset: a field of its truth, and the answers that it allows.

A row asks for a field where its truth holds it; its suffix is the answer. The options are those of
`tools.findings` where that knows the field, else the answers that occur on the training side. It
knows no model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from finetune.closed.drawing import Item
from finetune.data.row import Row
from tools.errors import BadInputError
from tools.findings import BY_NAME

MOST = 50  # options; more are no closed question


@dataclass(frozen=True)
class Task:
    """A field and its options."""

    field: str
    options: tuple[str, ...]

    def rows(self, items: Iterable[Item]) -> list[Row]:
        """The rows that ask for the field, at most one an item."""
        return [row for item in items if (row := self.row(item)) is not None]

    def row(self, item: Item) -> Row | None:
        """The row of an item that asks for the field, with an answer that is an option."""
        asking = (row for row in item if self.field in row.truth)
        return next((row for row in asking if row.suffix in self.options), None)


def task_of(field: str, train: Sequence[Item]) -> Task:
    """The task of a field; BadInputError where it is no closed question of these items."""
    asked = [row for item in train for row in item if field in row.truth]
    if not asked:
        known = sorted({name for item in train for row in item for name in row.truth})
        raise BadInputError(
            f"no training row asks for {field!r}; known are: {', '.join(known[:20]) or 'none'}"
        )
    seen = sorted({row.suffix for row in asked})
    options = BY_NAME[field].options if field in BY_NAME else tuple(seen)
    if not 2 <= len(options) <= MOST:
        raise BadInputError(
            f"{field!r} has {len(options)} answers on the training side; a closed question has 2 to"
            f" {MOST}"
        )
    return Task(field, options)
