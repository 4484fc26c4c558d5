"""What the reviewers of an image agree on.

Each reviewer has one vote on each thing of an image, the newest. More than half of the votes make
the truth, a "wrong" without a true value counting against every value; else it is a conflict, for
people to settle. What was measured is not the model's and is no part of this.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tools.corrections import MEASURED, Correction, counting

RULE = (
    "The newest vote of each reviewer on each thing of an image counts. A value that more than half"
    " of its reviewers give, case and spacing aside, is the truth; anything else is a conflict."
)
TIE = "no value has more than half of the votes"
UNKNOWN = "the model is wrong, and no reviewer said what is true"


@dataclass(frozen=True)
class Agreed:
    """A thing of an image, its true value, and everyone's vote on it."""

    image_id: str
    name: str
    value: str
    votes: Sequence[Correction]


@dataclass(frozen=True)
class Conflict:
    """A thing of an image that is not settled."""

    image_id: str
    name: str
    why: str  # TIE or UNKNOWN
    votes: Sequence[Correction]


def consensus(corrections: Iterable[Correction]) -> tuple[list[Agreed], list[Conflict]]:
    """What is agreed on and what is not, by image and name."""
    things: dict[tuple[str, str], list[Correction]] = defaultdict(list)
    for one in counting(corrections):
        if one.model != MEASURED:
            things[one.image_id, one.name].append(one)
    agreed, conflicts = list[Agreed](), list[Conflict]()
    for (image_id, name), votes in sorted(things.items()):
        value = _truth(votes)
        if value is not None:
            agreed.append(Agreed(image_id, name, value, votes))
        else:
            known = any(vote.human_value is not None for vote in votes)
            conflicts.append(Conflict(image_id, name, TIE if known else UNKNOWN, votes))
    return agreed, conflicts


def _truth(votes: Sequence[Correction]) -> str | None:
    said = {_folded(v.human_value): v.human_value for v in votes if v.human_value is not None}
    tally = Counter(_folded(v.human_value) for v in votes if v.human_value is not None)
    for value, number in tally.most_common(1):
        if number * 2 > len(votes):
            return said[value]  # as it was written last
    return None


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()
