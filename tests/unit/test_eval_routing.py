"""`cytoscribe eval routing`: plans against what is expected."""

import json
from dataclasses import dataclass

import pytest
from agent_fakes import WordEncoder
from click.testing import CliRunner

from agent.router import plan
from agent.routing_features import Situation
from eval.commands.group import eval_group
from eval.routing.rows import Row, read_rows
from eval.routing.scoring import figures, route_all
from eval.routing.train import main, train
from tools.errors import BadInputError

D, S, L = "describe_image", "image_search", "literature_search"


@dataclass
class Scripted:
    """Plans what the question names, and notes the situations it is asked in."""

    asked: list[Situation]

    def route(self, question, situation):
        self.asked.append(situation)
        return plan([t for t in (D, S, L) if t in question], situation, 1.0, "script")

    def words_for(self, tool, question, situation):
        return question


def row(question: str, *expected: str, has_image: bool = True) -> Row:
    return Row(question, has_image, (), frozenset(expected))


def test_figures_are_those_of_the_sets_and_labels():
    rows = [
        row(f"{D} {L}", D, L), row(D, D, S), row("hello", "out_of_scope"),
        row(L, "out_of_scope"), row(D, "needs_image", has_image=False),
    ]  # fmt: skip
    told = figures(route_all(rows, Scripted([])))
    assert told["exact_set"] == 3 / 5 and told["out_of_scope_recall"] == 1 / 2
    f1 = {label: of["f1"] for label, of in told["classes"].items()}
    assert f1 == {D: 1.0, S: 0.0, L: pytest.approx(2 / 3), "out_of_scope": pytest.approx(2 / 3),
                  "needs_image": 1.0}  # fmt: skip
    assert told["macro_f1"] == pytest.approx(sum(f1.values()) / 5)
    assert told["macro_f1_ci"][0] <= told["macro_f1"] <= told["macro_f1_ci"][1]
    assert told["p95_ms"] > 0


def test_a_set_without_out_of_scope_has_no_recall_of_it():
    assert figures(route_all([row(D, D)], Scripted([])))["out_of_scope_recall"] is None


@pytest.mark.parametrize(
    "history",
    [
        [{"question": D, "tools": [D]}],
        [{"role": "user", "content": D}, {"role": "assistant", "content": "A neutrophil."}],
        [D],
        [{"text": D, "expected": D}],
    ],
)
def test_history_is_read_in_each_of_its_forms(tmp_path, history):
    line = {"question": "and?", "has_image": True, "history": history, "expected": L}
    (tmp_path / "rows.jsonl").write_text(json.dumps(line) + "\n\n")
    (found,) = read_rows(tmp_path / "rows.jsonl")
    assert found.situation(Scripted([])) == Situation(True, (D,), (D,))
    assert found.expected == {L}


@pytest.mark.parametrize(
    "text, complaint",
    [
        ('{"question": "a", "expected": ["dance"]}', "line 1.*'dance' is none of"),
        ('{"expected": []}', "line 1.*question"),
        ("nonsense", "line 1"),
        ("", "holds no question"),
        ('{"question": "a", "history": [{}], "expected": []}', "line 1"),
    ],
)
def test_a_line_of_another_form_is_named(tmp_path, text, complaint):
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(BadInputError, match=complaint):
        read_rows(tmp_path / "rows.jsonl")


def test_the_command_prints_the_figures_of_the_shipped_router(tmp_path):
    lines = [
        {"question": "What cell is this?", "has_image": True, "history": [], "expected": [D]},
        {"question": "What's the weather?", "has_image": False, "expected": ["out_of_scope"]},
        {"question": "any papers on that?", "has_image": True, "history": [], "expected": [S]},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    given = ["routing", str(tmp_path / "rows.jsonl"), "--misses"]
    told = json.loads(CliRunner().invoke(eval_group, [*given, "--json"]).stdout)
    assert told["command"] == "eval routing" and told["router"] == "head"
    assert told["exact_set"] == pytest.approx(2 / 3) and told["out_of_scope_recall"] == 1
    assert [miss["planned"] for miss in told["misses"]] == [[L]]
    assert "expected image_search" in CliRunner().invoke(eval_group, given).stdout


def test_training_twice_gives_the_same_head():
    rows = [
        Row(words, True, (), frozenset((tool,)), asks=(tool,))
        for tool, words in ((D, "what is it"), (S, "more like it"), (L, "papers on it"))
    ]
    first, second = (train(rows, WordEncoder()) for _ in range(2))
    assert first.as_json() == second.as_json()


def test_a_head_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "head.json").write_text("mine")
    done = CliRunner().invoke(main, ["--out", str(tmp_path / "head.json")])
    assert done.exit_code == 2 and (tmp_path / "head.json").read_text() == "mine"
