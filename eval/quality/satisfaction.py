"""User satisfaction: thumbs, comments and corrections, by model, session and who gave them.

People and simulated users are never added up: a role that begins with "simulated" is no person's.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from agent.turn import Feedback
from eval.quality.figures import Share, share
from eval.quality.times import grouped
from eval.quality.use import SIMULATED, Use
from tools.corrections import Remark
from tools.evidence import Frozen

PEOPLE = "people"
SIMULATED_USERS = "simulated users"


class Satisfaction(Frozen):
    """What some users said of some turns."""

    who: str  # PEOPLE or SIMULATED_USERS
    of: str  # the model, session or role
    turns: int  # that anything was said of
    helpful: Share  # thumbs up, of all thumbs
    comments: int
    corrected_findings: int  # and labels
    corrected_descriptions: int
    right_findings: Share  # of the findings that were marked or corrected


class Day(Frozen):
    """Thumbs of one day (UTC), by model."""

    who: str
    model: str
    day: str  # ISO
    helpful: Share


class Remarks(Frozen):
    """What was said of Cytoscribe as a whole, in forms."""

    number: int
    helpful: Share
    comments: int


class Comment(Frozen):
    session: str
    role: str | None
    given_at: datetime
    helpful: bool | None
    comment: str


Said = tuple[Use, Feedback]
Key = Callable[[Use, Feedback], str]


def satisfaction(turns: Iterable[Use], of: Key) -> tuple[Satisfaction, ...]:
    """What was said, by who says it and `of` what."""
    by = grouped(((who(f), of(turn, f)), (turn, f)) for turn in turns for f in turn.feedback)
    return tuple(_told(who, key, said) for (who, key), said in sorted(by.items()))


def by_day(turns: Iterable[Use]) -> tuple[Day, ...]:
    """Thumbs over time."""
    thumbs = grouped(
        ((who(f), turn.model, f"{f.given_at:%Y-%m-%d}"), f.helpful)
        for turn in turns
        for f in turn.feedback
        if f.helpful is not None
    )
    return tuple(
        Day(who=who, model=model, day=day, helpful=share(sum(helpful), len(helpful)))
        for (who, model, day), helpful in sorted(thumbs.items())
    )


def comments(turns: Iterable[Use], limit: int) -> tuple[Comment, ...]:
    """The newest comments first."""
    found = [
        Comment(
            session=turn.session, role=f.role, given_at=f.given_at, helpful=f.helpful,
            comment=f.comment,
        )
        for turn in turns
        for f in turn.feedback
        if f.comment
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda c: c.given_at, reverse=True)[:limit])


def remarks_of(remarks: Iterable[Remark]) -> Remarks:
    """Counted; those of simulated users, if any, are left out."""
    given = [one for one in remarks if not is_simulated(one.role)]
    thumbs = [one.helpful for one in given if one.helpful is not None]
    return Remarks(
        number=len(given),
        helpful=share(sum(thumbs), len(thumbs)),
        comments=sum(bool(one.comment) for one in given),
    )


def is_simulated(role: str | None) -> bool:
    return (role or "").lower().startswith(SIMULATED)


def who(feedback: Feedback) -> str:
    """Whether a person said it."""
    return SIMULATED_USERS if is_simulated(feedback.role) else PEOPLE


def _told(who: str, of: str, said: Sequence[Said]) -> Satisfaction:
    given = [feedback for _, feedback in said]
    thumbs = [f.helpful for f in given if f.helpful is not None]
    corrected = [name for f in given for name in f.corrected_findings]
    marks = [right for f in given for right in _marks(f)]
    return Satisfaction(
        who=who,
        of=of,
        turns=len({f.turn_id for f in given}),
        helpful=share(sum(thumbs), len(thumbs)),
        comments=sum(bool(f.comment) for f in given),
        corrected_findings=len(corrected) + sum(bool(f.corrected_label) for f in given),
        corrected_descriptions=sum(bool(f.corrected_description) for f in given),
        right_findings=share(sum(marks), len(marks)),
    )


def _marks(feedback: Feedback) -> Iterable[bool]:
    """Of each finding judged: a correction says that it was wrong."""
    return {**feedback.finding_marks, **dict.fromkeys(feedback.corrected_findings, False)}.values()
