"""Image layouts: found by themselves, read truthfully, refused in words."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.errors import BadInputError
from tools.ingest.labels import class_label, count_labels, counted
from tools.ingest.layouts import find_layout
from tools.ingest.layouts.found import Labelled


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), "white").save(path)
    return path


def found(root: Path, layout: str = "auto") -> tuple[str, dict[str, Labelled]]:
    """The layout's name, and what it says of each image by file name."""
    chosen, images = find_layout(root, layout)
    return chosen.name, {i.path.name: i.read() for i in images()}


def complaint(root: Path, layout: str = "auto") -> str:
    with pytest.raises(BadInputError) as caught:
        found(root, layout)
    return str(caught.value)


def test_class_folders_give_cell_types_in_the_schema_s_words(tmp_path):
    for name in ("ig", "Neutrophil", "my_own_class"):
        image(tmp_path / name / f"{name}.png")
    layout, labelled = found(tmp_path)
    assert layout == "folders"
    assert labelled["ig.png"].labels == {"cell_type": "immature granulocyte"}
    assert labelled["Neutrophil.png"].caption == "Neutrophil."
    assert labelled["my_own_class.png"].labels == {"class": "my own class"}


def test_tissue_codes_count_only_among_their_kind():
    assert class_label("STR", ["STR", "TUM", "ADI"])[1] == "cancer-associated stroma"
    assert class_label("STR", ["STR", "other"]) == ("class", "STR")


def test_images_beside_the_class_folders_are_named(tmp_path):
    image(tmp_path / "a" / "1.png")
    image(tmp_path / "loose.png")
    assert "outside the class folders" in complaint(tmp_path)


def test_hidden_files_are_no_images(tmp_path):
    image(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "._1.png").write_bytes(b"a mac's leftovers")
    assert list(found(tmp_path)[1]) == ["1.png"]


VOC = """<annotation><object><name>RBC</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>
<ymax>9</ymax></bndbox></object>{more}</annotation>"""
BOX = """<object><name>{0}</name><bndbox><xmin>{1}</xmin><ymin>2</ymin><xmax>{2}</xmax>
<ymax>8</ymax></bndbox></object>"""


def voc(root: Path, xml: str) -> None:
    image(root / "JPEGImages" / "1.jpg")
    (root / "Annotations").mkdir(exist_ok=True)
    (root / "Annotations" / "1.xml").write_text(xml)


def test_voc_counts_boxes_but_not_twice_and_not_empty_ones(tmp_path):
    boxes = [BOX.format("RBC", 2, 5), BOX.format("RBC", 2, 5), BOX.format("WBC", 7, 7)]
    voc(tmp_path / "VOCdevkit", VOC.format(more="".join(boxes)))
    layout, labelled = found(tmp_path)
    assert layout == "voc"
    assert labelled["1.jpg"].caption == "Annotated: 2 red blood cells."
    assert labelled["1.jpg"].labels == {"count:red blood cell": "2", "red_cell_range": "0 to 5"}


def test_an_annotation_with_an_entity_bomb_is_refused(tmp_path):
    bomb = '<!DOCTYPE a [<!ENTITY b "lol"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>'
    voc(tmp_path, bomb)
    assert "not sound XML" in complaint(tmp_path)


def test_a_csv_column_of_file_names_is_found_by_its_values(tmp_path):
    image(tmp_path / "images" / "a.png")
    table = tmp_path / "notes.csv"
    table.write_text('id,Picture,Caption,licence,Patient ID,Stain\n7,a,"Two, big.",CC0,p1,Wright\n')
    for root in (tmp_path, table):
        layout, labelled = found(root)
        assert layout == "csv"
        assert labelled["a.png"] == Labelled(
            "Two, big.", {"id": "7", "stain": "Wright"}, group="p1", licence="CC0"
        )


