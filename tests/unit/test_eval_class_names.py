"""Names of cells: many for one class, none for what is uncertain, and the user's own table."""

import pytest

from eval.class_names import ClassNames, counted_thing, read_map
from tools.errors import BadInputError


def test_a_map_needs_no_header_and_must_name_what_the_model_can_say(tmp_path):
    table = tmp_path / "map.csv"
    table.write_text("odd,lymphocyte\n")
    assert read_map(table).of_class("ODD") == ("cell_type", "lymphocyte")
    table.write_text("odd,wizard\n")
    with pytest.raises(BadInputError, match=r"map.csv maps to 'wizard'.*basophil"):
        read_map(table)


@pytest.mark.parametrize(
    ("cell_type", "names"),
    [
        ("basophil", "BA, basophils, Basophile Granulozyten, Basófilo, basophilic granulocyte"),
        ("eosinophil", "EO, EOS, Eosinophile, éosinophiles, eosinófilos, 3_Eosinophil"),
        ("erythroblast", "ERB, EBO, NRBC, normoblasts, Nucleated_red_blood_cells, Erythroblasten"),
        ("immature granulocyte", "IG, MMY, promyelocyte, Metamyelocytes, unreife Granulozyten"),
        ("lymphocyte", "LY, lymphocytes, Lymphozyten, linfocitos, small lymphocyte"),
        ("monocyte", "MO, Monozyt, monocitos, MONOCYTE"),
        ("neutrophil", "SNE, bne, segmented neutrophil, band neutrophils, Segmentkernige, PMN?no"),
        ("platelet", "thrombocyte, Thrombozyten, plaquettes, plaquetas, PLT, Blutplättchen"),
    ],
)
def test_laboratories_call_one_cell_by_many_names(cell_type, names):
    for name in names.split(", "):
        found = ClassNames().of_class(name)
        assert found == (None if name.endswith("?no") else ("cell_type", cell_type)), name


@pytest.mark.parametrize("name", ["blast", "Myeloblast", "mononuclear", "my cells", "cells", "42"])
def test_an_uncertain_name_is_no_class(name):
    assert ClassNames().of_class(name) is None


@pytest.mark.parametrize(
    ("name", "thing"),
    [
        ("RBC", "red blood cell"),
        ("Red Blood Cells", "red blood cell"),
        ("erythrocytes", "red blood cell"),
        ("Leucocyte", "white blood cell"),
        ("EO", "white blood cell"),
        ("thrombocytes", "platelet"),
        ("nuclei", "nucleus"),
        ("normoblast", None),
        ("dirt", None),
    ],
)
def test_boxes_count_as_what_they_show(name, thing):
    assert counted_thing(name) == thing


def test_a_map_tells_what_boxes_show_too(tmp_path):
    table = tmp_path / "map.csv"
    table.write_text("name,class\nglobulo rojo,RBC\nblast,leukocyte\ndirt,\n")
    names = read_map(table)
    assert names.of_thing("Glóbulo rojo") == "red blood cell"
    assert names.of_thing("blast") == "white blood cell"
    assert names.of_thing("dirt") is None and names.of_class("blast") is None


def test_a_map_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "map.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"map\.csv is not a readable csv table"):
        read_map(tmp_path / "map.csv")
