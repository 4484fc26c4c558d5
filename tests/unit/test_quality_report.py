"""The report: what it counts, keeps apart, and says of what was not measured."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.settings import Settings
from agent.turn import (
    Feedback,
    GroundedAnswer,
    Plan,
    Sentence,
    ToolError,
    ToolResult,
    TurnRecord,
    UserTurn,
)
from eval.document import Drawing, page, write
from eval.quality.cost import Prices, prices_of
from eval.quality.figures import quantile, share
from eval.quality.page import parts
from eval.quality.report import gather
from tools.corrections import Remark
from tools.evidence import DescriptionEvidence

DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)
SEEN = DescriptionEvidence(image_id="img-1", text="a cell", model="lite@1")


def record(number: int, seconds: float = 1.0, session: str = "s", **more) -> str:
    turn = UserTurn(turn_id=f"t{number}", session_id=session, question="What?", images=("img-1",),
                    asked_at=DAY + timedelta(days=number))  # fmt: skip
    sentence = Sentence(text="A cell.", evidence_ids=(SEEN.evidence_id,))
    given = {
        "trace_id": "x",
        "plan": Plan(tools=("describe_image",), reason="", confidence=1, decided_by="rules"),
        "results": (ToolResult(tool="describe_image", evidence=(SEEN,), latency_ms=400),),
        "answer": GroundedAnswer(sentences=(sentence,), status="grounded", confidence=1, model="m"),
        "machine": "2 cores, X, no GPU",
        "cpu_seconds": 2.0,
    }
    told = TurnRecord(turn=turn, settings_hash="0", durations={"total": seconds}, **given | more)
    return told.model_dump_json()


def said(number: int, **what) -> str:
    given = DAY + timedelta(days=number)
    return Feedback(
        feedback_id=f"f{number}{what}", turn_id=f"t{number}", given_at=given, **what
    ).model_dump_json()


def report(stored, results=None, **more):
    return gather(stored, results, Prices(), **more)


def text(found) -> str:
    return page("x", list(parts(found)))


def test_with_nothing_stored_everything_is_not_measured(tmp_path):
    found = report([], tmp_path)
    assert (found.turns, found.times, found.by_model, found.measured) == (0, (), (), ())
    assert found.cost.cpu_seconds_a_turn.value is None
    assert text(found).count("Not measured.") == 6


def test_seconds_are_told_by_model_machine_and_tools():
    fast = [(record(n, 1.0), []) for n in range(3)]
    slow = [(record(n, 9.0, machine="1 core, Y, GPU Z"), []) for n in range(3, 5)]
    old = [(record(5, 5.0, machine=None), [])]
    told = report([*fast, *slow, *old]).times
    assert [(t.machine[:6], t.turns, t.p50.value, t.p95.value) for t in told] == [
        ("(unkno", 1, 5.0, 5.0), ("1 core", 2, 9.0, 9.0), ("2 core", 3, 1.0, 1.0),
    ]  # fmt: skip
    assert told[0].model == "lite@1" and told[0].tools == ("describe_image",)


def test_failed_calls_are_counted_and_their_time_is_not():
    failure = ToolError(kind="StoreUnavailableError", message="away")
    fails = ToolResult(tool="image_search", error=failure, latency_ms=90_000)
    works = ToolResult(tool="image_search", latency_ms=50)
    seen = ToolResult(tool="describe_image", evidence=(SEEN,), latency_ms=400)
    stored = [(record(0, results=(seen, fails)), []), (record(1, results=(seen, works)), [])]
    search = next(t for t in report(stored).tools if t.tool == "image_search")
    assert (search.calls, search.failed, search.p95.value) == (2, 1, 0.05)


def test_people_and_simulated_users_are_never_added_up():
    stored = [
        (record(0), [said(0, helpful=True, role="haematologist", comment="right")]),
        (record(1), [said(1, helpful=False, role="simulated haematologist")]),
        (record(2, session="z"), [said(2, helpful=False), said(2, corrected_label="monocyte")]),
    ]
    told = report(stored)
    by = {s.who: s for s in told.by_model}
    people, scripts = by["people"], by["simulated users"]
    assert (people.helpful.part, people.helpful.whole, people.turns) == (1, 2, 2)
    assert (people.comments, people.corrected_findings) == (1, 1)
    assert scripts.helpful.whole == 1
    assert {(s.of, s.who) for s in told.by_session} == {
        ("s", "people"), ("s", "simulated users"), ("z", "people"),
    }  # fmt: skip
    assert "nothing about how satisfied people are" in text(told)
    assert "No person gave feedback" not in text(told)


def test_thumbs_are_told_over_time():
    stored = [(record(n), [said(n, helpful=n > 0)]) for n in range(3)]
    assert [(d.day, d.helpful.value) for d in report(stored).by_day] == [
        ("2026-11-01", 0.0), ("2026-11-02", 1.0), ("2026-11-03", 1.0),
    ]  # fmt: skip
    drawn = [part.svg for part in parts(report(stored)) if isinstance(part, Drawing)]
    assert "2026-11-03</text>" in drawn[-1]


def test_marks_of_findings_are_accuracy_in_use():
    marks = {"cell_type": True, "nucleus_shape": False}
    corrected = {"nucleus_shape": "band", "stain": "Romanowsky"}
    told = report([(record(0), [said(0, finding_marks=marks, corrected_findings=corrected)])])
    (one,) = told.by_model
    assert (one.right_findings.part, one.right_findings.whole, one.corrected_findings) == (1, 3, 2)


def test_comments_are_told_on_demand_only_and_are_never_markup(tmp_path):
    stored = [(record(0), [said(0, comment="<b>x</b> | y")])]
    assert not report(stored).comments
    found = report(stored, with_comments=True)
    assert found.comments[0].comment == "<b>x</b> | y"
    markdown, html = write("x", list(parts(found)), tmp_path, "report")
    assert "<b>" not in markdown.read_text() and "<b>" not in html.read_text()


def test_a_record_of_another_version_is_counted_and_the_rest_is_told():
    found = report([('{"of": "the future"}', []), (record(0), [])])
    assert (found.turns, found.unread) == (1, 1)
    assert "1 of another version" in text(found)


def test_money_is_told_only_at_a_price():
    stored = [(record(0, cpu_seconds=1800), []), (record(1, cpu_seconds=None), [])]
    counted = [("lite@1", 2, 400, 100), ("gpt", 1, 900_000, 100_000)]
    free = report(stored, tokens=counted)
    assert free.cost.cpu_money is None and free.cost.tokens_money is None
    assert "CYTOSCRIBE_CPU_HOUR_PRICE" in text(free) and "900,000" in text(free)
    settings = Settings(
        cpu_hour_price=0.5, million_tokens_price=3, text_model="gpt", currency="EUR", _env_file=None
    )
    priced = gather(stored, None, prices_of(settings), tokens=counted).cost
    assert (priced.turns, priced.cpu_money, priced.tokens_money) == (1, 0.25, 3)
    assert priced.currency == "EUR"


def test_remarks_of_forms_are_counted_apart_from_turns():
    remarks = [
        Remark(remark_id="1", helpful=True, comment="good", given_at=DAY),
        Remark(remark_id="2", helpful=False, given_at=DAY),
        Remark(remark_id="3", helpful=True, role="simulated user", given_at=DAY),
    ]
    found = report([], remarks=remarks)
    assert (found.remarks.number, found.remarks.comments) == (2, 1)
    assert "1/2: 0.500" in text(found)


def test_results_are_known_by_their_command_and_shown_with_their_controls(tmp_path):
    told = {"command": "eval descriptions", "model": "lite@1", "dataset": "voc", "images": 9,
            "root": "/home/somebody/BCCD", "class_accuracy": 0.9, "class_accuracy_ci": [0.8, 0.95],
            "fact_f1": None, "fact_f1_ci": None, "measured_on": {"class_accuracy": 7},
            "controls": {"blank": {"class_accuracy": 0.2}}}  # fmt: skip
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "voc.json").write_text(json.dumps(told))
    (tmp_path / "other.json").write_text('{"command": "npm run"}')
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    (one,) = report([], tmp_path).measured
    (figure,) = one.figures
    assert (one.section, one.data, figure.n) == ("accuracy", "voc, BCCD", 7)
    assert figure.controls == {"blank": 0.2}
    shown = text(report([], tmp_path))
    assert "0.900 (0.800 to 0.950)" in shown and "/home/somebody" not in shown


def test_the_figures_of_one_file_go_to_their_sections(tmp_path):
    told = {"command": "eval rag", "dataset": "/home/somebody/rows.jsonl", "rows": 5,
            "cited_recall": 0.8, "cited_recall_ci": [0.7, 0.9], "measured_at": "2026-11-27T01:02",
            "tool_call_f1": 0.9, "tool_call_f1_ci": [0.8, 1.0]}  # fmt: skip
    (tmp_path / "rag.json").write_text(json.dumps(told))
    found = {one.section: one for one in report([], tmp_path).measured}
    assert set(found) == {"retrieval", "routing"}
    assert [f.key for f in found["routing"].figures] == ["tool_call_f1"]
    assert (found["retrieval"].data, found["retrieval"].date) == ("rows.jsonl", "2026-11-27")
    assert found["retrieval"].figures[0].n == 5


def test_an_unknown_evaluation_is_shown_under_other_measures(tmp_path):
    told = {"command": "eval shapes", "roundness": 3.5, "roundness_ci": [3, 4]}
    (tmp_path / "x.json").write_text(json.dumps(told))
    shown = text(report([], tmp_path))
    assert "Other measures" in shown and "3.500 (3.000 to 4.000)" in shown


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (5, 5), (1, 3)])
def test_an_interval_holds_its_share(part, whole):
    found = share(part, whole)
    assert found.ci[0] <= found.value <= found.ci[1]
    assert share(0, 0).value is None


def test_a_percentile_lies_in_its_interval_and_one_value_is_its_own():
    found = quantile([1, 2, 3, 4, 100], 95)
    assert found.ci[0] <= found.value <= found.ci[1]
    assert quantile([7.0], 95).ci == (7.0, 7.0)
    assert quantile([], 50).value is None
