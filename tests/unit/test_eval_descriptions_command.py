"""`cytoscribe eval descriptions`: which images are measured, what goes wrong, what is printed."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from labelled_folders import cell, cells, picture, run
from oracle import Oracle
from PIL import Image

from eval.commands.group import eval_group
from eval.evaluation import Request, evaluate
from eval.measuring import Limits, one_thread
from eval.table import in_words
from tools import simulate
from tools.errors import BadInputError

SHIPPED = Path(__file__).resolve().parents[2] / "agent" / "checkpoints" / "lite"
TIMES = ("seconds_per_image", "seconds_per_image_batch")


# splits


@pytest.mark.parametrize(
    "text",
    ["1.png\n3.png\n", "file\nneutrophil/1\nmonocyte/3\n", "id;name\n7;C:\\x\\1.PNG\n8;3.png\n"],
)
def test_a_split_is_a_list_or_a_table_of_names_or_paths(tmp_path, text):
    cells(tmp_path / "set", "neutrophil", "lymphocyte", "monocyte")
    (tmp_path / "split.csv").write_text(text)
    told = run({}, "classes", tmp_path / "set", split=tmp_path / "split.csv")
    assert told["images"] == 2 and told["missing"] == 0


def test_a_path_tells_images_of_one_name_apart(tmp_path):
    picture(tmp_path / "set" / "neutrophil" / "1.png", 1)
    picture(tmp_path / "set" / "monocyte" / "1.png", 2)
    (tmp_path / "split.txt").write_text("/home/else/monocyte/1.png\n")
    told = run({2: cell("monocyte")}, "classes", tmp_path / "set", split=tmp_path / "split.txt")
    assert (told["images"], told["class_accuracy"]) == (1, 1.0)
    (tmp_path / "split.txt").write_text("1.png\n")
    assert run({}, "classes", tmp_path / "set", split=tmp_path / "split.txt")["images"] == 2


def test_a_split_of_another_set_says_what_both_are_called(tmp_path):
    cells(tmp_path / "set", "neutrophil")
    (tmp_path / "split.csv").write_text("image\nBA_1.jpg\n")
    with pytest.raises(BadInputError, match=r"names none of the 1 images.*BA_1.jpg.*1.png"):
        run({}, "classes", tmp_path / "set", split=tmp_path / "split.csv")


def test_a_draw_is_the_same_for_the_same_seed(tmp_path):
    cells(tmp_path, *["neutrophil"] * 30)
    says = {red: cell("neutrophil" if red % 2 else "monocyte") for red in range(31)}
    drawn = [run(says, "classes", tmp_path, limit=9, seed=s)["class_accuracy"] for s in (5, 5, 6)]
    assert drawn[0] == drawn[1] and run(says, "classes", tmp_path, limit=9)["images"] == 9
    assert run(says, "classes", tmp_path, limit=99)["images"] == 30


# what goes wrong


def test_a_bad_image_is_skipped_and_named(tmp_path):
    cells(tmp_path, "neutrophil", "monocyte")
    (tmp_path / "monocyte" / "bad.png").write_bytes(b"not an image")
    told = run({}, "classes", tmp_path)
    assert (told["images"], told["skipped"]) == (2, 1)
    assert told["skipped_files"][0]["path"].endswith("bad.png")
    assert "1 images were skipped" in in_words(told)


def test_only_bad_images_are_an_error_that_names_the_first(tmp_path):
    (tmp_path / "monocyte").mkdir()
    (tmp_path / "monocyte" / "bad.png").write_bytes(b"not an image")
    with pytest.raises(BadInputError, match=r"no image below .*\(1 skipped; the first: .*bad.png"):
        run({}, "classes", tmp_path)


@pytest.mark.parametrize("dataset", ["wbcatt", "classes", "voc", "masks"])
def test_an_empty_folder_says_what_was_looked_for(tmp_path, dataset):
    with pytest.raises(BadInputError, match=r"no known layout. Looked for .*the folder is empty"):
        run({}, dataset, tmp_path)


def test_the_wrong_root_says_what_was_found(tmp_path):
    root = cells(tmp_path, "neutrophil")
    with pytest.raises(BadInputError, match=r"Looked for voc: folders Annotations.*Found neutroph"):
        run({}, "voc", root)


def test_images_go_through_in_batches(tmp_path):
    cells(tmp_path, *["neutrophil"] * 40)
    model, steps = Oracle({}), []

    def watch(label, length):
        return nullcontext(lambda n: steps.append((label, n)))

    evaluate(Request("classes", tmp_path), lambda: model, Limits(), watch)
    assert model.most == 16
    assert sum(n for label, n in steps if label == "Asking") == 40


def test_the_threads_of_torch_are_put_back():
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), one_thread():
        assert torch.get_num_threads() == 1
        1 / 0  # noqa: B018
    assert torch.get_num_threads() == before


# the command, with the shipped checkpoint


def command(*words):
    return CliRunner().invoke(eval_group, ["descriptions", *map(str, words)])


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The command's result on three simulated cells and a file that is no image, and its --out."""
    root = tmp_path_factory.mktemp("drawn")
    for seed, name in enumerate(("neutrophil", "lymphocyte", "monocyte")):
        (root / name).mkdir()
        drawn = simulate.draw("cell", seed, name)
        Image.fromarray(drawn.pixels).save(root / name / f"{seed}.png")
    (root / "monocyte" / "bad.png").write_bytes(b"not an image")
    out = root.parent / "figures.json"
    asked = ("--dataset", "classes", "--root", root, "--model", SHIPPED, "--out", out, "--json")
    return command(*asked, "--modality", "stained blood smear"), out


