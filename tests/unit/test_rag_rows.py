"""Rows of questions, what they refer to, the folder of a run and its figures; without RAGAS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eval.rag.answered import Answered
from eval.rag.comparison import compare
from eval.rag.comparison import in_words as compared
from eval.rag.folder import Done, Folder, Run
from eval.rag.measured import MEANINGS
from eval.rag.references import image_bytes
from eval.rag.rows import SHIPPED, Row, digest, drawn, read_rows
from eval.rag.run import check_images
from eval.rag.summary import in_words, summary
from eval.rag.verdicts import kappa
from tools.errors import BadInputError
from tools.simulate import starter_recipes
from tools.starter import SEED, bibliography, picture_bytes

LINE = '{"question": "What is it?", "reference_answer": "A cell."}'
REPOSITORY = Path(__file__).resolve().parents[2]
RUN = Run(dataset="rows.jsonl", rows=2, dataset_digest="d", settings_hash="s", model="m",
          text_model=None, judge=None)  # fmt: skip


def done(name: str, *, kind: str = "literature", seconds: float = 1.0, **scores: float) -> Done:
    answered = Answered(
        id=name, kind=kind, question="q", answer="a", claims="", status="grounded", tools=(),
        article_ids=(), cited_article_ids=(), case_ids=(), passages=(), contexts=(), image_id=None,
        seconds=seconds, trace_id="0" * 32,
    )  # fmt: skip
    return Done(answered=answered, scores=scores)


def kept(folder: Path, rows: list[Done], run: Run = RUN) -> Path:
    opened = Folder(folder)
    opened.open(run)
    for row in rows:
        opened.add(row)
    return folder


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "rows.jsonl"


def test_a_row_needs_a_question_and_an_answer_only(file):
    file.write_text(f"{LINE}\n\n{LINE}\n")
    assert [row.id for row in read_rows(file)] == ["1", "3"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no row"),
        ("{", "line 1 is not a row"),
        ('{"question": ""}', "question"),
        (LINE.replace("}", ', "refrence_ids": []}'), "refrence_ids"),
        (LINE.replace("}", ', "reference_tools": ["google"]}'), "reference_tools"),
        (LINE.replace("}", ', "id": "a"}\n') * 2, "'a' stands on several lines"),
    ],
)
def test_what_is_no_row_is_named(file, text, told):
    file.write_text(text)
    with pytest.raises(BadInputError, match=told):
        read_rows(file)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(BadInputError, match=r"none\.jsonl cannot be read"):
        read_rows(tmp_path / "none.jsonl")


def test_a_draw_is_the_same_for_the_same_seed_and_keeps_the_order():
    rows = read_rows(SHIPPED)
    some = drawn(rows, 10, seed=1)
    assert some == drawn(rows, 10, seed=1) != drawn(rows, 10, seed=2)
    assert [row for row in rows if row in some] == list(some)
    assert drawn(rows, None, 0) == rows
    assert digest(some) != digest(rows)


def test_images_are_drawings_of_the_starter_library_or_files_beside_the_rows(tmp_path):
    (tmp_path / "cell.png").write_bytes(b"a file")
    recipe = next(r for r in starter_recipes(SEED) if r.name == "cell-000")
    assert image_bytes("cell.png", tmp_path) == b"a file"
    assert image_bytes("starter:cell-000", tmp_path) == picture_bytes(recipe)
    with pytest.raises(BadInputError, match="cell-999 is not in the starter library"):
        image_bytes("starter:cell-999", tmp_path)


def test_a_missing_image_is_told_before_any_work(tmp_path):
    row = Row(id="7", question="q", image="none.png", reference_answer="a")
    with pytest.raises(BadInputError, match=r"row 7: the image .*none\.png does not exist"):
        check_images([row], tmp_path)


def test_the_shipped_rows_are_a_hundred_about_the_starter_library():
    rows, known = read_rows(SHIPPED), {article.source_id for article in bibliography()}
    names = {recipe.name for recipe in starter_recipes(SEED)}
    assert len(rows) == 100
    ids = {one for row in rows for one in row.reference_ids if one.startswith("pmid:")}
    assert ids <= known
    assert {row.image.removeprefix("starter:") for row in rows if row.image} <= names
    assert sum(row.abstain for row in rows) == 22
    assert all(not row.reference_ids for row in rows if row.abstain)


def test_the_shipped_rows_are_what_both_passes_and_the_resolutions_say():
    script = REPOSITORY / "docs" / "scripts" / "rag_labels.py"
    found = subprocess.run(
        [sys.executable, script, "check"], cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    readme = (SHIPPED.parent / "README.md").read_text(encoding="utf-8")
    assert f"{told['article_kappa']:.3f}" in readme
    assert f"{told['rows_alike']} of {told['rows']}" in readme


def test_a_run_goes_on_where_it_stopped_and_a_line_cut_short_is_dropped(tmp_path):
    kept(tmp_path / "run", [done("1", chrf=0.5)])
    with (tmp_path / "run" / "rows.jsonl").open("a") as file:
        file.write('{"answered": {"id": "2"')
    again = Folder(tmp_path / "run")
    assert [row.answered.id for row in again.open(RUN)] == ["1"]
    again.add(done("2"))
    assert [row.answered.id for row in again.done()] == ["1", "2"]


def test_a_folder_of_another_run_is_refused(tmp_path):
    kept(tmp_path / "run", [])
    with pytest.raises(BadInputError, match="another settings_hash"):
        Folder(tmp_path / "run").open(RUN.model_copy(update={"settings_hash": "t"}))
    with pytest.raises(BadInputError, match="is not the folder of a run"):
        Folder(tmp_path).run()


def test_figures_are_means_with_intervals_and_what_is_unknown_stays_unknown():
    rows = [done("1", chrf=0.0, abstention=1.0), done("2", kind="image", chrf=1.0)]
    told = summary(RUN, rows, ["pmid:9"])
    assert (told["command"], told["chrf"], told["measured_on"]["chrf"]) == ("eval rag", 0.5, 2)
    low, high = told["chrf_ci"]
    assert 0 <= low <= 0.5 <= high <= 1
    assert told["abstention"] == 1.0
    assert told["measured_on"]["abstention"] == 1
    assert told["faithfulness"] is told["judge_nan_rate"] is None
    assert told["by_kind"]["image"]["chrf"] == 1.0
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    words = in_words(told)
    assert "| faithfulness | not measured |" in words
    assert "Not in the library: pmid:9" in words


def test_replies_of_the_judge_that_could_not_be_read_are_a_rate():
    readable = done("1", faithfulness=1.0)
    garbage = done("2").model_copy(update={"unreadable": ("faithfulness",)})
    told = summary(RUN, [readable, garbage], [])
    assert told["judge_nan_rate"] == told["judge_nan_rate_by_metric"]["faithfulness"] == 0.5
    assert told["judge_nan_rate_by_metric"]["answer_relevancy"] is None


def test_two_runs_are_compared_row_by_row(tmp_path):
    ours = kept(tmp_path / "a", [done(str(i), chrf=0.6 + i / 100) for i in range(20)])
    other = RUN.model_copy(update={"model": "n"})
    theirs = kept(tmp_path / "b", [done(str(i), chrf=0.5 + i / 100) for i in range(20)], other)
    told = compare(ours, theirs)
    gain = told["differences"]["chrf"]
    assert gain["difference"] == pytest.approx(0.1)
    assert gain["difference_ci"] == pytest.approx([0.1, 0.1])  # the same on each row
    assert told["differences"]["faithfulness"] is None
    assert told["changed"] == ["model"]
    assert set(told["differences"]) == set(MEANINGS)
    assert "differs" in compared(told)


def test_runs_of_different_rows_are_not_compared(tmp_path):
    ours = kept(tmp_path / "a", [done("1")])
    theirs = kept(tmp_path / "b", [done("1")], RUN.model_copy(update={"dataset_digest": "e"}))
    with pytest.raises(BadInputError, match="runs of different rows"):
        compare(ours, theirs)


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([(1, 1), (0, 0)], 1.0),
        ([(1, 1), (1, 0), (0, 1), (0, 0)], 0.0),
        ([(1, 0), (0, 1)], -1.0),
        ([(1, 1)], None),  # chance alone agrees
        ([], None),
    ],
)
def test_kappa_is_agreement_beyond_chance(pairs, value):
    assert kappa(pairs) == value
