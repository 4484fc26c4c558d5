"""The search for a prompt: its candidates, its budget, and what it says of the winner."""

import json

import numpy as np
import pytest
import tiny_paligemma
from click.testing import CliRunner
from PIL import Image

from agent import prompts
from agent.paligemma import load_paligemma
from eval import descriptions as metrics
from finetune.closed.drawing import draw
from finetune.closed.task import Task, task_of
from finetune.commands.prompts import search
from finetune.data.row import Row
from finetune.prompt_search.candidates import HAND_WRITTEN, HardPrompt, candidates
from finetune.prompt_search.halving import successive_halving
from finetune.prompt_search.kept import Kept
from finetune.prompt_search.report import in_words, winner
from finetune.prompt_search.run import make_default
from finetune.prompt_search.search import Search
from tools.errors import BadInputError

QUESTION = "answer en which cell is it?"
TASK = Task("kind", ("neutrophil", "lymphocyte", "none"))


def row(name: str, answer: str, split, shade: int = 0, group: str | None = None) -> Row:
    pixels = np.full((32, 32, 3), shade % 256, dtype=np.uint8)
    return Row(name, pixels, QUESTION, answer, group or name, "set", "CC0", {"kind": answer}, split)


def rows(number: int = 40, split=None) -> list[Row]:
    answers = TASK.options
    sides = (split,) if split else ("train", "dev", "test")
    return [row(f"{s}{i}", answers[i % 3], s, 40 * i) for s in sides for i in range(number)]


# candidates


def test_the_hand_written_prompt_is_first_and_is_what_a_row_says():
    tried = candidates(["what is it?"], (1, 3), 500, seed=0)
    assert tried[0] == HAND_WRITTEN
    assert HAND_WRITTEN.text(QUESTION, TASK.options, ["a"]) == QUESTION
    assert len(set(tried)) == len(tried) == 2 * 8 * 3 * 4


def test_single_changes_come_before_combinations():
    tried = candidates(["what is it?"], (3,), 15, seed=0)
    assert HardPrompt(wording="what is it?") in tried
    assert HardPrompt(cases=3, nearest_last=True) in tried
    assert len(tried) == 15


def test_candidates_follow_from_the_seed():
    words = [f"{n}?" for n in range(9)]
    assert candidates(words, (), 30, 1) == candidates(words[::-1], (), 30, 1)
    assert candidates(words, (), 30, 1) != candidates(words, (), 30, 2)


def test_a_prompt_shows_options_and_cases_in_its_order():
    prompt = HardPrompt("what is it?", "{question}", "reversed", 2, nearest_last=True)
    assert prompt.text(QUESTION, ["x", "y"], ["near", "far", "farther"]) == (
        "what is it? options: y, x given cases: far, near"
    )


# halving


def test_halving_drops_the_worse_half_and_doubles_the_rows():
    asked = []

    def judge(arms, n):
        asked.append((len(arms), n))
        return [(float(arm), 0.0) for arm in arms]

    rounds = list(successive_halving(range(8), judge, 100, 8 * 3 * 10, keep=7))
    assert asked == [(8, 10), (4, 20), (2, 40)]
    assert rounds[-1].ranked[0][0] == 7


def test_what_is_to_be_kept_is_in_the_last_round_however_bad():
    rounds = list(
        successive_halving(range(8), lambda arms, _: [(float(a), 0.0) for a in arms], 9, 999, 0)
    )
    assert {arm for arm, _ in rounds[-1].ranked} == {7, 6, 0}


def test_equal_merits_are_ranked_in_the_order_of_the_arms():
    (only,) = successive_halving("ab", lambda arms, _: [(0.0, 0.0)] * len(arms), 5, 99, "b")
    assert [arm for arm, _ in only.ranked] == ["a", "b"]


def test_a_budget_without_a_row_for_each_prompt_is_refused():
    with pytest.raises(BadInputError, match="at least 24"):
        next(successive_halving(range(8), lambda *_: [], 100, 23, 0))


# kept scores


def test_scores_are_kept_and_a_line_that_was_cut_short_is_left_out(tmp_path):
    kept = Kept(tmp_path, "model a")
    kept.put("dev", "p", 0, np.eye(2))
    kept.put("dev", "p", 1, np.ones((1, 2)))
    path = tmp_path / "scored.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    again = Kept(tmp_path, "model a")
    np.testing.assert_array_equal(again.get("dev", "p", 0), np.eye(2))
    assert again.get("dev", "p", 1) is None
    assert Kept(tmp_path, "model b").get("dev", "p", 0) is None
    again.put("dev", "p", 1, np.zeros((1, 2)))
    assert Kept(tmp_path, "model a").get("dev", "p", 1) is not None


# the sides


def test_drawn_images_are_the_same_in_any_order_and_stay_when_others_are_added():
    first = draw(rows(), {"train": 10, "dev": 5, "test": 5}, seed=3)
    assert first.digest() == draw(rows()[::-1], {"train": 10, "dev": 5, "test": 5}, 3).digest()
    more = draw(rows(60), {"train": 10, "dev": 5, "test": 5}, seed=3)
    names = [{item[0].name for item in sides.train} for sides in (first, more)]
    assert len(names[0] & names[1]) > 4
    assert first.digest() != draw(rows(), {"train": 10, "dev": 5, "test": 5}, seed=4).digest()


def test_a_development_side_from_the_test_side_shares_no_group_with_it():
    found = [
        row(f"{g}-{i}", "none", "test", group=f"block{g}") for g in range(12) for i in range(3)
    ]
    sides = draw(found, {"dev": 99, "test": 99}, 0, dev_from="test")
    groups = [{item[0].group for item in side} for side in (sides.dev, sides.test)]
    assert all(groups)
    assert not groups[0] & groups[1]
    assert len(sides.dev) + len(sides.test) == 36


