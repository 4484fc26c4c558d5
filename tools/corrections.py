"""What a reviewer says of what a model said of an image: both values, side by side.

Rows are only ever added, so the history of every label is kept; of one reviewer on one thing of
an image the newest row counts. It knows neither how they are asked for nor what is made of them.
"""

from collections.abc import Iterable
from datetime import datetime

from tools.evidence import Frozen, Probability

DESCRIPTION = "description"  # name of a correction of the whole text
CLASS = "class"  # name of a label that is no answer to a question of the schema
MEASURED = "measured"  # stands for the model where a value was measured


class Correction(Frozen):
    """One thing of one image: the model's value and the reviewer's."""

    feedback_id: str
    turn_id: str
    session_id: str
    image_id: str
    name: str  # of a finding, CLASS, DESCRIPTION, or "answer:" with the question
    model: str  # id or folder with its digest
    model_value: str | None  # None: the model said nothing of it
    probability: Probability | None = None
    human_value: str | None  # what is true; None: the model is wrong, and no more is known
    reviewer: str  # initials, or the session where none were given
    role: str | None = None
    given_at: datetime

    @property
    def right(self) -> bool:
        """Whether the reviewer found the model's value right."""
        return self.human_value == self.model_value


def counting(corrections: Iterable[Correction]) -> list[Correction]:
    """Of each reviewer on each thing of an image the newest; of equal times, the later in order."""
    newest: dict[tuple[str, str, str], Correction] = {}
    for one in sorted(corrections, key=lambda c: c.given_at):
        newest[one.image_id, one.name, one.reviewer] = one
    return list(newest.values())


class Remark(Frozen):
    """What somebody says of Cytoscribe as a whole; never changed."""

    remark_id: str
    helpful: bool | None = None
    comment: str | None = None
    role: str | None = None
    reviewer: str | None = None  # initials
    given_at: datetime
