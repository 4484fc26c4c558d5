"""What differs between a turn and the same turn answered again.

Descriptions are compared by their findings, since their ids hold the model's name; other evidence
by its id, sentences by their words. It runs nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from agent.turn import TurnRecord
from tools.evidence import DescriptionEvidence, Frozen


class Change(Frozen):
    """One thing that is not as it was; None: it was not there, or is not any more."""

    name: str
    before: Any = None
    after: Any = None


class Replay(Frozen):
    """A turn before and after."""

    trace_id: str
    replayed_trace_id: str
    answered: tuple[Change, ...]  # models, status, confidence
    plan: tuple[Change, ...]
    findings: tuple[Change, ...]  # "img-…: cell_type", values with their probabilities
    evidence: tuple[Change, ...]  # by id: cases and passages lost and found
    sentences: tuple[Change, ...]
    seconds: tuple[Change, ...]  # of every stage, changed or not


def compared(before: TurnRecord, after: TurnRecord) -> Replay:
    """The differences, in the order of the first turn."""
    return Replay(
        trace_id=before.trace_id,
        replayed_trace_id=after.trace_id,
        answered=_changes(_answered(before), _answered(after)),
        plan=_changes(_plan(before), _plan(after)),
        findings=_changes(_findings(before), _findings(after)),
        evidence=_changes(_evidence(before), _evidence(after)),
        sentences=_changes(_sentences(before), _sentences(after)),
        seconds=tuple(_pairs(before.durations, after.durations)),
    )


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[Change]:
    for name in dict.fromkeys((*before, *after)):
        yield Change(name=name, before=before.get(name), after=after.get(name))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    return tuple(change for change in _pairs(before, after) if change.before != change.after)


def _answered(record: TurnRecord) -> dict[str, Any]:
    seeing = sorted({d.model for d in _descriptions(record)})
    return {
        "model": ", ".join(seeing) or None,
        "written by": record.answer.model,
        "status": record.answer.status,
        "confidence": _rounded(record.answer.confidence),
        "settings": record.settings_hash,
    }


def _rounded(confidence: float | None) -> float | None:
    return None if confidence is None else round(confidence, 4)


def _plan(record: TurnRecord) -> dict[str, Any]:
    failed = {r.tool: r.error.message for r in record.results if r.error}
    return {
        "tools": list(record.plan.tools),
        "outcome": record.plan.outcome,
        "decided by": record.plan.decided_by,
        **{f"{tool} failed": message for tool, message in failed.items()},
    }


def _findings(record: TurnRecord) -> dict[str, str]:
    return {
        f"{seen.image_id}: {finding.name}": " ".join(
            [finding.value, *([finding.unit] if finding.unit else []),
             "measured" if finding.probability is None else f"{finding.probability:.2f}"]
        )
        for seen in _descriptions(record)
        for finding in seen.findings
    }  # fmt: skip


def _evidence(record: TurnRecord) -> dict[str, str]:
    return {
        e.evidence_id: e.caption if e.kind == "case" else e.title
        for e in record.evidence().values()
        if not isinstance(e, DescriptionEvidence)
    }


def _sentences(record: TurnRecord) -> dict[str, str]:
    return {sentence.text: sentence.text for sentence in record.answer.sentences}


def _descriptions(record: TurnRecord) -> list[DescriptionEvidence]:
    return [e for e in record.evidence().values() if isinstance(e, DescriptionEvidence)]
