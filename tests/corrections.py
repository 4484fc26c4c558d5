"""Corrections as reviewers give them, in few words."""

from datetime import UTC, datetime, timedelta

from tools.corrections import Correction

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def corrected(
    image: int, truth: str | None, reviewer: str = "ab", minute: int = 0, **other
) -> Correction:
    """The cell type of an image: the model said neutrophil."""
    told = {
        "feedback_id": f"{image}-{reviewer}-{minute}", "turn_id": f"t{image}", "session_id": "s1",
        "image_id": f"img-{image:016x}", "name": "cell_type", "model": "lite@1",
        "model_value": "neutrophil", "probability": 0.9, "role": "haematologist",
    }  # fmt: skip
    given = NOON + timedelta(minutes=minute)
    return Correction(**told | other, human_value=truth, reviewer=reviewer, given_at=given)
