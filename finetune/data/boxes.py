"""Boxes as PaliGemma writes them: four <loc> tokens and the thing, boxes joined by " ; ".

Beyer et al. 2024, arXiv:2407.07726: y_min, x_min, y_max, x_max, each in 1,024 bins of the side.
"""

from collections.abc import Sequence

from eval.boxes import BINS
from tools.ingest.layouts.found import Marked

NONE = "none"  # said where there is no such thing


def location(box: Marked, size: tuple[int, int]) -> str:
    """The tokens of a box in an image of `size` (width, height, pixels)."""
    width, height = size
    shares = (box.top / height, box.left / width, box.bottom / height, box.right / width)
    bins = (min(BINS - 1, max(0, int(share * BINS))) for share in shares)
    return "".join(f"<loc{number:04d}>" for number in bins)


def listed(boxes: Sequence[Marked], size: tuple[int, int]) -> str:
    """All boxes, from top to bottom; "none" where there is none."""
    ordered = sorted(boxes, key=lambda box: (box.top, box.left))
    return " ; ".join(f"{location(box, size)} {box.thing}" for box in ordered) or NONE
