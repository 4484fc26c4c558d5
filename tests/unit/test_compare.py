"""The comparison: its file, its grid, its figures and controls, its report."""

import json
import sys
from base64 import b64encode
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from eval.document import Drawing, Heading, Paragraph, Table, write
from finetune.commands.compare import compare
from finetune.compare.cells import DONE, FAILED, Cell, cells_of, keep, kept
from finetune.compare.config import CompareConfig, read_config
from finetune.compare.figures import differences, figures, of_others
from finetune.compare.grid import ChildError, in_child, run_child, run_grid
from finetune.compare.report import pairs_of
from tools.errors import BadInputError, Cancelled, CytoscribeError

RECIPES = Path(__file__).parents[2] / "finetune" / "recipes"


def quiet(_: str) -> None:
    pass


@pytest.fixture
def cells_folder(tmp_path):
    """A folder a class, 60 images; which side an image is on follows from its name."""
    draw = np.random.default_rng(0)
    for name, shade in (("lymphocyte", 60), ("neutrophil", 190)):
        for number in range(30):
            folder = tmp_path / "set" / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(shade - 30, shade + 30, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}{number}.png")
    return tmp_path / "set"


def values(model: Path, root: Path, **more):
    return {
        "models": {"pt": str(model)},
        "datasets": {"cells": {"format": "classes", "root": str(root), "fields": ["cell_type"],
                               "train": 12, "dev": 6, "test": 10}},
        "training": {way: {"max_steps": 2, "batch_size": 2} for way in ("LoRA", "full")}
        | {"soft prompt": {"max_steps": 2, "batch_size": 2, "soft_prompt": {"length": 2}}},
        "search": {"prompts": 4, "budget": 40},
        **more,
    }  # fmt: skip


def config_file(tmp_path: Path, **found) -> Path:
    path = tmp_path / "compare.yaml"
    path.write_text(yaml.safe_dump(found))
    return path


# the file


def test_a_misspelt_key_and_a_bad_recipe_are_named(tmp_path):
    wrong = values(tmp_path, tmp_path) | {"datasts": {}}
    with pytest.raises(BadInputError, match="datasts"):
        read_config(config_file(tmp_path, **wrong))
    wrong = values(tmp_path, tmp_path, training={"LoRA": {"max_stepz": 3}})
    with pytest.raises(BadInputError, match=r"training\.LoRA.*max_stepz"):
        read_config(config_file(tmp_path, **wrong))


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path):
    for name in ("base", "adapter", "set"):
        (tmp_path / name).mkdir()
    found = values(Path("base+adapter"), Path("set"))
    found["models"]["hub"] = "google/paligemma2-3b-pt-224"
    config = read_config(config_file(tmp_path, **found))
    assert config.models["pt"] == f"{tmp_path / 'base'}+{tmp_path / 'adapter'}"
    assert config.models["hub"] == "google/paligemma2-3b-pt-224"
    assert config.datasets["cells"].root == tmp_path / "set"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("compare-*.yaml")), ids=lambda p: p.stem)
def test_the_recipes_in_the_repository_are_read(path):
    config = read_config(path)
    assert config.models
    assert len({cell.file(Path()) for cell in cells_of(config)}) == len(list(cells_of(config)))


# the grid


def grid(tmp_path):
    config = CompareConfig.model_validate(values(tmp_path, tmp_path))
    return config, list(cells_of(config))


def test_done_cells_are_skipped_and_a_failed_one_is_told_and_tried_again(tmp_path):
    config, cells = grid(tmp_path)
    ran, broken = [], {"LoRA"}

    def run(cell, *_):
        ran.append(cell.method)
        if cell.method in broken:
            raise CytoscribeError("no memory")
        return {"status": DONE, "cell": cell.method}

    told = run_grid(cells, config, tmp_path, run, quiet)
    assert [one["status"] for one in told] == [DONE, DONE, DONE, FAILED, DONE]
    assert told[3]["error"] == "CytoscribeError: no memory"
    ran.clear()
    broken.clear()
    assert {one["status"] for one in run_grid(cells, config, tmp_path, run, quiet)} == {DONE}
    assert ran == ["LoRA"]


