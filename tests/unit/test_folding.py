"""Copies of one picture among similar cases."""

from io import BytesIO

import numpy as np
from agent_fakes import ListLibrary, SureModel, case
from PIL import Image

from tools.fingerprints import fingerprint
from tools.image_search import folded, image_search
from tools.protocols import ImageFeatures


def picture(seed: int) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return Image.fromarray(patches).resize((120, 120), Image.Resampling.NEAREST)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def test_copies_of_a_picture_are_one_case_by_the_closest_of_them():
    cases = [case(1, similarity=0.99), case(2, similarity=0.98), case(3, similarity=0.97)]
    shown = dict(
        zip((c.image_id for c in cases), (jpeg(picture(n)) for n in (1, 2, 1)), strict=True)
    )
    kept = list(folded(cases, shown))
    assert [(c.image_id, c.folded) for c in kept] == [
        (cases[0].image_id, 1),
        (cases[1].image_id, 0),
    ]


def test_a_copy_of_the_users_own_picture_is_marked():
    cases = [case(1), case(2)]
    shown = {cases[0].image_id: jpeg(picture(1), 60), cases[1].image_id: jpeg(picture(2))}
    kept = list(folded(cases, shown, fingerprint(np.asarray(picture(1)))))
    assert [c.same_picture for c in kept] == [True, False]


def test_a_case_without_a_thumbnail_is_a_case_of_its_own():
    assert len(list(folded([case(1), case(2)], {}))) == 2


class Copies(ListLibrary):
    """All cases show one picture."""

    def thumbnails(self, ids):
        return dict.fromkeys(ids, jpeg(picture(1)))


def test_copies_take_no_place_of_other_cases():
    library = Copies([case(n) for n in range(9)])
    found = image_search("img-x", ImageFeatures(None, 1), SureModel(), library, 3)
    assert [c.folded for c in found] == [8]
