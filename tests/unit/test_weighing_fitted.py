"""A rule for similar cases is fitted, served and measured for any PaliGemma, by one command."""

import csv
import json

import numpy as np
import tiny_paligemma
from click.testing import CliRunner
from labelled_folders import WBCATT, attributes
from PIL import Image

from agent.case_rule import SIMILAR_CASES
from agent.paligemma import load_paligemma
from finetune.weighing import main
from tools.findings import ATTRIBUTES


def leukocytes(root, side, number):
    """Noise, each picture another, with a csv row each."""
    rng, folder = np.random.default_rng(number), root / "PBC_dataset_normal_DIB" / "neutrophil"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for n in range(number):
        name, noise = f"{side}_{n}.jpg", rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((32, 32)).save(folder / name)
        rows.append({"img_name": name, "label": "Neutrophil", **attributes(), **WBCATT})
    with (root / f"pbc_attr_v1_{side}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def checkpoint(folder):
    """A Gemma decoder of two layers with the bidirectional prefix of Google's checkpoints."""
    words = tiny_paligemma.processor()
    tiny_paligemma.model(1, words, context=512).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def test_the_recipe_for_any_checkpoint_fits_a_rule_that_is_served_and_measured(tmp_path):
    leukocytes(tmp_path / "data" / "pbc_wbcatt", "train", 6)
    leukocytes(tmp_path / "data" / "pbc_wbcatt", "val", 8)
    folder = checkpoint(tmp_path / "model")
    asked = ["--data", str(tmp_path / "data"), "--checkpoint", str(folder)]
    measure = [*asked, "--measure", "--out", str(tmp_path / "told.json")]
    early = CliRunner().invoke(main, measure)
    assert early.exit_code == 2 and "fit one first" in early.output

    fitted = CliRunner().invoke(main, [*asked, "--out", str(folder / SIMILAR_CASES)])
    assert fitted.exit_code == 0, fitted.output
    rule = load_paligemma(str(folder), dtype="float32").case_rule
    assert rule is not None and set(rule.questions) == {q.name for q in ATTRIBUTES}

    assert CliRunner().invoke(main, measure).exit_code == 0
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["library"] == 6 and told["images"] > 0
    assert told["nearest_of_other_types"]["weighed"] == 0