def test_ctrl_c_keeps_what_is_done_and_our_own_bug_is_raised(tmp_path):
    config, cells = grid(tmp_path)

    def run(cell, *_):
        if cell.method == "soft prompt":
            raise Cancelled("stopped while it trained")
        return {"status": DONE}

    with pytest.raises(Cancelled):
        run_grid(cells, config, tmp_path, run, quiet)
    assert [kept(cell, tmp_path) is not None for cell in cells] == [True, True, False, False, False]
    with pytest.raises(ZeroDivisionError):
        run_grid(cells, config, tmp_path, lambda *_: 1 / 0, quiet)


def test_another_comparison_does_not_mix_but_more_models_may_come(tmp_path):
    config, cells = grid(tmp_path)
    run_grid(cells[:1], config, tmp_path, lambda *_: {"status": DONE}, quiet)
    more = config.model_copy(update={"models": {**config.models, "mix": "b"}})
    run_grid(cells[:1], more, tmp_path, lambda *_: {"status": DONE}, quiet)
    with pytest.raises(BadInputError, match="another seed"):
        other = config.model_copy(update={"seed": 1})
        run_grid(cells[:1], other, tmp_path, lambda *_: {"status": DONE}, quiet)


@pytest.mark.slow
def test_a_cell_in_a_process_of_its_own_tells_what_went_wrong(tmp_path):
    config, cells = grid(tmp_path / "nowhere")
    told = run_grid(cells[:1], config, tmp_path, in_child, quiet)
    assert "does not exist" in told[0]["error"]


def test_sigterm_stops_the_process_of_a_cell_too(tmp_path):
    words = "import os, signal, time; print(os.getpid(), flush=True);"
    words += "os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"
    child = [sys.executable, "-c", words]
    with (tmp_path / "log").open("w+") as log, pytest.raises(KeyboardInterrupt):
        run_child(child, stdout=log)
    pid = int((tmp_path / "log").read_text())
    assert not psutil.pid_exists(pid)


def test_a_process_that_dies_says_its_last_words(tmp_path):
    log = tmp_path / "cell.log"
    log.write_text("Traceback\nMemoryError: 3 GB\n\n")
    assert "ended with -9: MemoryError: 3 GB" in str(ChildError(-9, log))


# figures


def answer(name, truth, said, **more):
    return {"name": name, "truth": truth, "said": said, "blank": {"cell_type": "a"},
            "reference": None, "text": None, "blank_text": None, **more}  # fmt: skip


CLOSED = [answer(str(i), {"cell_type": "ab"[i % 2]}, {"cell_type": "ab"[i % 2]}) for i in range(40)]


def test_who_sees_beats_a_blank_and_shuffled_images():
    found = {one.key: one for one in figures(CLOSED, ["cell_type"])}
    assert found["accuracy"].ours.value == 1
    assert found["accuracy"].blank == 0.5
    assert 0.2 < found["accuracy"].shuffled < 0.8
    assert set(found) == {"accuracy", "macro_f1"}


def test_no_image_keeps_its_own_answer_when_they_are_shuffled():
    answers = [answer(str(i), {}, {"x": str(i)}) for i in range(20)]
    moved = of_others(answers)
    assert all(one["said"]["x"] != one["name"] for one in moved)
    assert {one["said"]["x"] for one in moved} == {one["name"] for one in answers}


def test_texts_are_judged_by_their_facts_and_counts_by_their_error():
    truth = {"cell_type": "neutrophil", "count:platelet": "3"}
    said = {"cell_type": "neutrophil", "count:platelet": "5"}
    answers = [
        answer(str(i), truth, said, reference="A neutrophil with a big cell.",
               text="A big cell, a neutrophil.", blank_text="A platelet.")
        for i in range(4)
    ]  # fmt: skip
    found = {one.key: one for one in figures(answers, ["cell_type", "count:platelet"])}
    assert found["count_error"].ours.value == 2
    assert found["fact_f1"].ours.value > found["fact_f1"].blank == 0
    assert found["exact_text"].ours.value == 0


def test_cells_are_compared_image_by_image():
    worse = [one | {"said": {"cell_type": "a"}} for one in CLOSED]
    accuracy, macro = differences(CLOSED, worse, ["cell_type"])
    assert (accuracy.key, accuracy.test, macro.test) == ("accuracy", "McNemar", "permutation")
    assert accuracy.gain.value == 0.5
    assert accuracy.gain.low > 0
    assert accuracy.p < 0.001
    with pytest.raises(ValueError, match="other images"):
        differences(CLOSED, worse[1:], ["cell_type"])


