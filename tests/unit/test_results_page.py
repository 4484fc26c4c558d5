"""The results page: what is drawn, how mistakes are marked, and that its pictures are there."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent.settings import load_settings
from finetune.data.example import Example
from finetune.data.splits import side_of
from tools.evidence import DescriptionEvidence, Finding
from tools.images import open_image
from tools.protocols import Generated, ImageFeatures

SCRIPT = Path(__file__).parents[2] / "docs" / "scripts" / "results_page.py"
_spec = importlib.util.spec_from_file_location("results_page", SCRIPT)
results_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(results_page)

TEXT = "A stained blood smear with a basophil, Romanowsky stain."


class Model:
    """Calls every image a basophil."""

    name, embedding_dim = "fake@0123", 1

    def look(self, images):
        return ImageFeatures(None, len(images))

    def describe(self, features, cancelled=None):
        return [Generated(TEXT, 0.9)] * features.n

    def score_all(self, features, questions, cancelled=None):
        return [np.eye(len(options))[[0] * features.n] for _, options in questions]


def held_out_name(number: int) -> str:
    """A name of PBC that falls on the test side."""
    grey = np.zeros((1, 1, 3), np.uint8)
    names = (f"CELL_{number}_{i}" for i in range(1000))
    return next(
        name
        for name in names
        if side_of(Example(name, grey, "cell", {}, "pbc_wbcatt", "", name)) == "test"
    )


@pytest.fixture
def folder(tmp_path):
    """Two cells of each of three types, of noise that no JPEG makes small."""
    rng = np.random.default_rng(0)
    for number, label in enumerate(["platelet", "ig", "erythroblast"] * 2):
        path = tmp_path / f"pbc_wbcatt/PBC_dataset_normal_DIB/{label}/{held_out_name(number)}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = rng.integers(0, 256, (600, 600, 3)).astype(np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path


def write(folder):
    out = folder / "page"
    found = results_page.write(Model(), folder, out, 20, load_settings())
    return found, out, (out / "README.md").read_text()


def test_every_picture_of_the_page_is_there_and_small(folder):
    found, out, page = write(folder)
    pictures = re.findall(r"\]\((.*?\.jpg)\)", page)
    assert len(pictures) == len(found) == 3
    assert all((out / name).stat().st_size <= 100_000 for name in pictures)
    assert {path.name for path in out.iterdir()} == {*pictures, "README.md"}


def test_the_head_says_command_checkpoint_seed_and_how_many_facts_are_right(folder):
    _, _, page = write(folder)
    assert "results_page.py --data DIR --seed 20" in page
    assert "checkpoint `fake@0123`, seed 20" in page
    assert "**6 of 9** facts" in page
    assert page.count("CC BY 4.0") == 3


def test_a_wrong_finding_is_marked_in_text_and_table(folder):
    _, _, page = write(folder)
    assert "~~basophil~~ **truth: platelet** ✗" in page
    assert "| cell type | basophil | 1.00 | platelet | ✗ |" in page


def test_the_draw_is_by_seed_and_spread_over_types(folder):
    first, second = write(folder)[0], write(folder)[0]
    assert [result.example.name for result in first] == [r.example.name for r in second]
    assert len({result.truth["cell_type"] for result in first}) == 3


def test_pictures_of_an_earlier_draw_are_removed(folder):
    (folder / "page").mkdir()
    (folder / "page" / "10-measured.jpg").write_bytes(b"old")
    _, out, _ = write(folder)
    assert not (out / "10-measured.jpg").exists()


@pytest.mark.parametrize(
    ("text", "truth", "expected"),
    [
        ("A neutrophil.", {"cell_type": "neutrophil"}, ("A neutrophil.", 1, 1)),
        (
            "A neutrophil.",
            {"cell_type": "monocyte"},
            ("A ~~neutrophil~~ **truth: monocyte** ✗.", 0, 1),
        ),
        ("A neutrophil.", {}, ("A neutrophil.", 0, 0)),
        (
            "There are 12 nuclei.",
            {"count:nucleus": "1"},
            ("There are ~~12 nuclei~~ **truth: 1 nucleus** ✗.", 0, 1),
        ),
        (
            "It is granular, with small granules, stained pink.",
            {"granule_type": "none", "granule_colour": "pink", "granularity": "yes"},
            (
                "It is granular, with ~~small granules~~ **truth: granule type none** ✗,"
                " stained pink.",
                2,
                3,
            ),
        ),
    ],
)
def test_wrong_facts_are_struck_through_and_unknown_ones_left(text, truth, expected):
    assert results_page.marked(text, truth) == expected


def test_what_was_measured_stands_beside_with_its_overlay(tmp_path):
    overlay = tmp_path / "overlay.png"
    Image.new("RGBA", (900, 900), (255, 0, 0, 128)).save(overlay)
    area = Finding(name="nuclei", value="7", unit="per image", origin="measured")
    said = DescriptionEvidence(
        image_id="img-0", text=TEXT, findings=(area,), overlay=str(overlay), model="m"
    )
    image = open_image(overlay, max_pixels=10**6, max_bytes=10**6)
    pixels = np.zeros((8, 8, 3), np.uint8)
    facts = {"modality": "stained blood smear"}
    example = Example("a", pixels, "nuclei", facts, "nuclei_dsb2018", "CC0 1.0", "a")
    made = results_page.Result(example, image, {}, said)
    text = results_page.section(3, made, tmp_path)
    assert "| image | measured |" in text
    assert "| nuclei | 7 per image | measured | not known |  |" in text
    assert (tmp_path / "03-measured.jpg").stat().st_size <= 100_000