def test_stdout_is_json_alone_and_stderr_names_what_was_skipped(measured):
    result, out = measured
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert told == json.loads(out.read_text())
    assert "bad.png is not an image" in result.stderr


def test_the_shipped_checkpoint_is_measured(measured):
    told = json.loads(measured[0].stdout)
    assert told["model"].startswith("lite@") and told["images"] == 3
    for key in ("class_accuracy", "balanced_accuracy", "fact_f1", "modality_accuracy", "ece"):
        low, high = told[f"{key}_ci"]
        assert 0 <= low <= told[key] <= high <= 1
        assert told["controls"]["blank"][key] is not None
    assert all(told[key] > 0 and len(told[f"{key}_ci"]) == 2 for key in TIMES)
    assert told["controls"]["blank"]["class_accuracy"] <= 2 / 3


def test_ctrl_c_says_that_nothing_was_written(tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("agent.build.open_model", interrupted)
    root, out = cells(tmp_path / "set", "neutrophil"), tmp_path / "out.json"
    result = command("--dataset", "classes", "--root", root, "--out", out)
    assert result.exit_code == 130 and "nothing was written" in result.stderr
    assert not result.stdout and not out.exists()


def test_a_place_that_cannot_be_written_is_named_before_the_work(tmp_path):
    root = cells(tmp_path / "set", "neutrophil")
    (tmp_path / "file").touch()
    result = command("--dataset", "classes", "--root", root, "--out", tmp_path / "file" / "o.json")
    assert isinstance(result.exception, BadInputError) and "--out" in str(result.exception)


def test_no_model_is_loaded_where_there_is_nothing_to_measure(tmp_path):
    result = command("--dataset", "voc", "--root", tmp_path, "--model", tmp_path / "none")
    assert isinstance(result.exception, BadInputError) and "empty" in str(result.exception)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("dataset", "folder", "key"),
    [
        ("wbcatt", "pbc_wbcatt", "attribute_macro_f1"),
        ("voc", "bccd", "count_within_10"),
        ("masks", "nuclei_dsb2018", "count_within_10"),
        ("masks", "nuclei_dsb2018/official_layout_sample", "count_within_10"),
        ("classes", "pbc_wbcatt/PBC_dataset_normal_DIB", "balanced_accuracy"),
        ("classes", "histology/crc_val_he_7k", "balanced_accuracy"),
    ],
)
def test_real_sets_are_measured(shared_data, dataset, folder, key):
    told = run({}, dataset, shared_data / folder, limit=4)
    assert told["images"] == 4 and not told["skipped"] and not told["unmapped"]
    assert told[key] is not None and told["controls"]["majority"][key] is not None
