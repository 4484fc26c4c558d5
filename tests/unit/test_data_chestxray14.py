"""ChestX-ray14 in each form it is met in: read as rows, read into the library."""

from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from finetune.data.formats import read_rows
from tools.errors import BadInputError
from tools.images import open_image
from tools.ingest.layouts import find_layout
from tools.ingest.layouts.chestxray14 import FINDINGS, years

OFFICIAL = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
KAGGLE = (
    "Image_Index,Finding_Labels,Follow_Up_#,Patient_ID,Patient_Age,Patient_Gender,View_Position,"
    "OriginalImageWidth,OriginalImageHeight,OriginalImagePixelSpacing_x,OriginalImagePixelSpacing_y"
)
ROW = "{},{},1,{},{},M,PA,2894,2729,0.143,0.143"
BOTH = "Cardiomegaly|Pleural_Thickening"


def picture(path: Path, mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (8, 8), 90 if mode == "L" else (90, 90, 90, 255)).save(path)


def table(
    root: Path, *rows: str, name: str = "Data_Entry_2017.csv", header: str = OFFICIAL
) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("\n".join([header, *rows, ""]))
    return root


def row(name: str, labels: str = BOTH, patient: str = "7", age: str = "58") -> str:
    return ROW.format(name, labels, patient, age)


def read(root: Path) -> tuple[list, Counter]:
    dropped: Counter[str] = Counter()
    return list(read_rows(root, "chestxray14", dropped)), dropped


def test_an_image_is_asked_for_all_findings_and_for_each(tmp_path):
    picture(tmp_path / "images" / "a.png")
    rows, dropped = read(table(tmp_path, row("a.png")))
    assert not dropped
    assert (rows[0].prefix, rows[0].suffix) == (
        "answer en which findings does this chest radiograph show?",
        "cardiomegaly, pleural thickening",
    )
    assert rows[0].truth == {"findings": BOTH, "view": "PA", "gender": "M", "age": "58"}
    closed = {r.truth["finding"]: r.suffix for r in rows[1:]}
    assert tuple(closed) == FINDINGS
    assert [name for name in closed if closed[name] == "yes"] == BOTH.split("|")
    assert {r.group for r in rows} == {"7"}
    assert {r.name for r in rows} == {"a.png"}


def test_no_finding_says_so_and_is_no_to_all(tmp_path):
    picture(tmp_path / "images" / "a.png")
    rows, _ = read(table(tmp_path, row("a.png", "No Finding")))
    assert rows[0].suffix == "no finding"
    assert {r.suffix for r in rows[1:]} == {"no"}


@pytest.mark.parametrize(
    ("name", "header", "line"),
    [
        ("Data_Entry_2017_v2020.csv", OFFICIAL, row("a.png")),
        ("Data_Entry_2017.csv", OFFICIAL, row("a.png", age="058Y") + ","),
        ("sample_labels.csv", KAGGLE, row("a.png", age="058Y")),
        ("renamed.csv", OFFICIAL, row("a.png")),
        ("Data_Entry_2017.csv", "\ufeff" + OFFICIAL.replace(",", ", "), row("a.png") + "\r"),
    ],
)
@pytest.mark.parametrize("folder", ["images", "images_001/images", "images_012/images", "."])
def test_every_variant_says_the_same(tmp_path, name, header, line, folder):
    picture(tmp_path / folder / "a.png")
    rows, dropped = read(table(tmp_path, line, name=name, header=header))
    assert not dropped
    assert rows[0].image == tmp_path / folder / "a.png"
    assert rows[0].truth == {"findings": BOTH, "view": "PA", "gender": "M", "age": "58"}
    assert len(rows) == 15


def test_kaggle_s_sample_lies_one_folder_deeper(tmp_path):
    picture(tmp_path / "sample" / "images" / "a.png")
    table(tmp_path / "sample", row("a.png"), name="sample_labels.csv", header=KAGGLE)
    assert len(read(tmp_path)[0]) == 15


@pytest.mark.parametrize(
    ("text", "age"),
    [("58", 58), ("058Y", 58), ("011M", 0), ("025M", 2), ("003D", 0), ("414", None), ("", None)],
)
def test_ages_are_in_years(text, age):
    assert years(text) == age


