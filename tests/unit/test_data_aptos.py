"""APTOS 2019 as Kaggle gives it and as its mirror does."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from finetune.data.formats import read_rows
from tools.errors import BadInputError
from tools.ingest.layouts import find_layout

TRAIN = "id_code,diagnosis\n000c1434d8d7,2\n001639a390f0,4\n002c21358ce6,0\n"
CLASSES = ("No_DR", "Mild", "Moderate", "Severe", "Proliferate_DR")
UNLABELLED = "has no diagnosis: those of test.csv were never released"


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "brown").save(path)


def official(root: Path, train: str = TRAIN) -> Path:
    (root / "train.csv").write_text(train)
    (root / "test.csv").write_text("id_code\n0005cfc8afb6\n003f0afdcd15\n")
    (root / "sample_submission.csv").write_text("id_code,diagnosis\n0005cfc8afb6,0\n")
    for name in ("000c1434d8d7", "001639a390f0", "002c21358ce6"):
        picture(root / "train_images" / f"{name}.png")
    for name in ("0005cfc8afb6", "003f0afdcd15"):
        picture(root / "test_images" / f"{name}.png")
    return root


def read(root: Path) -> tuple[list, Counter]:
    dropped: Counter[str] = Counter()
    return list(read_rows(root, "aptos", dropped)), dropped


def test_grades_are_learned_and_test_rows_without_one_are_counted(tmp_path):
    rows, dropped = read(official(tmp_path))
    assert [(r.name, r.suffix, r.truth["diagnosis"]) for r in rows] == [
        ("000c1434d8d7", "moderate", "2"),
        ("001639a390f0", "proliferative", "4"),
        ("002c21358ce6", "none", "0"),
    ]
    assert rows[0].image == tmp_path / "train_images" / "000c1434d8d7.png"
    assert rows[0].prefix.startswith("answer en how severe is the diabetic retinopathy")
    assert dropped == {UNLABELLED: 2}


@pytest.mark.parametrize("above", ["", "colored_images", "colored_images/colored_images"])
def test_the_mirror_s_class_folders_are_grades(tmp_path, above):
    for name in CLASSES:
        picture(tmp_path / above / name / f"of_{name}.png")
    rows, dropped = read(tmp_path)
    assert {r.name: r.truth["diagnosis"] for r in rows} == {
        f"of_{name}": str(n) for n, name in enumerate(CLASSES)
    }
    assert not dropped


def test_a_mirror_with_the_official_table_goes_by_the_table(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    picture(tmp_path / "colored_images" / "No_DR" / "002c21358ce6.png")
    picture(tmp_path / "colored_images" / "Moderate" / "000c1434d8d7.png")
    rows, dropped = read(tmp_path)
    assert [(r.name, r.suffix) for r in rows] == [
        ("000c1434d8d7", "moderate"),
        ("002c21358ce6", "none"),
    ]
    assert dropped == {"its image is not there": 1}


def test_what_cannot_be_used_is_counted_by_reason(tmp_path):
    broken = "id_code,diagnosis\n000c1434d8d7,5\n001639a390f0,\n,1\n../train,1\n002c21358ce6\n"
    rows, dropped = read(official(tmp_path, broken))
    assert rows == []
    assert dropped == {
        "has the diagnosis '5', which is none of 0..4": 1,
        UNLABELLED: 4,
        "has no id_code": 1,
        "its image is not there": 1,
    }


def test_another_layout_is_refused_before_the_first_row(tmp_path):
    (tmp_path / "train.csv").write_text("image,level\n1,2\n")
    with pytest.raises(BadInputError, match=r"Looked for train.csv .columns id_code.*Found train"):
        read_rows(tmp_path, "aptos", Counter())


def test_the_library_gets_the_grade_and_names_what_has_none(tmp_path):
    layout, images = find_layout(official(tmp_path))
    *graded, first, _second = images()
    assert layout.name == "aptos"
    assert graded[0].read().labels == {"diabetic_retinopathy": "moderate"}
    assert graded[0].read().caption == "Retinal fundus photograph; diabetic retinopathy: moderate."
    assert first.path.name == "0005cfc8afb6.png"
    with pytest.raises(BadInputError, match="never released"):
        first.read()


@pytest.mark.shared
def test_the_real_tables_are_read(shared_data, tmp_path):
    for path in (shared_data / "format_samples" / "aptos2019").glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows, dropped = read(tmp_path)
    assert rows == []
    assert dropped == {"its image is not there": 4, UNLABELLED: 4}
    picture(tmp_path / "train_images" / "000c1434d8d7.png")
    assert [r.suffix for r in read(tmp_path)[0]] == ["moderate"]