def test_a_csv_of_attributes_makes_its_caption_of_them(tmp_path):
    image(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("file,label,granule_type\na.png,Lymphocyte,nil\n")
    labelled = found(tmp_path)[1]["a.png"]
    assert labelled.labels == {"cell_type": "lymphocyte", "granule_type": "none"}
    assert labelled.caption == "cell type: lymphocyte; granule type: none."


def test_a_csv_cannot_name_a_file_outside_its_folder(tmp_path):
    image(tmp_path / "secret.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "t.csv").write_text("file\n../secret.png\n")
    assert "no known layout" in complaint(tmp_path / "set")


def wbcatt(root: Path) -> Path:
    image(root / "PBC_dataset_normal_DIB" / "neutrophil" / "BNE_1.jpg")
    image(root / "PBC_dataset_normal_DIB" / "ig" / "IG_1.jpg")
    (root / "pbc_attr_v1_train.csv").write_text(
        "img_name,label,cell_size,nucleus_shape,chromatin_density\n"
        "BNE_1.jpg,Neutrophil,big,unsegmented-band,densely\n"
    )
    return root


def test_wbcatt_joins_attributes_to_images(tmp_path):
    layout, labelled = found(wbcatt(tmp_path))
    assert layout == "wbcatt"
    assert labelled["BNE_1.jpg"].labels == {
        "cell_type": "neutrophil",
        "cell_size": "big",
        "nucleus_shape": "band",
        "chromatin_density": "dense",
    }
    assert "big cell, band nucleus, dense chromatin" in labelled["BNE_1.jpg"].caption
    assert labelled["IG_1.jpg"].labels == {"cell_type": "immature granulocyte"}


def test_wbcatt_needs_no_csv_and_takes_the_inner_folder_too(tmp_path):
    folder = wbcatt(tmp_path) / "PBC_dataset_normal_DIB"
    assert found(folder)[1]["BNE_1.jpg"].labels["cell_size"] == "big"
    (tmp_path / "pbc_attr_v1_train.csv").unlink()
    assert found(folder)[1]["BNE_1.jpg"].labels == {"cell_type": "neutrophil"}


def labels(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint16)).save(path)


def test_label_images_are_counted(tmp_path):
    image(tmp_path / "images" / "a.png")
    labels(tmp_path / "labels" / "a.png", np.diag([1, 0, 300, 0, 7]))
    layout, labelled = found(tmp_path)
    assert layout == "masks"
    assert labelled["a.png"].caption == "3 objects annotated by masks."
    (tmp_path / "index.csv").write_text("id,n_nuclei,modality_derived\na,3,fluorescence\n")
    labelled = found(tmp_path)[1]
    assert labelled["a.png"].labels["count:nucleus"] == "3"
    assert labelled["a.png"].labels["modality"] == "fluorescence microscopy"


def test_label_images_may_lie_in_a_folder_of_masks(tmp_path):
    image(tmp_path / "images" / "a.png")
    labels(tmp_path / "masks" / "a.tif", np.diag([1, 0, 300, 0, 7]))
    layout, labelled = found(tmp_path)
    assert (layout, labelled["a.png"].labels["count:object"]) == ("masks", "3")


def test_a_map_of_classes_is_no_map_of_instances(tmp_path):
    image(tmp_path / "images" / "a.png")
    labels(tmp_path / "labels" / "a.png", np.diag([1, 0] * 8))
    (tmp_path / "labels" / "a.png").exists()
    labels(tmp_path / "labels" / "a.png", np.kron(np.eye(8), [[1, 0], [0, 0]]) * 9)
    assert "a map of classes" in complaint(tmp_path)


def test_an_image_without_its_label_image_is_named(tmp_path):
    image(tmp_path / "images" / "a.png")
    image(tmp_path / "labels" / "b.png")
    assert "no label image labels/a" in complaint(tmp_path)


@pytest.mark.parametrize("above", ["", "stage1_train", "sample/stage1_train"])
def test_the_official_nuclei_layout_counts_its_mask_files(tmp_path, above):
    sample = tmp_path / above / "0a"
    image(sample / "images" / "0a.png")
    image(sample / "masks" / "1.png")
    image(sample / "masks" / "2.png")
    layout, labelled = found(tmp_path)
    assert layout == "masks"
    assert labelled["0a.png"].labels == {"count:nucleus": "2", "nuclei_range": "0 to 10"}


def points(root: Path, text: str) -> Path:
    image(root / "Dataset" / "1.jpg")
    (root / "Label").mkdir()
    (root / "Label" / "1.txt").write_text(text)
    return root


def test_points_give_types_and_never_totals(tmp_path):
    layout, labelled = found(points(tmp_path, "5 5 8\n6 6 0\n7 7 8\n8 8 10\n"))
    assert layout == "points"
    assert labelled["1.jpg"].labels == {"red_cell_types": "burr cell, normal red cell"}
    assert "labelled, in part: 2 burr cells, 1 normal red cell" in labelled["1.jpg"].caption


def test_a_broken_point_line_is_quoted(tmp_path):
    assert "'5 five'" in complaint(points(tmp_path, "5 five\n"))


def test_an_unknown_folder_says_what_was_looked_for_and_found(tmp_path):
    (tmp_path / "readme.md").touch()
    message = complaint(tmp_path)
    assert "voc: folders Annotations" in message
    assert "Found readme.md" in message


def test_the_wrong_layout_by_name_says_what_it_wants(tmp_path):
    image(tmp_path / "a" / "1.png")
    assert "Looked for voc" in complaint(tmp_path, "voc")
    assert "Found a/" in complaint(tmp_path, "voc")


def test_unlabelled_images_are_counted_in_the_complaint(tmp_path):
    image(tmp_path / "1.png")
    assert "1 images without a label" in complaint(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    assert "does not exist" in complaint(tmp_path / "nowhere")


def test_counts_become_labels_with_their_range():
    assert count_labels({"nucleus": 31, "seed": 1}) == {
        "count:nucleus": "31",
        "count:seed": "1",
        "nuclei_range": "31 to 80",
    }
    assert counted({"nucleus": 2, "platelet": 1}) == "2 nuclei, 1 platelet"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("folder", "layout", "number"),
    [
        ("pbc_wbcatt", "wbcatt", 4351), ("bccd", "voc", 292), ("nuclei_dsb2018", "masks", 520),
        ("chula_rbc12", "points", 444), ("histology", "folders", 170),
        ("malaria_nih", "folders", 145), ("microscopy_zoo", "csv", 29),
        ("nuclei_dsb2018/official_layout_sample", "masks", 4),
    ],
)  # fmt: skip
def test_real_sets_are_recognised(shared_data, folder, layout, number):
    chosen, images = find_layout(shared_data / folder)
    files = [i.path for i in images()]
    assert (chosen.name, len(files)) == (layout, number)
    assert all(path.is_file() for path in files)
