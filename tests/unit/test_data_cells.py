"""Labelled cell images as rows: every layout, asked in the words of the schema."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from labelled_folders import attributes, picture, wbcatt
from PIL import Image

from finetune.data.boxes import listed, location
from finetune.data.formats import read_rows
from finetune.data.splits import side
from tools.errors import BadInputError
from tools.findings import BY_NAME
from tools.ingest.layouts.found import Marked


def rows(root, form):
    dropped = Counter()
    return list(read_rows(root, form, dropped)), dropped


def answers(read):
    return {row.prefix: row.suffix for row in read}


def test_boxes_are_y_before_x_and_clipped_to_the_last_bin():
    box = Marked("cell", left=0, top=25, right=200, bottom=100)
    assert location(box, (200, 100)) == "<loc0256><loc0000><loc1023><loc1023>"


def test_boxes_are_listed_from_the_top_and_none_is_said():
    low, high = Marked("cell", 0, 5, 9, 9), Marked("cell", 0, 1, 9, 9)
    assert listed([low, high], (10, 10)).split(" ; ")[0] == f"{location(high, (10, 10))} cell"
    assert listed([], (10, 10)) == "none"


def test_wbcatt_asks_type_and_attributes_and_describes(tmp_path):
    row = {"label": "Neutrophil", **attributes()}
    wbcatt(tmp_path, tmp_path / "pbc_attr_v1_train.csv", row)
    read, dropped = rows(tmp_path, "wbcatt")
    said = answers(read)
    assert said[f"answer en {BY_NAME['cell_type'].prompt}"] == "neutrophil"
    assert said[f"answer en {BY_NAME['nucleus_shape'].prompt}"] == "band"
    assert "Single neutrophil" in said["describe en"]
    assert {row.split for row in read} == {"train"}
    assert {row.source for row in read} == {"pbc_wbcatt"}
    assert all(row.truth for row in read)
    assert not dropped


def test_an_official_val_is_dev_and_halved_where_no_test_is_published(tmp_path):
    told = [{"label": "Monocyte", **attributes()} for _ in range(12)]
    wbcatt(tmp_path, tmp_path / "pbc_attr_v1_val.csv", *told)
    assert {row.split for row in rows(tmp_path, "wbcatt")[0]} == {"dev", "test"}
    picture(tmp_path / "PBC_dataset_normal_DIB" / "monocyte" / "Y_1.jpg", 200)
    (tmp_path / "pbc_attr_v1_test.csv").write_text("img_name,label\nY_1.jpg,Monocyte\n")
    sides = {Path(row.name).name: row.split for row in rows(tmp_path, "wbcatt")[0]}
    assert sides.pop("Y_1.jpg") == "test"
    assert set(sides.values()) == {"dev"}


BOX = """<object><name>{0}</name><bndbox><xmin>{1}</xmin><ymin>0</ymin><xmax>50</xmax>
<ymax>50</ymax></bndbox></object>"""


def voc(root, **images):
    for name, boxes in images.items():
        path = root / "JPEGImages" / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (100, 50)).save(path)
        (root / "Annotations").mkdir(exist_ok=True)
        xml = "".join(BOX.format(thing, left) for left, thing in enumerate(boxes))
        (root / "Annotations" / f"{name}.xml").write_text(f"<annotation>{xml}</annotation>")
    return root


def test_voc_counts_and_boxes_also_what_is_absent_from_one_image(tmp_path):
    voc(tmp_path, a=["RBC", "RBC"], b=["WBC"])
    first = answers([row for row in rows(tmp_path, "voc")[0] if row.name == "JPEGImages/a.jpg"])
    assert first["answer en how many red blood cells are there?"] == "2"
    assert first["answer en how many white blood cells are there?"] == "0"
    assert first["answer en how many white blood cells are there, as a range?"] == "no"
    assert first["detect white blood cell"] == "none"
    assert first["detect red blood cell"].startswith("<loc0000><loc0000><loc1023><loc0512> red")


def test_voc_takes_the_official_lists(tmp_path):
    voc(tmp_path, a=["RBC"], b=["RBC"], c=["RBC"])
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for split, name in (("train", "a"), ("val", "b"), ("test", "c"), ("trainval", "c")):
        (lists / f"{split}.txt").write_text(f"{name}\n")
    assert {row.name: row.split for row in rows(tmp_path, "voc")[0]} == {
        "JPEGImages/a.jpg": "train", "JPEGImages/b.jpg": "dev", "JPEGImages/c.jpg": "test",
    }  # fmt: skip


def test_more_boxes_than_an_answer_holds_are_counted_but_not_listed(tmp_path):
    read, dropped = rows(voc(tmp_path, a=["RBC"] * 33), "voc")
    assert answers(read)["answer en how many red blood cells are there?"] == "33"
    assert not any(row.prefix.startswith("detect") for row in read)
    assert dropped == {"more boxes than an answer holds": 1}


def test_broken_annotations_and_missing_images_are_dropped_with_their_reason(tmp_path):
    voc(tmp_path, a=["RBC"], b=["RBC"], c=["RBC"])
    (tmp_path / "Annotations" / "a.xml").write_text("<cut")
    (tmp_path / "JPEGImages" / "b.jpg").unlink()
    read, dropped = rows(tmp_path, "voc")
    assert {row.name for row in read} == {"JPEGImages/c.jpg"}
    assert dropped == {"its annotation is not usable": 1, "its image is missing": 1}


def points(root, number, *lines):
    (root / "Label").mkdir(exist_ok=True)
    (root / "Dataset").mkdir(exist_ok=True)
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[100:, 100:] = 255
    Image.fromarray(pixels).save(root / "Dataset" / f"{number}.png")
    (root / "Label" / f"{number}.txt").write_text("\n".join(lines))
    return root


def test_points_give_a_crop_of_80_pixels_around_each_cell(tmp_path):
    points(tmp_path, 7, "100 100 4", "150 150 0", "10 10 1", "100 100 10")
    read, dropped = rows(tmp_path, "points")
    assert [(row.name, row.suffix) for row in read] == [
        ("7-0", "target cell"),
        ("7-1", "normal red cell"),
    ]
    assert read[0].image.shape == (80, 80, 3)
    assert read[0].image[40:, 40:].min() == 255
    assert read[0].image[:40].max() == 0
    assert dropped == {"a cell at the edge of its image": 1}


def test_points_of_neighbouring_images_are_one_group(tmp_path):
    for number in (1, 19, 20):
        points(tmp_path, number, "100 100 4")
    assert [row.group for row in rows(tmp_path, "points")[0]] == ["block0", "block0", "block1"]


def test_label_images_and_mask_files_agree_on_boxes(tmp_path):
    labels = np.zeros((40, 20), np.uint16)
    labels[0:10, 0:5], labels[20:40, 10:20] = 300, 7
    one, two = tmp_path / "one", tmp_path / "two" / "stage1_train" / "x"
    for folder in (one / "images", one / "labels", two / "images", two / "masks"):
        folder.mkdir(parents=True)
    Image.new("RGB", (20, 40)).save(one / "images" / "x.png")
    Image.fromarray(labels).save(one / "labels" / "x.png")
    (one / "index.csv").write_text("id,n_nuclei,modality_derived\nx,2,fluorescence\n")
    Image.new("RGB", (20, 40)).save(two / "images" / "x.png")
    for number in (300, 7, 9):  # nothing is 9
        mask = ((labels == number) * 255).astype(np.uint8)
        Image.fromarray(mask).save(two / "masks" / f"{number}.png")
    first, second = (answers(rows(root, "masks")[0]) for root in (one, tmp_path / "two"))
    first_box, last_box = (
        "<loc0000><loc0000><loc0256><loc0256>",
        "<loc0512><loc0512><loc1023><loc1023>",
    )
    boxes = f"{first_box} nucleus ; {last_box} nucleus"
    assert first["detect nucleus"] == second["detect nucleus"] == boxes
    assert first["answer en how many nuclei are there?"] == "2"
    assert first["answer en which imaging modality is this?"] == "fluorescence microscopy"


def test_class_folders_ask_for_the_class_and_know_a_slide_by_its_name(tmp_path):
    picture(tmp_path / "Parasitized" / "C37BP2thinF_IMG_1_cell_1.png", 1)
    picture(tmp_path / "Uninfected" / "C1_thinF_IMG_1_cell_1.png", 2)
    read, _ = rows(tmp_path, "classes")
    assert [(row.prefix, row.suffix, row.group) for row in read] == [
        ("answer en which class does the image show?", "Parasitized", "C37BP2"),
        ("answer en which class does the image show?", "Uninfected", "C1"),
    ]


def test_files_of_one_name_in_two_classes_are_two_images(tmp_path):
    for red, name in enumerate("ab"):
        picture(tmp_path / name / "1.png", red)
    assert [row.name for row in rows(tmp_path, "classes")[0]] == ["a/1.png", "b/1.png"]


def test_a_table_of_captions_is_described_and_grouped_by_where_images_come_from(tmp_path):
    picture(tmp_path / "images" / "a.png", 1)
    (tmp_path / "captions.csv").write_text(
        "image,caption,modality,stain,sample,source,licence,split\n"
        'images/a.png,"Nuclei, sparse.",fluorescence,Romanowsky,fly,repo:Ex/images/a.tif,CC0,val\n'
    )
    read, _ = rows(tmp_path, "captions")
    assert answers(read) == {
        "describe en": "Nuclei, sparse.",
        "answer en which stain was used?": "Romanowsky",  # the schema has no "fluorescence"
    }
    assert (read[0].group, read[0].licence) == ("repo:Ex/images", "CC0")


def test_wrong_layouts_are_told_what_was_looked_for(tmp_path):
    for form in ("wbcatt", "voc", "points", "masks", "classes", "captions"):
        with pytest.raises(BadInputError, match=r"Looked for .* Found "):
            rows(tmp_path, form)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("form", "folder", "images"),
    [("wbcatt", "pbc_wbcatt", 4351), ("voc", "bccd", 292), ("captions", "microscopy_zoo", 29),
     ("classes", "malaria_nih", 145), ("masks", "nuclei_dsb2018/official_layout_sample", 4)],
)  # fmt: skip
def test_real_sets_give_rows_about_every_image(shared_data, form, folder, images):
    read, _ = rows(shared_data / folder, form)
    assert len({row.name for row in read}) == images
    assert all(row.prefix and row.suffix for row in read)


@pytest.mark.shared
def test_wbcatt_falls_on_the_sides_that_the_lite_checkpoints_were_trained_with(shared_data):
    from finetune.data import pbc_wbcatt
    from finetune.data.splits import side_of

    root = shared_data / "pbc_wbcatt"
    official = pbc_wbcatt.read_attributes(root / "pbc_attr_v1_val.csv")
    named = ((Path(row.name).name, row) for row in rows(root, "wbcatt")[0])
    ours = {name: side(row) for name, row in named if name in official}
    example = next(e for e in pbc_wbcatt.examples(root) if e.name in official)
    assert ours[example.name] == side_of(example)
    assert len(ours) == 601
