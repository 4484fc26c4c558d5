"""The chat page on a scripted assistant: by AppTest, or by eye with `streamlit run`."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import streamlit as st

from agent.settings import Settings
from agent.turn import (
    AnswerDelta,
    Feedback,
    GroundedAnswer,
    Plan,
    PlanMade,
    Sentence,
    ToolError,
    ToolFinished,
    ToolResult,
    ToolStarted,
    TurnDone,
    TurnEvent,
    TurnRecord,
    UserTurn,
)
from page.chat import chat, dress
from tools.corrections import Remark
from tools.errors import BadImageError
from tools.evidence import CaseEvidence, DescriptionEvidence, Finding, LiteratureEvidence

SEEN = DescriptionEvidence(
    image_id="img-0123456789abcdef",
    text="a stained blood smear with a neutrophil, multilobed nucleus",
    findings=(
        Finding(name="cell_type", value="neutrophil", probability=0.93),
        Finding(name="nucleus_shape", value="multilobed", probability=0.88),
        Finding(name="nuclear_area", value="41.2", unit="% of cell", origin="measured"),
    ),
    model="lite@1234",
    probability=0.7,
)
CASES = tuple(
    CaseEvidence(
        image_id=f"img-case{n}",
        caption=f"case {n}",
        labels={"cell_type": "neutrophil"},
        similarity=0.9 - n / 20,
        source="PBC",
        licence="CC BY 4.0",
        simulated=n == 1,
    )
    for n in range(4)
)
PASSAGES = tuple(
    LiteratureEvidence(
        source_id=f"pmid:{pmid}",
        pmid=pmid,
        title=f"On <b>nuclei</b> & *lobes*, part {pmid}",
        journal="Blood",
        year=1999,
        section="abstract",
        passage="The nucleus of a neutrophil is segmented into lobes. " * repeats,
        quoted=quoted,
        retracted=not quoted,
        similarity=0.6,
    )
    for pmid, repeats, quoted in (("111", 8, True), ("222", 1, False))
)
LIT = ToolResult(tool="literature_search", evidence=PASSAGES, latency_ms=321)
RESULTS = (
    ToolResult(tool="describe_image", evidence=(SEEN,), latency_ms=1234),
    ToolResult(tool="image_search", evidence=CASES, latency_ms=56),
    LIT,
)
NO_DATABASE = ToolResult(
    tool="image_search",
    error=ToolError(kind="StoreUnavailableError", message="no database"),
    latency_ms=1,
)
ANSWER = GroundedAnswer(
    sentences=(
        Sentence(text="This is a neutrophil.", evidence_ids=(SEEN.evidence_id,)),
        Sentence(text="Similar cases agree.", evidence_ids=tuple(c.evidence_id for c in CASES)),
        Sentence(text="“Lobes” <i>are</i> known.", evidence_ids=(PASSAGES[0].evidence_id,)),
        Sentence(text="No measurement was made.", kind="gap"),
        Sentence(text="Research use only.", kind="notice"),
    ),
    status="grounded",
    confidence=0.8,
    likelihood="likely",
    confidence_explained="The probability that it is right.",
    model="extractive",
)


class ScriptedAssistant:
    """Answers from a script; `trouble` is raised instead, once the plan is made."""

    def __init__(self, pause: float = 0.0) -> None:
        self.settings = Settings(_env_file=None)
        self.model = SimpleNamespace(name="lite@1234")
        self.store, self.images = self, self
        self.records: list[TurnRecord] = []
        self.given: list[Feedback] = []
        self.results = RESULTS
        self.trouble: Exception | None = None
        self.cancelled, self.pause = False, pause
        self.uploads: dict[str, bytes] = {}

    def put(self, data: bytes, name: str) -> None:
        if not data:
            raise BadImageError(f"{name} is empty (0 bytes); copy or export it again.")
        self.uploads[f"img-{hashlib.sha256(data).hexdigest()[:16]}"] = data

    def open(self, image_id: str) -> SimpleNamespace:
        from PIL import Image

        return SimpleNamespace(pixels=Image.new("RGB", (40, 30), "purple"), notes=())

    def thumbnail(self, image_id: str) -> bytes | None:
        return None

    def counts(self) -> dict[str, int]:
        return {"images": 4, "simulated_images": 4, "articles": 2, "passages": 2}

    def sessions(self, limit: int) -> list[tuple[str, str, datetime]]:
        return [("other", "An *earlier* question", datetime.now(UTC))]

    def history(self, session_id: str) -> list[TurnRecord]:
        return [r for r in self.records if r.turn.session_id == session_id]

    def feedback(self, turn_id: str) -> list[str]:
        return [f.model_dump_json() for f in self.given if f.turn_id == turn_id]

    def turns_with_feedback(self) -> Iterator[tuple[str, list[str]]]:
        for record in self.records:
            yield record.model_dump_json(), self.feedback(record.turn.turn_id)

    def tokens(self) -> list[tuple[str, int, int, int]]:
        return []

    def remarks(self) -> list[Remark]:
        return []

    def give_feedback(self, feedback: Feedback) -> None:
        self.given.append(feedback)

    def new_turn(self, session_id: str, question: str, images: Sequence[bytes] = ()) -> UserTurn:
        ids = tuple(f"img-{hashlib.sha256(data).hexdigest()[:16]}" for data in images)
        return UserTurn(
            turn_id=f"turn{len(self.records)}",
            session_id=session_id,
            question=question,
            images=ids,
            asked_at=datetime.now(UTC),
        )

    def stream(self, turn: UserTurn, cancelled: Callable[[], bool]) -> Iterator[TurnEvent]:
        tools = tuple(result.tool for result in RESULTS)
        plan = Plan(tools=tools, reason="asked", confidence=1, decided_by="rules")
        yield PlanMade(plan=plan)
        if self.trouble:
            raise self.trouble
        for result in self.results:
            yield ToolStarted(tool=result.tool)
        for result in self.results:
            time.sleep(self.pause)
            yield ToolFinished(result=result)
        for word in ANSWER.text.split():
            time.sleep(self.pause / 10)
            self.cancelled = cancelled()
            if self.cancelled:
                return
            yield AnswerDelta(text=f"{word} ")
        record = TurnRecord(
            trace_id="t",
            turn=turn,
            plan=plan,
            results=self.results,
            answer=ANSWER,
            settings_hash="0",
            durations={"tools": 1.6},
        )
        self.records.append(record)
        yield TurnDone(record=record)


@st.cache_resource
def scripted() -> ScriptedAssistant:
    return ScriptedAssistant(pause=1.0)


if __name__ == "__main__":
    dress()
    chat(st.session_state.get("assistant") or scripted())
