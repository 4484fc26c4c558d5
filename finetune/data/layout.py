"""The error of a reader that does not find its format."""

from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.layouts.found import seen


def not_laid_out(root: Path, looks_for: str) -> BadInputError:
    """Says what was looked for and what was found."""
    return BadInputError(
        f"{root} is laid out otherwise. Looked for {looks_for}. Found {seen(root)}."
    )
