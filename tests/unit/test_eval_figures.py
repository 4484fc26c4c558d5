"""Every figure of `cytoscribe eval descriptions` by hand, on tiny folders in each layout."""

import json

import numpy as np
import pytest
from labelled_folders import GREY, attributes, cell, cells, near, picture, run, voc, wbcatt
from PIL import Image

from eval.figures import MEANINGS
from eval.seeing import count_of
from eval.table import in_words
from tools.errors import BadInputError
from tools.evidence import DescriptionEvidence, Finding

TIMES = ("seconds_per_image", "seconds_per_image_batch")


# class folders


def test_classes_are_judged_over_all_options_and_among_those_present(tmp_path):
    cells(tmp_path, "Neutrophils", "LY", "monocyte")
    picture(tmp_path / "LY" / "4.png", 4)
    says = {1: cell("neutrophil"), 2: cell("lymphocyte"), 3: cell("platelet"), 4: cell("platelet")}
    told = run(says, "classes", tmp_path)
    assert told["class_accuracy"] == 2 / 4
    assert told["balanced_accuracy"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    # Without "platelet" all others are equally likely: the first of those present, a lymphocyte.
    assert told["balanced_accuracy_among_present"] == pytest.approx((1 + 1 + 0) / 3)
    assert told["fact_f1"] == told["fact_precision"] == told["fact_recall"] == 2 / 4
    assert told["ece"] == pytest.approx(0.8 - 2 / 4)
    assert told["images"] == told["measured_on"]["class_accuracy"] == 4


def test_keys_that_do_not_apply_are_null_and_all_are_there(tmp_path):
    told = run({}, "classes", cells(tmp_path, "platelet"))
    for figures in (told, *told["controls"].values()):
        assert {*MEANINGS, *(f"{key}_ci" for key in MEANINGS)} <= figures.keys()
        for key in ("attribute_macro_f1", "count_within_10", "stain_accuracy", "modality_accuracy"):
            assert figures[key] is None and figures[f"{key}_ci"] is None
    assert set(told["controls"]) == {"blank", "shuffled", "majority"}
    assert {*TIMES, "seconds_per_image_ci", "images", "model", "skipped"} <= told.keys()
    assert "NaN" not in json.dumps(told)


def test_an_interval_holds_its_figure(tmp_path):
    cells(tmp_path, *["neutrophil"] * 9, "monocyte")
    told = run({red: cell("neutrophil") for red in range(20)}, "classes", tmp_path)
    low, high = told["class_accuracy_ci"]
    assert low < told["class_accuracy"] == 0.9 < high
    assert told["controls"]["majority"]["class_accuracy"] == 0.9
    assert told["controls"]["majority"]["balanced_accuracy"] == 0.5


def test_a_blank_image_is_asked_the_same_questions(tmp_path):
    cells(tmp_path, "neutrophil", "monocyte")
    says = {1: cell("neutrophil"), 2: cell("monocyte"), GREY: cell("monocyte")}
    told = run(says, "classes", tmp_path)
    assert told["class_accuracy"] == told["fact_f1"] == 1.0
    assert told["controls"]["blank"]["class_accuracy"] == 0.5
    assert told["controls"]["blank"]["fact_f1"] == 0.5
    assert told["controls"]["shuffled"]["class_accuracy"] in (0.0, 1.0)


def test_the_stain_is_judged_where_the_user_states_it(tmp_path):
    says = {1: cell("neutrophil", stain="fluorescent dye", modality="stained blood smear")}
    root = cells(tmp_path, "neutrophil")
    told = run(says, "classes", root, stain="Romanowsky", modality="stained blood smear")
    assert (told["stain_accuracy"], told["modality_accuracy"]) == (0.0, 1.0)


def test_the_model_need_not_know_that_it_is_a_cell(tmp_path):
    """The cell type is asked of a cell, also where the model takes the image for a tissue."""
    says = {1: cell("neutrophil") | {"subject": "tissue section"}}
    assert run(says, "classes", cells(tmp_path, "neutrophil"))["class_accuracy"] == 1.0


def test_red_cells_and_tissues_are_classes_too(tmp_path):
    cells(tmp_path, "burr cells", "schistocyte")
    says = {1: {"red_cell_type": "burr cell"}, 2: {"red_cell_type": "spherocyte"}}
    assert run(says, "classes", tmp_path)["class_accuracy"] == 0.5


def test_a_class_may_lie_above_the_folder_of_a_patient(tmp_path):
    picture(tmp_path / "train" / "Monocyte" / "patient 7" / "a.png", 1)
    assert run({1: cell("monocyte")}, "classes", tmp_path)["class_accuracy"] == 1.0


def test_classes_that_no_model_can_say_are_named_and_left_out(tmp_path):
    cells(tmp_path, "neutrophil", "Myeloblast", "smudge")
    told = run({1: cell("neutrophil")}, "classes", tmp_path)
    assert (told["class_accuracy"], told["images"], told["unmapped"]) == (1.0, 1, 2)
    assert told["unmapped_classes"] == {"Myeloblast": 1, "smudge": 1}
    assert "Myeloblast (1)" in in_words(told)


def test_a_folder_of_unknown_classes_asks_for_a_map(tmp_path):
    with pytest.raises(BadInputError, match=r"no class .*: odd; write lines of name,class.*--map"):
        run({}, "classes", cells(tmp_path, "odd"))


def test_a_map_names_foreign_classes(tmp_path):
    cells(tmp_path / "set", "Große Zelle", "typ B", "neutrophil", "neu")
    table = tmp_path / "map.csv"
    table.write_text("name,class\ngrosse zelle,Monocytes\nTYP_B,BNE\nneutrophil,\n")
    says = {1: cell("monocyte"), 2: cell("neutrophil"), 3: {}, 4: cell("neutrophil")}
    told = run(says, "classes", tmp_path / "set", class_map=table)
    assert (told["class_accuracy"], told["images"]) == (1.0, 3)
    assert told["unmapped_classes"] == {"neutrophil": 1}


# WBCAtt


def test_wbcatt_gives_the_macro_f1_of_its_eleven_attributes(tmp_path):
    one, two = attributes(), attributes(cell_size="small")
    wbcatt(
        tmp_path,
        tmp_path / "pbc_attr_v1_test.csv",
        {"label": "Neutrophil", **one},
        {"label": "Monocyte", **two},
    )
    text = "A big cell in a stained blood smear, Romanowsky stain."
    says = near(40, cell("neutrophil", text=text)) | near(80, cell("monocyte", text=text))
    told = run(says, "wbcatt", tmp_path)
    # "big" for both: F1 2/3 for big, 0 for small; the ten others are right.
    assert told["attribute_macro_f1"] == pytest.approx((1 / 3 + 10) / 11)
    assert told["attribute_macro_f1_text"] == pytest.approx((1 / 3) / 11)
    assert told["class_accuracy"] == 1.0
    # Each text: stain and modality right; cell size right once. True: 14 facts that have words.
    assert told["fact_precision"] == 5 / 6
    assert told["fact_recall"] == 5 / 28
    assert told["fact_f1"] == pytest.approx(2 * 5 / (6 + 28))
    assert told["count_exact"] is None and told["counts"] == {}


def test_no_granules_in_a_text_means_none_of_any_type_or_colour(tmp_path):
    row = attributes(granularity="no", granule_type="nil", granule_colour="nil")
    wbcatt(tmp_path, tmp_path / "pbc_attr_v1_val.csv", {"label": "Monocyte", **row})
    told = run(near(40, {"text": "There are no granules."}), "wbcatt", tmp_path)
    assert told["attribute_macro_f1_text"] == pytest.approx(3 / 11)


def test_attributes_come_from_the_split_and_only_its_images_are_taken(tmp_path):
    split = tmp_path / "official.csv"
    wbcatt(tmp_path / "set", split, *({"label": "Neutrophil", **attributes()} for _ in range(3)))
    lines = split.read_text().splitlines()
    split.write_text("\n".join([*lines[:3], lines[3].replace("X_3", "GONE")]) + "\n")
    told = run({}, "wbcatt", tmp_path / "set", split=split)
    assert (told["images"], told["missing_names"]) == (2, ["GONE.jpg"])
    assert told["measured_on"]["attribute_macro_f1"] == 2


def test_the_images_of_a_split_may_lie_in_any_folder(tmp_path):
    split = tmp_path / "t.csv"
    wbcatt(tmp_path / "set", split, {"label": "Basophil", **attributes()})
    folder = tmp_path / "set" / "PBC_dataset_normal_DIB" / "basophil"
    folder.rename(tmp_path / "all images")
    told = run(near(40, cell("basophil")), "wbcatt", tmp_path / "all images", split=split)
    assert told["class_accuracy"] == 1.0 and told["attribute_macro_f1"] == 1.0


def test_an_attribute_that_wbcatt_does_not_have_is_named(tmp_path):
    rows = [{"label": "Monocyte", **attributes(cell_size=size)} for size in ("big", "huge")]
    told = run({}, "wbcatt", wbcatt(tmp_path, tmp_path / "pbc_attr_v1_val.csv", *rows))
    assert told["skipped"] == 1 and "cell_size is 'huge'" in told["skipped_files"][0]["reason"]


# VOC and masks: counts


def test_smears_are_counted_by_thing_beside_the_median(tmp_path):
    voc(tmp_path, {"RBC": 20, "Platelets": 1}, {"rbc": 10, "WBC": 1}, {"Erythrocytes": 30})
    asked = "how many red blood cells are there?"
    says = {
        1: {"text": "There are 22 red blood cells and 0 platelets.", asked: "20"},
        2: {"text": "Nothing.", asked: "10"},
        3: {"text": "There are 20 red blood cells.", asked: "babble"},
        GREY: {"text": "There are 30 red blood cells."},
    }
    told = run(says, "voc", tmp_path)
    assert (told["count_within_10"], told["count_exact"]) == (2 / 3, 1 / 3)
    assert told["count_mae"] == (2 + 0 + 10) / 3
    red = told["counts"]["red blood cell"]
    assert red["within_10"] == told["count_within_10"] and red["constant"] == 20
    assert told["count_within_10_constant"] == 1 / 3
    assert red["from"] == {"answer": 1, "text": 2}
    # An image without a box of what is boxed elsewhere has none: true 1, 0, 0; said 0, 0, 0.
    assert told["counts"]["platelet"]["exact"] == 2 / 3
    assert told["counts"]["white blood cell"]["mae"] == 1 / 3
    assert told["controls"]["blank"]["count_within_10"] == 1 / 3
    assert told["stain_accuracy"] is not None and told["class_accuracy"] is None


def test_leukocytes_of_any_type_are_white_blood_cells(tmp_path):
    told = run({}, "voc", voc(tmp_path, {"Neutrophil": 2, "lymphocytes": 1, "dirt": 4}))
    assert told["counts"]["white blood cell"]["constant"] == 3
    assert told["unmapped_classes"] == {"dirt": 1} and told["images"] == 1
    assert "red blood cell" not in told["counts"] and told["count_within_10"] is None


def test_what_was_measured_goes_before_what_was_said():
    found = Finding(name="nuclei_count", value="12", origin="measured")
    seen = Finding(name="nuclei_count", value="9", probability=0.9)
    evidence = {"image_id": "i", "text": "", "model": "m"}
    measured = DescriptionEvidence(findings=(seen, found), **evidence)
    assert count_of("nucleus", measured, {"count:nucleus": "3"}, "4") == ("12", "measured")
    unmeasured = DescriptionEvidence(findings=(seen,), **evidence)
    assert count_of("nucleus", unmeasured, {"count:nucleus": "3"}, "4") == ("3", "text")
    assert count_of("nucleus", unmeasured, {}, "4") == ("4", "answer")


def label_image(path, number):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((20, 20), np.uint16)
    values[::2, 0][:number] = np.arange(1, number + 1) * 300
    Image.fromarray(values).save(path)


@pytest.mark.parametrize("index", [None, "id,modality_derived,n_nuclei\na,fluorescence,5\n"])
def test_nuclei_of_label_images_are_counted(tmp_path, index):
    picture(tmp_path / "images" / "a.png", 1)
    label_image(tmp_path / "labels" / "a.png", 5)
    if index:
        (tmp_path / "index.csv").write_text(index)
    says = {1: {"text": "There are 5 nuclei.", "modality": "fluorescence microscopy"}}
    told = run(says, "masks", tmp_path)
    assert told["count_exact"] == told["counts"]["nucleus"]["exact"] == 1.0
    assert told["modality_accuracy"] == (1.0 if index else None)
    assert told["stain_accuracy"] == (0.0 if index else None)


@pytest.mark.parametrize("below", ["", "stage1_train"])
def test_nuclei_of_the_official_layout_are_counted(tmp_path, below):
    for number, name in ((2, "0a"), (3, "0b")):
        picture(tmp_path / below / name / "images" / f"{name}.png", number)
        for mask in range(number):
            picture(tmp_path / below / name / "masks" / f"{mask}.png", 255)
    (tmp_path / "split.csv").write_text("id\n0b\n")
    told = run({3: {"text": "3 nuclei"}}, "masks", tmp_path, split=tmp_path / "split.csv")
    assert (told["images"], told["count_exact"], told["count_of"]) == (1, 1.0, "nucleus")