def test_a_field_that_nobody_asks_for_is_named_with_those_there_are():
    items = draw(rows(), {"train": 9}, 0).train
    assert task_of("kind", items) == Task("kind", ("lymphocyte", "neutrophil", "none"))
    with pytest.raises(BadInputError, match=r"'colour'.*kind"):
        task_of("colour", items)


# a whole search on a tiny model


@pytest.fixture(scope="module")
def model(tiny_paligemma_dir):
    return load_paligemma(str(tiny_paligemma_dir), dtype="float32")


def searched(model, folder, number=6):
    sides = draw(rows(18), {"train": 12, "dev": 18, "test": 18}, 0)
    kept = Kept(folder, model.name)
    search = Search(model, sides, TASK, metrics.accuracy("kind"), kept)
    said = []
    found = search.go(candidates(["cell?"], (1,), number, 0), 200, said.append)
    return found, said


def test_a_search_tests_the_hand_written_prompt_beside_the_winner(model, tmp_path):
    found, said = searched(model, tmp_path)
    assert found.tested[0].prompt == HAND_WRITTEN
    assert found.tested[0].gain.value == 0
    assert found.tested[0].p == 1
    assert found.best is None or found.best.test.images == 18
    assert "test rows" in said[-1]
    again, _ = searched(model, tmp_path)
    assert again.spent == 0 < found.spent
    assert again.tested == found.tested


def test_a_stopped_search_keeps_what_was_scored(model, tmp_path, monkeypatch):
    calls = []

    def stop(*_, **__):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return score(*_, **__)

    score = model.score_after
    monkeypatch.setattr(model, "score_after", stop)
    found, _ = searched(model, tmp_path)
    assert found.stopped
    assert not found.tested
    monkeypatch.undo()
    again, _ = searched(model, tmp_path)
    assert not again.stopped


def told_of(gain_low: float) -> dict:
    figure = {"value": 0.5, "ci": [0.4, 0.6], "rows": 9}
    hand = {"prompt": QUESTION, "hand_written": True, "cases": 0, "dev": figure, "test": figure,
            "gain": {"value": 0, "ci": [0, 0], "rows": 9}, "mcnemar_p": 1.0,
            "cases_alone": None}  # fmt: skip
    best = hand | {"prompt": "which cell?", "hand_written": False,
                   "gain": {"value": 0.1, "ci": [gain_low, 0.2], "rows": 9}}  # fmt: skip
    return {"tested": [hand, best], "figure": "accuracy", "field": "kind", "format": "points",
            "rows": {"train": 9, "dev": 9, "test": 9}, "split": "abc", "seed": 0,
            "date": "2026-01-01", "model": "tiny", "dev_from": "dev", "rounds": [],
            "stopped": False}  # fmt: skip


def test_the_winner_becomes_the_default_prompt_with_its_figures(tmp_path):
    folder = tiny_paligemma.save(tmp_path / "tiny")
    before = load_paligemma(str(folder))
    file = make_default(told_of(0.02), str(folder), None)
    entry = json.loads(file.read_text())[QUESTION]
    assert entry["gain"]["ci"] == [0.02, 0.2]
    assert (entry["date"], entry["split"]) == ("2026-01-01", "abc")
    after = load_paligemma(str(folder))
    assert after.name != before.name
    seen = after.no_image()
    asked = after.score(seen, QUESTION.removeprefix("answer en "), TASK.options)
    np.testing.assert_allclose(asked, before.score_after(seen, [("which cell?", TASK.options)])[0])


def test_a_prompt_that_is_not_surely_better_does_not_become_the_default(tmp_path):
    assert winner(told_of(-0.01)) is None
    assert make_default(told_of(-0.01), str(tmp_path), None) is None
    assert not list(tmp_path.iterdir())


def test_a_hub_id_keeps_what_the_hub_has():
    with pytest.raises(BadInputError, match="--local-dir"):
        make_default(told_of(0.02), "google/paligemma2-3b-pt-224", None)


def test_the_report_says_what_flatters():
    words = in_words(told_of(0.02))
    assert "Development figures flatter" in words
    assert "gain on test +0.100 (+0.020 to +0.200)" in words


def test_prompts_json_without_a_prompt_is_refused():
    with pytest.raises(ValueError, match='without "prompt"'):
        prompts.read_better('{"answer en x": {"figure": 1}}')


def test_an_unknown_format_is_named(tmp_path):
    result = CliRunner().invoke(
        search, ["--format", "nonsense", "--root", str(tmp_path), "--field", "x",
                 "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert isinstance(result.exception, BadInputError)
    assert "nonsense" in str(result.exception)


def test_the_command_searches_trains_a_soft_prompt_and_reports(tmp_path, tiny_paligemma_dir):
    for number in range(60):
        folder = tmp_path / "set" / ("lymphocyte", "neutrophil")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (number * 4,) * 3).save(folder / f"{number}.png")
    out = tmp_path / "out"
    arguments = ["--format", "classes", "--root", str(tmp_path / "set"), "--field", "cell_type",
                 "--model", str(tiny_paligemma_dir), "--prompts", "4", "--budget", "60",
                 "--soft-steps", "2", "--out", str(out), "--json"]  # fmt: skip
    result = CliRunner().invoke(search, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told == json.loads((out / "report.json").read_text())
    assert told["tested"][0]["hand_written"]
    assert told["tested"][-1]["prompt"].startswith("soft prompt + answer en which type")
    assert told["tested"][-1]["dev"] is None
    assert "trained on" in in_words(told)
