"""The held-out lists, and the training's own evaluation on a model whose answers are known."""

import numpy as np
import pytest
from click.testing import CliRunner
from oracle import Oracle
from PIL import Image

from eval.evaluation import Request, evaluate
from eval.measuring import Limits
from finetune.data.example import Example
from finetune.data.held_out import LAYOUTS, folder_of, main, write_lists
from finetune.lite.controls import rows_of
from finetune.lite.evaluate import calibration, figures


def example(name, source="pbc_wbcatt", red=1, cell="neutrophil"):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[..., 0] = red
    facts = {"cell_type": cell, "stain": "Romanowsky"}
    return Example(name, pixels, "cell", facts, source, "CC0", name)


def test_a_list_a_set_names_its_images(tmp_path):
    examples = [
        example("b.jpg"),
        example("a.jpg"),
        example("1", "bccd"),
        example("x", "chula_rbc12"),
    ]
    lists = write_lists(examples, "test", tmp_path / "splits")
    assert [path.name for path in lists] == ["pbc_wbcatt.test.csv", "bccd.test.csv"]
    assert lists[0].read_text() == "image\na.jpg\nb.jpg\n"


def test_every_listed_set_has_a_folder():
    assert folder_of("crc_val_he_7k") == "histology/crc_val_he_7k"
    assert all(folder_of(source) for source in LAYOUTS)


def test_the_lists_of_a_folder_choose_its_held_out_images(tmp_path):
    """Written from a real layout, read back by the command's own code."""
    smears = tmp_path / "data" / "bccd" / "BCCD"
    (smears / "JPEGImages").mkdir(parents=True)
    (smears / "Annotations").mkdir()
    noise = np.random.default_rng(0)
    for number in range(30):
        pixels = noise.integers(0, 255, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(smears / "JPEGImages" / f"b{number}.jpg")
        (smears / "Annotations" / f"b{number}.xml").write_text(
            "<annotation><size><width>32</width><height>32</height></size><object><name>RBC</name>"
            "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
            "</annotation>"
        )
    done = CliRunner().invoke(main, [str(tmp_path / "data"), str(tmp_path / "splits")])
    assert done.exit_code == 0 and "0 near-duplicates" in done.output
    split = tmp_path / "splits" / "bccd.test.csv"
    names = split.read_text().splitlines()[1:]
    assert 0 < len(names) < 15
    request = Request("voc", tmp_path / "data" / "bccd", split)
    told = evaluate(request, lambda: Oracle({}), Limits())
    assert (told["images"], told["missing"], told["skipped"]) == (len(names), 0, 0)


def test_the_training_s_evaluation_judges_by_the_same_metrics():
    train = [example(f"t{i}", cell="monocyte") for i in range(3)]
    test = [example("1"), example("2", red=2, cell="monocyte")]
    says = {red: {"cell_type": "neutrophil", "text": "A neutrophil."} for red in (1, 2, 128)}
    rows = rows_of(Oracle(says), train, test)
    table = {figure.name: figure for figure in figures(rows)}
    accuracy = table["cell type (8), accuracy"]
    assert (accuracy.model.value, accuracy.majority, accuracy.blank) == (0.5, 0.5, 0.5)
    assert table["stain, accuracy"].model.value == 1.0
    assert table["facts in descriptions, F1"].model.value == pytest.approx(2 * 1 / (2 + 4))
    assert calibration(rows).value == pytest.approx(abs(0.8 * 4 - 3) / 4)
