"""Boxes as PaliGemma's <loc> tokens, as in Google's checkpoints (Beyer et al. 2024)."""

from collections.abc import Iterable

Box = tuple[float, float, float, float]  # left, top, right, bottom, in shares of the image
BINS = 1024


def locations(box: Box) -> str:
    """The order is y_min, x_min, y_max, x_max, each <loc0000> … <loc1023>."""
    left, top, right, bottom = box
    bins = (min(BINS - 1, max(0, round(share * BINS))) for share in (top, left, bottom, right))
    return "".join(f"<loc{number:04d}>" for number in bins)


def detected(thing: str, boxes: Iterable[Box]) -> str:
    """The answer to `detect thing`: its boxes, top to bottom, joined by " ; "."""
    ordered = sorted(boxes, key=lambda box: (box[1], box[0]))
    return " ; ".join(f"{locations(box)} {thing}" for box in ordered)
