"""Images of no known kind: recognised, not described, and said to be unknown in every answer."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from agent_fakes import SureModel
from PIL import Image

from agent.familiarity import CELL_IMAGE, KNOWN_IMAGES, Detector, load_detector, summary
from agent.paligemma import load_paligemma
from agent.pixel_checks import BLANK
from agent.settings import LITE_CHECKPOINT
from tools.describe_image import UNKNOWN_IMAGE, describe_images
from tools.errors import BadInputError
from tools.linear_head import LinearHead, write_head
from tools.protocols import Familiarity, ImageFeatures
from tools.simulate import draw

STRANGE, FAMILIAR = Familiarity(0.01, False, "chart"), Familiarity(0.99, True, CELL_IMAGE)


class Mixed(SureModel):
    """Knows each image as it is told."""

    likeness: tuple[Familiarity, ...] = (STRANGE,)
    written = False

    def look(self, images):
        return ImageFeatures(None, len(images), self.likeness)

    def describe(self, features, cancelled=bool):
        self.written = True
        return super().describe(features, cancelled)


def described(likeness):
    model = Mixed()
    model.likeness = likeness
    names = [f"img-{n}" for n in range(len(likeness))]
    return model, describe_images(names, model.look(names), model, 0.5, "how many lobes?")


def test_of_an_unknown_image_nothing_is_said_and_nothing_is_asked():
    model, (seen,) = described((STRANGE,))
    assert (seen.status, seen.text, seen.findings) == ("abstained", UNKNOWN_IMAGE, ())
    assert seen.familiarity == 0.01 and not model.written


def test_an_unknown_image_among_known_ones_is_left_out_alone():
    _, seen = described((FAMILIAR, STRANGE, FAMILIAR))
    assert [e.status for e in seen] == ["described", "abstained", "described"]
    assert seen[0].findings and not seen[1].findings and seen[2].image_id == "img-2"


def test_a_model_that_cannot_tell_describes_everything():
    model = SureModel()
    (seen,) = describe_images(["img-0"], model.look([None]), model, 0.5)
    assert seen.status == "described" and seen.familiarity is None


@pytest.fixture
def detector_beside(tiny_paligemma_dir, tmp_path):
    """A checkpoint with a detector that takes nothing for a cell image."""
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_paligemma_dir, folder)
    width = load_paligemma(str(folder)).embedding_dim * 4
    head = LinearHead((CELL_IMAGE, "chart"), np.zeros((width, 2)), np.array([-5.0, 5.0]))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    write_head(
        folder / KNOWN_IMAGES, head, sha256={"model.safetensors": digest}, threshold=0.5,
        mean=[0.0] * width, scale=[1.0] * width,
    )  # fmt: skip
    return folder


def cell(kind="cell", seed=11) -> Image.Image:
    return Image.fromarray(np.asarray(draw(kind, seed).pixels))


IMAGE = [cell()]


def test_a_checkpoint_with_a_detector_tells_what_it_sees(detector_beside):
    (found,) = load_paligemma(str(detector_beside)).look(IMAGE).familiarity
    assert not found.known and found.likest == "chart" and found.probability < 0.001
    assert load_paligemma(str(detector_beside), abstain=False).look(IMAGE).familiarity is None


def test_a_detector_of_other_weights_is_not_used(detector_beside, tiny_paligemma_dir):
    file = detector_beside / KNOWN_IMAGES
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"sha256": {"model.safetensors": "0" * 64}}))
    assert load_paligemma(str(detector_beside)).look(IMAGE).familiarity == (None,)
    assert load_paligemma(str(tiny_paligemma_dir)).look(IMAGE).familiarity == (None,)


def test_without_a_detector_pixels_still_rule_out_what_is_empty(tiny_paligemma_dir):
    model = load_paligemma(str(tiny_paligemma_dir))
    first, second = model.look([*IMAGE, Image.new("RGB", (90, 90), "purple")]).familiarity
    assert first is None and second.likest == BLANK and not second.known


def test_a_damaged_detector_is_named(detector_beside):
    (detector_beside / KNOWN_IMAGES).write_text("{}")
    with pytest.raises(BadInputError, match=KNOWN_IMAGES):
        load_detector(detector_beside)


def test_an_image_is_judged_alike_in_any_batch(detector_beside):
    model = load_paligemma(str(detector_beside))
    towers = model.look([*IMAGE, Image.new("RGB", (9, 30), "white")]).tower
    np.testing.assert_allclose(summary(towers[:1]), summary(towers)[:1], atol=1e-6)


@pytest.fixture(scope="module")
def lite():
    return load_paligemma(str(LITE_CHECKPOINT))


def chart() -> Image.Image:
    values = np.full((200, 300, 3), 255, np.uint8)
    values[20:180, 30], values[180, 30:280] = 0, 0
    for bar in range(6):
        values[180 - 20 * (bar + 2) : 180, 50 + 38 * bar : 74 + 38 * bar] = (31, 119, 180)
    return Image.fromarray(values)


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 150, 3), np.uint8))


@pytest.mark.parametrize("image", [chart(), noise(), Image.new("RGB", (99, 80), "white")])
def test_the_shipped_checkpoint_does_not_know_charts_noise_and_blanks(lite, image):
    (found,) = lite.look([image]).familiarity
    assert not found.known


@pytest.mark.parametrize("kind", ["cell", "smear", "red_cell", "nuclei", "tissue"])
def test_the_shipped_checkpoint_knows_what_the_starter_library_holds(lite, kind):
    (found,) = lite.look([cell(kind)]).familiarity
    assert found.known and found.likest == CELL_IMAGE


def test_the_shipped_detector_is_small_and_of_the_shipped_weights():
    assert isinstance(load_detector(LITE_CHECKPOINT), Detector)
    assert (LITE_CHECKPOINT / KNOWN_IMAGES).stat().st_size < 300_000
