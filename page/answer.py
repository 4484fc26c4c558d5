"""The answer as HTML, each sentence with the numbers of its evidence, and the steps in words."""

from html import escape
from itertools import groupby

from agent.turn import GroundedAnswer, Plan, Sentence, ToolName, ToolResult, TurnRecord
from page.evidence import Numbers

DOING: dict[ToolName, str] = {
    "describe_image": "Looking at the image",
    "image_search": "Searching similar cases",
    "literature_search": "Searching the literature",
}
_FOUND: dict[ToolName, tuple[str, str]] = {
    "describe_image": ("description", "descriptions"),
    "image_search": ("case", "cases"),
    "literature_search": ("passage", "passages"),
}
_OUTCOMES = {"out_of_scope": "outside what Cytoscribe can answer", "needs_image": "needs an image"}


def streaming(text: str) -> str:
    """The answer so far."""
    return f'<div class="answer">{escape(text)}</div>'


def final(record: TurnRecord, numbers: Numbers) -> str:
    """The whole answer with its citations, how sure it is and what wrote it."""
    answer = record.answer
    parts = [list(part) for _, part in groupby(answer.sentences, _about)]
    text = "".join(f"<p>{' '.join(_sentence(s, numbers) for s in part)}</p>" for part in parts)
    sure = f" · {_sure(answer)}" if answer.sureness else ""
    link = f'<a class="trace-link" href="traces?trace={escape(record.trace_id)}" target="_blank">'
    written = f"{answer.status}{sure} · written by {escape(answer.model)}"
    source = f'<p class="quiet">{written} · {link}trace</a></p>'
    return f'<div class="answer {answer.status}">{text}</div>{source}'


def _sure(answer: GroundedAnswer) -> str:
    """How sure it is; what that is the probability of shows under the pointer."""
    explained = answer.confidence_explained or "Answered before confidence was calibrated."
    return f'<span class="sure" title="{escape(explained)}">confidence: {answer.sureness}</span>'


def _about(sentence: Sentence) -> str:
    """Sentences on the same kind of evidence make a paragraph."""
    return sentence.evidence_ids[0].split("-")[0] if sentence.evidence_ids else sentence.kind


def _sentence(sentence: Sentence, numbers: Numbers) -> str:
    markers = "".join(numbers.marker(i) for i in sentence.evidence_ids)
    return f'<span class="{sentence.kind}">{escape(sentence.text)}</span>{markers}'


def plan_line(plan: Plan) -> str:
    """What was decided to do, and by what."""
    doing = ", ".join(DOING[tool].lower() for tool in plan.tools) or _OUTCOMES[plan.outcome]
    return f"Plan: {doing} ({plan.reason}; decided by {plan.decided_by})"


def result_line(result: ToolResult) -> str:
    """What a tool found, or why it failed, in how many seconds."""
    seconds = f"{result.latency_ms / 1000:.1f} s"
    if result.error:
        return f"✗ {DOING[result.tool]}: {result.error.message} ({seconds})"
    one, many = _FOUND[result.tool]
    count = len(result.evidence)
    return f"✓ {DOING[result.tool]}: {count} {one if count == 1 else many} ({seconds})"
