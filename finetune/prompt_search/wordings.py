"""Wordings of a question to try: those that are known of the field, or those of a file."""

from collections.abc import Sequence
from pathlib import Path

from finetune.lite.wordings import WORDINGS
from tools.errors import BadInputError


def known_wordings(field: str) -> Sequence[str]:
    """The free wordings that the lite checkpoints were trained with; none of any other field."""
    return WORDINGS.get(field, ())


def read_wordings(path: Path) -> Sequence[str]:
    """A wording a line; BadInputError where there is none."""
    lines = path.read_text("utf-8").splitlines()
    if not (words := [line.strip() for line in lines if line.strip()]):
        raise BadInputError(f"{path} holds no wording; write one a line")
    return words