def test_methods_are_compared_with_zero_shot_and_checkpoints_with_the_first():
    cells = [
        {"model": m, "method": w} for m in ("pt", "mix") for w in ("zero-shot", "LoRA", "full")
    ]
    names = [(a["model"], a["method"], b["model"], b["method"]) for a, b in pairs_of(cells)]
    assert ("mix", "LoRA", "mix", "zero-shot") in names
    assert ("mix", "LoRA", "mix", "full") in names
    assert ("mix", "zero-shot", "pt", "zero-shot") in names


# the report


def test_a_document_is_written_as_markdown_and_as_one_html_file(tmp_path):
    parts = [Heading("a < b"), Paragraph("words"), Table(["x", "y"], [["1|2", "3"]]),
             Drawing("dots", "<svg></svg>", "dots")]  # fmt: skip
    markdown, html = write("Title", parts, tmp_path, "compare")
    assert "| 1\\|2 | 3 |" in markdown.read_text()
    assert (tmp_path / "plots" / "dots.svg").exists()
    assert "a &lt; b" in html.read_text()
    assert b64encode(b"<svg></svg>").decode() in html.read_text()


def test_a_whole_comparison_on_a_tiny_model(tmp_path, tiny_paligemma_dir, cells_folder):
    path = config_file(tmp_path, **values(tiny_paligemma_dir, cells_folder))
    arguments = ["--config", str(path), "--out", str(tmp_path / "out"), "--in-process", "--json"]
    result = CliRunner().invoke(compare, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    cells = json.loads(result.stdout)["cells"]
    assert [cell["method"] for cell in cells] == [
        "zero-shot", "hard prompt", "soft prompt", "LoRA", "full",
    ]  # fmt: skip
    assert len({cell["split"] for cell in cells}) == 1
    trainable = {cell["method"]: cell["trainable"] for cell in cells}
    assert trainable["zero-shot"] == trainable["hard prompt"] == 0
    assert 0 < trainable["soft prompt"] < trainable["LoRA"] < trainable["full"]
    for cell in cells:
        assert {"value", "ci", "blank", "shuffled"} <= set(cell["figures"]["accuracy"])
    report = (tmp_path / "out" / "compare.md").read_text()
    assert "pt, LoRA – pt, full" in report
    again = CliRunner().invoke(compare, arguments, catch_exceptions=False)
    assert "[1/" not in again.stderr


def test_texts_alone_are_compared_too(tmp_path, tiny_paligemma_dir):
    entries = {
        str(n): {"QUESTION": f"is it cell {n}?", "CONTEXTS": ["a cell " * 60], "LABELS": ["A"],
                 "MESHES": [], "YEAR": "2000", "final_decision": ("yes", "no", "maybe")[n % 3],
                 "LONG_ANSWER": "it is"}
        for n in range(60)
    }  # fmt: skip
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "ori_pqal.json").write_text(json.dumps(entries))
    truth = {key: one["final_decision"] for key, one in list(entries.items())[:12]}
    (tmp_path / "set" / "test_ground_truth.json").write_text(json.dumps(truth))
    data = {"format": "pubmedqa", "root": str(tmp_path / "set"), "fields": ["final_decision"]}
    found = values(tiny_paligemma_dir, tmp_path, datasets={"texts": data}, methods=["zero-shot"],
                   longest=40)  # fmt: skip
    path = config_file(tmp_path, **found)
    arguments = ["--config", str(path), "--out", str(tmp_path / "out"), "--in-process"]
    result = CliRunner().invoke(compare, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (cell,) = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert cell["figures"]["accuracy"]["images"] == 12


def test_a_cell_is_kept_as_a_whole(tmp_path):
    cell = Cell("a set", "pt", "hard prompt")
    assert kept(cell, tmp_path) is None
    keep(cell, tmp_path, {"status": DONE})
    assert kept(cell, tmp_path) == {"status": DONE}
    assert [file.name for file in (tmp_path / "cells").iterdir()] == ["a-set.pt.hard-prompt.json"]
