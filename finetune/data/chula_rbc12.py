"""Chula RBC-12: red cells of thalassemia smears, a centre point and a type each.

In many images only part of the cells is labelled: the labels give types, never total counts. Each
labelled cell is also cut out as an image of its own.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from finetune.data.example import Example, Pixels, read_pixels
from tools.findings import RED_CELL_TYPE

LICENCE = "MIT"
FULL, LONGEST, CROP = 640, 320, 80
BLOCK = 20  # neighbouring image numbers likely share a slide
CROPS_PER_TYPE = 2  # and image: the common types would swamp the rare ones
UNCATEGORISED = 10
TYPES = dict(zip([*range(10), 11, 12], RED_CELL_TYPE.options, strict=True))
SMEAR = {"modality": "stained blood smear", "stain": "Romanowsky"}


def read_points(path: Path) -> list[tuple[int, int, str]]:
    """Centre x, centre y (pixels) and type of every categorised cell."""
    rows = [[int(float(part)) for part in line.split()] for line in path.read_text().splitlines()]
    return [(r[0], r[1], TYPES[r[2]]) for r in rows if len(r) == 3 and r[2] != UNCATEGORISED]


def cut(pixels: Pixels, x: int, y: int) -> Pixels | None:
    """The square around a cell, or None where it would leave the image."""
    half = CROP // 2
    top, left = y - half, x - half
    if top < 0 or left < 0 or top + CROP > pixels.shape[0] or left + CROP > pixels.shape[1]:
        return None
    return pixels[top : top + CROP, left : left + CROP].copy()


def _field(name: str, pixels: Pixels, kinds: list[str], group: str) -> Example:
    facts = {"subject": "blood smear field", **SMEAR}
    common, number = Counter(kinds).most_common(1)[0] if kinds else ("", 0)
    if len(kinds) >= 10 and number * 2 > len(kinds):
        facts["common_red_cell"] = common
    return Example(name, pixels, "smear", facts, "chula_rbc12", LICENCE, group)


def examples(root: Path) -> Iterator[Example]:
    """Fields, and crops of single red cells."""
    for path in sorted((root / "Label").glob("*.txt"), key=lambda p: int(p.stem)):
        image = root / "Dataset" / f"{path.stem}.jpg"
        if not image.exists():
            continue
        group, points = f"block{int(path.stem) // BLOCK}", read_points(path)
        pixels, taken = read_pixels(str(image), FULL), Counter[str]()
        yield _field(path.stem, read_pixels(str(image), LONGEST), [p[2] for p in points], group)
        for index, (x, y, kind) in enumerate(points):
            crop = cut(pixels, x, y) if taken[kind] < CROPS_PER_TYPE else None
            if crop is None:
                continue
            taken[kind] += 1
            facts = {"subject": "single red blood cell", "red_cell_type": kind, **SMEAR}
            name = f"{path.stem}-{index}"
            yield Example(name, crop, "red_cell", facts, "chula_rbc12", LICENCE, group)
