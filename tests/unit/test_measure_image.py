"""Measured beside seen: findings, overlay, disagreements, and failures that are data."""

import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tools.errors import BadInputError, ModelUnavailableError
from tools.evidence import DescriptionEvidence, Finding
from tools.images import OpenedImage, open_image
from tools.measure.nuclei import label_nuclei
from tools.measure.segmenters import open_segmenter
from tools.measure_image import Measurer, compared
from tools.simulate.blood import draw_smear
from tools.simulate.nuclei import draw_nuclei


def seen(subject: str = "cell nuclei", **values: str) -> DescriptionEvidence:
    findings = [Finding(name=n, value=v, probability=0.9) for n, v in values.items()]
    kind = Finding(name="subject", value=subject, probability=0.99)
    return DescriptionEvidence(
        image_id="img-0", text="a text", findings=(kind, *findings), model="m"
    )


def opened(pixels, pixel_size_um: float | None = None) -> OpenedImage:
    return OpenedImage("img-0", Image.fromarray(pixels), (), pixel_size_um)


@pytest.fixture(scope="module")
def nuclei() -> OpenedImage:
    return opened(draw_nuclei(np.random.default_rng(0), "large").pixels)  # 25 nuclei


def test_measured_findings_follow_the_seen_ones_and_the_overlay_is_written(tmp_path, nuclei):
    before = seen()
    after = Measurer(tmp_path / "overlays")(before, nuclei)
    assert after.findings[: len(before.findings)] == before.findings
    assert {f.origin for f in after.findings[len(before.findings) :]} == {"measured"}
    with Image.open(after.overlay) as picture:
        assert picture.size == nuclei.pixels.size
    assert after.text == before.text and after.evidence_id != before.evidence_id
    assert "Measured, not seen by the model: 25 nuclei" in after.comparison


def test_the_same_image_has_one_overlay(tmp_path, nuclei):
    measurer = Measurer(tmp_path)
    assert measurer(seen(), nuclei) == measurer(seen(), nuclei)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_seen_is_compared_with_what_is_measured(tmp_path, nuclei):
    right = Measurer(tmp_path)(seen(nuclei_range="11 to 30"), nuclei)
    wrong = Measurer(tmp_path)(seen(nuclei_range="more than 80"), nuclei)
    assert "measured: 25; they agree" in right.comparison
    assert "Seen by the model: more than 80 nuclei (probability 0.90)" in wrong.comparison
    assert "measured: 25; they disagree" in wrong.comparison


@pytest.mark.parametrize(
    ("word", "ratio", "verdict"),
    [("low", 0.5, "agree"), ("low", 9.0, "disagree"), ("high", 9, "agree"), ("high", 1, "disagree"),
     ("low", 5.0, "agree"), ("high", 5.0, "agree")],
)  # fmt: skip
def test_a_ratio_is_contradicted_only_where_it_is_clear(word, ratio, verdict):
    said = (Finding(name="nuclear_cytoplasmic_ratio", value=word, probability=0.9),)
    assert f"they {verdict}." in compared(said, (), {"nuclear_cytoplasmic_area_ratio": ratio})


def test_an_image_of_unknown_kind_or_of_nothing_is_not_measured(tmp_path, nuclei):
    unknown = DescriptionEvidence(image_id="img-0", text="?", model="m")
    blank = opened(np.full((90, 90, 3), 200, np.uint8))
    assert Measurer(tmp_path)(unknown, nuclei) == unknown
    assert Measurer(tmp_path)(seen(), blank) == seen()
    assert not list(tmp_path.iterdir())


def test_a_failed_measurement_leaves_what_is_seen(tmp_path, nuclei):
    def broken(pixels):
        raise RuntimeError("no memory left")

    after = Measurer(tmp_path, segmenter=broken)(seen(), nuclei)
    assert after.findings == seen().findings and "no memory left" in after.comparison
    folder = tmp_path / "file"
    folder.write_text("in the way")
    assert "Nothing was measured" in Measurer(folder)(seen(), nuclei).comparison


def test_sizes_are_in_micrometres_where_the_pixel_size_is_known(tmp_path, nuclei):
    known = OpenedImage("img-0", nuclei.pixels, (), 0.5)

    def diameter(measurer: Measurer, image: OpenedImage) -> Finding:
        found = measurer(seen(), image).findings
        return next(f for f in found if f.name == "nuclei_median_diameter")

    assert diameter(Measurer(tmp_path), nuclei).unit == "px"
    by_file, by_user = diameter(Measurer(tmp_path), known), diameter(Measurer(tmp_path, 1), known)
    assert (by_file.unit, by_user.unit) == ("µm", "µm")
    assert float(by_user.value) == pytest.approx(2 * float(by_file.value), rel=0.01)


SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
OME = f'<OME xmlns="{SCHEMA}"><Image><Pixels {{}}/></Image></OME>'


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('PhysicalSizeX="0.5" PhysicalSizeY="0.5"', 0.5),
        ('PhysicalSizeX="500" PhysicalSizeXUnit="nm" PhysicalSizeY="0.5"', 0.5),
        ('PhysicalSizeX="0.5" PhysicalSizeY="0.9"', None),
        ('PhysicalSizeX="0.5" PhysicalSizeXUnit="pixel" PhysicalSizeY="0.5"', None),
        ('PhysicalSizeX="-1" PhysicalSizeY="-1"', None),
        ('PhysicalSizeX="nan" PhysicalSizeY="nan"', None),
        ('SizeX="4"', None),
        ("<", None),
    ],
)
def test_the_pixel_size_is_taken_from_ome_metadata_only_if_it_is_certain(attributes, expected):
    file = BytesIO()
    tiff = {"description": OME.format(attributes), "dpi": (72, 72)}
    Image.new("RGB", (30, 30), "purple").save(file, "TIFF", **tiff)
    image = open_image(file.getvalue(), max_pixels=10_000, max_bytes=100_000)
    assert image.pixel_size_um == expected


def test_a_segmenter_that_is_not_installed_is_named_with_the_command():
    with pytest.raises(ModelUnavailableError, match=r"pip install 'cytoscribe\[segment\]'"):
        open_segmenter("cellpose")
    with pytest.raises(ModelUnavailableError, match="pip install stardist tensorflow"):
        open_segmenter("stardist")
    with pytest.raises(BadInputError, match="'unet' is not known"):
        open_segmenter("unet")
    assert open_segmenter("scikit-image") is label_nuclei


def module(monkeypatch, name: str, **content) -> None:
    """A package that is not installed, as far as we use it."""
    for part in (name.split(".")[0], name):
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    for key, value in content.items():
        setattr(sys.modules[name], key, value)


def test_cellpose_is_asked_for_its_masks(monkeypatch, nuclei):
    class CellposeModel:
        def eval(self, image):
            return (image[..., 0] > 128).astype(np.uint16), [], None

    module(monkeypatch, "cellpose.models", CellposeModel=CellposeModel)
    labels = open_segmenter("cellpose")(np.asarray(nuclei.pixels))
    assert labels.dtype == np.int32 and labels.shape == nuclei.pixels.size[::-1]


def test_stardist_takes_its_model_for_the_background(monkeypatch, nuclei):
    asked = []

    class StarDist2D:
        @staticmethod
        def from_pretrained(name) -> "StarDist2D":
            asked.append(name)
            return StarDist2D()

        def predict_instances(self, image):
            return np.zeros(image.shape[:2], np.int64), {}

    module(monkeypatch, "stardist.models", StarDist2D=StarDist2D)
    module(monkeypatch, "csbdeep.utils", normalize=lambda image, low, high: image)
    segment = open_segmenter("stardist")
    for pixels in (np.asarray(nuclei.pixels), np.full((40, 40, 3), 230, np.uint8)):
        assert segment(pixels).dtype == np.int32
    assert asked == ["2D_versatile_fluo", "2D_versatile_he"]


def test_weights_that_cannot_be_fetched_are_a_sentence(monkeypatch):
    def offline():
        raise OSError("no route to host")

    module(monkeypatch, "cellpose.models", CellposeModel=offline)
    with pytest.raises(ModelUnavailableError, match="no route to host"):
        open_segmenter("cellpose")


@pytest.mark.shared
def test_a_real_field_and_real_nuclei_are_measured(tmp_path, shared_data: Path):
    limits = {"max_pixels": 10**7, "max_bytes": 10**7}
    field = shared_data / "bccd/BCCD/JPEGImages/BloodImage_00001.jpg"
    after = Measurer(tmp_path)(seen("blood smear field"), open_image(field, **limits))
    values = {f.name: f.value for f in after.findings}
    assert 10 <= int(values["red_blood_cell_count"]) <= 30
    assert values["white_blood_cell_count"] == "1"
    picture = sorted((shared_data / "nuclei_dsb2018/images").glob("*.png"))[0]
    after = Measurer(tmp_path)(seen(), open_image(picture, **limits))
    assert any(f.name == "nuclei_count" for f in after.findings)


def test_a_drawn_smear_is_compared_thing_by_thing(tmp_path):
    drawn = draw_smear(np.random.default_rng(1), "neutrophil")
    said = seen("blood smear field", white_cell_range="no", red_cell_range="11 to 15")
    words = Measurer(tmp_path)(said, opened(drawn.pixels)).comparison
    assert "Seen by the model: no white blood cells" in words and "they disagree" in words
