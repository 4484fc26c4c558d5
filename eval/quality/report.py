"""The mission's key measures, gathered: what was said of turns, and what evaluations measured."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from agent.settings import Settings
from eval.quality.cost import Cost, Prices, TokenCount, cost
from eval.quality.measured import Measured, read_measured
from eval.quality.satisfaction import (
    Comment,
    Day,
    Remarks,
    Satisfaction,
    by_day,
    comments,
    remarks_of,
    satisfaction,
)
from eval.quality.times import Times, ToolTimes, times, tool_times
from eval.quality.use import Stored, Use, read_uses
from tools.corrections import Remark
from tools.evidence import Frozen

COMMENTS = 20  # the newest


class Answers(Frozen):
    """How turns ended, counted."""

    status: dict[str, int]  # grounded, abstained, failed
    plans: dict[str, int]  # tools, out_of_scope, needs_image


class Report(Frozen):
    """All of the page, as `cytoscribe report --json` prints it."""

    command: Literal["report"] = "report"
    made_at: datetime
    first: datetime | None
    last: datetime | None
    turns: int
    sessions: int
    unread: int  # records of a form that this version does not know
    answers: Answers
    times: tuple[Times, ...]
    tools: tuple[ToolTimes, ...]
    by_model: tuple[Satisfaction, ...]
    by_role: tuple[Satisfaction, ...]
    by_session: tuple[Satisfaction, ...]
    by_day: tuple[Day, ...]
    comments: tuple[Comment, ...]
    remarks: Remarks
    measured: tuple[Measured, ...]
    cost: Cost
    research_use_only: Literal[True] = True


def gather(
    stored: Iterable[Stored],
    results: Path | None,
    prices: Prices,
    *,
    tokens: Iterable[TokenCount] = (),
    remarks: Iterable[Remark] = (),
    with_comments: bool = False,
) -> Report:
    """The report of stored turns and of the evaluations' JSON below `results`.

    Comments are people's free text: they are counted, and told only on demand.
    """
    uses = read_uses(stored)
    turns = uses.turns
    return Report(
        made_at=datetime.now(UTC),
        first=turns[0].asked_at if turns else None,
        last=turns[-1].asked_at if turns else None,
        turns=len(turns),
        sessions=len({turn.session for turn in turns}),
        unread=uses.unread,
        answers=_answers(turns),
        times=times(turns),
        tools=tool_times(turns),
        by_model=satisfaction(turns, lambda turn, _: turn.model),
        by_role=satisfaction(turns, lambda _, feedback: feedback.role or "(no role)"),
        by_session=satisfaction(turns, lambda turn, _: turn.session),
        by_day=by_day(turns),
        comments=comments(turns, COMMENTS) if with_comments else (),
        remarks=remarks_of(remarks),
        measured=read_measured(results) if results and results.is_dir() else (),
        cost=cost(turns, tokens, prices),
    )


def _answers(turns: Iterable[Use]) -> Answers:
    status, plans = Counter[str](), Counter[str]()
    for turn in turns:
        status[turn.status] += 1
        plans[turn.outcome] += 1
    return Answers(status=dict(status.most_common()), plans=dict(plans.most_common()))


def results_folder(settings: Settings) -> Path:
    """Where the results of evaluations are kept, unless the user says otherwise."""
    return settings.data_folder() / "results"
