"""A turn to give feedback on, and forms about it."""

import csv
from datetime import UTC, datetime

from agent.feedback_form import COLUMNS
from agent.turn import GroundedAnswer, Plan, Sentence, ToolResult, TurnRecord, UserTurn
from tools.evidence import DescriptionEvidence, Finding

NOW = datetime(2026, 11, 27, tzinfo=UTC)
SEEN = DescriptionEvidence(
    image_id="img-0123456789abcdef",
    text="a neutrophil",
    findings=(
        Finding(name="cell_type", value="neutrophil", probability=0.93),
        Finding(name="nucleus_shape", value="segmented-multilobed", probability=0.88),
    ),
    model="lite@1234",
)
RESULT = ToolResult(tool="describe_image", evidence=(SEEN,), latency_ms=1)
ANSWER = GroundedAnswer(
    sentences=(Sentence(text="A neutrophil.", evidence_ids=(SEEN.evidence_id,)),),
    status="grounded",
    confidence=0.9,
    model="extractive",
)


def record(question: str = "What is it?", **more) -> TurnRecord:
    given = {"results": (RESULT,), "answer": ANSWER} | more
    turn = UserTurn(turn_id="t1", session_id="s", question=question, asked_at=NOW)
    plan = Plan(tools=("describe_image",), reason="", confidence=1, decided_by="rules")
    return TurnRecord(trace_id="x", turn=turn, plan=plan, settings_hash="", durations={}, **given)


def form(tmp_path, *rows: dict[str, str]):
    path = tmp_path / "form.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path
