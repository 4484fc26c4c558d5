"""The side of a split that each reviewed image is on: a session is never on two of them.

Sessions that share an image belong together. The first ever reviewed is trained on, so that one
reviewer alone can train; the others go by a hash of their name and stay where they are when more
are added, unless an image joins them to an earlier one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from finetune.data.example import Split
from finetune.data.splits import by_hash
from tools.corrections import Correction

SOURCE = "feedback"


@dataclass(frozen=True)
class Place:
    """Where an image belongs."""

    group: str  # the first of the sessions that belong together
    side: Split


def places(corrections: Iterable[Correction]) -> Mapping[str, Place]:
    """The place of every image that was ever corrected, by its id."""
    history = sorted(corrections, key=lambda c: (c.given_at, c.session_id))
    groups = _joined(history)
    first = groups[history[0].session_id] if history else ""
    return {
        one.image_id: Place(
            group := groups[one.session_id],
            "train" if group == first else by_hash(SOURCE, group),
        )
        for one in history
    }


def _joined(history: Sequence[Correction]) -> dict[str, str]:
    """The earliest session of those that are linked by images, by session."""
    order = {session: n for n, session in enumerate(dict.fromkeys(c.session_id for c in history))}
    root = {session: session for session in order}

    def find(session: str) -> str:
        while root[session] != session:
            session = root[session]
        return session

    owner: dict[str, str] = {}  # of an image: the first session it was reviewed in
    for one in history:
        ends = (find(one.session_id), find(owner.setdefault(one.image_id, one.session_id)))
        earlier, later = sorted(ends, key=order.__getitem__)
        root[later] = earlier
    return {session: find(session) for session in order}
