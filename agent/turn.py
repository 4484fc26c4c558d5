"""The values of one turn, from the user's words to the stored record, and the events on the way.

All are frozen and survive JSON. Nothing here runs anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agent.confidence import Likelihood, in_numbers
from tools.evidence import Evidence, Frozen, Probability

ToolName = Literal["describe_image", "image_search", "literature_search"]


class UserTurn(Frozen):
    """A question with the images it is about (ids; the newest last)."""

    turn_id: str
    session_id: str
    question: str
    images: tuple[str, ...] = ()
    asked_at: datetime
    user: str | None = None  # who asks, as the traces say
    tags: tuple[str, ...] = ()  # of the trace


class Plan(Frozen):
    """Which tools answer the turn, or why none does."""

    tools: tuple[ToolName, ...] = ()
    outcome: Literal["tools", "out_of_scope", "needs_image"] = "tools"
    unmet: tuple[ToolName, ...] = ()  # also asked for, but there is no image yet
    reason: str
    confidence: Probability
    decided_by: str  # "rules", "head", a model's name
    failure: str = ""  # of what reads questions: rules alone decided, and may have missed something

    @model_validator(mode="after")
    def _tools_or_reason_for_none(self) -> Self:
        if (self.outcome == "tools") != bool(self.tools):
            raise ValueError(f"outcome {self.outcome!r} with tools {self.tools}")
        return self


class ToolError(Frozen):
    """A tool's failure, as data: the turn goes on with the others."""

    kind: str  # exception class
    message: str


class ToolResult(Frozen):
    tool: ToolName
    evidence: tuple[Evidence, ...] = ()
    error: ToolError | None = None
    image_id: str | None = None  # that was looked at; None for a search by words
    latency_ms: float = Field(ge=0)


class Sentence(Frozen):
    """A claim and the evidence it stands on; a statement about our own work cites nothing."""

    text: str
    evidence_ids: tuple[str, ...] = ()
    kind: Literal["claim", "gap", "notice"] = "claim"

    @model_validator(mode="after")
    def _a_claim_has_evidence(self) -> Self:
        if self.kind == "claim" and not self.evidence_ids:
            raise ValueError(f"claim without evidence: {self.text!r}")
        return self


class GroundedAnswer(Frozen):
    sentences: tuple[Sentence, ...]
    status: Literal["grounded", "abstained", "failed"]
    # That what is said first is right; 0 where nothing is claimed, None where nobody measured it.
    confidence: Probability | None
    likelihood: Likelihood | None = None  # in words; None: not calibrated, as in older records
    confidence_explained: str = ""  # of what it is the probability, and what it was measured on
    model: str  # what wrote the sentences

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.sentences)

    @property
    def sureness(self) -> str:
        """How sure it is, for readers; "" where it claims nothing."""
        if self.status != "grounded":
            return ""
        if self.likelihood is None or self.confidence is None:
            return "not calibrated"
        return f"{self.likelihood} to be right ({in_numbers(self.confidence)})"

    def cited(self) -> set[str]:
        return {i for s in self.sentences for i in s.evidence_ids}


class TurnRecord(Frozen):
    """Everything about a turn: stored in Postgres, printed by `cytoscribe ask --json`."""

    trace_id: str
    turn: UserTurn
    plan: Plan
    results: tuple[ToolResult, ...] = ()
    answer: GroundedAnswer
    settings_hash: str
    durations: dict[str, float]  # seconds by stage
    machine: str | None = None  # that answered: cores, processor, GPU
    cpu_seconds: float | None = None  # of the process, of other turns at the same time too
    research_use_only: Literal[True] = True

    @model_validator(mode="after")
    def _cited_evidence_is_among_the_results(self) -> Self:
        if missing := self.answer.cited() - set(self.evidence()):
            raise ValueError(f"cited but not found in this turn: {sorted(missing)}")
        return self

    def evidence(self) -> Mapping[str, Evidence]:
        return {e.evidence_id: e for r in self.results for e in r.evidence}


class Feedback(Frozen):
    """What a professional says of a turn."""

    feedback_id: str
    turn_id: str
    helpful: bool | None = None
    image_id: str | None = None  # what was reviewed; None: the turn's only image
    finding_marks: dict[str, bool] = Field(default_factory=dict)  # finding name -> right?
    corrected_findings: dict[str, str] = Field(default_factory=dict)  # name -> what is true
    corrected_label: str | None = None
    corrected_description: str | None = None
    comment: str | None = None
    role: str | None = None  # "haematologist", …
    reviewer: str | None = None  # initials: tells the reviewers of an image apart
    given_at: datetime

    @property
    def rates(self) -> bool:
        """Whether it says how good the answer as a whole is."""
        return self.helpful is not None or self.comment is not None

    @property
    def reviews(self) -> bool:
        """Whether it says what is right and wrong in what the model saw."""
        corrected = self.corrected_findings or self.corrected_label or self.corrected_description
        return bool(self.finding_marks or corrected)

    @model_validator(mode="after")
    def _right_needs_no_correction(self) -> Self:
        if both := [name for name in self.corrected_findings if self.finding_marks.get(name)]:
            raise ValueError(f"marked right and corrected: {', '.join(both)}")
        return self


# What a front end may show while a turn runs, in order of appearance.


class PlanMade(Frozen):
    kind: Literal["plan"] = "plan"
    plan: Plan


class ToolStarted(Frozen):
    kind: Literal["tool_started"] = "tool_started"
    tool: ToolName


class ToolFinished(Frozen):
    kind: Literal["tool_finished"] = "tool_finished"
    result: ToolResult


class AnswerDelta(Frozen):
    """A piece of the answer's text, to be appended to what was shown before."""

    kind: Literal["delta"] = "delta"
    text: str


class TurnDone(Frozen):
    kind: Literal["done"] = "done"
    record: TurnRecord


TurnEvent = Annotated[
    PlanMade | ToolStarted | ToolFinished | AnswerDelta | TurnDone, Field(discriminator="kind")
]