def test_what_cannot_be_used_is_counted_by_reason(tmp_path):
    for name in "abcd":
        picture(tmp_path / "images" / f"{name}.png")
    rows, dropped = read(
        table(
            tmp_path, row("a.png"), row("gone.png"), row("b.png", "Fracture"),
            row("c.png", patient=""), row("d.png", ""), "", "a.png", row("../a.png"),
        )
    )  # fmt: skip
    assert len(rows) == 15
    assert dropped == {
        "its image is not there": 2,
        "has the unknown finding 'Fracture'": 1,
        "has no Patient ID": 1,
        "has no Finding Labels": 2,
    }


def test_boxes_are_asked_for_in_paligemma_s_order(tmp_path):
    picture(tmp_path / "images" / "a.png")
    table(tmp_path, row("a.png", "Infiltration"))
    (tmp_path / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
        "a.png,Infiltrate,256.2,512.9,128,2000\n"
        "a.png,Infiltrate,0,0,512,64\n"
        "a.png,Infiltrate,0,0,0,64\n"
        "a.png,Infiltrate\n"
    )
    rows, dropped = read(tmp_path)
    assert (rows[-1].prefix, rows[-1].suffix) == (
        "detect infiltration",
        "<loc0000><loc0000><loc0064><loc0512> infiltration ; "
        "<loc0512><loc0256><loc1023><loc0384> infiltration",
    )
    assert rows[-1].truth["finding"] == "Infiltration"
    assert dropped == {"a box without finding or corners": 2}


def test_the_official_test_list_is_the_test_split_and_a_patient_stays_together(tmp_path):
    names = [f"{patient:08d}_{n:03d}.png" for patient in range(40) for n in range(3)]
    for name in names:
        picture(tmp_path / "images" / name)
    table(tmp_path, *(row(name, patient=name[:8]) for name in names))
    assert {r.split for r in read(tmp_path)[0]} == {None}
    (tmp_path / "test_list.txt").write_text("\n".join(names[-30:]))
    (tmp_path / "train_val_list.txt").write_text("\n".join(names[:-30]))
    sides = {(r.group, r.split) for r in read(tmp_path)[0]}
    assert len(sides) == 40
    assert Counter(side for _, side in sides)["test"] == 10
    assert {side for _, side in sides} == {"train", "dev", "test"}


def test_another_layout_is_refused_before_the_first_row(tmp_path):
    (tmp_path / "labels.csv").write_text("file,label\na.png,b\n")
    with pytest.raises(BadInputError, match=r"Looked for Data_Entry_2017.csv.*Found labels.csv"):
        read_rows(tmp_path, "chestxray14", Counter())


def test_a_table_that_is_no_csv_is_named_with_its_line(tmp_path):
    picture(tmp_path / "images" / "a.png")
    table(tmp_path, row("a.png"), '"' + "x" * 200_000)
    with pytest.raises(BadInputError, match=r"Data_Entry_2017.csv, line 3"):
        read(tmp_path)


def test_the_library_gets_findings_view_and_patient(tmp_path):
    picture(tmp_path / "images_001" / "images" / "a.png", "RGBA")
    table(tmp_path, row("a.png", age="058Y"), row("not_downloaded.png"))
    layout, images = find_layout(tmp_path)
    (found,) = images()
    said = found.read()
    assert layout.name == "chestxray14"
    assert said.caption == "Chest radiograph, PA view: cardiomegaly, pleural thickening."
    assert said.labels == {"findings": "cardiomegaly, pleural thickening", "view": "PA"}
    assert (said.group, said.licence.split(";")[0]) == ("7", "no restrictions")


def test_a_set_without_any_of_its_images_is_refused(tmp_path):
    _, images = find_layout(table(tmp_path, row("a.png")), "chestxray14")
    with pytest.raises(BadInputError, match="none of the images"):
        list(images())


@pytest.mark.shared
def test_the_real_sample_is_read(shared_data):
    root = shared_data / "format_samples" / "chestxray14"
    rows, dropped = read(root)
    assert len(rows) == 150
    assert dropped == {"its image is not there": 990}
    assert {r.suffix for r in rows if r.name == "00000001_001.png"} >= {"cardiomegaly, emphysema"}
    assert {r.split for r in rows} == {"train", "test"}
    transparent = next(r.image for r in rows if r.name == "00000004_000.png")
    pixels = open_image(transparent, max_pixels=2**21, max_bytes=2**24).pixels
    red, green, blue = pixels.split()
    assert (pixels.mode, red.tobytes(), red.tobytes()) == ("RGB", green.tobytes(), blue.tobytes())
    layout, images = find_layout(root)
    assert (layout.name, len(list(images()))) == ("chestxray14", 10)
