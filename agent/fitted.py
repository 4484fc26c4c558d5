"""What was fitted for a checkpoint and lies beside its weights as JSON that names them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from agent.adapters import are_pinned
from tools.errors import BadInputError

Fitted = TypeVar("Fitted")


def load_fitted(file: Path, what: str, read: Callable[[Any], Fitted]) -> Fitted | None:
    """What `read` makes of the file; None where there is none, or it is of other weights.

    The file pins the weights beside it by their SHA-256. Raises BadInputError where it is damaged,
    and says `what` it should be.
    """
    if not file.is_file():
        return None
    try:
        told = json.loads(file.read_text("utf-8"))
        found, pins = read(told), dict(told["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{file} is no {what} ({error}); remove it") from error
    return found if are_pinned(file.parent, pins) else None
